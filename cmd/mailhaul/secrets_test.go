package main

import (
	"fmt"
	"testing"

	"mailhaul/executor/endpointtest/imapserver"
)

// TestSecretsStayInside: passwords and a name to sign in with that come from env, command, file and a sensitive variable
// are used, and no command prints them, as text, as JSON or in a trace, and no file keeps them.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	old, new := imapserver.Start(t, imapserver.Dovecot(), imapserver.Options{}), imapserver.Start(t, imapserver.Dovecot(), imapserver.Options{})
	for user, password := range map[string]string{"anna@contoso.example": "CANARY-command", "bo@contoso.example": "CANARY-csv", "carla@contoso.example": "other"} {
		old.Mailbox(user, password).Add("INBOX", imapserver.Message{Date: old2020, Octets: []byte("Subject: x\r\n\r\nx\r\n")})
		new.Mailbox(user+"*CANARY-master", "CANARY-1-variable")
	}
	m := &migration{t: t, dir: t.TempDir(), env: []string{"ADMIN_NAME=CANARY-master", "MAILHAUL_VAR_pw=CANARY-1", "CARLA=CANARY-wrong"}}
	m.put("mailhaul.hcl", fmt.Sprintf(`
variable "pw" { sensitive = true }
locals { whole = "${var.pw}-variable" }
endpoint "imap" "old" {
  host = %q
  port = %d
  %s
}
endpoint "imap" "new" {
  host = %q
  port = %d
  %s
  admin {
    user     = env("ADMIN_NAME")
    password = local.whole
    style    = "dovecot-master"
  }
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
mailbox "anna@contoso.example" { password = command("sh", "-c", "echo CANARY-command") }
mailbox "carla@contoso.example" { password = env("CARLA") }
pass "full" {}
`, old.Host(), old.Port(), plaintext, new.Host(), new.Port(), plaintext))
	m.put("users.csv", "source,password,destination\nanna@contoso.example,,anna@contoso.example\n"+
		"bo@contoso.example,CANARY-csv,bo@contoso.example\ncarla@contoso.example,,carla@contoso.example\n")
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"validate"}}, {0, []string{"validate", "--json"}}, {3, []string{"verify"}}, {3, []string{"verify", "--json"}},
		{0, []string{"folders", "anna@contoso.example", "--json"}}, {0, []string{"plan", "--left-out", "--all"}}, {0, []string{"plan", "--json"}},
		{0, []string{"plan", "--out", "full.plan"}}, {3, []string{"apply", "--auto-approve", "full.plan"}}, {4, []string{"apply", "--auto-approve", "--json"}},
		{0, []string{"status", "-v"}}, {0, []string{"status", "--json"}}, {0, []string{"failures"}}, {0, []string{"failures", "--json"}},
		{3, []string{"check"}}, {0, []string{"state", "show", "anna@contoso.example"}}, {0, []string{"state", "export"}},
	} {
		m.must(c.code, append(c.args, "--trace", "trace")...) // looks for canaries in what is printed
	}
	if n := len(new.Mailbox("anna@contoso.example*CANARY-master", "").Messages("INBOX")); n != 1 {
		t.Errorf("%d messages arrived: the secrets were not used", n)
	}
	m.put("mailhaul.hcl", "") // the program that the test runs holds one
	m.noCanary()
}
