package state

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"mailhaul/state/mail"
)

// walkFolders reads folders with their tallies, mailbox by mailbox. tallyCells is where the columns of the tally begin.
const (
	walkFolders = selectCounts + " WHERE f.mailbox > ?1 AND f.mailbox <= ?2 ORDER BY f.mailbox"
	tallyCells  = 17
)

// Overview is every folder pair of the file with its tally, read in one walk. It is made for plans that ask nobody, which
// look at all of them, and so need not ask for each.
type Overview struct {
	r      *Reader
	parts  [][]boxView
	totals []MailboxTotal
}

// boxView is the folder pairs of one mailbox in the order of Folders.
type boxView struct {
	mailbox MailboxID
	counts  []FolderCount
	more    []folderMore // of each of counts
}

// folderMore is what of a tally does not stand in a FolderCount.
type folderMore struct {
	open Count
	extent
}

// Overview reads all folders and tallies.
func (r *Reader) Overview(ctx context.Context) (*Overview, error) {
	o := &Overview{r: r, parts: make([][]boxView, parts())}
	var failed error
	var walk sync.WaitGroup
	walk.Go(func() {
		failed = r.inParts(ctx, lastMailbox, func(part int, from, to int64) error {
			g := gathering{names: map[string]string{}}
			err := r.walk(ctx, walkFolders, []any{from, to}, g.folder)
			g.next(0)
			o.parts[part] = g.boxes
			return err
		})
	})
	totals, at, err := r.noTotals(ctx)
	walk.Wait()
	if err := cmp.Or(err, wrap(r.path, failed)); err != nil {
		return nil, err
	}
	for _, part := range o.parts {
		for i := range part {
			if t, ok := at[part[i].mailbox]; ok {
				part[i].addTo(t)
			}
		}
	}
	o.totals = totals
	return o, nil
}

// Totals gives what Reader.Totals gives.
func (o *Overview) Totals() []MailboxTotal { return o.totals }

// gathering is a walk on its way.
type gathering struct {
	boxes []boxView
	names map[string]string
	now   boxView // the mailbox in hand, whose room is used again
	sums  sums
}

// folder takes a row of walkFolders.
func (g *gathering) folder(c cells) error {
	f := c[:tallyCells]
	if !g.sums.intact(f) {
		return errSum
	}
	folder := Folder{ID: FolderID(f.number(0)), Mailbox: MailboxID(f.number(1)), Source: g.name(f.octets(2)), Path: g.name(f.octets(3)),
		SourceStatus: mail.Status{UIDValidity: mail.UIDValidity(f.number(4)), UIDNext: mail.UID(f.number(5)),
			HighestModSeq: uint64(f.number(6)), Messages: uint32(f.number(7))},
		Listed: mail.UID(f.number(8)), FlagsModSeq: uint64(f.number(9)), Complete: f.number(10) != 0, Current: f.number(11) != 0,
		Destination: g.name(f.octets(12)), Target: g.name(f.octets(13)), DestinationValidity: mail.UIDValidity(f.number(14)),
		Adopted: f.number(15) != 0}
	t, err := g.sums.read(c[tallyCells:], folder.ID)
	if err != nil {
		return err
	}
	if folder.Mailbox != g.now.mailbox {
		g.next(folder.Mailbox)
	}
	count, open := folderTally{folder, t}.counts()
	g.now.counts = append(g.now.counts, count)
	g.now.more = append(g.now.more, folderMore{open, t.extent})
	return nil
}

// mostNames bounds the names that are kept to be found again.
const mostNames = 10_000

// name gives a folder's name. The same ones come again and again, and each stands in up to four columns.
func (g *gathering) name(octets []byte) string {
	if name, ok := g.names[string(octets)]; ok {
		return name
	}
	name := string(octets)
	if len(g.names) < mostNames {
		g.names[name] = name
	}
	return name
}

// next puts the mailbox in hand with the others and begins another.
func (g *gathering) next(m MailboxID) {
	if n := len(g.now.counts); n > 0 {
		done := boxView{g.now.mailbox, make([]FolderCount, 0, n), make([]folderMore, 0, n)}
		for _, i := range g.order() {
			done.counts, done.more = append(done.counts, g.now.counts[i]), append(done.more, g.now.more[i])
		}
		g.boxes = append(g.boxes, done)
	}
	g.now = boxView{m, g.now.counts[:0], g.now.more[:0]}
}

// order gives the folders in hand in the order of Folders.
func (g *gathering) order() []int {
	order := make([]int, len(g.now.counts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, k int) int {
		a, b := &g.now.counts[i].Folder, &g.now.counts[k].Folder
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return order
}

// addTo adds the Current folders to the mailbox's sums.
func (v *boxView) addTo(t *MailboxTotal) {
	for i := range v.counts {
		c := &v.counts[i]
		if !c.Folder.Current {
			continue
		}
		t.Folders++
		t.Copied, t.Open, t.Doubt = t.Copied.Add(c.Copied), t.Open.Add(v.more[i].open), t.Doubt.Add(c.Doubt)
		t.Failed, t.Skipped = t.Failed.Add(c.Failed), t.Skipped.Add(c.Skipped)
		t.Gone, t.LeftOut = t.Gone.Add(c.Gone), t.LeftOut.Add(c.LeftOut)
	}
}
