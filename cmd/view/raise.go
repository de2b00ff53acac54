package view

import (
	"fmt"
	"slices"
	"strings"
)

// raised is how many mailboxes are named by which line lifts their limit; the others are alike.
const raised = 3

// raise says how an administrator of Microsoft 365 lets in what is left out as too large, where it goes there.
func (v *planView) raise() {
	var to []string
	for _, m := range v.plan.Mailboxes {
		if m.LeftOut.Messages > 0 && strings.HasPrefix(m.DestinationEndpoint, "endpoint.microsoft365.") {
			to = append(to, m.Destination)
		}
	}
	slices.Sort(to)
	if to = slices.Compact(to); len(to) == 0 {
		return
	}
	v.b.WriteByte('\n')
	v.say("Exchange takes up to 150 MB where an administrator lets it. In Exchange Online PowerShell:")
	for _, mailbox := range to[:min(raised, len(to))] {
		fmt.Fprintf(&v.b, "   Set-Mailbox -Identity %s `\n     -MaxReceiveSize 150MB -MaxSendSize 150MB\n", shellQuoted(mailbox))
	}
	if more := len(to) - raised; more > 0 {
		v.say("   ... and so for %s more", Plural(int64(more), "mailbox"))
	}
	v.say("Then raise max_message of the endpoint, and max_size if it is lower.")
}

// shellQuoted writes a string of PowerShell, in which every kind of single quote ends it unless it is there twice.
func shellQuoted(s string) string {
	var b strings.Builder
	for _, r := range Safe(s) {
		if strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	return "'" + b.String() + "'"
}
