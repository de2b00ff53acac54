package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/imap"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestHardCase_A08_Login holds how an administrator names the mailbox to open, style by style.
func TestHardCase_A08_Login(t *testing.T) {
	mailbox := config.Login{Address: "anna@contoso.example", Username: "anna@contoso.example", Password: config.NewSecret("own")}
	admin := func(user string, style config.AdminStyle) *config.Admin {
		return &config.Admin{User: user, Password: config.NewSecret("master"), Style: style}
	}
	for _, c := range []struct {
		name  string
		admin *config.Admin
		want  imap.Login
	}{
		{"own password", nil, imap.Login{User: "anna@contoso.example", Password: "own"}},
		{"sasl-plain", admin("migrator", config.StyleSASLPlain),
			imap.Login{User: "migrator", AuthzID: "anna@contoso.example", Password: "master"}},
		{"dovecot-master", admin("migrator", config.StyleDovecotMaster),
			imap.Login{User: "anna@contoso.example*migrator", Password: "master"}},
		{"exchange, mailbox's domain", admin("migrator", config.StyleExchange),
			imap.Login{User: "contoso.example/migrator/anna", Password: "master"}},
		{"exchange, admin@domain", admin("migrator@corp.example", config.StyleExchange),
			imap.Login{User: "corp.example/migrator/anna", Password: "master"}},
		{`exchange, domain\admin`, admin(`CORP\migrator`, config.StyleExchange),
			imap.Login{User: "CORP/migrator/anna", Password: "master"}},
	} {
		s := &server{Endpoint: &config.Endpoint{Admin: c.admin}}
		if got := s.login(mailbox); got != c.want {
			t.Errorf("%s: signs in as %q for %q, want %q for %q", c.name, got.User, got.AuthzID, c.want.User, c.want.AuthzID)
		}
	}
}

// TestAdminRefused holds that a refused administrator is no wrong password in users.csv.
func TestAdminRefused(t *testing.T) {
	refused := &mail.Error{Op: "sign in", Kind: mail.Auth, Code: mail.CodeIMAPLogin, Text: "no"}
	for admin, want := range map[*config.Admin]mail.Code{nil: mail.CodeIMAPLogin, {User: "migrator"}: mail.CodeIMAPAdmin} {
		s, err := newServer(&config.Endpoint{Connections: 1, Admin: admin})
		if err != nil {
			t.Fatal(err)
		}
		_, err = open(t.Context(), s, "anna", func() (int, error) { return 0, refused })
		if mail.CodeOf(err) != want || mail.KindOf(err) != mail.Auth {
			t.Errorf("admin block %v: code %s, want %s", admin != nil, mail.CodeOf(err), want)
		}
	}
}

// TestSlots holds that a server's connections are bounded, given back once, and not lost by a failed dial.
func TestSlots(t *testing.T) {
	s, err := newServer(&config.Endpoint{Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if _, err := open(t.Context(), s, "anna", func() (int, error) { return 0, refused }); !errors.Is(err, refused) {
		t.Fatalf("error %v, want %v", err, refused)
	}
	if _, err := open(t.Context(), s, "anna", func() (int, error) { return 1, nil }); err != nil {
		t.Fatal(err)
	}
	leave := s.leave("anna")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(ctx, s, "anna", func() (int, error) { return 2, nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("a second connection was opened: %v", err)
	}
	leave()
	leave()
	if len(s.slots) != 0 {
		t.Errorf("%d connections are taken, want none", len(s.slots))
	}
}

// TestTrust names the file that is no certificate.
func TestTrust(t *testing.T) {
	if _, err := newServer(&config.Endpoint{CAFile: filepath.Join(t.TempDir(), "missing.pem")}); exitCode(err) != exitError {
		t.Errorf("a missing ca_file gives %v", err)
	}
}

// TestParallel holds that mailboxes at work never wait for each other's connections.
func TestParallel(t *testing.T) {
	a, b := &config.Endpoint{Connections: 4}, &config.Endpoint{Connections: 40}
	for _, c := range []struct {
		from, to *config.Endpoint
		want     int
	}{{a, b, 4}, {b, b, 12}, {a, a, 2}, {&config.Endpoint{Connections: 1}, b, 1}} {
		w := &work{config: &config.Config{Project: config.Project{Mailboxes: 12}},
			mailboxes: []*config.Mailbox{{From: c.from, To: c.to}}}
		if got := w.parallel(); got != c.want {
			t.Errorf("%d and %d connections: %d at work, want %d", c.from.Connections, c.to.Connections, got, c.want)
		}
	}
}

// TestExitCode holds the table of exit codes.
func TestExitCode(t *testing.T) {
	locked := &state.Error{Code: mail.CodeStateLocked, Path: "x.state"}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {outcome(3), 3}, {usage("x"), 1}, {errors.New("x"), 1}, {errInterrupted, 130},
		{fmt.Errorf("open: %w", context.Canceled), 130}, {locked, 5}, {fmt.Errorf("x: %w", locked), 5},
		{&state.Error{Code: mail.CodeStateNewer}, 5}, {&state.Error{Code: mail.CodeStateDamaged}, 5},
		{config.Diagnostics{{}}, 1}, {errors.Join(nil, outcome(4)), 4},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exit code of %v is %d, want %d", c.err, got, c.want)
		}
	}
}

// TestHardCase_R03_ExitCodes: a tool that ends with 0 after an outage leaves mail behind that nobody looks for. 0 is said
// when everything is done, and a mailbox that stopped, now or earlier, is none of that.
func TestHardCase_R03_ExitCodes(t *testing.T) {
	p := &plan.Plan{Mailboxes: make([]plan.Mailbox, 3), Total: plan.Total{Skipped: 1}}
	one := state.Count{Messages: 1}
	for _, c := range []struct {
		name string
		o    executor.Outcome
		err  error
		want int
	}{
		{"all done", executor.Outcome{PassDone: executor.PassDone{Complete: 2}}, nil, 0},
		{"a message failed", executor.Outcome{PassDone: executor.PassDone{Failed: one, Incomplete: 1}}, nil, 3},
		{"one of two refused", executor.Outcome{PassDone: executor.PassDone{Blocked: 1}, RefusedSource: 1}, nil, 3},
		{"one refused on each side", executor.Outcome{PassDone: executor.PassDone{Blocked: 2}, RefusedSource: 1, RefusedDestination: 1}, nil, 3},
		{"source refused all", executor.Outcome{PassDone: executor.PassDone{Blocked: 2}, RefusedSource: 2}, nil, 4},
		{"interrupted", executor.Outcome{PassDone: executor.PassDone{Interrupted: true, Failed: one}}, nil, 130},
		{"state broke", executor.Outcome{}, &state.Error{Code: mail.CodeStateWrite}, 5},
	} {
		if got := exitCode(verdictOf(p, c.o, view.FailureList{}, c.err)); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
	earlier := view.FailureList{Mailboxes: make([]state.FailedMailbox, 1)}
	if got := exitCode(verdictOf(p, executor.Outcome{}, earlier, nil)); got != exitIncomplete {
		t.Errorf("a mailbox that stopped earlier: exit code %d, want %d", got, exitIncomplete)
	}
}

// TestStanding holds when a mailbox that stopped is still a failure.
func TestStanding(t *testing.T) {
	cfg := &config.Config{Passes: []*config.Pass{{Name: "check", Kind: config.PassVerify}, {Name: "full", Kind: config.PassFull}}}
	pass := func(name string, p state.Progress) state.MailboxPass {
		return state.MailboxPass{Pass: name, Progress: p}
	}
	for _, c := range []struct {
		name   string
		passes []state.MailboxPass
		want   string
	}{
		{"never run", nil, ""},
		{"verify failed", []state.MailboxPass{pass("check", state.Failed)}, "check"},
		{"mended since", []state.MailboxPass{pass("check", state.Failed), pass("full", state.Complete)}, ""},
		{"stopped in the middle since", []state.MailboxPass{pass("check", state.Failed), pass("full", state.Pending)}, "check"},
		{"signed in since", []state.MailboxPass{pass("full", state.Failed), pass("check", state.Complete)}, "full"},
	} {
		got := ""
		if stopped := standing(cfg, c.passes); stopped != nil {
			got = stopped.Pass
		}
		if got != c.want {
			t.Errorf("%s: stopped in %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRemarks holds that a mailbox without room, or with folders that can't be copied, is not ready.
func TestRemarks(t *testing.T) {
	full := string(mail.CodeQuotaFull)
	p := &plan.Plan{Errors: []plan.Note{{Mailbox: "a", Code: "CONFIG-MERGE", Text: "meet"}, {Mailbox: "b", Text: "other"}},
		Warnings: []plan.Note{{Mailbox: "a", Code: full, Text: "no room"}, {Mailbox: "a", Text: "odd"}}}
	faults, notes := remarks(p, "a", []string{"first"})
	if got, want := fmt.Sprint(faults, notes), "[CONFIG-MERGE: meet QUOTA-FULL: no room] [first odd]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := exitCode(verdictOfRows([]view.VerifyRow{{Mailbox: "a", Faults: faults}, {Mailbox: "b"}})); got != exitIncomplete {
		t.Errorf("exit code %d, want %d", got, exitIncomplete)
	}
}
