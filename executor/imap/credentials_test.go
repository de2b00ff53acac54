package imap_test

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// plain is what AUTHENTICATE PLAIN carries.
func plain(authz, user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(authz + "\x00" + user + "\x00" + password))
}

// asks answers AUTHENTICATE with a prompt, and OK to whatever comes then.
func asks(prompt string) func(*peer) {
	return func(p *peer) {
		p.say("%s", prompt)
		line, _ := p.r.ReadString('\n')
		p.mu.Lock()
		p.lines = append(p.lines, strings.TrimSpace(line))
		p.mu.Unlock()
		p.ok()
	}
}

// signIn is one sign-in and what the server must get to see of it.
type signIn struct {
	name  string
	caps  string
	login imap.Login // Anna with the canary if empty
	on    func(*peer)
	want  []string // commands, one after the other
	code  mail.Code
	says  string
}

func (c *signIn) run(t *testing.T) {
	t.Helper()
	f := newFake(t)
	f.caps = c.caps
	if c.on != nil {
		f.on["AUTHENTICATE"] = c.on
	}
	o := f.options()
	if c.login.User != "" {
		o.Login = c.login
	}
	s, err := imap.DialSource(t.Context(), o)
	if (err == nil) != (c.code == "") || err != nil && (mail.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says)) {
		t.Fatalf("%s: error %v (%v), want %v and %q", c.name, err, mail.CodeOf(err), c.code, c.says)
	}
	if err == nil {
		_ = s.Close() // the sign-in is all that counts
	}
	if got := strings.Join(f.commands(), "\n") + "\n"; err == nil && !strings.Contains(got, "\n"+strings.Join(c.want, "\n")+"\n") {
		t.Errorf("%s: commands\n%swant\n%s", c.name, got, strings.Join(c.want, "\n"))
	}
}

func signIns(t *testing.T, cases ...signIn) {
	t.Helper()
	for _, c := range cases {
		c.run(t)
	}
}

const plainOnly = "IMAP4rev1 AUTH=PLAIN"

// TestSignInMethods: a server gets the best of the methods that it offers.
func TestSignInMethods(t *testing.T) {
	signIns(t,
		signIn{name: "plus with words", caps: plainOnly, on: asks("+ Ready for your data\r\n"), want: []string{"AUTHENTICATE PLAIN", plain("", "anna", canary)}},
		signIn{name: "LOGINDISABLED", caps: "IMAP4rev1 LOGINDISABLED", code: mail.CodeIMAPSignInMethod},
		signIn{name: "AUTH LOGIN only", caps: "IMAP4rev1 LOGINDISABLED AUTH=LOGIN", on: authLogin, want: []string{"AUTHENTICATE LOGIN", "anna", canary}})
}

// TestHardCase_A02_LongInitialResponse: not every server takes the secret in the line of the command, and many take no
// line of some thousand octets. Without SASL-IR, or where the line would be too long, the server is asked first.
func TestHardCase_A02_LongInitialResponse(t *testing.T) {
	long := strings.Repeat("k", 2000)
	signIns(t,
		signIn{name: "no SASL-IR", caps: plainOnly, on: asks("+ \r\n"), want: []string{"AUTHENTICATE PLAIN", plain("", "anna", canary)}},
		signIn{name: "short", caps: rev1, want: []string{"AUTHENTICATE PLAIN " + plain("", "anna", canary)}},
		signIn{name: "long", caps: rev1, login: imap.Login{User: "anna", Password: long}, on: asks("+ \r\n"),
			want: []string{"AUTHENTICATE PLAIN", plain("", "anna", long)}})
}

// TestHardCase_A03_BarePlus: some servers ask with a plus sign alone, without the blank that has to follow it.
func TestHardCase_A03_BarePlus(t *testing.T) {
	signIns(t, signIn{name: "bare plus", caps: plainOnly, on: asks("+\r\n"), want: []string{"AUTHENTICATE PLAIN", plain("", "anna", canary)}})
}

// TestHardCase_A06_PasswordsArriveAsTheyAre: quotes, backslashes, braces and blanks in a password were eaten by shells and
// careless quoting, and the account was locked. The server must get the very octets, by each method.
func TestHardCase_A06_PasswordsArriveAsTheyAre(t *testing.T) {
	signIns(t, signIn{name: "LOGIN", caps: "IMAP4rev1", login: imap.Login{User: `a"b\c`, Password: `$ "\()*%{ ;/{5}`},
		want: []string{`LOGIN "a\"b\\c" "$ \"\\()*%{ ;/{5}"`}})
	const odd = `$"\()*%{} ;/'!&|<>~#^+=,.:?@[]` + "`a0"
	random := rand.New(rand.NewPCG(6, 6))
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for n := range 200 {
		var b strings.Builder
		for range 1 + n/10 {
			b.WriteByte(odd[random.IntN(len(odd))])
		}
		password := b.String()
		login := imap.Login{User: "anna", Password: password}
		c := signIn{name: password, caps: rev1, login: login, want: []string{"AUTHENTICATE PLAIN " + plain("", "anna", password)}}
		if n%2 == 1 {
			c.caps, c.want = "IMAP4rev1", []string{`LOGIN "anna" "` + quote.Replace(password) + `"`}
		}
		c.run(t)
	}
}

// TestHardCase_A07_PasswordsBeyondASCII: a password with a letter that ASCII lacks goes out in UTF-8, composed or not, as it
// was written; by LOGIN it needs a literal, since a quoted string can't hold it.
func TestHardCase_A07_PasswordsBeyondASCII(t *testing.T) {
	section := imap.Login{User: "anna", Password: "§"}
	signIns(t,
		signIn{name: "PLAIN", caps: rev1, login: imap.Login{User: "änna", Password: "§"}, want: []string{"AUTHENTICATE PLAIN " + plain("", "änna", "§")}},
		signIn{name: "composed", caps: rev1, login: imap.Login{User: "anna", Password: "\u00e9"}, want: []string{"AUTHENTICATE PLAIN " + plain("", "anna", "\u00e9")}},
		signIn{name: "decomposed", caps: rev1, login: imap.Login{User: "anna", Password: "e\u0301"}, want: []string{"AUTHENTICATE PLAIN " + plain("", "anna", "e\u0301")}},
		signIn{name: "literal", caps: "IMAP4rev1 LITERAL+", login: section, want: []string{`LOGIN "anna" <§>`}},
		signIn{name: "literal that is asked for", caps: "IMAP4rev1", login: section, want: []string{`LOGIN "anna" <§>`}})
}

// TestHardCase_A08_AdministratorForAMailbox: one account opens every mailbox, and each server wants both names in a form of
// its own. They go out exactly so; where one user can't sign in for another, that is said and no password is sent.
func TestHardCase_A08_AdministratorForAMailbox(t *testing.T) {
	both := imap.Login{User: "admin", AuthzID: "bo@x", Password: "pw"}
	var schemes []signIn
	for _, user := range []string{"bo@x*migrator", "bo@x/tb", `admin@d\shared@d`, "CORP/migrator/bo"} {
		login := imap.Login{User: user, Password: "pw"}
		schemes = append(schemes,
			signIn{name: user, caps: rev1, login: login, want: []string{"AUTHENTICATE PLAIN " + plain("", user, "pw")}},
			signIn{name: user + " by LOGIN", caps: "IMAP4rev1", login: login, want: []string{`LOGIN "` + strings.ReplaceAll(user, `\`, `\\`) + `" "pw"`}})
	}
	signIns(t, append(schemes,
		signIn{name: "authorization identity", caps: rev1, login: both, want: []string{"AUTHENTICATE PLAIN " + plain("bo@x", "admin", "pw")}},
		signIn{name: "without PLAIN", caps: "IMAP4rev1 AUTH=LOGIN", login: both, code: mail.CodeIMAPSignInMethod, says: "one user can sign in for another"})...)
}

// TestHardCase_A10_SwitchedOff: a mailbox whose IMAP is off, whose licence is missing, or whose server takes no password any
// more looks like a wrong password. Each has a code of its own, which says what there is to be switched on.
func TestHardCase_A10_SwitchedOff(t *testing.T) {
	refused := func(text string) func(*peer) { return func(p *peer) { p.say("%s %s\r\n", p.tag, text) } }
	signIns(t,
		signIn{name: "IMAP off", caps: rev1, on: refused("NO IMAP is disabled for this user"), code: mail.CodeIMAPDenied},
		signIn{name: "not enabled", caps: rev1, on: refused("NO [ALERT] Your account is not enabled for IMAP use"), code: mail.CodeIMAPDenied})
	cert := certificate(t, "mail.example", time.Now().Add(time.Hour))
	f, o := tlsFake(t, cert)
	f.caps = "IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2"
	o.RootCAs.AddCert(cert.Leaf)
	if _, err := imap.DialSource(t.Context(), o); mail.CodeOf(err) != mail.CodeIMAPSignInMethod || !strings.Contains(err.Error(), "it offers XOAUTH2") {
		t.Errorf("a server that takes no passwords: %v", err)
	}
	for _, c := range []refusedToken{
		{name: "IMAP off", sign: refused("NO IMAP is disabled for this mailbox"), kind: mail.Auth, code: mail.CodeM365IMAPOff},
		{name: "licence", sign: refused("NO [Error=\"MailboxNotEnabledForThisProtocol\"] no"), kind: mail.Auth, code: mail.CodeM365Licence},
		{name: "mailbox", sign: refused("NO [Error=\"MailboxNotFoundException\"] no"), kind: mail.Auth, code: mail.CodeM365Missing},
	} {
		t.Run("Microsoft 365, "+c.name, c.run)
	}
}
