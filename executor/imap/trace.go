package imap

import (
	"fmt"
	"io"
	"sync"
)

// tracer writes the protocol as lines for people. It is fed by the reader and the writer with what they know to be
// free of secrets and of mail: the redaction is in the structure, there is no pattern to slip through.
type tracer struct {
	mu sync.Mutex // the reader of append answers and the writer are two goroutines
	w  io.Writer
}

func newTracer(w io.Writer) *tracer {
	if w == nil {
		return nil
	}
	return &tracer{w: w}
}

// maxTraced is how much of one line is shown.
const maxTraced = 4096

// line writes one line; control characters are escaped, so that a server can't forge lines.
func (t *tracer) line(from string, text []byte) {
	if t == nil {
		return
	}
	shown := make([]byte, 0, len(from)+len(text)+2)
	shown = append(append(shown, from...), ' ')
	for _, b := range text[:min(len(text), maxTraced)] {
		if b < ' ' || b > '~' {
			shown = fmt.Appendf(shown, "\\x%02x", b)
			continue
		}
		shown = append(shown, b)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.w.Write(append(shown, '\n')) // a full disk must not stop the migration
}

// octets stands for a literal.
func (t *tracer) octets(from string, n int64) {
	if t == nil {
		return
	}
	t.line(from, fmt.Appendf(nil, "<%d octets>", n))
}
