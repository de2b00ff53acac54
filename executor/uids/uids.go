// Package uids gives messages UIDs where their server has none: Exchange names an item by some hundred characters, by EWS
// and by Graph alike, and the ledger wants 32 bits that grow.
//
// mailhaul counts itself. Its own items carry a number, and have the UID FirstOwn + number; UIDNEXT is the next number of
// the folder. Items of others have a UID below FirstOwn, made of their name: new mail of others never lies at or above a
// UIDNEXT that was noted, and so is never taken for an answer that was lost. Both last as long as the item stays where it
// is. UIDVALIDITY is made of the folder's name, which survives a rename and not a deletion. An item of ours that somebody
// moved here carries another UIDVALIDITY: it counts as one of others, but keeps its digest, so that a lost state file or a
// restored mailbox does not copy it again.
//
// Numbers are given away by a Counter, since two sessions may write to one folder. After a restart it begins a stride above
// the highest number in sight: what an earlier process sent and the server has not committed yet must not meet its own
// number. Two projects that write to one folder at the same moment may still take one number; then one of the two items
// counts as one of others.
//
// A Tree holds the folders of a mailbox, and an Index the items of one folder, as both transports tell of them.
//
// The package does no I/O. It is shared because the marks are: what one transport wrote the other one recognises.
package uids

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// The named properties that hold what is ours. They must never change: earlier copies are recognised by them.
const (
	Set            = "5e0c6c3a-6a43-4f0e-9a0b-2d1f7b8c94e1" // the property set
	MarkProperty   = "mailhaul-id"                          // a Mark, to say what the message is
	NumberProperty = "mailhaul-number"                      // its number, to search by
)

// FirstOwn is the UID of number zero; UIDs of items that mailhaul did not number for their folder are below.
const FirstOwn mail.UID = 1 << 31

// Stride is how far above the highest number in sight a process begins to count: more than any process ever has on the
// wire at once.
const Stride = 4096

// Last bounds numbers: they are written as signed integers.
const Last = 1<<31 - 1 - Stride

// clockStart is where the numbers of the clock begin. They keep UIDNEXT from falling when a user deletes the newest copies.
var clockStart = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// Clock is the number that a folder without any begins with at that time.
func Clock(now time.Time) int64 { return int64(now.Sub(clockStart) / time.Second) }

// Counter gives numbers away, by folder. The zero Counter works; it is safe for use by several goroutines.
type Counter struct {
	mu   sync.Mutex
	next map[string]int64
}

// Next tells the number that comes next in a folder; false: this process has not seen it.
func (c *Counter) Next(folder string) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, known := c.next[folder]
	return next, known
}

// See learns the highest number that is in the folder (-1: none) and gives the next one.
func (c *Counter) See(folder string, highest int64, now time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = map[string]int64{}
	}
	next, known := c.next[folder]
	if !known {
		next = max(highest+Stride, Clock(now))
	}
	c.next[folder] = max(next, highest+1)
	return c.next[folder]
}

// Take gives away count numbers and the first of them; false: they are used up.
func (c *Counter) Take(folder string, count int) (first int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = c.next[folder]
	if first+int64(count) > Last {
		return 0, false
	}
	c.next[folder] = first + int64(count)
	return first, true
}

// Validity is the UIDVALIDITY of a folder: its name on the server, in 32 bits.
func Validity(folder string) mail.UIDValidity {
	h := fnv.New32a()
	_, _ = h.Write([]byte(folder)) // never fails
	return mail.UIDValidity(max(1, h.Sum32()))
}

// Mark is our id as the property holds it.
type Mark struct {
	Validity mail.UIDValidity
	Number   int64
	Digest   mail.Digest
}

// String gives the property's value. It is a format that lasts: earlier copies are known by it.
func (m Mark) String() string {
	return fmt.Sprintf("1-%08x-%08x-%s", uint32(m.Validity), m.Number, m.Digest)
}

// ParseMark reads a mark; false: it is not one of ours.
func ParseMark(s string) (m Mark, ok bool) {
	var digest string
	n, err := fmt.Sscanf(strings.ToLower(s), "1-%08x-%08x-%32s", (*uint32)(&m.Validity), &m.Number, &digest)
	if err != nil || n != 3 || len(digest) != 2*len(m.Digest) || m.Number < 0 || m.Number > Last {
		return Mark{}, false
	}
	if _, err := hex.Decode(m.Digest[:], []byte(digest)); err != nil {
		return Mark{}, false
	}
	return m, m.String() == strings.ToLower(s)
}

// Strangers gives UIDs below FirstOwn to items by their names. Two names may want one UID: then the later has the next.
type Strangers map[mail.UID]bool

// UID gives the UID of an item of others.
func (s Strangers) UID(id string) mail.UID {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	uid := mail.UID(h.Sum32() >> 1)
	for uid == 0 || uid >= FirstOwn || s[uid] {
		uid = (uid + 1) % FirstOwn
	}
	s[uid] = true
	return uid
}
