package main

import (
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/tokenserver"
)

// TestHardCase_A10_NineRefusals: what an administrator has to do is another thing for each of nine causes, so each has a code
// of its own, which `explain` explains: with the command that mends it or looks into it, and with what nobody could try.
func TestHardCase_A10_NineRefusals(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	c.fill()
	exchange := ewsserver.Start(t)
	exchange.Admit(func(token string) bool { _, err := c.authority.Check(token); return err == nil })
	codes := map[string]string{}
	for _, x := range []struct {
		cause, code string
		entry       imapserver.Entry
		settings    tokenserver.Settings
		ews         *ewsserver.Habits
		command     string // on its page
	}{
		{cause: "401: the token is not taken", code: "M365-TOKEN-REFUSED", command: "mailhaul verify MAILBOX", entry: imapserver.WrongToken},
		{cause: "the object id is the wrong one", code: "M365-SIGN-IN-REFUSED", command: "az ad sp show --id CLIENT_ID", entry: imapserver.WrongUser},
		{cause: "consent is missing", code: "OAUTH-CONSENT-MISSING", command: "az ad app permission admin-consent --id CLIENT_ID", entry: imapserver.WrongUser, settings: tokenserver.Settings{Roles: []string{"Mail.Read"}}},
		{cause: "no permission on the mailbox", code: "M365-MAILBOX-DENIED", command: "Add-MailboxPermission -Identity MAILBOX", entry: imapserver.NotConnected},
		{cause: "IMAP is off", code: "M365-IMAP-OFF", command: "Set-CASMailbox -Identity MAILBOX -ImapEnabled $true", entry: imapserver.IMAPOff},
		{cause: "there is no mailbox", code: "M365-MAILBOX-MISSING", command: "Get-Mailbox -Identity MAILBOX", entry: imapserver.NoMailbox},
		{cause: "there is no licence", code: "M365-LICENCE-MISSING", command: "Get-Mailbox -Identity MAILBOX", entry: imapserver.NoLicence},
		{cause: "EWS is off", code: "EWS-SWITCHED-OFF", command: "Set-OrganizationConfig -EwsEnabled $true", ews: &ewsserver.Habits{Off: true}},
		{cause: "403: the application may not", code: "EWS-DENIED", command: "Add-MailboxPermission -Identity", ews: &ewsserver.Habits{Forbidden: "Access is denied."}},
	} {
		for _, p := range people {
			c.entry[p[2]] = x.entry
		}
		c.authority.Set(x.settings)
		if x.ews != nil {
			if len(exchange.Misuse()) == 0 && codes["EWS-SWITCHED-OFF"] == "" {
				c.over(`["ews"]`, exchange, nil)
			}
			exchange.Behave(*x.ews)
		}
		if r := c.must(4, "verify", "--destination-only"); !strings.Contains(r.stdout, x.code) {
			t.Errorf("%s: verify does not say %s:\n%s%s", x.cause, x.code, r.stdout, r.stderr)
		}
		if other, twice := codes[x.code]; twice {
			t.Errorf("%s and %s have one code", x.cause, other)
		}
		codes[x.code] = x.cause
		if r := c.must(0, "explain", x.code); !strings.Contains(r.stdout, "What to do") || !strings.Contains(r.stdout, x.command) ||
			!strings.Contains(strings.Join(strings.Fields(r.stdout), " "), "not confirmed") && !strings.Contains(r.stdout, "could not be tried") {
			t.Errorf("explain %s does not say %q, or what is not confirmed:\n%s", x.code, x.command, r.stdout)
		}
	}
	if len(codes) != 9 {
		t.Errorf("%d codes, want 9", len(codes))
	}
}
