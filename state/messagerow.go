package state

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// messageWidth is the number of messageColumns and the checksum.
const messageWidth = 16

// messageRow is one row of messages as SQLite has it. One is used for row after row, since each message is written three
// times and read as often: what was made anew for each was three quarters of the ledger's garbage.
type messageRow struct {
	values [messageWidth]any // nil, int64 or []byte, in the order of messageColumns, and the checksum
	into   [messageWidth]any // pointers to values
	octets []byte            // what the checksum is over
	args   [messageWidth]driver.NamedValue
}

// set makes the row of a message. It refers to the message until the next call.
func (r *messageRow) set(m *Message) {
	date, zone := dateValues(m.InternalDate)
	r.values = [messageWidth]any{int64(m.Folder), int64(m.UID), int64(m.Size), date, zone, int64(m.Flags.System),
		keywordsValue(m.Flags.Keywords), int64(m.State), int64(m.Attempt), digestValue(&m.H0), digestValue(&m.H1),
		nonZero(int64(m.DestinationUID)), nonZero(int64(m.U0)), nonZero(int64(m.V0)), int64(m.Degraded)}
	r.values[messageWidth-1] = r.sum()
}

// sum is that of the values before the last.
func (r *messageRow) sum() int64 {
	r.octets = r.octets[:0]
	for _, v := range r.values[:messageWidth-1] {
		r.octets = appendValue(r.octets, v)
	}
	return sumOf(r.octets)
}

// scan reads a row and holds it against its checksum.
func (r *messageRow) scan(row scanner) (Message, error) {
	for i := range r.values {
		r.into[i] = &r.values[i]
	}
	if err := row.Scan(r.into[:]...); err != nil {
		return Message{}, unreadable(err)
	}
	m, known := r.message()
	if !known || r.sum() != r.values[messageWidth-1] && !fault.Off(fault.RowSum) {
		return Message{}, errSum
	}
	return m, nil
}

// message is what the row says; known is false where a value is of a kind that nobody wrote.
func (r *messageRow) message() (m Message, known bool) {
	known = true
	number := func(at int) int64 {
		n, is := r.values[at].(int64)
		known = known && is
		return n
	}
	octets := func(at int) []byte {
		b, is := r.values[at].([]byte)
		known = known && (is || r.values[at] == nil)
		return b
	}
	orZero := func(at int) int64 {
		if r.values[at] == nil {
			return 0
		}
		return number(at)
	}
	m.Folder, m.UID, m.Size = FolderID(number(0)), mail.UID(number(1)), mail.Size(number(2))
	zone := number(4)
	if r.values[3] != nil {
		seconds := number(3)
		m.InternalDate = dateOf(&seconds, zone)
	}
	m.Flags.System = mail.System(number(5))
	if keywords := octets(6); keywords != nil {
		m.Flags.Keywords = strings.Split(string(keywords), " ")
	}
	m.State, m.Attempt = State(number(7)), int(number(8))
	copy(m.H0[:], octets(9))
	copy(m.H1[:], octets(10))
	m.DestinationUID, m.U0, m.V0 = mail.UID(orZero(11)), mail.UID(orZero(12)), mail.UIDValidity(orZero(13))
	m.Degraded = Degradation(number(14))
	return m, known
}

// scanMessage gives what reads the messages of one result.
func scanMessage() func(scanner) (Message, error) { return new(messageRow).scan }

// dateValues gives an INTERNALDATE as seconds and minutes east of UTC, which is all that IMAP can say.
func dateValues(t time.Time) (any, int64) {
	if t.IsZero() {
		return nil, 0
	}
	_, offset := t.Zone()
	return t.Unix(), int64(offset / 60)
}

func dateOf(seconds *int64, zone int64) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	t := time.Unix(*seconds, 0).UTC()
	if zone == 0 {
		return t
	}
	return t.In(time.FixedZone("", int(zone)*60))
}

// keywordsValue joins keywords by blanks, which no atom can hold (RFC 9051, 9).
func keywordsValue(keywords []string) any {
	if len(keywords) == 0 {
		return nil
	}
	return []byte(strings.Join(keywords, " "))
}

func digestValue(d *mail.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// writeMessage carries out addMessage or putMessage and tells whether a row was changed. It goes past database/sql, which makes
// a kilobyte of copies of so many arguments.
func (t *tx) writeMessage(text string, m *Message) (changed bool, err error) {
	s, err := t.direct(text)
	if err != nil {
		return false, err
	}
	t.row.set(m)
	for i, v := range t.row.values {
		t.row.args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	err = t.conn.Raw(func(any) error {
		res, err := s.ExecContext(context.Background(), t.row.args[:])
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		changed = n > 0
		return err
	})
	return changed, err
}

// statement is what the SQLite driver prepares.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
}

// direct prepares a statement of the driver.
func (t *tx) direct(text string) (statement, error) {
	if s, ok := t.past[text]; ok {
		return s, nil
	}
	err := t.conn.Raw(func(conn any) error {
		c, ok := conn.(driver.ConnPrepareContext)
		if !ok {
			return errDriver
		}
		prepared, err := c.PrepareContext(context.Background(), text)
		if err != nil {
			return err
		}
		s, ok := prepared.(statement)
		if !ok {
			return errors.Join(errDriver, prepared.Close())
		}
		t.past[text] = s
		return nil
	})
	return t.past[text], err
}

var errDriver = errors.New("the SQLite driver prepares no statements of the kind that is needed")
