package executor_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// TestHardCase_D03_D07_DatesOutlastTheLedger: a year that a number of 32 bits or a date type can't hold has cost other tools
// the mail. Such dates go through the state file, a lost answer and a lost state file, and arrive as they were.
func TestHardCase_D03_D07_DatesOutlastTheLedger(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	for i, year := range []int{2, 1601, 1899, 1901, 1969, 2038, 2040, 2106, 9999} {
		date := time.Date(year, time.December, 31, 23, 59, 59, 0, time.FixedZone("", (i-4)*3*3600+45*60))
		r.src().Add("INBOX", endpointtest.Message{Date: date, Octets: fmt.Appendf(nil, "Subject: %d\r\n\r\nText.\r\n", year)})
	}
	r.threeRuns()
	if out := r.mustApply("prestage"); out.Planned.Messages != 0 {
		t.Errorf("a pass of old mail has %+v to do after the full one", out.Planned)
	}
}

// TestHardCase_K05_KeywordsInAnotherCase: one server writes $MdnSent, the other $MDNSent, and a tool that compares letters sets
// the flags again with every run. There is nothing to do, whichever side changes the spelling.
func TestHardCase_K05_KeywordsInAnotherCase(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	r.src().SetFlags("INBOX", 1, mail.ParseFlags([]string{`\Seen`, "$MdnSent", "Label"}))
	r.mustApply("full")
	r.dst().SetFlags("INBOX", 1, mail.ParseFlags([]string{`\Seen`, "label", "$MDNSENT"}))
	for _, spelling := range []string{"$MDNSent", "$mdnsent"} {
		r.src().SetFlags("INBOX", 1, mail.ParseFlags([]string{`\seen`, spelling, "LABEL"}))
		r.dst().Forget()
		if p, out, err := r.apply("full"); err != nil || !p.Empty() || out.FlagsChanged != 0 || r.dst().Ops("set flags") != 0 {
			t.Errorf("%s: %v, %+v, %d flags changed", spelling, err, p.Total, out.FlagsChanged)
		}
	}
	r.src().SetFlags("INBOX", 1, mail.ParseFlags([]string{`\Seen`, "$MDNSent"}))
	if out := r.mustApply("full"); out.FlagsChanged != 1 {
		t.Errorf("a keyword that was taken away changed %d flags, want 1", out.FlagsChanged)
	}
}

// TestHardCase_K03_KeywordsAreLostNotTheMail: the destination folder keeps system flags only. The mail arrives without its
// keywords, no flag is set again by a later run, and where the configuration says so such mail is refused instead.
func TestHardCase_K03_KeywordsAreLostNotTheMail(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"drop", "fail"} {
		r := newRig(t, "anna")
		r.config.Mailboxes[0].Messages.Keywords = policy
		r.fill("INBOX", 3)
		r.src().SetFlags("INBOX", 1, mail.ParseFlags([]string{`\Seen`}))
		r.dst().Permanent("INBOX", mail.ParseFlags([]string{`\Seen`, `\Flagged`}))
		out := r.mustApply("full")
		got := r.dst().Messages("INBOX")
		if want := map[string]int{"drop": 3, "fail": 1}[policy]; len(got) != want || int(out.Failed.Messages) != 3-want {
			t.Errorf("%s: %d arrived, %+v", policy, len(got), out.PassDone)
		}
		if slices.ContainsFunc(got, func(m endpointtest.Message) bool { return len(m.Flags.Keywords) > 0 || m.Flags.System != mail.Seen }) {
			t.Errorf("%s: the flags are wrong: %v", policy, got)
		}
		if out := r.mustApply("full"); out.FlagsChanged != 0 {
			t.Errorf("%s: %d flags were set again", policy, out.FlagsChanged)
		}
	}
}

// TestHardCase_A09_PasswordsAreTriedOnce: servers lock an account after a few wrong passwords. A run whose password is refused
// sends it once on that side, however much mail there is, and the other mailboxes come to their end.
func TestHardCase_A09_PasswordsAreTriedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna", "bo")
	for _, s := range r.endpoints.Sources {
		s.Add("INBOX", letterOf(epoch, "text"))
	}
	tries := map[string]int{}
	refuse := func(side string) func() error {
		return func() error {
			tries[side]++ // under the store's lock, a store each
			return &mail.Error{Op: "sign in", Kind: mail.Auth, Code: mail.CodeIMAPLogin, Text: "Temporarily unavailable, or wrong password"}
		}
	}
	r.endpoints.Sources["bo"].Set(endpointtest.Faults{SignIn: refuse("source")})
	for run := 1; run <= 2; run++ {
		out := r.mustApply("full")
		if tries["source"] != run || out.Blocked != 1 || out.RefusedSource != 1 {
			t.Errorf("run %d: the password was sent %d times in all, %+v", run, tries["source"], out.PassDone)
		}
	}
	if n := r.endpoints.Destinations["anna"].Count(); n != 1 {
		t.Errorf("%d messages of the other mailbox arrived", n)
	}
}
