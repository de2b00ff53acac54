package endpointtest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

var _ executor.Endpoints = (*endpointtest.Endpoints)(nil)

// send appends bodies to the INBOX of a new session and gives the outcomes by ID, which start at 1.
func send(t *testing.T, s *endpointtest.Store, bodies ...string) (map[int64]mail.Appended, error) {
	t.Helper()
	ctx := context.Background()
	d, err := s.Destination()
	if err != nil {
		t.Fatal(err)
	}
	inbox := mail.Folder{Raw: "INBOX", Path: mail.Path{"INBOX"}}
	if _, err := d.Open(ctx, inbox); err != nil {
		t.Fatal(err)
	}
	var batch []mail.Outgoing
	for i, b := range bodies {
		batch = append(batch, mail.Outgoing{ID: int64(i + 1), Size: mail.Size(len(b)), Body: strings.NewReader(b)})
	}
	got := make(map[int64]mail.Appended)
	appendErr := d.Append(ctx, inbox, batch, func(a mail.Appended) { got[a.ID] = a })
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return got, appendErr
}

func TestDrop(t *testing.T) {
	tests := []struct {
		name   string
		drop   endpointtest.Drop
		stored int
		second mail.Outcome
		third  mail.Outcome
	}{
		{"unsent", endpointtest.Drop{Kind: endpointtest.DropUnsent}, 1, mail.Absent, mail.Absent},
		{"before storing", endpointtest.Drop{Kind: endpointtest.DropBefore}, 1, mail.Unknown, mail.Unknown},
		{"after storing", endpointtest.Drop{Kind: endpointtest.DropAfter}, 2, mail.Unknown, mail.Unknown},
		{"after storing all", endpointtest.Drop{Kind: endpointtest.DropAfterAll}, 3, mail.Unknown, mail.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := endpointtest.NewStore()
			s.Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{2: tt.drop}})
			got, err := send(t, s, "one", "two", "three")
			if mail.KindOf(err) != mail.Transient {
				t.Errorf("error is %v, want a transient one", err)
			}
			outcomes := []mail.Outcome{got[1].Outcome, got[2].Outcome, got[3].Outcome}
			if diff := cmp.Diff([]mail.Outcome{mail.Landed, tt.second, tt.third}, outcomes); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if n := len(s.Messages("INBOX")); n != tt.stored {
				t.Errorf("%d messages are stored, want %d", n, tt.stored)
			}
		})
	}
}

func TestLateCommit(t *testing.T) {
	s := endpointtest.NewStore()
	s.Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter, LateCalls: 6}}})
	if _, err := send(t, s, "one"); err == nil {
		t.Error("the broken append gave no error")
	}
	if n := len(s.Messages("INBOX")); n != 0 {
		t.Fatalf("%d messages are stored at once", n)
	}
	if _, err := send(t, s, "two"); err != nil {
		t.Error(err)
	}
	if _, err := send(t, s, "three"); err != nil {
		t.Error(err)
	}
	if n := len(s.Messages("INBOX")); n != 3 {
		t.Errorf("%d messages are stored after more calls, want 3", n)
	}
}

func TestLateCommitByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := endpointtest.NewStore()
		s.Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter, LateBy: time.Minute}}})
		if _, err := send(t, s, "one"); err == nil {
			t.Error("the broken append gave no error")
		}
		time.Sleep(59 * time.Second)
		if n := len(s.Messages("INBOX")); n != 0 {
			t.Errorf("%d messages are stored too early", n)
		}
		time.Sleep(time.Second)
		if n := len(s.Messages("INBOX")); n != 1 {
			t.Errorf("%d messages are stored after a minute, want 1", n)
		}
	})
}

func TestRefusals(t *testing.T) {
	malformed := &mail.Error{Op: "append", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
	tests := []struct {
		name   string
		faults endpointtest.Faults
		limits mail.Limits
		kind   mail.Kind
		ends   bool
	}{
		{"refused message", endpointtest.Faults{RefuseMessage: func(_ string, m endpointtest.Message) *mail.Error {
			if string(m.Octets) == "two" {
				return malformed
			}
			return nil
		}}, mail.Limits{}, mail.Malformed, false},
		{"quota", endpointtest.Faults{QuotaAfter: 5}, mail.Limits{}, mail.Quota, false},
		{"throttle", endpointtest.Faults{ThrottleEvery: 2}, mail.Limits{}, mail.Throttled, true},
		{"lost by count", endpointtest.Faults{FailAfterMessages: 1}, mail.Limits{}, mail.Transient, true},
		{"lost by octets", endpointtest.Faults{FailAfterOctets: 4}, mail.Limits{}, mail.Transient, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := endpointtest.NewStore()
			s.Set(tt.faults)
			got, err := send(t, s, "one", "two")
			if got[1].Outcome != mail.Landed || got[2].Outcome != mail.Absent || mail.KindOf(got[2].Err) != tt.kind {
				t.Errorf("outcomes are %+v, want the second absent and %v", got, tt.kind)
			}
			if (err != nil) != tt.ends {
				t.Errorf("error of the batch is %v", err)
			}
			if n := len(s.Messages("INBOX")); n != 1 {
				t.Errorf("%d messages are stored, want 1", n)
			}
		})
	}
}

func TestLies(t *testing.T) {
	tests := []struct {
		name    string
		faults  endpointtest.Faults
		stored  int
		uid     mail.UID
		outcome mail.Outcome
	}{
		{"no fault", endpointtest.Faults{}, 1, 1, mail.Landed},
		{"OK without storing", endpointtest.Faults{LieOK: map[int]bool{1: true}}, 0, 0, mail.Landed},
		{"no UIDPLUS", endpointtest.Faults{NoUIDPlus: true}, 1, 0, mail.Landed},
		{"no answer", endpointtest.Faults{DropAnswer: map[int]bool{1: true}}, 1, 0, mail.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := endpointtest.NewStore()
			s.Set(tt.faults)
			got, err := send(t, s, "one")
			if err != nil || got[1].Outcome != tt.outcome || got[1].UID != tt.uid {
				t.Errorf("got %+v, %v; want %v with UID %d", got[1], err, tt.outcome, tt.uid)
			}
			if n := len(s.Messages("INBOX")); n != tt.stored {
				t.Errorf("%d messages are stored, want %d", n, tt.stored)
			}
		})
	}
}
