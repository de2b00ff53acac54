package ews

import (
	"fmt"
	"io"
	"net/http"
)

// trace writes what a session asks for and how the server answers, a line each, for people. It is made of what is known to
// be free of secrets and of mail: operations, sizes, status and response codes, never a header, a body or the server's words.
type trace struct{ w io.Writer }

// newTrace begins the trace of a session; one without a writer is silent.
func (s *Service) newTrace(mailbox string) trace {
	if s.opts.Trace == nil {
		return trace{}
	}
	return trace{s.opts.Trace(mailbox)}
}

// asked notes a request. How it is authorized is not shown.
func (t trace) asked(action string, octets int64) {
	if t.w != nil {
		_, _ = fmt.Fprintf(t.w, "C: %s <%d octets> Authorization ***\n", action, octets) // a full disk must not stop the migration
	}
}

// answered notes how a request ended: the server's status, or that there was no answer.
func (t trace) answered(r *http.Response, err error) {
	switch {
	case t.w == nil:
	case err != nil:
		_, _ = fmt.Fprintf(t.w, "S: no answer\n") // likewise
	default:
		_, _ = fmt.Fprintf(t.w, "S: HTTP %d\n", r.StatusCode) // likewise
	}
}

// outcomes notes the response codes.
func (t trace) outcomes(list []outcome) {
	codes := map[string]int{}
	for _, o := range list {
		codes[o.Code]++
	}
	for code, n := range codes {
		if t.w != nil {
			_, _ = fmt.Fprintf(t.w, "S: %d of %d %.60q\n", n, len(list), code) // likewise
		}
	}
}
