package imap

import (
	"bufio"
	"io"
)

// writer buffers commands on their way to the link and knows how many octets there were. The first error stays.
type writer struct {
	bw    *bufio.Writer
	trace *tracer
	line  []byte // the line at hand, kept for the trace only
	total int64  // octets accepted, those still buffered included
	err   error
}

func newWriter(w io.Writer, t *tracer) *writer {
	return &writer{bw: bufio.NewWriterSize(w, chunk), trace: t}
}

func (w *writer) put(s string) {
	if w.err == nil {
		_, w.err = w.bw.WriteString(s)
		w.total += int64(len(s))
	}
}

// text adds to the line.
func (w *writer) text(s string) {
	w.put(s)
	if w.trace != nil {
		w.line = append(w.line, s...)
	}
}

// endLine ends the line.
func (w *writer) endLine() {
	w.put("\r\n")
	w.trace.line("C:", w.line)
	w.line = w.line[:0]
}

// literal adds the octets of a literal; the trace names their number only.
func (w *writer) literal(s string) {
	w.put(s)
	w.trace.octets("C:", int64(len(s)))
}

// secret adds a line that the trace shows as shown.
func (w *writer) secret(line, shown string) {
	w.put(line)
	w.trace.line("C:", []byte(shown))
}

// octets adds a part of a message.
func (w *writer) octets(p []byte) error {
	if w.err == nil {
		_, w.err = w.bw.Write(p)
		w.total += int64(len(p))
	}
	return w.err
}

func (w *writer) flush() error {
	if w.err == nil {
		w.err = w.bw.Flush()
	}
	return w.err
}
