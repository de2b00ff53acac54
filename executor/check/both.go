package check

import (
	"context"
	"hash/fnv"
	"slices"

	"golang.org/x/sync/errgroup"

	"mailhaul/state/mail"
)

// both is one destination folder with its sources while they are compared.
type both struct {
	*comparison
	pair    Pair
	source  *table
	target  *table
	sources []span // of source, by source folder
}

// read reads both sides at a time.
func (b *both) read(ctx context.Context) error {
	// Where one side is empty nothing is to be compared, and no content is read. So the listings come first.
	if err := b.atOnce(ctx, b.listSources, b.listDestination); err != nil {
		return err
	}
	if b.target.n == 0 || b.source.n == 0 {
		b.skip()
		return nil
	}
	return b.contents(ctx)
}

// atOnce reads both sides. The first error ends both.
func (b *both) atOnce(ctx context.Context, source, dst func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return sided(Source, source(ctx)) })
	g.Go(func() error { return sided(Destination, dst(ctx)) })
	return g.Wait()
}

func sided(side string, err error) error {
	if err == nil {
		return nil
	}
	return &sideError{side, err}
}

func (b *both) listSources(ctx context.Context) error {
	for _, s := range b.pair.Sources {
		all, err := b.src.list(ctx, s.Raw, b.source)
		if err != nil {
			return err
		}
		b.sources = append(b.sources, all)
	}
	return nil
}

func (b *both) listDestination(ctx context.Context) (err error) {
	if b.pair.Destination.Raw != "" {
		_, err = b.dst.list(ctx, b.pair.Destination.Raw, b.target)
	}
	return err
}

// skip marks everything as known as far as it matters.
func (b *both) skip() {
	for _, t := range []*table{b.source, b.target} {
		for i := range t.n {
			t.at(i).known = byHead
		}
	}
}

// contents reads what the options ask for: bodies, or headers, or headers and then the bodies of a sample.
func (b *both) contents(ctx context.Context) error {
	all := func(*entry) bool { return true }
	if !b.options.partial() {
		return b.each(ctx, byBody, all)
	}
	if err := b.each(ctx, byHead, all); err != nil || b.options.Sample == 0 {
		return err
	}
	// All messages of one name are read if one of the sample has it: only so can they be told apart. Message-ID is no
	// part of the name, as some destinations give a new one.
	var chosen []uint64
	for i := range b.source.n {
		if e := b.source.at(i); e.known == byHead && sampled(e.uid, b.options.Sample) {
			chosen = append(chosen, e.parts)
		}
	}
	slices.Sort(chosen)
	return b.each(ctx, byBody, func(e *entry) bool {
		_, found := slices.BinarySearch(chosen, e.parts)
		return found && e.known == byHead
	})
}

// sampled tells whether a message belongs to the sample: always the same ones.
func sampled(uid mail.UID, percent int) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte{byte(uid >> 24), byte(uid >> 16), byte(uid >> 8), byte(uid)}) // hash.Hash never fails
	return int(h.Sum32()%100) < percent
}

// each reads the content of wanted messages on both sides.
func (b *both) each(ctx context.Context, kind knowledge, want func(*entry) bool) error {
	return b.atOnce(ctx, func(ctx context.Context) error {
		for i, s := range b.pair.Sources {
			if err := b.src.content(ctx, s.Raw, b.sources[i], kind, want); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context) error {
		return b.dst.content(ctx, b.pair.Destination.Raw, span{b.target, 0, b.target.n}, kind, want)
	})
}

// tell counts what was found, and tells of each message: those of the source, and then those that only the destination
// has.
func (b *both) tell(t *Tally) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for folder, s := range b.sources {
		for i := s.from; i < s.to; i++ {
			e := s.at(i)
			if e.known == gone {
				continue
			}
			t.Source++
			if e.known == byBody {
				t.Bodies++
			}
			if err := b.one(t, b.finding(folder, e)); err != nil {
				return err
			}
		}
	}
	for i := range b.target.n {
		e := b.target.at(i)
		if e.known == gone {
			continue
		}
		t.Destination++
		if e.pair != none {
			continue
		}
		if err := b.one(t, b.finding(none, e)); err != nil {
			return err
		}
	}
	return nil
}

func (b *both) one(t *Tally, f Finding) error {
	t.count(f)
	if b.options.Finding == nil || f.Sign == Same && !b.options.Same {
		return nil
	}
	return b.options.Finding(f)
}

// finding says what became of a message in words of folders and UIDs. folder is the one of the source, none for a
// message of the destination.
func (b *both) finding(folder int, e *entry) Finding {
	f := Finding{Mailbox: b.Name, Sign: verdicts[e.verdict].sign, Destination: b.pair.Destination.Path, What: e.told(b.Rewrites),
		By: e.by(), Date: dateOf(e.date), Size: mail.Size(e.size)}
	switch named := b.Destination.Web == nil; { // otherwise the number of a message is ours, and means nothing
	case folder == none && named:
		f.UID = e.uid
	case folder != none && e.pair != none && named:
		f.UID = b.target.at(int(e.pair)).uid
	}
	if folder != none {
		f.Source, f.SourceUID = b.pair.Sources[folder].Path, e.uid
	}
	return f
}
