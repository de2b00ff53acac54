package executor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state"
	"mailhaul/state/mail"
)

var overlong = "Subject: long\r\n\r\n" + strings.Repeat("All of this stands in one line. ", 400) + "\r\n"

// refuseOverlong is a destination that takes no line of more than 998 octets and no NUL.
func refuseOverlong(_ string, m endpointtest.Message) *mail.Error {
	for line := range strings.SplitSeq(string(m.Octets), "\r\n") {
		if len(line) > 998 || strings.ContainsRune(line, 0) {
			return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "Command Argument Error. 11"}
		}
	}
	return nil
}

// askingForReceipt are messages that ask for a receipt: unread, read, and a draft.
func askingForReceipt(r *rig) {
	for i, flags := range [][]string{nil, {`\Seen`}, {`\Draft`}, nil} {
		r.src().Add("INBOX", endpointtest.Message{Date: epoch.AddDate(0, 0, -i/3), Flags: mail.ParseFlags(flags),
			Octets: fmt.Appendf(nil, "Disposition-Notification-To: boss@old.example\r\nSubject: %d\r\n\r\nRead this.\r\n", i)})
	}
}

// amendedRig disarms and repairs, at a destination that refuses what is to be repaired.
func amendedRig(t *testing.T) *rig {
	r := newRig(t, "anna")
	r.config.Mailboxes[0].Messages.Receipts, r.config.Mailboxes[0].Messages.Repair = "disarm", true
	r.fill("INBOX", 10)
	askingForReceipt(r)
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte(overlong)})
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("Subject: nul\r\n\r\nA\x00B\r\n")})
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte(overlong)}) // the same once more
	r.dst().Set(endpointtest.Faults{RefuseMessage: refuseOverlong})
	return r
}

// arrived fails unless every message is there once, with the least that was to be changed of it.
func (r *rig) arrived() {
	r.t.Helper()
	var means []mail.Digest
	for _, s := range []*endpointtest.Store{r.src(), r.dst()} {
		var list []mail.Digest
		for _, m := range s.Messages("INBOX") {
			d, err := mail.Meaning(strings.NewReader(string(m.Octets)))
			if err != nil {
				r.t.Fatal(err)
			}
			list = append(list, d)
		}
		slices.SortFunc(list, func(a, b mail.Digest) int { return strings.Compare(a.String(), b.String()) })
		if means == nil {
			means = list
		} else if !slices.Equal(means, list) {
			r.t.Errorf("%d messages are there of %d, or they mean something else", len(list), len(means))
		}
	}
	asking := 0
	for _, m := range r.dst().Messages("INBOX") {
		if strings.HasPrefix(string(m.Octets), "Disposition") {
			asking++
		}
	}
	if asking != 2 {
		r.t.Errorf("%d messages ask for a receipt, want the one that is read and the draft", asking)
	}
}

// changes gives what the events told of changes, by UID.
func (r *rig) changes() map[mail.UID]state.Degradation {
	told := map[mail.UID]state.Degradation{}
	for _, e := range r.events {
		if c, is := e.(executor.MessageChanged); is {
			if _, twice := told[c.UID]; twice {
				r.t.Errorf("UID %d was told twice", c.UID)
			}
			told[c.UID] = c.Changes
		}
	}
	return told
}

// TestAmendedMessagesArrive: receipts of unread mail are disarmed, what was refused is repaired, each change is told once,
// and nothing else is changed.
func TestAmendedMessagesArrive(t *testing.T) {
	r := amendedRig(t)
	out := r.mustApply("full")
	r.arrived()
	told := r.changes()
	want := map[mail.UID]state.Degradation{11: state.DisarmedReceipts, 14: state.DisarmedReceipts, 15: state.WrappedLines,
		16: state.DroppedNULs, 17: state.WrappedLines}
	if fmt.Sprint(told) != fmt.Sprint(want) || out.Amended != 5 || out.Failed.Messages != 0 {
		t.Errorf("told %v, want %v; %+v", told, want, out.PassDone)
	}
	if p, _, err := r.apply("full"); err != nil || p.Total.Todo.Messages != 0 || appended(r.dst()) != len(r.src().Messages("INBOX"))+3 {
		t.Errorf("the second run has %+v to do, %v; %d messages were sent, three of which are refused", p.Total.Todo, err, appended(r.dst()))
	}
}

// TestAmendedInDoubt loses the answer of each append in turn, in each way: what was sent with other octets is found by
// them, and none is there twice.
func TestAmendedInDoubt(t *testing.T) {
	for _, kind := range []endpointtest.DropKind{endpointtest.DropAfter, endpointtest.DropAfterAll, endpointtest.DropBefore} {
		for at := 1; at <= 24; at++ {
			r := amendedRig(t)
			r.dst().Set(endpointtest.Faults{RefuseMessage: refuseOverlong, Drop: map[int]endpointtest.Drop{at: {Kind: kind}}})
			r.untilDone()
			r.arrived()
			if t.Failed() {
				t.Fatalf("a broken connection of kind %d at append %d", kind, at)
			}
		}
	}
}

// TestAmendedCopiesAreRecognised loses the state file: copies with other octets than the source's are known again.
func TestAmendedCopiesAreRecognised(t *testing.T) {
	r := amendedRig(t)
	r.mustApply("full")
	before := appended(r.dst())
	r.path += ".new"
	r.untilDone()
	if n := appended(r.dst()); n != before {
		t.Errorf("%d messages were sent again", n-before)
	}
	r.arrived()
}

// TestRepairIsOneTry: a repair that is refused too, what can't be repaired, and what is refused without repair = true, are
// named with the server's words, and sent as often as they have to be.
func TestRepairIsOneTry(t *testing.T) {
	for _, c := range []struct {
		name, octets string
		repair       bool
		sent         int
		text         string
	}{
		{"refused again", overlong, true, 2, "no (the repaired copy was refused too)"},
		{"nothing to repair", "Subject: x\r\n\r\nShort.\r\n", true, 1, "no"},
		{"signed", "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" + overlong + "--b--\r\n", true, 1, "no"},
		{"not wanted", overlong, false, 1, "no"},
	} {
		r := newRig(t, "anna")
		r.config.Mailboxes[0].Messages.Repair = c.repair
		r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte(c.octets)})
		sent := 0
		r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
			sent++
			return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
		}})
		var failed []executor.MessageFailed
		r.heard = func(e executor.Event) {
			if f, is := e.(executor.MessageFailed); is {
				failed = append(failed, f)
			}
		}
		r.mustApply("full")
		if len(failed) != 1 || failed[0].Text != c.text || failed[0].Code != mail.CodeMessageMalformed || sent != c.sent {
			t.Errorf("%s: sent %d times, failed %+v", c.name, sent, failed)
		}
	}
}

// TestHardCase_M13_OverlongLines: Exchange refuses a line of more than 10,000 octets. The message arrives once
// with the same words, though answers are lost, and mail that nobody refused keeps its octets.
func TestHardCase_M13_OverlongLines(t *testing.T) {
	t.Parallel()
	for at := range 4 {
		c := newCloud(t, nil, "anna")
		c.config.Mailboxes[0].Messages.Repair, c.config.Mailboxes[0].Messages.Receipts = true, "disarm"
		c.lanes[0].fill(3, wireSizes{300})
		for i := range 3 {
			m := wireMessage(100+i, 300)
			m.Octets = append(m.Octets, strings.Repeat("word ", 2_200)+"\r\n"...)
			c.lanes[0].src.Add("INBOX", m)
		}
		if at > 0 {
			c.lanes[0].dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{6 + at: imapserver.Swallow}})
		}
		c.untilDone()
		sums := map[mail.Digest]int{}
		for i, b := range []*imapserver.Mailbox{c.lanes[0].src, c.lanes[0].dst} {
			for _, m := range b.Messages("INBOX") {
				d, err := mail.Meaning(strings.NewReader(string(m.Octets)))
				if err != nil {
					t.Fatal(err)
				}
				sums[d] += 1 - 2*i
			}
		}
		for _, n := range sums {
			if n != 0 {
				t.Errorf("the answer of append %d is lost: a message is missing or there twice (%d)", 6+at, n)
			}
		}
	}
}

// TestCheckShowsAmended: the independent comparison sees that octets were changed, and that nothing of the content was.
func TestCheckShowsAmended(t *testing.T) {
	long := imapserver.Dovecot()
	long.Refuse = func(_ string, m imapserver.Message) string {
		if strings.Contains(string(m.Octets), strings.Repeat("word ", 2_000)) {
			return "NO line too long"
		}
		return ""
	}
	w := newWire(t, imapserver.Dovecot(), long, "anna")
	w.config.Mailboxes[0].Messages.Repair, w.config.Mailboxes[0].Messages.Receipts = true, "disarm"
	w.lanes[0].fill(3, wireSizes{300})
	for i, octets := range []string{"Return-Receipt-To: a@b.example\r\nSubject: receipt\r\n\r\nText.\r\n",
		"Subject: long\r\n\r\n" + strings.Repeat("word ", 2_200) + "\r\n"} {
		m := wireMessage(100+i, 300)
		m.Octets, m.Flags = []byte(octets), nil
		w.lanes[0].src.Add("INBOX", m)
	}
	w.untilDone()
	var got []string
	for _, f := range w.checks()["anna"] {
		got = append(got, fmt.Sprintf("%s %s", f.Sign, strings.Join(f.What, ", ")))
	}
	if want := "~ MIME made anew, parts equal"; len(got) != 2 || got[0] != want || got[1] != want {
		t.Errorf("check finds %q, want %q twice", got, want)
	}
}

// TestTwinsOneOfWhichIsAmended: of two equal messages in doubt one was sent with other octets and did not arrive. It does
// not take the copy of the other one.
func TestTwinsOneOfWhichIsAmended(t *testing.T) {
	r := newRig(t, "anna")
	r.config.Mailboxes[0].Messages.Receipts = "disarm"
	for _, flags := range [][]string{nil, {`\Seen`}} {
		r.src().Add("INBOX", endpointtest.Message{Date: epoch, Flags: mail.ParseFlags(flags),
			Octets: []byte("Return-Receipt-To: boss@old.example\r\nSubject: twin\r\n\r\nRead this.\r\n")})
	}
	r.dst().Set(endpointtest.Faults{DoubtAbsent: map[int]bool{1: true}, DropAnswer: map[int]bool{2: true}})
	r.untilDone()
	var got []string
	for _, m := range r.dst().Messages("INBOX") {
		got = append(got, fmt.Sprint(m.Flags, strings.HasPrefix(string(m.Octets), "Return")))
	}
	if slices.Sort(got); !slices.Equal(got, []string{" false", `\Seen true`}) {
		t.Errorf("at the destination are %q", got)
	}
}
