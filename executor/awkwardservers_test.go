package executor_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state/mail"
)

// TestHardCase_M15_OverTheLimit: a message that is larger than the destination takes is not sent and never cut. It is told
// before anything is copied, or where the source lies about its size, when it comes; and is copied once the limit is higher.
func TestHardCase_M15_OverTheLimit(t *testing.T) {
	t.Parallel()
	for _, lie := range []mail.Size{0, -1e6} {
		r := newRig(t, "anna")
		r.src().Add("INBOX", letterOf(epoch, strings.Repeat("a line of mail\r\n", 80_000)))
		r.src().Add("INBOX", letterOf(epoch, strings.Repeat("a line of mail\r\n", 60_000)))
		limits := mail.Limits{KeepsBytes: true, SignIn: "memory", Names: mail.NameRules{Delimiter: "/"}, MaxMessage: 1e6}
		r.dst().SetLimits(limits)
		r.src().Set(endpointtest.Faults{WrongSize: lie})
		if p := r.look("full"); (p.Total.LeftOut.Messages == 1) != (lie == 0) {
			t.Errorf("sizes wrong by %d: the plan leaves out %+v", lie, p.Total.LeftOut)
		}
		out := r.mustApply("full")
		if out.Copied.Messages != 1 || out.LeftOut.Messages != 1 || out.Failed.Messages != 0 || appended(r.dst()) != 1 {
			t.Errorf("sizes wrong by %d: %+v, %d sent", lie, out.PassDone, appended(r.dst()))
		}
		limits.MaxMessage = 2e6
		r.dst().SetLimits(limits)
		if out := r.mustApply("full"); out.Copied.Messages != 1 {
			t.Errorf("with a higher limit: %+v", out.PassDone)
		}
		r.sameMail()
	}
}

// TestHardCase_M17_ListedSizesLie: a server tells a third of a message's size, or more than it. Nothing is thrown away over
// that, a later run finds nothing to do, and a lost state file changes nothing.
func TestHardCase_M17_ListedSizesLie(t *testing.T) {
	t.Parallel()
	for _, wrong := range []mail.Size{-20, -1, 1, 1 << 20} {
		r := newRig(t, "anna")
		r.fill("INBOX", 12)
		r.src().Set(endpointtest.Faults{WrongSize: wrong})
		r.threeRuns()
	}
}

// TestHardCase_M18_RenderedAnewEachTime: a source makes the boundary of a message anew with each fetch. What was copied is
// not copied again, and the answer that is lost is settled by the octets that were sent, not by those of another fetch.
func TestHardCase_M18_RenderedAnewEachTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	render := func(n int) []byte {
		return fmt.Appendf(nil, "Subject: x\r\nContent-Type: multipart/mixed; boundary=b%04d\r\n\r\n--b%04d\r\n\r\nText.\r\n--b%04d--\r\n", n, n, n)
	}
	letters(r, string(render(0)), "Subject: y\r\n\r\nText.\r\n")
	fetches := 0
	instead := map[mail.UID][]byte{1: render(0)}
	r.src().Set(endpointtest.Faults{Instead: instead, VanishDuring: func(s *endpointtest.Store, _ string, uid mail.UID) {
		fetches++
		instead[1] = render(fetches)
	}})
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter}}})
	r.untilDone()
	r.mustApply("full")
	got := r.dst().Messages("INBOX")
	if len(got) != 2 || !bytes.Contains(got[0].Octets, []byte("Text.")) {
		t.Errorf("%d messages are there, want 2", len(got))
	}
}

// TestHardCase_M22_VanishesMeanwhile: mail goes on moving while it is copied. What is gone between listing and fetch is gone
// only after the server has said so to a second question, and is no failure; moved to another folder, it is found there.
func TestHardCase_M22_VanishesMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	r.fill("Another", 2)
	var once bool
	r.src().Set(endpointtest.Faults{VanishDuring: func(s *endpointtest.Store, folder string, _ mail.UID) {
		if folder == "INBOX" && !once {
			once = true
			moved := s.Messages("INBOX")[7]
			s.Remove("INBOX", moved.UID)
			s.Add("Another", endpointtest.Message{Date: moved.Date, Flags: moved.Flags, Octets: moved.Octets})
		}
	}})
	out := r.mustApply("full")
	if out.Gone.Messages != 1 || out.Failed.Messages != 0 || r.src().Ops("exists") == 0 {
		t.Errorf("outcome %+v, asked %d times", out.PassDone, r.src().Ops("exists"))
	}
	r.src().Mend()
	r.untilDone()
	r.sameMail()
}

// TestHardCase_M26_RefusedKinds: Exchange refuses receipts, reports of failed delivery, meeting mail and drafts without
// addresses with an error that says nothing. Each is named with the server's words, sent once more only if a repair changes
// something, and costs no other message anything.
func TestHardCase_M26_RefusedKinds(t *testing.T) {
	t.Parallel()
	p := imapserver.Dovecot()
	p.Refuse = func(_ string, m imapserver.Message) string {
		for _, kind := range []string{"multipart/report", "text/calendar", "Subject: draft"} {
			if bytes.Contains(m.Octets, []byte(kind)) {
				return "BAD Command Argument Error. 11"
			}
		}
		return ""
	}
	w := newWire(t, imapserver.Dovecot(), p, "anna")
	w.config.Mailboxes[0].Messages.Repair = true
	w.lanes[0].fill(6, wireSizes{300})
	for i, octets := range []string{"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nread\r\n--b--\r\n",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nnot delivered\r\n--b--\r\n",
		"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n", "Subject: draft\r\n\r\nnobody's\r\n"} {
		w.lanes[0].src.Add("INBOX", imapserver.Message{Date: epoch.AddDate(0, 0, -i), Octets: []byte(octets)})
	}
	var failed []string
	w.heard = func(e executor.Event) {
		if f, is := e.(executor.MessageFailed); is {
			failed = append(failed, string(f.Code)+" "+f.Text)
		}
	}
	w.mustApply("full")
	if r := w.compared(w.lanes[0]); len(r.Missing) != 4 || len(r.Doubled)+len(r.Extra)+len(r.Differs) != 0 {
		t.Errorf("want 4 missing and nothing else: %v", r)
	}
	const want = string(mail.CodeMessageMalformed) + " Command Argument Error. 11"
	if slices.ContainsFunc(failed, func(f string) bool { return f != want }) || len(failed) != 4 {
		t.Errorf("the failures are %q", failed)
	}
}
