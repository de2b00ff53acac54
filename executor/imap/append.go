package imap

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// appender writes the messages of one batch: in groups where the server takes them (multi.go), others each as a command
// of its own.
type appender struct {
	c      *client
	flight *flight
	folder mail.Folder
	opened mail.Opened // zero: the folder was not opened before
	done   func(mail.Appended)
	buffer []byte
}

// send writes the batch and returns when the octets of all messages have been handed to the connection; the command that
// holds the last ones may be open for more. Messages that were not begun when the session died are absent.
func (w *appender) send(batch []mail.Outgoing) error {
	for len(batch) > 0 {
		if err := w.next(&batch[0]); err != nil {
			w.never(batch[1:], err)
			return err
		}
		batch = batch[1:]
	}
	if err := w.c.out.flush(); err != nil {
		return w.broken(err)
	}
	fault.At(fault.AfterAppendWritten)
	return w.flight.state()
}

// never settles messages of which no octet was sent.
func (w *appender) never(batch []mail.Outgoing, err error) {
	for _, m := range batch {
		w.flight.refuse(m.ID, w.done, err)
	}
}

// one writes one message as a command of its own.
func (w *appender) one(m *mail.Outgoing, head []byte) (err error) {
	a := &attempt{}
	if a.tag, err = w.c.begin("APPEND", nil); err == nil {
		err = w.flight.join(a, m, w.done)
	}
	if err != nil {
		w.flight.refuse(m.ID, w.done, err)
		return err
	}
	return w.write(a, m, head)
}

// inMemory is a body that is all there: it can't fail, and it writes itself without a copy.
type inMemory interface {
	io.WriterTo
	Len() int
}

// head reads the first part of the body, whole small messages included, before anything is announced.
func (w *appender) head(m *mail.Outgoing) ([]byte, error) {
	if whole, ok := m.Body.(inMemory); ok && int64(whole.Len()) == int64(m.Size) {
		return nil, nil
	}
	head := w.buffer[:min(int64(m.Size), int64(len(w.buffer)))]
	if n, err := io.ReadFull(m.Body, head); err != nil {
		return nil, bodyError(m, int64(n), err)
	}
	return head, nil
}

// bodyError says why a message can't be sent. The kind of the body's own error decides where it has one.
func bodyError(m *mail.Outgoing, got int64, err error) error {
	e := &mail.Error{Op: "read message to append", Kind: mail.Transient, Code: mail.CodeMessageDamaged,
		Err: fmt.Errorf("after %d of %d octets: %w", got, m.Size, err)}
	var own *mail.Error
	if errors.As(err, &own) {
		e.Kind, e.Code = own.Kind, own.Code
	}
	return e
}

// wait waits for the window. What is buffered goes out first: the answers that make room depend on it.
func (w *appender) wait() error {
	if err := w.c.out.flush(); err != nil {
		return w.broken(err)
	}
	return w.flight.awaitRoom()
}

// write sends the command and the literal.
func (w *appender) write(a *attempt, m *mail.Outgoing, head []byte) error {
	answered, err := w.announce(a, m)
	if err != nil {
		return w.broken(err)
	}
	if answered {
		return nil // refused before the literal
	}
	if err := w.body(a, m, head); err != nil {
		return err
	}
	w.c.out.endLine()
	return nil
}

// body writes the octets of a literal that was announced, head first. They are counted as the last ones of the attempt.
func (w *appender) body(a *attempt, m *mail.Outgoing, head []byte) error {
	w.flight.setEnd(a, w.c.out.total+int64(m.Size))
	w.c.trace.octets("C:", int64(m.Size))
	fault.At(fault.BeforeLiteral)
	lit := &literal{w: w, attempt: a, left: int64(m.Size)}
	_, err := lit.Write(head)
	if err == nil && lit.left > 0 {
		_, err = w.copyBody(lit, m.Body)
	}
	switch {
	case lit.broken != nil:
		return w.broken(lit.broken)
	case err != nil || lit.left > 0:
		// The literal can't be completed, and nothing else may follow its announcement.
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		err = bodyError(m, int64(m.Size)-lit.left, err)
		w.flight.fail(err)
		return err
	}
	if int64(m.Size) > chunk {
		w.flight.wrote(a)
	}
	return nil
}

// copyBody passes a body on. One that is in memory writes itself.
func (w *appender) copyBody(lit *literal, body io.Reader) (int64, error) {
	if whole, ok := body.(inMemory); ok {
		return whole.WriteTo(lit)
	}
	return io.CopyBuffer(lit, struct{ io.Reader }{body}, w.buffer)
}

// literal takes the octets of one literal, and no more than were announced.
type literal struct {
	w       *appender
	attempt *attempt
	left    int64
	broken  error // the connection's
}

var errTooLong = errors.New("the message is longer than was said")

// Write passes octets on, unless the server has shown that it reads mail as commands.
func (l *literal) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, errTooLong
	}
	if l.broken = l.w.flight.heed(l.attempt); l.broken == nil {
		l.broken = l.w.c.out.octets(p)
	}
	l.left -= int64(len(p))
	fault.AtIf(l.left > 0 && len(p) >= chunk, fault.InsideLiteral)
	return len(p), l.broken
}

// announce writes "tag APPEND folder (flags) date {size}" and waits for the server's consent where it has to be asked.
func (w *appender) announce(a *attempt, m *mail.Outgoing) (answered bool, err error) {
	out := w.c.out
	out.text(a.tag + " APPEND ")
	if name := (piece{w.folder.Raw, true}); w.c.asLiteral(name) {
		if answered, err := w.literal(a, int64(len(name.text))); answered || err != nil {
			return answered, err
		}
		out.literal(name.text)
	} else {
		out.text(name.written())
	}
	w.attributes(m)
	return w.literal(a, int64(m.Size))
}

// attributes writes the flags and the date of a message, with a blank on either side.
func (w *appender) attributes(m *mail.Outgoing) {
	w.c.out.text(" ")
	if flags := keepable(m.Flags, w.opened); len(flags) > 0 && !fault.Off(fault.Flags) {
		w.c.out.text("(" + strings.Join(flags, " ") + ") ")
	}
	if !m.InternalDate.IsZero() && !fault.Off(fault.Date) {
		w.c.out.text(formatDate(m.InternalDate) + " ")
	}
}

// literal announces a literal.
func (w *appender) literal(a *attempt, size int64) (answered bool, err error) {
	if w.c.nonSync(size) {
		w.c.out.text("{" + strconv.FormatInt(size, 10) + "+}")
		w.c.out.endLine()
		return false, w.c.out.err
	}
	w.c.out.text("{" + strconv.FormatInt(size, 10) + "}")
	w.c.out.endLine()
	if err := w.c.out.flush(); err != nil {
		return false, err
	}
	return w.flight.awaitConsent(a)
}

// broken ends a session whose connection takes nothing more. Answers that have arrived are still read.
func (w *appender) broken(err error) error {
	w.c.link.seal(err)
	w.flight.hasten()
	_ = w.flight.idle()
	if dead := w.flight.state(); dead != nil {
		return dead
	}
	return w.c.over("append message", err)
}

// keepable gives the flags that the folder keeps, as they stand on the wire. Where nothing is known all are tried, but
// for keywords that are no atoms: those no server takes.
func keepable(f mail.Flags, o mail.Opened) []string {
	if o.Known {
		f.System &= o.Permanent.System
	}
	keep := mail.Flags{System: f.System}
	for _, k := range f.Keywords {
		if isAtom(k) && (!o.Known || o.AnyKeyword || o.Permanent.Has(k)) {
			keep.Keywords = append(keep.Keywords, k)
		}
	}
	return keep.Names()
}

// isAtom tells whether s can stand unquoted (RFC 9051, 9, atom).
func isAtom(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte(`(){%*"\]`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}
