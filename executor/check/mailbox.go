package check

import (
	"context"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// comparison is the check of one mailbox.
type comparison struct {
	Mailbox
	options Options
	mu      *sync.Mutex // for the functions of options
	src     *reader
	dst     mailReader
	result  Result
}

// run gives the result. The error is one of the context or of Options.Finding.
func (c *comparison) run(ctx context.Context) (Result, error) {
	key := newDigestKey()
	c.src, c.dst = newReader(c.Source, key), newDestination(c.Destination, key)
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
		c.result.Folders = append(c.result.Folders, Folder{Source: []string{a.Path}, LeftOut: a.Rule, Problem: a.Fault,
			Unlisted: a.Messages})
	}
	for _, o := range c.Others {
		c.result.Folders = append(c.result.Folders, Folder{Destination: o.Path, Unlisted: o.Messages,
			Tally: Tally{Destination: o.Messages, Extra: o.Messages}})
	}
}

// pair compares one destination folder with its source folders.
func (c *comparison) pair(ctx context.Context, p Pair) error {
	f := Folder{Destination: p.Destination.Path, Absent: p.Destination.Raw == ""}
	for _, s := range p.Sources {
		f.Source = append(f.Source, s.Path)
	}
	b := &both{comparison: c, pair: p, source: &table{}, target: &table{}}
	if err := b.read(ctx); err != nil {
		failed, ok := err.(*sideError) //nolint:errorlint // it is made in read and wrapped by nobody
		if !ok || !isRefused(failed.err) && mail.KindOf(failed.err) != mail.Stale {
			return err
		}
		f.Problem = failed.Error()
		c.result.Folders = append(c.result.Folders, f)
		return nil
	}
	match(b.source, b.target, rules{maxSize: c.MaxSize, shared: c.Shared, rewrites: c.Rewrites})
	err := b.tell(&f.Tally)
	c.result.Folders = append(c.result.Folders, f)
	return err
}
