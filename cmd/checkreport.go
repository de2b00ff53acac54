package cmd

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor/check"
)

// checkReport tells what a check finds, mailboxes in the order of the configuration.
type checkReport struct {
	app   *app
	order []string
	most  int // messages that are kept of one mailbox
	out   *checkFile

	found map[string]*view.CheckMailbox // gathers Found and More until the mailbox is done
	ready map[string]view.CheckMailbox  // done, and waiting for those before them
	rows  []view.CheckMailbox           // shown, without their messages unless JSON is asked for
	total view.CheckTotal
	err   error // the first of writing
}

// How many messages that are not the same are kept of one mailbox; --out gets every message.
const (
	mostOnTerminal = 20
	mostElsewhere  = 1000
)

func newCheckReport(a *app, f *checkFlags, mailboxes []*config.Mailbox) (*checkReport, error) {
	r := &checkReport{app: a, most: mostElsewhere, found: map[string]*view.CheckMailbox{},
		ready: map[string]view.CheckMailbox{}}
	if a.term.Out.IsTerminal && !a.flags.verbose && !a.flags.json {
		r.most = mostOnTerminal
	}
	for _, m := range mailboxes {
		r.order = append(r.order, m.Name())
	}
	if f.out == "" {
		return r, nil
	}
	var err error
	r.out, err = newCheckFile(f.out)
	return r, checkFailed(f.out, err)
}

// finding takes one message. Those that are the same are for the file alone.
func (r *checkReport) finding(f check.Finding) error {
	m := checkedMessage(f)
	if f.Sign != check.Same && r.lists(f) {
		r.keep(m)
	}
	if r.out == nil {
		return nil
	}
	return checkFailed(r.out.name, view.CheckMessageLine(r.out, m))
}

// lists tells whether a message has a line of its own. What its owner has marked as deleted is no news, however much it is.
func (r *checkReport) lists(f check.Finding) bool {
	return r.app.flags.verbose || r.app.flags.json || f.Sign != check.LeftOut || !slices.Contains(f.What, check.Deleted)
}

// keep remembers a message until its mailbox is shown.
func (r *checkReport) keep(m view.CheckMessage) {
	kept := r.found[m.Mailbox]
	if kept == nil {
		kept = &view.CheckMailbox{}
		r.found[m.Mailbox] = kept
	}
	var more bool
	if kept.Found, more = view.KeepFound(kept.Found, m, r.most); more {
		kept.More++
	}
}

// done takes a mailbox that was compared, and shows all whose turn it is.
func (r *checkReport) done(m view.CheckMailbox) {
	if kept := r.found[m.Mailbox]; kept != nil {
		m.Found, m.More = kept.Found, kept.More
		delete(r.found, m.Mailbox)
	}
	r.ready[m.Mailbox] = m
	for len(r.rows) < len(r.order) {
		name := r.order[len(r.rows)]
		next, there := r.ready[name]
		if !there {
			return
		}
		delete(r.ready, name)
		r.show(next)
	}
}

func (r *checkReport) show(m view.CheckMailbox) {
	if r.out != nil {
		r.err = errors.Join(r.err, checkFailed(r.out.name, view.CheckMailboxLines(r.out, m)))
	}
	t := r.total.Tally
	r.total.Tally = view.CheckTally(check.Tally(t).Add(check.Tally(m.Tally)))
	r.total.Mailboxes++
	switch {
	case m.Skipped != "":
		r.total.Skipped++
	case m.Whole:
		r.total.Whole++
	}
	if !r.app.flags.json {
		r.err = errors.Join(r.err, view.Check(r.app.term.Out, m))
		m.Folders, m.Found = nil, nil
	}
	r.rows = append(r.rows, m)
}

// end writes what comes last. The file of an interrupted check is not kept: it would look complete.
func (r *checkReport) end(err error) error {
	err = errors.Join(err, r.err)
	if r.out != nil {
		err = errors.Join(err, checkFailed(r.out.name, r.out.end(err == nil)))
	}
	switch {
	case err != nil:
		return err
	case r.app.flags.json:
		err = view.CheckJSON(r.app.term.Out, r.total, r.rows)
	default:
		err = view.CheckSummary(r.app.term.Out, r.total)
	}
	return errors.Join(err, verdictOfCheck(r.rows))
}

// checkFile is the file of --out. It has its name only when it is complete.
type checkFile struct {
	*bufio.Writer
	file *os.File
	name string
}

func newCheckFile(name string) (*checkFile, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // for its owner alone
	return &checkFile{bufio.NewWriter(f), f, name}, err
}

// end gives the file its name, or removes it.
func (f *checkFile) end(complete bool) error {
	temporary := f.file.Name()
	if !complete {
		return errors.Join(f.file.Close(), os.Remove(temporary))
	}
	if err := errors.Join(f.Flush(), f.file.Sync(), f.file.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return os.Rename(temporary, f.name)
}
