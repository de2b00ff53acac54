package web

import (
	"fmt"
	"io"
	"net/http"
)

// Trace writes what a session asks for and how its server answers, a line each, for people. It is made of what is known to
// be free of secrets and of mail: operations, sizes, status and response codes, never a header, an address, a body or the
// server's words. One without a writer is silent. Where several requests are under way the writer must take their lines
// at the same time.
type Trace struct{ to io.Writer }

// NewTrace begins the trace of a mailbox's session; open gives where it goes, if it is there and gives anything.
func NewTrace(open func(mailbox string) io.Writer, mailbox string) Trace {
	if open == nil {
		return Trace{}
	}
	return Trace{open(mailbox)}
}

// Asked notes a request. How it is authorized is not shown.
func (t Trace) Asked(name string, octets int64) {
	t.line("C: %s <%d octets> Authorization ***", name, octets)
}

// Answered notes how a request ended: the server's status, or that there was no answer.
func (t Trace) Answered(r *http.Response, err error) {
	if err != nil {
		t.line("S: no answer")
		return
	}
	t.line("S: HTTP %d", r.StatusCode)
}

// Code notes a response code, and of how many outcomes it is.
func (t Trace) Code(n, of int, code string) { t.line("S: %d of %d %.60q", n, of, code) }

func (t Trace) line(format string, args ...any) {
	if t.to != nil {
		_, _ = fmt.Fprintf(t.to, format+"\n", args...) // a full disk must not stop the migration
	}
}
