// Package compare judges a copy: it reads two mailboxes over IMAP and holds them against each other, message by message.
// It shares no code with what copies: its IMAP reader is its own and tiny, made for well-behaved servers. Fill makes mail to
// be copied, by the same means.
//
// Two messages are equal if the SHA-256 of their octets, their INTERNALDATE to the second and their flags are; keywords
// compare without case. Within a folder messages are counted, as equal ones may be there several times.
package compare

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Account is one mailbox on one server.
type Account struct {
	Addr           string // host:port
	User, Password string
	TLS            *tls.Config // TLS from the first octet; nil: none
	Prefix         string      // of the personal namespace, left out of folder names: "INBOX."
}

// Item is one message as a report names it.
type Item struct {
	Folder string // decoded, "/" between levels; the name in b
	Sum    [sha256.Size]byte
	Size   int
	Date   time.Time
	Flags  string // sorted, lower case
	Other  string // of Report.Differs: date and flags in b
}

// String is one line.
func (i Item) String() string {
	s := fmt.Sprintf("%s: %x, %d octets, %s (%s)", i.Folder, i.Sum[:6], i.Size, i.Date.Format(time.RFC3339), i.Flags)
	if i.Other != "" {
		s += " but " + i.Other
	}
	return s
}

// Report is what differs from a to b. Both sides are equal if every list is empty and no folder is missing.
type Report struct {
	Equal          int      // messages
	Missing        []Item   // in a, not in b
	Extra          []Item   // in b, and in a nothing like it in that folder
	Doubled        []Item   // in b more often than in a
	Differs        []Item   // the same octets with another date or other flags
	MissingFolders []string // named as in b; empty ones count too
	ExtraFolders   []string
}

// Same tells whether nothing differs. Folders that b has beside those of a count only if they hold messages.
func (r Report) Same() bool {
	return len(r.Missing)+len(r.Extra)+len(r.Doubled)+len(r.Differs)+len(r.MissingFolders) == 0
}

// String is a summary with the first few of each list.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d equal, %d missing, %d extra, %d doubled, %d differ", r.Equal, len(r.Missing), len(r.Extra),
		len(r.Doubled), len(r.Differs))
	for _, list := range []struct {
		sign  string
		items []Item
	}{{"-", r.Missing}, {"+", r.Extra}, {"2", r.Doubled}, {"~", r.Differs}} {
		for _, i := range list.items[:min(len(list.items), 10)] {
			fmt.Fprintf(&b, "\n%s %s", list.sign, i)
		}
	}
	for _, f := range r.MissingFolders {
		fmt.Fprintf(&b, "\n- folder %s", f)
	}
	return b.String()
}

// Mailboxes compares a with b. folderMap gives the name in b of a folder in a, both decoded with "/" between levels; an
// empty name leaves the folder out, a nil folderMap changes nothing.
func Mailboxes(ctx context.Context, a, b Account, folderMap func(string) string) (Report, error) {
	want, err := Read(ctx, a)
	if err != nil {
		return Report{}, fmt.Errorf("read %s at %s: %w", a.User, a.Addr, err)
	}
	got, err := Read(ctx, b)
	if err != nil {
		return Report{}, fmt.Errorf("read %s at %s: %w", b.User, b.Addr, err)
	}
	mapped := make(map[string][]Item)
	for folder, items := range want {
		to := folder
		if folderMap != nil {
			to = folderMap(folder)
		}
		if to != "" {
			mapped[to] = append(mapped[to], items...)
		}
	}
	return Folders(mapped, got), nil
}

// Folders compares what Read gave.
func Folders(want, got map[string][]Item) Report {
	var r Report
	for _, folder := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[folder]; !ok {
			r.MissingFolders = append(r.MissingFolders, folder)
		}
		r.folder(folder, want[folder], got[folder])
	}
	for _, folder := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[folder]; !ok {
			r.ExtraFolders = append(r.ExtraFolders, folder)
			r.folder(folder, nil, got[folder])
		}
	}
	return r
}

// folder compares one folder: messages with equal octets are paired, equal ones first.
func (r *Report) folder(name string, want, got []Item) {
	bySum := func(items []Item) map[[sha256.Size]byte][]Item {
		m := make(map[[sha256.Size]byte][]Item)
		for _, i := range items {
			i.Folder = name
			m[i.Sum] = append(m[i.Sum], i)
		}
		return m
	}
	a, b := bySum(want), bySum(got)
	for _, sum := range sums(a, b) {
		left, right := r.takeEqual(a[sum], b[sum])
		for len(left) > 0 && len(right) > 0 {
			left[0].Other = right[0].key()
			r.Differs = append(r.Differs, left[0])
			left, right = left[1:], right[1:]
		}
		r.Missing = append(r.Missing, left...)
		if len(a[sum]) > 0 {
			r.Doubled = append(r.Doubled, right...)
		} else {
			r.Extra = append(r.Extra, right...)
		}
	}
}

func sums(a, b map[[sha256.Size]byte][]Item) [][sha256.Size]byte {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.SortedFunc(maps.Keys(all), func(x, y [sha256.Size]byte) int { return slices.Compare(x[:], y[:]) })
}

// takeEqual counts the pairs that are wholly equal and gives what is left of both sides.
func (r *Report) takeEqual(a, b []Item) (left, right []Item) {
	right = slices.Clone(b)
	for _, i := range a {
		at := slices.IndexFunc(right, func(j Item) bool { return i.key() == j.key() })
		if at < 0 {
			left = append(left, i)
			continue
		}
		right = slices.Delete(right, at, at+1)
		r.Equal++
	}
	return left, right
}

// key is what must be equal beside the octets.
func (i Item) key() string { return fmt.Sprintf("%s (%s)", i.Date.UTC().Format(time.RFC3339), i.Flags) }

// Read reads a whole mailbox: the messages by folder, decoded names with "/" between levels. It changes nothing.
func Read(ctx context.Context, a Account) (map[string][]Item, error) {
	c, err := dial(ctx, a)
	if err != nil {
		return nil, err
	}
	defer c.close()
	folders, err := c.list()
	if err != nil {
		return nil, err
	}
	all := make(map[string][]Item)
	for _, f := range folders {
		items, err := c.read(f)
		if err != nil {
			return nil, fmt.Errorf("folder %s: %w", f.name, err)
		}
		all[f.name] = items
	}
	return all, nil
}
