package state

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"runtime"
	"sync"
)

// walkers bounds how many connections share a walk over the whole file.
const walkers = 4

// cells is one row as SQLite's driver gives it. Walks over hundreds of thousands of rows read it without database/sql,
// whose conversions cost more than the reading.
type cells []driver.Value

// number gives an integer; a value of another kind is damage, which the row's checksum shows.
func (c cells) number(i int) int64 {
	n, _ := c[i].(int64)
	return n
}

// pointer is number, nil for NULL.
func (c cells) pointer(i int) *int64 {
	if n, ok := c[i].(int64); ok {
		return &n
	}
	return nil
}

// octets gives a BLOB.
func (c cells) octets(i int) []byte {
	b, _ := c[i].([]byte)
	return b
}

// sums checks rows of a walk, one after the other with the same room.
type sums struct {
	octets []byte
	tally  tally
}

// intact tells whether the values before and those of the row but the last give the checksum that is the last.
func (s *sums) intact(c cells, before ...int64) bool {
	s.octets = s.octets[:0]
	for _, n := range before {
		s.octets = appendValue(s.octets, n)
	}
	last := len(c) - 1
	for _, v := range c[:last] {
		switch v.(type) {
		case nil, int64, string, []byte:
		default:
			return false
		}
		s.octets = appendValue(s.octets, v)
	}
	return c.number(last) == sumOf(s.octets)
}

// read reads the columns of a folder's tally, which is good until the next. A folder without rows has none, so all may be
// NULL.
func (s *sums) read(c cells, f FolderID) (*tally, error) {
	s.tally = tally{}
	t := &s.tally
	if c[len(c)-1] == nil {
		return t, nil
	}
	if !s.intact(c, int64(f)) {
		return nil, errSum
	}
	t.oldest, t.newest = c.pointer(1), c.pointer(2)
	t.undated, t.biggest, t.highest = c.number(3), c.number(4), c.number(5)
	return t, t.decode(c.octets(0))
}

// walk hands every row of a query to each, whose argument is good until it returns.
func (r *Reader) walk(ctx context.Context, text string, args []any, each func(cells) error) (err error) {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(raw any) error {
		q, ok := raw.(driver.QueryerContext)
		if !ok {
			return errors.New("the driver of SQLite can't query")
		}
		rows, err := q.QueryContext(ctx, text, named(args))
		if err != nil {
			return err
		}
		return errors.Join(eachRow(rows, each), rows.Close())
	})
}

func eachRow(rows driver.Rows, each func(cells) error) error {
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

func named(args []any) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return values
}

// What inParts divides.
const (
	lastFolder  = "SELECT coalesce(max(id), 0) FROM folder"
	lastMailbox = "SELECT coalesce(max(mailbox), 0) FROM folder"
)

// inParts divides the folders, or those of the mailboxes, among a few goroutines: each gets a stretch of ids, from which is
// not in it up to to which is.
func (r *Reader) inParts(ctx context.Context, lastID string, do func(part int, from, to int64) error) error {
	var last int64
	err := r.walk(ctx, lastID, nil, func(c cells) error {
		last = c.number(0)
		return nil
	})
	if err != nil {
		return err
	}
	n := int64(parts())
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(int(i), last*i/n, last*(i+1)/n) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// parts is into how many stretches inParts divides the folders.
func parts() int { return min(walkers, runtime.GOMAXPROCS(0)) }
