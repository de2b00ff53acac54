package executor

import (
	"context"
	"errors"
	"slices"
	"time"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// folderRun is one folder pair in one Run.
type folderRun struct {
	*mailboxRun
	plan  *plan.Folder
	rec   *state.Folder
	older []*state.Folder // the same source folder under earlier UIDVALIDITYs
	src   mail.Folder
	dst   mail.Folder

	opened mail.Opened
	// u0 is UIDNEXT of the destination folder below which no attempt of ours lacks a durable outcome (I6).
	u0 mail.UID
	// looked is when the first look for the messages now in doubt ended; the grace time counts from here.
	looked time.Time
	// answered is when the last answer came.
	answered time.Time
	// unrecognised are messages that could not be compared with what is at the destination, and so are not sent.
	unrecognised map[mail.UID]bool
	// planned and moved count messages for the live view.
	planned, moved int64
	remade         bool // the folder vanished once and was created again
	// tries counts the attempts of this run after the first, for the few messages that have any.
	tries map[mail.UID]int
	// excuses counts the doubts that a throttled connection left, for the same few.
	excuses map[mail.UID]int
	// refusals are messages that are tried once more with their repair, and why.
	refusals map[mail.UID]error
	// said is what the server answered, on a connection that stayed, to messages that are in doubt all the same.
	said map[mail.UID]error
	// claimed are destination UIDs from u0 on that rows had when the folder was opened, or found since.
	claimed claims
	// reset tells that the destination gave UIDs away that rows claim, under the same UIDVALIDITY: it began anew.
	reset bool
	// looks are digests that the first look for messages in doubt has read, for the second.
	looks   map[mail.UID]*digests
	lastUID mail.UID // highest UID that the destination named in this run
}

// folder brings one folder pair as far as it goes now. Doubts that must wait are kept for settleLater.
func (m *mailboxRun) folder(ctx context.Context, f *plan.Folder) error {
	rec := m.current(string(f.Source), f.UIDValidity)
	fr := m.newFolderRun(f, rec)
	if err := unlisted(f); err != nil {
		return fr.explain(err)
	}
	if f.NoSelect {
		_, err := fr.target(ctx)
		return fr.explain(err)
	}
	if rec == nil {
		return nil // made anew since the plan: completeness says so, the next plan lists it
	}
	needed, err := fr.needed(ctx)
	if err != nil || !needed {
		return err
	}
	return fr.explain(fr.bring(ctx))
}

// newFolderRun begins with a folder of the plan; rec is its pair, if it has one.
func (m *mailboxRun) newFolderRun(f *plan.Folder, rec *state.Folder) *folderRun {
	fr := &folderRun{mailboxRun: m, plan: f, rec: rec, looked: m.started, planned: f.Todo.Messages,
		src: mail.Folder{Raw: string(f.Source), Status: mail.Status{UIDValidity: f.UIDValidity}}}
	for _, o := range m.folders {
		if rec != nil && o.Source == rec.Source && o.ID != rec.ID {
			fr.older = append(fr.older, o)
		}
	}
	return fr
}

// explain adds the folder to an endpoint's error.
func (fr *folderRun) explain(err error) error {
	if e, ok := err.(*Error); ok {
		e.Mailbox, e.Folder = fr.mailbox.Name, fr.plan.Path
	}
	return err
}

// needed tells whether there is anything to do, so that a folder without work costs no round trip.
func (fr *folderRun) needed(ctx context.Context) (bool, error) {
	if !fr.plan.Exists {
		return true, nil
	}
	for _, f := range append([]*state.Folder{fr.rec}, fr.older...) {
		c, err := fr.Ledger.Count(ctx, f.ID, fr.selection(), fr.plan.UIDNext)
		if err != nil {
			return false, err
		}
		if c.Doubt.Messages > 0 || f.ID == fr.rec.ID && fr.hasWork(c) {
			return true, nil
		}
	}
	return false, nil
}

func (fr *folderRun) hasWork(c state.FolderCount) bool {
	if fr.kind() == kindRetry && c.Failed.Messages+c.Absent.Messages > 0 {
		return true
	}
	if fr.samples() {
		return len(fr.plan.UIDs) > 0
	}
	return c.Pending.Messages > 0 || c.TooLarge.Messages > 0
}

func (fr *folderRun) kind() string { return fr.mailboxRun.plan.Pass.Kind }

func (fr *folderRun) selection() state.Selection {
	return plan.SelectionFor(fr.selectingPass(), fr.mailbox.Settings)
}

// bring does the folder's work in order: where to, what is there already, what is in doubt, what is left.
func (fr *folderRun) bring(ctx context.Context) error {
	var err error
	if err := fr.settleFormer(ctx); err != nil {
		return err
	}
	if fr.dst, err = fr.target(ctx); err != nil {
		return err
	}
	if err := fr.open(ctx); err != nil {
		if mail.CodeOf(err).FolderGone() && !fr.remade {
			return fr.remake(ctx) // it was there when the plan was made
		}
		return err
	}
	if err := fr.recognise(ctx); err != nil {
		return err
	}
	if err := fr.settle(ctx, false); err != nil {
		return err
	}
	if err := fr.leaveOut(ctx); err != nil {
		return err
	}
	return fr.afterCopy(ctx, fr.copyAll(ctx))
}

// afterCopy looks at once for what a lost connection left in doubt.
func (fr *folderRun) afterCopy(ctx context.Context, copyErr error) error {
	if errors.Is(copyErr, errFolderGone) {
		return fr.remake(ctx)
	}
	if copyErr != nil && (fatal(ctx, copyErr) || !passing(mail.KindOf(copyErr))) {
		return copyErr
	}
	doubts, err := fr.doubts(ctx)
	if err != nil {
		return err
	}
	if copyErr != nil {
		return copyErr
	}
	if len(doubts) == 0 {
		return fr.learn(ctx)
	}
	if err := fr.settle(ctx, false); err != nil {
		return err
	}
	if doubts, err = fr.doubts(ctx); len(doubts) > 0 {
		fr.doubt(fr)
		return err
	}
	if err != nil {
		return err
	}
	return fr.learn(ctx)
}

// target finds or creates the destination folder.
func (fr *folderRun) target(ctx context.Context) (mail.Folder, error) {
	if f, ok := fr.targetOf(fr.plan.Target); ok && !f.NoSelect {
		return f, nil
	}
	f, err := fr.mailboxRun.dst.Create(ctx, mail.Path(fr.plan.TargetPath), fr.plan.Role)
	if err != nil {
		return f, at(SideDestination, "create folder", err)
	}
	fault.At(fault.AfterCreateFolder)
	if err := fr.noteCreated(ctx, mail.Path(fr.plan.TargetPath), f); err != nil {
		return f, err
	}
	fr.setTarget(fr.plan.Target, f)
	return f, nil
}

// open reads the destination folder's counters; attempts that follow have its UIDNEXT as their U0, unless a doubt is
// older (I6).
func (fr *folderRun) open(ctx context.Context) error {
	opened, err := fr.mailboxRun.dst.Open(ctx, fr.dst)
	if err != nil {
		return at(SideDestination, "open folder", err)
	}
	fr.opened, fr.u0 = opened, max(1, opened.Status.UIDNext)
	doubts, err := fr.doubts(ctx)
	for _, d := range doubts {
		if !fault.Off(fault.OpenWindow) {
			fr.u0 = min(fr.u0, max(1, d.U0))
		}
	}
	if err != nil {
		return err
	}
	if fr.claimed, err = fr.claims(ctx, fr.u0); err != nil {
		return err
	}
	for uid := range fr.claimed {
		fr.reset = fr.reset || opened.Status.UIDNext != 0 && uid >= opened.Status.UIDNext
	}
	return nil
}

// reopen opens the folder on a new session after a lost one. What was learnt of it stays, U0 above all, since the
// outcomes of what was in flight are not known.
func (fr *folderRun) reopen(ctx context.Context) error {
	opened, err := fr.mailboxRun.dst.Open(ctx, fr.dst)
	if err != nil {
		return at(SideDestination, "open folder", err)
	}
	if opened.Status.UIDValidity != fr.opened.Status.UIDValidity {
		return &Error{Op: "open folder", Side: SideDestination, Kind: mail.Stale, Code: mail.CodeIMAPValidity,
			Err: &mail.Error{Op: "open folder", Kind: mail.Stale, Code: mail.CodeIMAPValidity,
				Text: "the destination folder was made anew during the copy"}}
	}
	return nil
}

// eachRow goes through rows of a folder pair, a stretch at a time; visit gets every stretch.
func eachRow(ctx context.Context, l Ledger, q state.Query, visit func([]state.Message) error) error {
	if q.Limit == 0 {
		q.Limit = 1000
	}
	for {
		rows, err := l.Select(ctx, q)
		if err != nil || len(rows) == 0 {
			return err
		}
		last := rows[len(rows)-1]
		if err := visit(rows); err != nil {
			return err
		}
		q.After = &last
	}
}

func (m *mailboxRun) each(ctx context.Context, q state.Query, visit func([]state.Message) error) error {
	return eachRow(ctx, m.Ledger, q, visit)
}

// putFolder writes a folder pair that the ledger has already.
func (m *mailboxRun) putFolder(ctx context.Context, f *state.Folder) error {
	_, err := m.Ledger.PutFolder(ctx, *f)
	return err
}

// again counts a further attempt at a message.
func (fr *folderRun) again(uid mail.UID) {
	if fr.tries == nil {
		fr.tries = map[mail.UID]int{}
	}
	fr.tries[uid]++
}

// put writes rows if there are any.
func (m *mailboxRun) put(ctx context.Context, rows []state.Message, failures []state.Failure) error {
	if len(rows) == 0 && len(failures) == 0 {
		return nil
	}
	return m.Ledger.Put(ctx, rows, failures)
}

// fail gives a row a failed state, names the message in an event, and makes the failure to be put with it.
func (fr *folderRun) fail(row *state.Message, s state.State, err error) state.Failure {
	row.State = s
	return fr.tellFailed(row, "", err)
}

// refuse is fail for a message that was in hand, so that its Message-ID is known. The ledger does not get it.
func (fr *folderRun) refuse(row *state.Message, messageID string, err error) state.Failure {
	row.State = state.StateRefused
	return fr.tellFailed(row, messageID, err)
}

func (fr *folderRun) tellFailed(row *state.Message, messageID string, err error) state.Failure {
	size := state.Count{Messages: 1, Bytes: row.Size}
	fr.add(func(o *Outcome) {
		fr.failed = fr.failed.Add(size)
		o.Failed = o.Failed.Add(size)
	})
	f := fr.failure(row, err)
	fr.emit(MessageFailed{Stamp: fr.stamp(), Mailbox: fr.mailbox.Name, Destination: fr.mailbox.Destination,
		Transport: fr.mailbox.Via, Folder: fr.plan.Path, DestinationFolder: fr.plan.Target, UID: row.UID, MessageID: messageID,
		Bytes: row.Size, Code: f.Code, Kind: f.Kind, Text: f.Text, Retry: row.State != state.StateAmbiguous})
	return f
}

func (fr *folderRun) failure(row *state.Message, err error) state.Failure {
	return state.Failure{Folder: row.Folder, UID: row.UID, Code: mail.CodeOf(err), Kind: mail.KindOf(err),
		Text: textOf(err), Time: fr.Now(), Run: fr.Run.ID}
}

// count adds a message that is at the destination, if this pass asked for it; recognised says that it was there already
// and nothing was sent.
func (fr *folderRun) count(row *state.Message, recognised bool) {
	if !recognised {
		fr.tellAmended(row)
	}
	if !fr.selected(row) {
		return
	}
	size := state.Count{Messages: 1, Bytes: row.Size}
	fr.add(func(o *Outcome) {
		fr.copied = fr.copied.Add(size)
		fr.moved++
		o.Copied = o.Copied.Add(size)
		if recognised {
			fr.adopted, o.Adopted = fr.adopted.Add(size), o.Adopted.Add(size)
		}
	})
}

// selected tells whether the pass's bounds hold a row, as Select does.
func (fr *folderRun) selected(row *state.Message) bool {
	if fr.samples() {
		return fr.kind() == kindRetry || slices.Contains(fr.plan.UIDs, row.UID)
	}
	sel := fr.selection()
	if fr.plan.UIDNext != 0 && row.UID >= fr.plan.UIDNext {
		return false
	}
	d := row.InternalDate
	if (!sel.Older.IsZero() || !sel.Newer.IsZero()) && d.IsZero() {
		return false
	}
	return (sel.Older.IsZero() || d.Before(sel.Older)) && (sel.Newer.IsZero() || !d.Before(sel.Newer))
}

// step tells live views how the folder moves on.
func (p *pipeline) step() {
	s := Step{Stamp: p.stamp(), Mailbox: p.mailbox.Name, Folder: p.plan.Path, FolderPlanned: p.planned}
	s.Moving, s.Read, s.Reading = p.moving.under()
	p.add(func(*Outcome) { s.FolderDone, s.Copied = p.moved, p.copied })
	p.emit(s)
}
