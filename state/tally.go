package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"mailhaul/state/mail"
)

// tally is what is known of a folder's rows without looking at them; it changes in the transaction that changes rows.
type tally struct {
	counts [StateDamaged + 1]Count // by State
	extent
}

// extent bounds the rows of a folder.
type extent struct {
	// oldest and newest bound INTERNALDATE over all rows, nil where no row has one. Like biggest (size) and highest
	// (UID) they only widen: a UID's date and size do not change on a server that keeps to RFC 9051, 2.3.1.1.
	oldest, newest   *int64
	undated          int64 // rows without INTERNALDATE
	biggest, highest int64
}

const (
	tallyColumns = "counts, oldest, newest, undated, biggest, highest, sum"
	getTally     = "SELECT " + tallyColumns + " FROM tally WHERE folder = ?"
	setTally     = "INSERT OR REPLACE INTO tally (folder, " + tallyColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

func (c *tally) add(m Message) {
	c.counts[m.State] = c.counts[m.State].Add(Count{1, m.Size})
	c.biggest, c.highest = max(c.biggest, int64(m.Size)), max(c.highest, int64(m.UID))
	if m.InternalDate.IsZero() {
		c.undated++
		return
	}
	date := m.InternalDate.Unix()
	c.widen(&date)
}

// widen moves the bounds so that the date is within.
func (c *tally) widen(date *int64) {
	if date == nil {
		return
	}
	if c.oldest == nil || *date < *c.oldest {
		c.oldest = date
	}
	if c.newest == nil || *date > *c.newest {
		c.newest = date
	}
}

func (c *tally) remove(m Message) {
	c.counts[m.State] = c.counts[m.State].Add(Count{-1, -m.Size})
	if m.InternalDate.IsZero() {
		c.undated--
	}
}

// of sums the states that want holds for.
func (c *tally) of(want func(State) bool) Count {
	var total Count
	for s, n := range c.counts {
		if want(State(s)) {
			total = total.Add(n)
		}
	}
	return total
}

func (c *tally) values(f FolderID) []any {
	return []any{int64(f), c.encode(), optional(c.oldest), optional(c.newest), c.undated, c.biggest, c.highest}
}

func optional(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

// encode writes state, messages and octets of every state that occurs.
func (c *tally) encode() []byte {
	b := []byte{}
	for s, n := range c.counts {
		if n == (Count{}) {
			continue
		}
		b = append(b, byte(s))
		b = binary.AppendVarint(b, n.Messages)
		b = binary.AppendVarint(b, int64(n.Bytes))
	}
	return b
}

func (c *tally) decode(b []byte) error {
	for len(b) > 0 {
		s := b[0]
		messages, n := binary.Varint(b[1:])
		octets, k := binary.Varint(b[1+max(n, 0):])
		if int(s) >= len(c.counts) || n <= 0 || k <= 0 {
			return errSum
		}
		c.counts[s] = Count{messages, mail.Size(octets)}
		b = b[1+n+k:]
	}
	return nil
}

// tallyRow scans the tally's columns; a folder without rows has none, so all may be NULL.
type tallyRow struct {
	counts                         []byte
	oldest, newest                 *int64
	undated, biggest, highest, sum *int64
}

func (t *tallyRow) into() []any {
	return []any{&t.counts, &t.oldest, &t.newest, &t.undated, &t.biggest, &t.highest, &t.sum}
}

func (t *tallyRow) tally(f FolderID) (*tally, error) {
	c := &tally{}
	if t.sum == nil {
		return c, nil
	}
	c.oldest, c.newest = t.oldest, t.newest
	c.undated, c.biggest, c.highest = value(t.undated), value(t.biggest), value(t.highest)
	if err := c.decode(t.counts); err != nil {
		return nil, err
	}
	if sum(c.values(f)...) != *t.sum {
		return nil, errSum
	}
	return c, nil
}

// cache is what the writing connection knows of folders: nobody else writes. Whatever undoes a request clears it, because
// tallies in it are changed before they are written.
type cache struct {
	tallies map[FolderID]*tally
	failing map[FolderID]bool // whether a message may have a failure on record; it has no entry for a folder without a tally
}

// cachedFolders bounds the cache.
const cachedFolders = 1024

func (c *cache) clear() { *c = cache{} }

func (c *cache) add(f FolderID, count *tally) {
	if c.tallies == nil || len(c.tallies) >= cachedFolders {
		c.tallies, c.failing = map[FolderID]*tally{}, map[FolderID]bool{}
	}
	c.tallies[f] = count
}

// fails notes that a failure is put on record.
func (c *cache) fails(f FolderID) {
	if _, known := c.failing[f]; known {
		c.failing[f] = true
	}
}

// tally gives a folder's tally in order to change it. A folder that the ledger does not know is a wrong request.
func (t *tx) tally(f FolderID) (*tally, error) {
	if c := t.cached.tallies[f]; c != nil {
		return c, nil
	}
	c, err := t.readTally(f)
	if err == nil {
		t.cached.add(f, c)
	}
	return c, err
}

func (t *tx) readTally(f FolderID) (*tally, error) {
	if err := t.known(f); err != nil {
		return nil, err
	}
	rows, err := t.query(getTally, int64(f))
	found, err := collect(rows, err, func(row scanner) (*tally, error) {
		var r tallyRow
		if err := row.Scan(r.into()...); err != nil {
			return nil, unreadable(err)
		}
		return r.tally(f)
	})
	if err != nil || len(found) == 0 {
		return &tally{}, err
	}
	return found[0], nil
}

func (t *tx) putTally(f FolderID, c *tally) error {
	for s, n := range c.counts {
		if n.Messages < 0 {
			return fmt.Errorf("%w: fewer than no rows in state %d of folder %d", errSum, s, f)
		}
	}
	_, err := t.exec(setTally, withSum(c.values(f))...)
	return err
}

// known tells whether there is such a folder.
func (t *tx) known(f FolderID) error {
	rows, err := t.query("SELECT 1 FROM folder WHERE id = ?", int64(f))
	if err != nil {
		return err
	}
	found := rows.Next()
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if !found {
		return badRequest("there is no folder %d", f)
	}
	return nil
}

// bounds gives oldest and newest as instants.
func (c *tally) bounds() (oldest, newest time.Time) {
	return dateOf(c.oldest, 0), dateOf(c.newest, 0)
}
