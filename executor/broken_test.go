package executor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// TestHardCase_P14_BodyThatBreaksEachTime: a server hangs up in the middle of the same message, however often it is asked
// for (imapsync#469: 334 octets before its end). That message fails and is named, it is never copied by halves, and those
// before it and behind it arrive; a retry brings it once the server is mended.
func TestHardCase_P14_BodyThatBreaksEachTime(t *testing.T) {
	for _, bad := range [][]mail.UID{{1}, {4}, {10}, {4, 5, 10}} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "anna")
			r.fill("INBOX", 10)
			r.fill("Work", 3)
			short := map[mail.UID]bool{}
			for _, u := range bad {
				short[u] = true
			}
			r.src().Set(endpointtest.Faults{ShortBody: short})
			out := r.mustApply("full")
			lost := int64(len(bad)) + int64(len(slices.DeleteFunc(slices.Clone(bad), func(u mail.UID) bool { return u > 3 })))
			if out.Failed.Messages != lost || out.Copied.Messages != 13-lost || out.Incomplete != 1 {
				t.Errorf("outcome %+v, want %d failed", out.PassDone, lost)
			}
			for _, e := range r.events {
				if f, is := e.(executor.MessageFailed); is && (!short[f.UID] || f.Code != mail.CodeMessageDamaged || !strings.Contains(f.Text, "connection")) {
					t.Errorf("told %+v", f)
				}
			}
			r.src().Mend()
			r.mustApply("retry")
			r.sameMail()
		})
	}
}

// TestHardCase_P14_ServerThatBreaksAlways: where the connection breaks at whatever is asked for, no message is to blame: the
// mailbox stops, and each of its messages is still to come.
func TestHardCase_P14_ServerThatBreaksAlways(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	short := map[mail.UID]bool{}
	for u := range mail.UID(10) {
		short[u+1] = true
	}
	r.src().Set(endpointtest.Faults{ShortBody: short})
	if _, out, err := r.apply("full"); err != nil || out.Blocked != 1 || out.Failed.Messages != 0 {
		t.Errorf("%v, %+v", err, out.PassDone)
	}
	r.src().Mend()
	r.untilDone()
	r.sameMail()
}

// TestHardCase_P14_BrokenWhileRecognised: the same message breaks the connection where the source is only read to
// recognise what is at the destination already. It is not sent unseen, and the others are recognised.
func TestHardCase_P14_BrokenWhileRecognised(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	r.mustApply("full")
	r.path += ".new"
	r.src().Set(endpointtest.Faults{ShortBody: map[mail.UID]bool{4: true}})
	r.dst().Forget()
	if out := r.mustApply("full"); out.Failed.Messages != 1 || appended(r.dst()) != 0 {
		t.Errorf("outcome %+v, %d appended", out.PassDone, appended(r.dst()))
	}
	r.src().Mend()
	r.mustApply("retry")
	r.sameMail()
}
