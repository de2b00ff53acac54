package check

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/state/mail"
)

// comparison is the check of one mailbox.
type comparison struct {
	Mailbox
	options Options
	mu      *sync.Mutex // for the functions of options
	src     *reader
	dst     *reader
	result  Result
}

// run gives the result. The error is one of the context or of Options.Finding.
func (c *comparison) run(ctx context.Context) (Result, error) {
	c.src, c.dst = newReader(c.Source), newReader(c.Destination)
	defer c.src.close()
	defer c.dst.close()
	c.result = Result{Mailbox: c.Name, Destination: c.Target, Shared: c.Shared, Started: time.Now()}
	err := c.uncovered(ctx)
	for i := 0; i < len(c.Pairs) && err == nil; i++ {
		err = c.pair(ctx, c.Pairs[i])
	}
	if ctx.Err() != nil {
		return c.result, context.Cause(ctx)
	}
	var failed *sideError
	switch e := err.(type) { //nolint:errorlint // it is made below and wrapped by nobody
	case nil:
		c.asides()
	case *sideError:
		failed = e
		c.result.Side, c.result.Err = failed.side, failed.err
	default:
		return c.result, err
	}
	for _, f := range c.result.Folders {
		c.result.Tally = c.result.Tally.Add(f.Tally)
	}
	c.result.Ended = time.Now()
	return c.result, nil
}

// sideError ends the comparison of a mailbox: one side can't be read any more.
type sideError struct {
	side string
	err  error
}

func (e *sideError) Error() string { return e.side + ": " + e.err.Error() }

// uncovered looks for folders of the source that the mapping does not know.
func (c *comparison) uncovered(ctx context.Context) error {
	known := map[string]bool{}
	for _, p := range c.Pairs {
		for _, s := range p.Sources {
			known[s.Raw] = true
		}
	}
	for _, a := range c.Aside {
		known[a.Raw] = true
	}
	names, err := c.src.folders(ctx)
	if err != nil {
		return &sideError{Source, err}
	}
	for _, raw := range names {
		if !known[raw] {
			c.result.Folders = append(c.result.Folders, Folder{Source: []string{raw},
				Problem: "the source lists this folder, and the mapping does not know it"})
		}
	}
	return nil
}

// asides files the folders that are on one side only.
func (c *comparison) asides() {
	for _, a := range c.Aside {
		c.result.Folders = append(c.result.Folders, Folder{Source: []string{a.Path}, LeftOut: a.Rule, Problem: a.Fault})
	}
	for _, o := range c.Others {
		c.result.Folders = append(c.result.Folders, Folder{Destination: o.Path,
			Tally: Tally{Destination: o.Messages, Extra: o.Messages}})
	}
}

// pair compares one destination folder with its source folders.
func (c *comparison) pair(ctx context.Context, p Pair) error {
	f := Folder{Destination: p.Destination.Path, Absent: p.Destination.Raw == ""}
	for _, s := range p.Sources {
		f.Source = append(f.Source, s.Path)
	}
	source, dst, err := c.read(ctx, p)
	if err != nil {
		failed, ok := err.(*sideError) //nolint:errorlint // it is made in read and wrapped by nobody
		if !ok || !isRefused(failed.err) && mail.KindOf(failed.err) != mail.Stale {
			return err
		}
		f.Problem = failed.Error()
		c.result.Folders = append(c.result.Folders, f)
		return nil
	}
	found := match(source, dst, rules{maxSize: c.MaxSize, shared: c.Shared}, &f.Tally)
	findings := make([]Finding, len(found))
	for i, m := range found {
		findings[i] = c.finding(p, m, source, dst)
		f.Tally.count(findings[i])
	}
	c.result.Folders = append(c.result.Folders, f)
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.SourceUID, b.SourceUID), cmp.Compare(a.UID, b.UID))
	})
	return c.tell(findings)
}

func (c *comparison) tell(findings []Finding) error {
	if c.options.Finding == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range findings {
		if err := c.options.Finding(f); err != nil {
			return err
		}
	}
	return nil
}

// finding says what was found in words of folders and UIDs.
func (c *comparison) finding(p Pair, m matched, source, dst []entry) Finding {
	f := Finding{Mailbox: c.Name, Sign: m.sign, Destination: p.Destination.Path, What: m.what}
	if m.dst != none {
		e := &dst[m.dst]
		f.UID, f.Date, f.Size = e.uid, dateOf(e.date), e.size
	}
	if m.source != none {
		e := &source[m.source]
		f.Source, f.SourceUID, f.Date, f.Size = p.Sources[e.folder].Path, e.uid, dateOf(e.date), e.size
	}
	return f
}

// read reads both sides at a time.
func (c *comparison) read(ctx context.Context, p Pair) (source, dst []entry, err error) {
	words := &vocabulary{sets: map[string]uint32{}}
	b := &both{comparison: c, pair: p, words: words, sources: make([][]entry, len(p.Sources))}
	// Where one side is empty nothing is to be compared, and no content is read. So the listings come first.
	if err := b.atOnce(ctx, b.listSources, b.listDestination); err != nil {
		return nil, nil, err
	}
	if len(b.target) == 0 || b.messages() == 0 {
		b.skip()
	} else if err := b.contents(ctx); err != nil {
		return nil, nil, err
	}
	for i, entries := range b.sources {
		for j := range entries {
			entries[j].folder = int32(i) //nolint:gosec // fewer folders than messages
		}
		if source == nil {
			source = entries // mostly it is the only one, and large
		} else {
			source = append(source, entries...)
		}
		b.sources[i] = nil
	}
	return source, b.target, nil
}

// both is one destination folder with its sources while they are read.
type both struct {
	*comparison
	pair    Pair
	words   *vocabulary
	sources [][]entry // by source folder
	target  []entry
}

func (b *both) messages() (n int) {
	for _, f := range b.sources {
		n += len(f)
	}
	return n
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

func (b *both) listSources(ctx context.Context) (err error) {
	for i, s := range b.pair.Sources {
		if b.sources[i], err = b.src.list(ctx, s.Raw, b.words); err != nil {
			return err
		}
	}
	return nil
}

func (b *both) listDestination(ctx context.Context) (err error) {
	if b.pair.Destination.Raw != "" {
		b.target, err = b.dst.list(ctx, b.pair.Destination.Raw, b.words)
	}
	return err
}

// skip marks everything as known as far as it matters.
func (b *both) skip() {
	for _, entries := range append(b.sources, b.target) {
		for i := range entries {
			entries[i].known = byHead
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
	// All messages of one name are read if one of the sample has it: only so can they be told apart.
	chosen := map[uint64]bool{}
	for _, entries := range b.sources {
		for i := range entries {
			if e := &entries[i]; sampled(e.uid, b.options.Sample) {
				chosen[e.head] = true
			}
		}
	}
	return b.each(ctx, byBody, func(e *entry) bool { return e.known == byHead && chosen[e.head] })
}

// sampled tells whether a message belongs to the sample: always the same ones.
func sampled(uid mail.UID, percent int) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte{byte(uid >> 24), byte(uid >> 16), byte(uid >> 8), byte(uid)}) // hash.Hash never fails
	return int(h.Sum32()%100) < percent
}

// each reads the content of wanted messages on both sides.
func (b *both) each(ctx context.Context, kind knowledge, want func(*entry) bool) error {
	return b.atOnce(ctx, func(ctx context.Context) (err error) {
		for i, s := range b.pair.Sources {
			if b.sources[i], err = b.src.content(ctx, s.Raw, b.sources[i], kind, want); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context) (err error) {
		b.target, err = b.dst.content(ctx, b.pair.Destination.Raw, b.target, kind, want)
		return err
	})
}
