package executor_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// TestFailedMessageIsNamed: a refused message is told with its Message-ID, however its header writes it, and the state file
// does not keep it.
func TestFailedMessageIsNamed(t *testing.T) {
	headers := []struct{ header, want string }{
		{"Message-ID: <a@old.example>\r\n", "<a@old.example>"},
		{"Subject: x\r\nMESSAGE-id:<b@old.example>  \r\n", "<b@old.example>"},
		{"Message-ID:\r\n <c@old.example>\r\n", "<c@old.example>"},
		{"Message-ID: <\x1b[2J\xff>\r\n", "<\x1b[2J>"},
		{"Message-ID: <" + strings.Repeat("d", 2000) + ">\r\n", "<" + strings.Repeat("d", 249)},
		{"Subject: none\r\n", ""},
		{"", ""},
	}
	r := newRig(t, "anna")
	for _, h := range headers {
		r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte(h.header + "\r\nMessage-ID: <body@old.example>\r\n")})
	}
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
		return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
	}})
	if _, _, err := r.apply("full"); err != nil {
		t.Fatal(err)
	}
	told := map[mail.UID]string{}
	for _, e := range r.events {
		if f, is := e.(executor.MessageFailed); is {
			told[f.UID] = f.MessageID
		}
	}
	if len(told) != len(headers) {
		t.Errorf("%d messages are told of, want %d", len(told), len(headers))
	}
	for i, h := range headers {
		if got := told[mail.UID(i+1)]; got != h.want {
			t.Errorf("%q: told %q, want %q", h.header[:min(len(h.header), 40)], got, h.want)
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		octets, err := os.ReadFile(r.path + suffix)
		if err == nil && strings.Contains(string(octets), "old.example>") {
			t.Errorf("%s keeps a Message-ID", r.path+suffix)
		}
	}
}

// TestLargeMessageMoves: while a large message is under way, views see it move; it counts as copied when it has landed, and
// is never counted twice.
func TestLargeMessageMoves(t *testing.T) {
	const size = 9_000_000
	for name, refused := range map[string]bool{"it lands": false, "it is refused": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "anna")
			r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: fmt.Appendf(nil, "Subject: x\r\n\r\n%s", strings.Repeat("0123456789", size/10))})
			if refused {
				r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
					return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
				}})
			}
			if _, _, err := r.apply("full"); err != nil {
				t.Fatal(err)
			}
			var steps []executor.Step
			for _, e := range r.events {
				if s, is := e.(executor.Step); is {
					steps = append(steps, s)
				}
			}
			if !slices.ContainsFunc(steps, func(s executor.Step) bool { return s.Moving > 0 }) ||
				!slices.ContainsFunc(steps, func(s executor.Step) bool { return s.Read > 0 }) {
				t.Error("it stands still while it is under way")
			}
			for _, s := range steps {
				if s.Copied.Bytes+s.Moving > size+14 || s.Moving > 0 && s.Read > 0 {
					t.Errorf("%d octets are copied, %d are moving, %d of %d are read", s.Copied.Bytes, s.Moving, s.Read, s.Reading)
				}
			}
			if last := steps[len(steps)-1]; last.Moving != 0 || (last.Copied.Messages == 1) == refused {
				t.Errorf("the last step is %+v", last)
			}
		})
	}
}
