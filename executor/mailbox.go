package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// mailboxRun is one mailbox in one Run.
type mailboxRun struct {
	*runner
	mailbox *plan.Mailbox
	// Stop is closed when nothing new is to be begun in this mailbox.
	Stop <-chan struct{}
	row  state.Mailbox
	src  retryingSource
	dst  retryingDestination

	started time.Time
	guest   *guest // at both endpoints
	further bool   // it is a lane beside the first one (lanes.go)
	*common
}

// work carries out the mailbox's part of the plan and records how it ended. The error is fatal to the run or nil.
func (m *mailboxRun) work(ctx context.Context) error {
	m.started = m.Now()
	var err error
	if m.row, err = m.ledgerRow(ctx); err != nil {
		return err
	}
	if m.mailbox.Action == plan.Blocked {
		return m.blocked(ctx)
	}
	if m.mailbox.Action == plan.UpToDate {
		m.add(func(o *Outcome) { o.UpToDate++ })
		return m.record(ctx, state.MailboxPass{Progress: state.Complete})
	}
	if m.proved() {
		m.add(func(o *Outcome) { o.Complete++; m.runner.done++ })
		return m.record(ctx, state.MailboxPass{Progress: state.Complete})
	}
	return m.end(ctx, m.carryOut(ctx))
}

// proved tells whether the plan itself was the work: a verify pass, or the retry of one, copies nothing.
func (m *mailboxRun) proved() bool {
	r := m.mailbox.Resume
	return m.plan.Pass.Kind == kindVerify || r != nil && r.Kind == kindVerify && m.mailbox.Todo.Messages == 0
}

// ledgerRow gives the ledger's row of the mailbox. A destination that the plan has not looked at leaves the row as it
// is: whether it is another mailbox is still to be decided.
func (m *mailboxRun) ledgerRow(ctx context.Context) (state.Mailbox, error) {
	now := state.Mailbox{Name: m.mailbox.Name, SourceEndpoint: m.mailbox.SourceEndpoint,
		Destination: m.mailbox.Destination, DestinationEndpoint: m.mailbox.DestinationEndpoint, Wave: m.mailbox.Wave}
	old, known, err := m.Ledger.FindMailbox(ctx, now.Name, now.SourceEndpoint)
	moved := known && (old.Destination != now.Destination || old.DestinationEndpoint != now.DestinationEndpoint)
	if err != nil || moved && m.mailbox.FormerDestination != old.Destination {
		return old, err
	}
	if moved {
		if err := m.startAnew(ctx, old.ID); err != nil {
			return old, err
		}
	}
	return m.Ledger.PutMailbox(ctx, now)
}

// The pass kinds that the executor treats in their own way.
const (
	kindVerify = "verify"
	kindTrial  = "trial"
	kindFull   = "full"
	kindRetry  = "retry"
)

// blocked records why the plan could not touch the mailbox.
func (m *mailboxRun) blocked(ctx context.Context) error {
	p := m.mailbox.Problem
	if p == nil {
		p = &plan.Problem{Side: "plan", Code: mail.CodeInternal, Kind: mail.Refused.String()}
	}
	kind := mail.ParseKind(p.Kind)
	m.emit(MailboxFailed{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Destination: m.mailbox.Destination,
		Transport: m.mailbox.Via, Side: p.Side, Code: p.Code, Kind: kind, Text: p.Text, Retry: true})
	m.countRefused(p.Side, kind)
	return m.record(ctx, state.MailboxPass{Progress: state.Failed, Side: p.Side, Code: p.Code, Kind: kind, Text: p.Text})
}

func (m *mailboxRun) countRefused(side string, kind mail.Kind) {
	if kind != mail.Auth {
		return
	}
	m.add(func(o *Outcome) {
		if side == SideSource {
			o.RefusedSource++
		} else {
			o.RefusedDestination++
		}
	})
}

func (m *mailboxRun) waiting(side string) func(error, time.Duration) {
	return func(err error, d time.Duration) {
		if side == SideDestination && mail.KindOf(err) == mail.Throttled {
			m.common.throttle()
		}
		m.emit(Waiting{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Side: side, Code: mail.CodeOf(err),
			Kind: mail.KindOf(err), Text: textOf(err), Wait: d})
	}
}

// inventory lists the destination's folders while the source signs in.
func (m *mailboxRun) inventory(ctx context.Context) error {
	var source, err error
	var both sync.WaitGroup
	both.Go(func() { source = at(SideSource, "sign in", m.src.ready(ctx)) })
	list := m.Parked.listing(m.mailbox.Name)
	if list == nil {
		list, err = m.dst.Folders(ctx)
	}
	both.Wait()
	switch {
	case source != nil:
		return source
	case err != nil:
		return at(SideDestination, "list folders", err)
	}
	m.targets, m.listed = make(map[string]mail.Folder, len(list)), list
	for _, f := range list {
		m.setTarget(f.Path.String(), f)
	}
	folders, err := m.Ledger.Folders(ctx, m.row.ID)
	for i := range folders {
		m.folders = append(m.folders, &folders[i])
	}
	return err
}

// attempts copies everything once, and in a retry again what still fails, as often as the plan says.
func (m *mailboxRun) attempts(ctx context.Context) error {
	for n := 1; ; n++ {
		if err := m.round(ctx); err != nil {
			return err
		}
		if m.plan.Pass.Kind != kindRetry || n >= m.plan.Pass.Attempts || m.failed.Messages == 0 {
			return nil
		}
		wait := time.Duration(m.plan.Pass.WaitSeconds) * time.Second
		m.emit(Waiting{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Text: "next attempt of the retry", Wait: wait})
		if err := sleep(ctx, m.Stop, wait); err != nil {
			return err
		}
		m.forgive()
	}
}

// forgive takes the failures so far out of the counts: they are tried again.
func (m *mailboxRun) forgive() {
	m.add(func(o *Outcome) { o.Failed = sub(o.Failed, m.failed) })
	m.failed = state.Count{}
}

func sub(a, b state.Count) state.Count {
	return state.Count{Messages: a.Messages - b.Messages, Bytes: a.Bytes - b.Bytes}
}

// round copies each folder, settles what is in doubt, and carries changed flags over.
func (m *mailboxRun) round(ctx context.Context) error {
	ordered, apart, err := m.split(ctx)
	if err != nil {
		return err
	}
	for _, f := range ordered {
		if m.stopping() {
			return errStopped
		}
		if err := m.tolerate(m.folder(ctx, f)); err != nil {
			return err
		}
	}
	if err := m.sideBySide(ctx, apart); err != nil {
		return err
	}
	if err := m.settleElsewhere(ctx); err != nil {
		return err
	}
	if err := m.settleLater(ctx); err != nil {
		return err
	}
	if err := m.carryFlags(ctx); err != nil {
		return err
	}
	return m.refusedFolder
}

// tolerate keeps the first refusal of a single folder for the end: the other folders go on.
func (m *mailboxRun) tolerate(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != mail.Refused && e.Kind != mail.Stale {
		return err
	}
	m.add(func(*Outcome) {
		if m.refusedFolder == nil {
			m.refusedFolder = err
		}
	})
	return nil
}

// reportLeftOut names the messages that stay behind because of their size.
func (m *mailboxRun) reportLeftOut() {
	m.leftOut = m.mailbox.LeftOut
	for i := range m.mailbox.Folders {
		for _, l := range m.mailbox.Folders[i].TooLarge {
			m.emitLeftOut(&m.mailbox.Folders[i], l.UID, l.Size)
		}
	}
}

func (m *mailboxRun) emitLeftOut(f *plan.Folder, uid mail.UID, size mail.Size) {
	m.emit(MessageLeftOut{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Destination: m.mailbox.Destination,
		Transport: m.mailbox.Via, Folder: f.Path, DestinationFolder: f.Target, UID: uid, Bytes: size,
		Code: mail.CodeMessageTooLarge})
}

// end records how the mailbox ended; what is fatal to the run comes back.
func (m *mailboxRun) end(ctx context.Context, err error) error {
	switch {
	case fatal(ctx, err):
		return err
	case errors.Is(err, errStopped):
		if !m.runner.stopping() {
			m.waits(m.mailbox.Name)
		}
		return m.record(ctx, state.MailboxPass{Progress: state.Pending})
	case err != nil:
		return m.stopped(ctx, err)
	}
	progress, err := m.completeness(ctx)
	if err != nil {
		return err
	}
	m.add(func(o *Outcome) {
		m.runner.done++
		o.FlagsChanged += m.flagsChanged
		o.Amended += m.amended
		if progress == state.Complete {
			o.Complete++
		} else {
			o.Incomplete++
		}
	})
	m.emit(MailboxDone{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Destination: m.mailbox.Destination,
		Transport: m.mailbox.Via, Planned: m.mailbox.Todo, Copied: m.copied, Failed: m.failed, LeftOut: m.leftOut,
		Adopted: m.adopted, FlagsChanged: m.flagsChanged, Amended: m.amended, Elapsed: m.Now().Sub(m.started)})
	return m.record(ctx, state.MailboxPass{Progress: progress})
}

// stopped records a mailbox that can't go on as a whole.
func (m *mailboxRun) stopped(ctx context.Context, err error) error {
	side := ""
	var e *Error
	if errors.As(err, &e) {
		side = e.Side
	}
	kind, code, text := mail.KindOf(err), mail.CodeOf(err), textOf(err)
	if e != nil && e.Folder != "" {
		text = fmt.Sprintf("folder %q: %s", e.Folder, text)
	}
	m.emit(MailboxFailed{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Destination: m.mailbox.Destination,
		Transport: m.mailbox.Via, Side: side, Code: code, Kind: kind, Text: text, Retry: true, Copied: m.copied})
	m.countRefused(side, kind)
	m.add(func(o *Outcome) { o.Blocked++; m.runner.done++ })
	return m.record(ctx, state.MailboxPass{Progress: state.Failed, Side: side, Code: code, Kind: kind, Text: text})
}

// completeness holds invariant I8: every listed message of the pass terminal, every listing whole.
func (m *mailboxRun) completeness(ctx context.Context) (state.Progress, error) {
	progress := state.Complete
	for i := range m.mailbox.Folders {
		f := &m.mailbox.Folders[i]
		rec := m.current(string(f.Source), f.UIDValidity)
		if f.Excluded || f.NoSelect {
			continue
		}
		if rec == nil {
			return state.Pending, nil // made anew since the plan; the next plan lists it
		}
		p, err := m.folderProgress(ctx, rec, f)
		if err != nil || p == state.Pending {
			return p, err
		}
		if p == state.Incomplete {
			progress = p
		}
	}
	return progress, nil
}

// selectingPass is the pass whose bounds choose the messages: a retry finishes the pass that the mailbox stopped in.
func (m *mailboxRun) selectingPass() plan.Pass {
	if m.mailbox.Resume != nil {
		return *m.mailbox.Resume
	}
	return m.plan.Pass
}

// selects tells whether the run takes messages that were never tried; a retry alone does not.
func (m *mailboxRun) selects() bool {
	r := m.mailbox.Resume
	return m.plan.Pass.Kind != kindRetry || r != nil && r.Kind != kindVerify
}

// record writes how the mailbox fares in the pass, and in a retry in the passes that it mends.
func (m *mailboxRun) record(ctx context.Context, p state.MailboxPass) error {
	fault.At(fault.BeforeMailboxRecord)
	p.Mailbox, p.Run, p.Started, p.Ended = m.row.ID, m.Run.ID, m.started, m.Now()
	names := []string{m.plan.Pass.Name}
	if m.mailbox.Resume != nil && p.Progress != state.Pending {
		names = append(names, m.mailbox.Resume.Name)
	}
	if m.plan.Pass.Kind == kindRetry && p.Progress == state.Complete {
		mended, err := m.mended(ctx)
		if err != nil {
			return err
		}
		names = append(names, mended...)
	}
	for _, name := range names {
		p.Pass = name
		if err := m.Ledger.PutMailboxPass(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// mended names the passes that had ended with failures of this mailbox; none is left now.
func (m *mailboxRun) mended(ctx context.Context) ([]string, error) {
	all, err := m.Ledger.MailboxPasses(ctx)
	var names []string
	for _, p := range all {
		if p.Mailbox == m.row.ID && p.Progress == state.Incomplete {
			names = append(names, p.Pass)
		}
	}
	return names, err
}

// current finds the ledger's pair of a source folder under a UIDVALIDITY.
func (m *mailboxRun) current(source string, v mail.UIDValidity) *state.Folder {
	for _, f := range m.folders {
		if f.Source == source && f.SourceStatus.UIDValidity == v && f.Current {
			return f
		}
	}
	return nil
}
