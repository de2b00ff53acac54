package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/tokenserver"
)

// cloud is the example imap-to-microsoft365 between an IMAP server and one like Exchange Online, with an authority. Nothing
// in it is changed but where the servers are.
type cloud struct {
	*migration
	authority *tokenserver.Server
	old, new  *imapserver.Server
	entry     map[string]imapserver.Entry // by mailbox; else all are let in with a good token
	grantedAt map[string]time.Time        // when a mailbox that is not connected begins to be
}

func newExampleCloud(t *testing.T, source imapserver.Profile) *cloud {
	t.Helper()
	return newExampleCloudWith(t, source, imapserver.Exchange().Folders)
}

// newExampleCloudWith has other folders in each mailbox of Microsoft 365 than an English one.
func newExampleCloudWith(t *testing.T, source imapserver.Profile, folders []string) *cloud {
	t.Helper()
	t.Parallel()
	c := &cloud{migration: &migration{t: t, dir: t.TempDir()}, authority: tokenserver.Start(t), entry: map[string]imapserver.Entry{},
		grantedAt: map[string]time.Time{}}
	tls := imapserver.Options{TLS: c.authority.TLS(), Implicit: true}
	c.old = imapserver.Start(t, source, tls)
	p := imapserver.Exchange()
	p.Folders = folders
	p.Authorize = func(user, token string) imapserver.Entry {
		claims, err := c.authority.Check(token)
		if err != nil || !slices.Contains(exchangeAudiences, claims.Audience) {
			return imapserver.WrongToken
		}
		if at := c.grantedAt[user]; !at.IsZero() && time.Now().After(at) {
			return imapserver.Enter
		}
		return c.entry[user]
	}
	c.new = imapserver.Start(t, p, tls)
	if err := os.CopyFS(c.dir, os.DirFS(filepath.Join("../../examples", "imap-to-microsoft365"))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "mailhaul.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	ca := c.authority.CAFile(t)
	hcl := strings.Replace(string(text), `host = "mail.contoso.example"`, fmt.Sprintf("host = %q\n  port = %d\n  ca_file = %q\n  #",
		c.old.Host(), c.old.Port(), ca), 1)
	hcl = strings.Replace(hcl, "  client_secret", fmt.Sprintf("  authority = %q\n  imap_host = %q\n  imap_port = %d\n  ca_file = %q\n  client_secret",
		c.authority.Authority(), c.new.Host(), c.new.Port(), ca), 1)
	c.put("mailhaul.hcl", hcl)
	users, err := os.ReadFile(filepath.Join(c.dir, "users.csv"))
	if err != nil {
		t.Fatal(err)
	}
	c.put("users.csv", strings.ReplaceAll(string(users), "replace-me", "CANARY"))
	c.env = []string{"M365_CLIENT_SECRET=" + tokenserver.Secret}
	return c
}

// exchangeAudiences are the names under which Exchange takes tokens.
var exchangeAudiences = []string{"https://outlook.office365.com", "https://outlook.office.com", "https://outlook.office365.com/",
	"00000002-0000-0ff1-ce00-000000000000"}

// people are those of the example: source, password, destination.
var people = [][3]string{{"anna@contoso.example", "CANARY-1", "anna@contoso.example"}, {"bo@contoso.example", "CANARY-2", "bo.lind@contoso.example"}}

func (c *cloud) fill() {
	for n, p := range people {
		b := c.old.Mailbox(p[0], p[1])
		c.new.Mailbox(p[2], "")
		for i, folder := range []string{"INBOX", "INBOX/Projects", "Sent", "Trash"} {
			for k := range 5 {
				b.Add(folder, imapserver.Message{Date: time.Date(2020, 2, 29, 8, n, i*10+k, 0, time.UTC), Flags: [][]string{{`\Seen`}, {`\Flagged`}, nil}[k%3],
					Octets: fmt.Appendf(nil, "Received: x\r\nTo: b@x\r\nFrom: a@x\r\nMessage-ID: <%d.%d.%d@x>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nLine %d\r\n", n, i, k, k)})
			}
		}
	}
}

// wanted is what a mailbox has to hold: the source's mail, as the server renders it.
func wanted(b *imapserver.Mailbox, folder string) (all []string) {
	for _, m := range b.Messages(folder) {
		all = append(all, fmt.Sprintf("%s %v %x", m.Date.UTC(), m.Flags, imapserver.Render(m.Octets)))
	}
	return all
}

func held(b *imapserver.Mailbox, folder string) (all []string) {
	for _, m := range b.Messages(folder) {
		all = append(all, fmt.Sprintf("%s %v %x", m.Date.UTC(), m.Flags, m.Octets))
	}
	slices.Sort(all)
	return all
}

// TestExampleIMAPToMicrosoft365 carries the example out, command by command, and holds both sides against each other. No
// secret, token or authorization header is in what is printed, traced, planned or kept.
func TestExampleIMAPToMicrosoft365(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	c.fill()
	var said strings.Builder
	run := func(args ...string) string {
		r := c.must(0, append(args, "--trace", "trace")...)
		said.WriteString(r.stdout + r.stderr)
		return r.stdout
	}
	for _, want := range []string{"application with a secret", "tenant " + tokenserver.Tenant, "application " + tokenserver.Client,
		"roles IMAP.AccessAsApp", "the token ends at "} {
		if text := run("verify"); !strings.Contains(text, want) {
			t.Errorf("verify does not say %q:\n%s", want, text)
		}
	}
	run("verify", "--json")
	run("plan", "--pass", "full", "--out", "full.plan")
	for range 3 { // verify, prestage, full
		run("apply", "--auto-approve")
	}
	if text := run("apply"); !strings.Contains(text, "Nothing to do") {
		t.Errorf("the fourth apply says:\n%s", text)
	}
	for _, p := range people {
		for folder, target := range map[string]string{"INBOX": "INBOX", "INBOX/Projects": "Projects", "Sent": "Sent Items", "Trash": "Deleted Items"} {
			want := wanted(c.old.Mailbox(p[0], p[1]), folder)
			slices.Sort(want)
			if diff := cmp.Diff(want, held(c.new.Mailbox(p[2], ""), target)); diff != "" || len(want) == 0 {
				t.Errorf("%s: %s is not %s (-want +got):\n%s", p[0], target, folder, diff)
			}
		}
	}
	if text := run("check"); strings.Contains(text, " missing") && !strings.Contains(text, "0 missing") {
		t.Errorf("check says:\n%s", text)
	}
	for _, s := range []*imapserver.Server{c.old, c.new} {
		if misuse := s.Misuse(); len(misuse) > 0 {
			t.Errorf("the client broke the protocol: %q", misuse)
		}
	}
	c.noCanary()
	c.noToken(said.String(), "AUTHENTICATE XOAUTH2 ***")
}

// noToken looks for every token that was issued, as it is and as it was sent, in what was printed and in every file.
// Traces are among them, which show the sign-in or request that is named; a transport that leaves no trace names none.
func (c *cloud) noToken(said, shown string) {
	c.t.Helper()
	texts := map[string][]byte{"what was printed": []byte(said)}
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			texts[path], err = os.ReadFile(path)
		}
		return err
	})
	tokens := c.authority.Tokens()
	if err != nil || len(texts) < 10 || len(tokens) == 0 {
		c.t.Fatalf("searched %d files for %d tokens: %v", len(texts), len(tokens), err)
	}
	traced := false
	for where, text := range texts {
		traced = traced || bytes.Contains(text, []byte(shown))
		for _, token := range tokens {
			signature := token[strings.LastIndexByte(token, '.')+1:]
			secrets := []string{token, signature, "Bearer"}
			for _, p := range people {
				secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte("user=" + p[2] + "\x01auth=Bearer "))[:40])
			}
			for _, s := range secrets {
				if bytes.Contains(text, []byte(s)) {
					c.t.Errorf("%s holds a token or what it is sent with: %.20q", where, s)
				}
			}
		}
	}
	if !traced {
		c.t.Error("no trace shows " + shown)
	}
}

// TestMicrosoft365Verify: what keeps a mailbox from being opened is told with the code that explains it, and the others
// go on; without a token nobody does, and the exit code is 4.
func TestMicrosoft365Verify(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	c.fill()
	c.entry["bo.lind@contoso.example"] = imapserver.NotConnected
	if r := c.must(3, "verify"); strings.Count(r.stderr, "takes its time to count") != 1 || !strings.Contains(r.stdout, "M365-MAILBOX-DENIED") || !strings.Contains(r.stdout, "Add-MailboxPermission") ||
		!strings.Contains(r.stdout, "1 ready, 1 not") {
		t.Errorf("verify says:\n%s%s", r.stdout, r.stderr)
	}
	c.grantedAt["bo.lind@contoso.example"] = time.Now().Add(2 * time.Second) // a grant that begins to count meanwhile
	if r := c.must(0, "verify"); !strings.Contains(r.stdout, "2 mailboxes: 2 ready") {
		t.Errorf("verify says:\n%s%s", r.stdout, r.stderr)
	}
	delete(c.grantedAt, "bo.lind@contoso.example")
	c.entry = map[string]imapserver.Entry{people[0][2]: imapserver.WrongUser, people[1][2]: imapserver.WrongUser}
	if r := c.must(4, "verify"); !strings.Contains(r.stdout, "M365-SIGN-IN-REFUSED") {
		t.Errorf("verify says:\n%s%s", r.stdout, r.stderr)
	}
	c.authority.Set(tokenserver.Settings{Roles: []string{"Mail.Read"}})
	if r := c.must(4, "verify"); !strings.Contains(r.stdout, "OAUTH-CONSENT-MISSING") || !strings.Contains(r.stdout, "roles Mail.Read") {
		t.Errorf("verify says:\n%s%s", r.stdout, r.stderr)
	}
	before := c.authority.Requests()
	c.authority.Set(tokenserver.Settings{Refuse: "7000222"})
	if r := c.must(4, "verify"); !strings.Contains(r.stdout, "OAUTH-SECRET-EXPIRED") || !strings.Contains(r.stdout, "no token was issued") {
		t.Errorf("verify says:\n%s%s", r.stdout, r.stderr)
	}
	if n := c.authority.Requests() - before; n != 1 {
		t.Errorf("a refused secret was sent %d times", n)
	}
}

// TestMicrosoft365TokenForAnother: a token that is not for Exchange is called that, and not one whose consent is missing, though
// it has no role for mail either. Every name that Exchange has for itself will do.
func TestMicrosoft365TokenForAnother(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	c.fill()
	for _, graph := range []string{"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"} {
		c.authority.Set(tokenserver.Settings{Audience: graph, Roles: []string{"Mail.ReadWrite"}})
		r := c.must(4, "verify")
		if !strings.Contains(r.stdout, "M365-TOKEN-REFUSED") || !strings.Contains(r.stdout, "the token is for "+graph) ||
			!strings.Contains(r.stdout, "for "+graph+", and not for what was asked for") {
			t.Errorf("%s: verify says:\n%s%s", graph, r.stdout, r.stderr)
		}
	}
	for _, own := range exchangeAudiences {
		c.authority.Set(tokenserver.Settings{Audience: own})
		if r := c.must(0, "verify"); strings.Contains(r.stdout, "and not for what") {
			t.Errorf("%s: verify says:\n%s", own, r.stdout)
		}
	}
}

// TestMicrosoft365PeopleSignIn: a device code is shown once, at once, and waited for; an administrator's password works, is
// called deprecated each time, and where a second factor is wanted the code explains that. verify names the way in use.
func TestMicrosoft365PeopleSignIn(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	c.fill()
	text, err := os.ReadFile(filepath.Join(c.dir, "mailhaul.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	secret := regexp.MustCompile(`(?m)^  client_secret .*$`)
	c.put("mailhaul.hcl", secret.ReplaceAllString(string(text), "  device_code = true"))
	c.authority.EnterCode()
	if r := c.must(0, "verify"); strings.Count(r.stderr, tokenserver.Message) != 1 || !strings.Contains(r.stdout, "device code") ||
		!strings.Contains(r.stdout, "roles IMAP.AccessAsUser.All") {
		t.Errorf("with a device code verify says:\n%s%s", r.stdout, r.stderr)
	}
	c.put("mailhaul.hcl", secret.ReplaceAllString(string(text),
		"  admin {\n    user     = \"admin@contoso.example\"\n    password = env(\"ADMIN_PASSWORD\")\n  }"))
	c.env = []string{"ADMIN_PASSWORD=CANARY-administrator"}
	c.authority.Set(tokenserver.Settings{Users: map[string]string{"admin@contoso.example": "CANARY-administrator"}})
	if r := c.must(0, "verify"); !strings.Contains(r.stderr, "deprecated by Microsoft") || !strings.Contains(r.stdout, "administrator's password (deprecated)") {
		t.Errorf("with an administrator's password verify says:\n%s%s", r.stdout, r.stderr)
	}
	c.authority.Set(tokenserver.Settings{Refuse: "50076"})
	if r := c.must(4, "verify"); !strings.Contains(r.stdout, "OAUTH-MFA-NEEDED") {
		t.Errorf("where a second factor is wanted verify says:\n%s%s", r.stdout, r.stderr)
	}
	c.noCanary()
}

// TestMicrosoft365AsSource copies the other way, from a mailbox of Microsoft 365 to an IMAP server, and changes nothing there.
func TestMicrosoft365AsSource(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	const address = "anna@contoso.example"
	from, to := c.new.Mailbox(address, ""), c.old.Mailbox(address, "CANARY-1")
	for i := range 10 {
		for _, folder := range []string{"INBOX", "Sent Items", "Projects/2020"} {
			from.Add(folder, imapserver.Message{Date: time.Date(2020, 2, 29, 8, i, 0, 0, time.UTC), Flags: []string{`\Seen`},
				Octets: fmt.Appendf(nil, "Message-ID: <%d@x>\r\nSubject: %d\r\n\r\nLine\r\n", i, i)})
		}
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "mailhaul.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	turned := strings.NewReplacer("from = endpoint.imap.old", "from = endpoint.microsoft365.new", "to   = endpoint.microsoft365.new", "to   = endpoint.imap.old")
	c.put("mailhaul.hcl", turned.Replace(string(text)))
	c.put("users.csv", "source,destination,destination_password\n"+address+","+address+",CANARY-1\n")
	if r := c.must(0, "verify"); !strings.Contains(unwrapped(r.stdout), "Sign-in of endpoint.microsoft365.new (source): application with a secret") ||
		!strings.Contains(r.stdout, "roles IMAP.AccessAsApp") || !strings.Contains(r.stdout, "the token ends at ") {
		t.Errorf("verify says of the source:\n%s", r.stdout)
	}
	for range 3 {
		c.must(0, "apply", "--auto-approve")
	}
	for folder, target := range map[string]string{"INBOX": "INBOX", "Sent Items": "Sent Items", "Projects/2020": "Projects/2020"} {
		if diff := cmp.Diff(held(from, folder), held(to, target)); diff != "" || len(held(from, folder)) != 10 {
			t.Errorf("%s (-want +got):\n%s", folder, diff)
		}
	}
	for _, verb := range []string{"SELECT", "APPEND", "CREATE", "UID STORE"} {
		if n := from.Counts().Commands[verb]; n != 0 {
			t.Errorf("the source got %s %d times", verb, n)
		}
	}
}

// TestHardCase_F17_Microsoft365Languages: mail for a special folder goes into the mailbox's own one, whatever its
// language; Exchange tells no folder's use over IMAP. No folder of another name is made for it.
func TestHardCase_F17_Microsoft365Languages(t *testing.T) {
	for language, folders := range map[string]map[string]string{
		"German":  {"Sent": "Gesendete Elemente", "Trash": "Gel&APY-schte Elemente", "Drafts": "Entw&APw-rfe", "Junk": "Junk-E-Mail"},
		"Swedish": {"Sent": "Skickat", "Trash": "Borttaget", "Drafts": "Utkast", "Junk": "Skr&AOQ-ppost"},
		"French": {"Sent": "&AMk-l&AOk-ments envoy&AOk-s", "Trash": "&AMk-l&AOk-ments supprim&AOk-s", "Drafts": "Brouillons",
			"Junk": "Courrier ind&AOk-sirable"},
	} {
		t.Run(language, func(t *testing.T) {
			c := newExampleCloudWith(t, imapserver.Dovecot(), slices.Sorted(maps.Values(folders)))
			p := people[0]
			c.put("users.csv", "source,password,destination\n"+strings.Join(p[:], ",")+"\n")
			from, to := c.old.Mailbox(p[0], p[1]), c.new.Mailbox(p[2], "")
			for folder := range folders {
				from.Add(folder, imapserver.Message{Date: time.Date(2020, 2, 29, 8, 0, 0, 0, time.UTC), Octets: []byte("Subject: " + folder + "\r\n\r\nLine\r\n")})
			}
			before := to.Folders()
			c.must(0, "apply", "--auto-approve", "--pass", "full")
			for folder, target := range folders {
				if diff := cmp.Diff(wanted(from, folder), held(to, target)); diff != "" {
					t.Errorf("%s in %s (-want +got):\n%s", folder, target, diff)
				}
			}
			if diff := cmp.Diff(before, to.Folders()); diff != "" {
				t.Errorf("the folders (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHardCase_F05_F08_F14_F16_Microsoft365Names copies folders that Exchange can't have: a reserved name, two that
// differ by case, one with a slash, a special one in another language. Each message arrives once, and each folder has
// a place of its own.
func TestHardCase_F05_F08_F14_F16_Microsoft365Names(t *testing.T) {
	dotted := imapserver.Dovecot()
	dotted.Delimiter = "."
	c := newExampleCloud(t, dotted)
	p := people[0]
	c.put("users.csv", "source,password,destination\n"+strings.Join(p[:], ",")+"\n")
	from, to := c.old.Mailbox(p[0], p[1]), c.new.Mailbox(p[2], "")
	folders := []string{"INBOX", "Files", "Work", "work", "Work.deep", "a/b", "Calendar", "Entw&APw-rfe", " blank "}
	for i, folder := range folders {
		from.Add(folder, imapserver.Message{Date: time.Date(2020, 2, 29, 8, i, 0, 0, time.UTC),
			Octets: fmt.Appendf(nil, "Message-ID: <%d@x>\r\nSubject: %s\r\n\r\nLine\r\n", i, folder)})
	}
	for range 3 {
		c.must(0, "apply", "--auto-approve")
	}
	there := map[string][]string{}
	for _, folder := range to.Folders() {
		for _, m := range to.Messages(folder) {
			_, subject, _ := strings.Cut(string(m.Octets), "Subject: ")
			subject, _, _ = strings.Cut(subject, "\r\n")
			subject = strings.TrimSpace(subject)
			there[subject] = append(there[subject], folder)
		}
	}
	places := map[string]bool{}
	for _, folder := range folders {
		at := there[strings.TrimSpace(folder)]
		if len(at) != 1 || places[strings.ToLower(strings.Join(at, ""))] {
			t.Errorf("the message of %q is in %q, all: %v", folder, at, there)
			continue
		}
		places[strings.ToLower(at[0])] = true
	}
	if at := there["Entw&APw-rfe"]; !slices.Equal(at, []string{"Drafts"}) {
		t.Errorf("the German drafts are in %q", at)
	}
	if at := there["Work.deep"]; len(at) != 1 || !strings.HasSuffix(at[0], "/deep") {
		t.Errorf("what is below Work is in %q", at)
	}
	if r := c.must(0, "apply"); !strings.Contains(r.stdout, "Nothing to do") {
		t.Errorf("the fourth apply says:\n%s", r.stdout)
	}
}
