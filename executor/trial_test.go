package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"mailhaul/config"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// trial adds a trial pass to the project, before the others.
func (r *project) trial(perFolder int, maxBytes int64) {
	r.config.Passes = append([]*config.Pass{{Name: "trial", Kind: "trial", Order: "oldest-first", PerFolder: perFolder,
		MaxBytes: maxBytes}}, r.config.Passes...)
}

// add puts a message of about that size into a folder of the source.
func (r *rig) add(folder string, size int, flags ...string) {
	body := fmt.Sprintf("Subject: %s %d\r\n\r\n", folder, len(r.src().Messages(folder)))
	r.src().Add(folder, endpointtest.Message{Date: epoch.AddDate(0, 0, -100), Flags: mail.ParseFlags(flags),
		Octets: []byte(body + strings.Repeat("x", size-len(body)))})
}

// TestTrialKeepsToItsBounds: of each folder at most per_folder messages and max_bytes of the mailbox in all, the folders
// in turn; every folder is made; planned again it takes nothing, and later passes bring the rest and nothing twice.
func TestTrialKeepsToItsBounds(t *testing.T) {
	r := newRig(t, "anna")
	r.trial(3, 2000)
	r.src().Mkdir("Empty", mail.RoleNone)
	r.add("INBOX", 100, `\Deleted`) // never copied: it uses up no place
	for range 6 {
		r.add("INBOX", 100)
		r.add("Large", 900)
		r.add("Sent", 100)
	}
	r.add("Huge", 5000)
	p, out, err := r.apply("trial")
	if err != nil || p.Total.Todo != out.Copied || p.Total.LeftOut.Messages != 0 {
		t.Fatalf("planned %+v, came to %+v, %v", p.Total, out.PassDone, err)
	}
	want := map[string]int{"INBOX": 3, "Large": 1, "Sent": 3, "Huge": 0, "Empty": 0}
	for _, folder := range r.src().Folders() {
		if got := len(r.dst().Messages(folder)); got != want[folder] {
			t.Errorf("%s holds %d messages, not %d", folder, got, want[folder])
		}
	}
	if got := len(r.dst().Folders()); got != len(want) {
		t.Errorf("%d folders were made, not %d", got, len(want))
	}
	if p := r.look("trial"); !p.Empty() {
		t.Errorf("the same trial again: %+v", p.Total)
	}
	r.mustApply("full")
	r.src().Remove("INBOX", 1)
	r.sameMail()
}

// TestTrialIsResumed: an answer that is lost, and a message that is refused, count as taken.
func TestTrialIsResumed(t *testing.T) {
	for kind := endpointtest.DropUnsent; kind <= endpointtest.DropAfterAll; kind++ {
		r := newRig(t, "anna")
		r.trial(4, 1e6)
		for range 9 {
			r.add("INBOX", 200)
		}
		bad := string(r.src().Messages("INBOX")[1].Octets)
		r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{3: {Kind: kind}},
			RefuseMessage: func(_ string, m endpointtest.Message) *mail.Error {
				if string(m.Octets) == bad {
					return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
				}
				return nil
			}})
		if out := r.mustApply("trial"); out.Copied.Messages != 3 || out.Failed.Messages != 1 || out.Incomplete != 1 {
			t.Errorf("drop %d: %+v", kind, out.PassDone)
		}
		if p := r.look("trial"); p.Total.Todo.Messages != 0 {
			t.Errorf("drop %d: the same trial again: %+v", kind, p.Total)
		}
		r.dst().Mend()
		r.mustApply("full")
		r.mustApply("retry")
		r.sameMail()
	}
}
