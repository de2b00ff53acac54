package ews

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// firstOwn is the UID of number zero; UIDs of items that mailhaul did not number for their folder are below.
const firstOwn mail.UID = 1 << 31

// stride is how far above the highest number in sight a process begins to count: more than any process ever has on the
// wire at once, so that what an earlier one sent and the server stores late meets no number given away again.
const stride = 4096

// lastNumber bounds numbers: they are written as signed integers.
const lastNumber = 1<<31 - 1 - stride

// clockStart is where the numbers of the clock begin. They keep UIDNEXT from falling when a user deletes the newest copies.
var clockStart = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// numbers are those that a Service gives away, by folder.
type numbers struct {
	mu   sync.Mutex
	next map[string]int64
}

// see learns the highest number that is in the folder (-1: none) and gives the next one.
func (n *numbers) see(folder string, highest int64, now time.Time) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = map[string]int64{}
	}
	next, known := n.next[folder]
	if !known {
		next = max(highest+stride, int64(now.Sub(clockStart)/time.Second))
	}
	n.next[folder] = max(next, highest+1)
	return n.next[folder]
}

// take gives away count numbers and the first of them; false: they are used up.
func (n *numbers) take(folder string, count int) (first int64, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	first = n.next[folder]
	if first+int64(count) > lastNumber {
		return 0, false
	}
	n.next[folder] = first + int64(count)
	return first, true
}

// validity is the UIDVALIDITY of a folder: its name on the server, in 32 bits.
func validity(folder string) mail.UIDValidity {
	h := fnv.New32a()
	_, _ = h.Write([]byte(folder)) // never fails
	return mail.UIDValidity(max(1, h.Sum32()))
}

// mark is our id as the property holds it.
type mark struct {
	validity mail.UIDValidity
	number   int64
	digest   mail.Digest
}

// String gives the property's value. It is a format that lasts: earlier copies are known by it.
func (m mark) String() string {
	return fmt.Sprintf("1-%08x-%08x-%s", uint32(m.validity), m.number, m.digest)
}

// parseMark reads a mark; false: it is not one of ours.
func parseMark(s string) (m mark, ok bool) {
	var digest string
	n, err := fmt.Sscanf(strings.ToLower(s), "1-%08x-%08x-%32s", (*uint32)(&m.validity), &m.number, &digest)
	if err != nil || n != 3 || len(digest) != 2*len(m.digest) || m.number < 0 || m.number > lastNumber {
		return mark{}, false
	}
	if _, err := hex.Decode(m.digest[:], []byte(digest)); err != nil {
		return mark{}, false
	}
	return m, m.String() == strings.ToLower(s)
}

// strangers gives UIDs below firstOwn to items by their names. Two names may want one UID: then the later has the next.
type strangers map[mail.UID]bool

func (s strangers) uid(id string) mail.UID {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	uid := mail.UID(h.Sum32() >> 1)
	for uid == 0 || uid >= firstOwn || s[uid] {
		uid = (uid + 1) % firstOwn
	}
	s[uid] = true
	return uid
}
