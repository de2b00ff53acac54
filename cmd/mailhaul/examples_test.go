package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/plan"
)

// example is a directory of examples, carried out between two Dovecots. Nothing in it is changed but the hosts.
type example struct {
	*migration
	masters map[string]string
}

func newExample(t *testing.T, name string, masters map[string]string) *example {
	t.Helper()
	t.Parallel()
	e := &example{&migration{t: t, dir: t.TempDir()}, masters}
	if err := os.CopyFS(e.dir, os.DirFS(filepath.Join("../../examples", name))); err != nil {
		t.Fatal(err)
	}
	return e
}

// start starts both servers and names them in the configuration; the CA is one that the system trusts.
func (e *example) start(old, new map[string]string) {
	e.t.Helper()
	e.old = dovecot.Start(e.t, dovecot.Options{Users: old, Masters: e.masters})
	e.new = dovecot.Start(e.t, dovecot.Options{Users: new, Masters: e.masters})
	file := filepath.Join(e.dir, "mailhaul.hcl")
	text, err := os.ReadFile(file)
	if err != nil {
		e.t.Fatal(err)
	}
	servers := []*dovecot.Server{e.old, e.new}
	hosts := regexp.MustCompile(`host +=.*`)
	text = hosts.ReplaceAllFunc(text, func(line []byte) []byte {
		if len(servers) == 0 {
			return line // of a server that is not for mail to move
		}
		s := servers[0]
		servers = servers[1:]
		return fmt.Appendf(nil, "host = %q\n  port = %d", s.Host, s.TLSPort)
	})
	e.put("mailhaul.hcl", string(text))
	authorities := filepath.Join(e.t.TempDir(), "authorities.pem")
	var all []byte
	for _, s := range []*dovecot.Server{e.old, e.new} {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			e.t.Fatal(err)
		}
		all = append(all, pem...)
	}
	if err := os.WriteFile(authorities, all, 0o600); err != nil {
		e.t.Fatal(err)
	}
	e.env = []string{"SSL_CERT_FILE=" + authorities, "OLD_ADMIN_PASSWORD=" + e.masters["migrator"],
		"NEW_ADMIN_PASSWORD=" + e.masters["migrator"]}
}

func (e *example) users(separator rune) [][]string {
	e.t.Helper()
	f, err := os.Open(filepath.Join(e.dir, "users.csv"))
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	r := csv.NewReader(f)
	r.Comma = separator
	rows, err := r.ReadAll()
	if err != nil {
		e.t.Fatal(err)
	}
	return rows[1:]
}

// targets are where the plan says that a mailbox's folders go; "" for those left out.
func (e *example) targets(mailbox string) func(string) string {
	e.t.Helper()
	file := filepath.Join(e.dir, "full.plan")
	e.must(0, "plan", "--pass", "full", "--out", file)
	p, err := plan.Load(file)
	if err != nil {
		e.t.Fatal(err)
	}
	targets := map[string]string{}
	for _, m := range p.Mailboxes {
		if m.Name == mailbox {
			for _, f := range m.Folders {
				targets[f.Path] = f.Target
				if f.Excluded {
					targets[f.Path] = ""
				}
			}
		}
	}
	return func(folder string) string { return targets[folder] }
}

func TestExampleMinimal(t *testing.T) {
	e := newExample(t, "minimal", nil)
	rows := e.users(',')
	old, new := map[string]string{}, map[string]string{}
	for _, r := range rows {
		old[r[0]], new[r[2]] = r[1], r[3]
	}
	e.start(old, new)
	for i, r := range rows {
		a := compare.Account{Addr: e.old.Addr(), User: r[0], Password: r[1]}
		if err := compare.Fill(t.Context(), a, compare.Mail{Messages: 80, Seed: uint64(i)}); err != nil {
			t.Fatal(err)
		}
		e.old.Doveadm("mailbox", "create", "-u", r[0], "INBOX/Projects")
		if err := compare.Add(t.Context(), a, "INBOX/Projects", []byte("Subject: p\r\n\r\nx\r\n"), old2020); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // verify, prestage, full
		e.must(0, "apply", "--auto-approve")
	}
	if r := e.must(0, "apply"); !strings.Contains(r.stdout, "Nothing to do") {
		t.Errorf("the fourth apply says:\n%s", r.stdout)
	}
	for _, r := range rows {
		target := e.targets(r[0])
		if target("INBOX/Projects") != "Projects" {
			t.Errorf("INBOX/Projects goes to %q", target("INBOX/Projects"))
		}
		e.equal(compare.Account{Addr: e.old.Addr(), User: r[0], Password: r[1]},
			compare.Account{Addr: e.new.Addr(), User: r[2], Password: r[3]}, target)
	}
}

func (e *example) equal(a, b compare.Account, target func(string) string) {
	e.t.Helper()
	report, err := compare.Mailboxes(e.t.Context(), a, b, target)
	if err != nil {
		e.t.Fatal(err)
	}
	if !report.Same() || report.Equal == 0 {
		e.t.Errorf("%s: %v", a.User, report)
	}
}

func TestExampleIMAPToIMAP(t *testing.T) {
	e := newExample(t, "imap-to-imap", map[string]string{"migrator": "CANARY-admin"})
	rows := e.users(';')
	old, new := map[string]string{}, map[string]string{}
	for _, r := range rows {
		old[r[0]], new[r[1]] = "CANARY-own", "CANARY-own"
	}
	e.start(old, new)
	for i, r := range rows {
		a := compare.Account{Addr: e.old.Addr(), User: r[0], Password: "CANARY-own"}
		if err := compare.Fill(t.Context(), a, compare.Mail{Messages: 80, Seed: uint64(i)}); err != nil {
			t.Fatal(err)
		}
		e.old.Doveadm("mailbox", "rename", "-u", r[0], "Sent", "Gesendete Objekte")
		for _, folder := range []string{"Trash", "Archives/2019"} {
			e.old.Doveadm("mailbox", "create", "-u", r[0], folder)
			if err := compare.Add(t.Context(), a, folder, fmt.Appendf(nil, "Subject: %s\r\n\r\nx\r\n", folder), old2020); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, wave := range []string{"office", "sales"} {
		for range 3 {
			e.must(0, "apply", "--wave", wave, "--auto-approve")
		}
	}
	for _, r := range rows {
		own := compare.Account{Addr: e.old.Addr(), User: r[0], Password: "CANARY-own"}
		moved := compare.Account{Addr: e.new.Addr(), User: r[1], Password: "CANARY-own"}
		if r[0] == "test@fabrikam.example" {
			if got, err := compare.Read(t.Context(), moved); err != nil || len(got["INBOX"]) > 0 {
				t.Errorf("the skipped mailbox: %v, %d messages", err, len(got["INBOX"]))
			}
			continue
		}
		target := e.targets(r[0])
		e.equal(own, moved, target)
		wants := map[string]string{"Trash": "", "Archives/2019": "Archive/2019", "Gesendete Objekte": "Sent"}
		for folder, want := range wants {
			if r[0] == "archive@fabrikam.example" && want != "" {
				want = "Old server/" + want
			}
			if got := target(folder); got != want {
				t.Errorf("%s of %s goes to %q, not %q", folder, r[0], got, want)
			}
		}
	}
	e.noCanary()
}

// TestExampleComplete carries the complete example out as far as this version goes, with an IMAP server in the place of
// Microsoft 365: everything else in it is as it is written.
func TestExampleComplete(t *testing.T) {
	e := newExample(t, "complete", map[string]string{"migrator": "replace-me"})
	text, err := os.ReadFile(filepath.Join(e.dir, "mailhaul.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	cloud := regexp.MustCompile(`(?s)endpoint "microsoft365" "new" \{.*?\n\}\n`)
	if !cloud.Match(text) {
		t.Fatal("the example has no Microsoft 365")
	}
	text = cloud.ReplaceAll(text, []byte("endpoint \"imap\" \"new\" {\n  host = \"x\"\n  admin {\n    user     = \"migrator\"\n    password = file(\"secrets/imap-admin\")\n  }\n}\n"))
	text = regexp.MustCompile(`endpoint\.microsoft365\.new`).ReplaceAll(text, []byte("endpoint.imap.new"))
	text = regexp.MustCompile(`(?m)^  (port +=  *993|ca_file.*)$`).ReplaceAll(text, nil)
	e.put("mailhaul.hcl", string(text))
	own := map[string]string{}
	for _, r := range e.users(';') {
		own[r[0]], own[r[2]] = "CANARY-own", "CANARY-own"
	}
	own["records@contoso.example"] = "CANARY-own"
	e.start(own, own)
	for user := range own {
		a := compare.Account{Addr: e.old.Addr(), User: user, Password: "CANARY-own"}
		if err := compare.Fill(t.Context(), a, compare.Mail{Messages: 30, Seed: 7}); err != nil {
			t.Fatal(err)
		}
	}
	if r := e.must(0, "validate"); !strings.Contains(r.stdout, "Not carried out by this version: repair = true; cutover = true of pass full; the cutover block;") {
		t.Errorf("validate says:\n%s", r.stdout)
	}
	for _, pass := range []string{"verify", "trial", "prestage", "full"} {
		r := e.must(0, "apply", "--auto-approve", "--ignore-window")
		if !strings.Contains(r.stdout, pass) && pass != "verify" {
			t.Errorf("instead of %s:\n%s", pass, r.stdout)
		}
	}
	if r := e.must(0, "plan", "--pass", "full"); !strings.Contains(r.stdout, "the cutover block is not carried out by this version") ||
		!strings.Contains(r.stdout, "repair = true is not carried out by this version") {
		t.Errorf("the plan says:\n%s", r.stdout)
	}
	for name, moved := range map[string]string{"ceo@contoso.example": "", "archive@contoso.example": "records@contoso.example", "anna@contoso.example": ""} {
		to := moved
		if to == "" {
			to = name
		}
		e.equal(compare.Account{Addr: e.old.Addr(), User: name, Password: "CANARY-own"},
			compare.Account{Addr: e.new.Addr(), User: to, Password: "CANARY-own"}, e.targets(name))
	}
	e.noCanary()
}
