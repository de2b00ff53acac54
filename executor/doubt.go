package executor

import (
	"context"
	"math"
	"time"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// doubts gives the rows of the folder whose attempt has no known outcome, under earlier UIDVALIDITYs too.
func (fr *folderRun) doubts(ctx context.Context) ([]state.Message, error) {
	var all []state.Message
	for _, f := range append([]*state.Folder{fr.rec}, fr.older...) {
		q := state.Query{Folder: f.ID, States: []state.State{state.StateIntent, state.StateUnknown}}
		err := fr.each(ctx, q, func(rows []state.Message) error {
			all = append(all, rows...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// settle looks at the destination for messages in doubt. What is found there has landed. What is not is absent only
// after a second look, at least the grace time after the connection was lost: last says that this is it. A waiting row
// whose date some unclaimed message has, without being equal, is ambiguous: only a person can say.
func (fr *folderRun) settle(ctx context.Context, last bool) error {
	rows, err := fr.doubts(ctx)
	if err != nil || len(rows) == 0 {
		return err
	}
	seen, err := fr.search(ctx, rows)
	if err != nil {
		return err
	}
	fault.At(fault.AfterScan)
	copies, err := fr.find(ctx, rows, seen)
	if err != nil {
		return err
	}
	var failures []state.Failure
	for i := range rows {
		if f := copies[i]; f != nil {
			rows[i].State, rows[i].DestinationUID = state.StateLanded, f.uid
			fr.lastUID = max(fr.lastUID, f.uid)
			fr.count(&rows[i], false)
			continue
		}
		f, err := fr.settleOne(ctx, &rows[i], seen, last)
		if err != nil {
			return err
		}
		failures = append(failures, f...)
	}
	if !last {
		fr.looked = fr.Now()
	}
	fault.At(fault.BeforeSettleCommit)
	err = fr.put(ctx, rows, failures)
	fault.At(fault.AfterSettleCommit)
	return err
}

// search lists what the messages of the doubts may be among. Rows that have landed without a known UID take theirs out
// first.
func (fr *folderRun) search(ctx context.Context, rows []state.Message) (*candidates, error) {
	from := fr.window(rows)
	seen, err := fr.unclaimed(ctx, from)
	if err != nil {
		return nil, at(SideDestination, "look for messages in doubt", err)
	}
	dates := map[int64]bool{}
	for _, r := range rows {
		dates[r.InternalDate.Unix()] = true
	}
	return seen, fr.place(ctx, seen, func(r *state.Message) bool {
		return dates[r.InternalDate.Unix()] && (from == 1 || r.V0 == fr.opened.Status.UIDValidity && r.U0 >= from)
	})
}

// window gives the UID from which on the messages of the doubts may be: the oldest U0, or the whole folder where a doubt
// is from before its UIDs were given anew.
func (fr *folderRun) window(rows []state.Message) mail.UID {
	if fault.Off(fault.Window) {
		return max(1, fr.opened.Status.UIDNext)
	}
	from := mail.UID(math.MaxUint32)
	for _, r := range rows {
		if r.V0 != fr.opened.Status.UIDValidity {
			return 1
		}
		from = min(from, r.U0)
	}
	return max(1, from)
}

// claims are the UIDs of the destination folder, from one on, that rows claim.
func (fr *folderRun) claims(ctx context.Context, from mail.UID) (map[mail.UID]bool, error) {
	list, err := fr.Ledger.Claimed(ctx, fr.row.ID, fr.dst.Raw, fr.opened.Status.UIDValidity, from)
	claimed := make(map[mail.UID]bool, len(list))
	for _, u := range list {
		claimed[u] = true
	}
	return claimed, err
}

// unclaimed lists the destination folder's messages that no row claims.
func (fr *folderRun) unclaimed(ctx context.Context, from mail.UID) (*candidates, error) {
	claimed, err := fr.claims(ctx, from)
	if err != nil {
		return nil, err
	}
	return listCandidates(ctx, fr.mailboxRun.dst, fr.dst, from, claimed)
}

// settleOne decides about a row for which no copy was found.
func (fr *folderRun) settleOne(ctx context.Context, row *state.Message, seen *candidates, last bool) ([]state.Failure, error) {
	if !last && !fault.Off(fault.SecondScan) {
		row.State = state.StateUnknown
		return []state.Failure{fr.failure(row, errDoubt)}, nil
	}
	b, err := seen.at(ctx, row.InternalDate.Unix())
	if err != nil {
		return nil, err
	}
	if b.left > 0 && !fault.Off(fault.Ambiguity) {
		return []state.Failure{fr.fail(row, state.StateAmbiguous, errAmbiguous)}, nil
	}
	if fr.tries[row.UID] >= rounds-1 {
		// Each time it was sent the connection broke, and it never arrived: it is what breaks the connection.
		return []state.Failure{fr.fail(row, state.StateRefused, errBreaks)}, nil
	}
	row.State = state.StateAbsent
	if !fr.rec.Current {
		row.State = state.StateGone // its folder is gone from the source: there is nothing to send
	}
	return nil, nil
}

// errDoubt, errBreaks and errAmbiguous are why a message counts as not settled.
var (
	errDoubt = &mail.Error{Op: "append message", Kind: mail.Transient, Code: mail.CodeMessageUnknown,
		Text: "the connection was lost before the answer came"}
	errBreaks = &mail.Error{Op: "append message", Kind: mail.Refused, Code: mail.CodeIMAPLost,
		Text: "the server broke the connection each time the message was sent"}
	errAmbiguous = &mail.Error{Op: "append message", Kind: mail.Refused, Code: mail.CodeMessageAmbiguous,
		Text: "a message with the same date is at the destination, but it is not the same octets"}
)

// find claims the rows' messages among those seen; nil where there is none. Octets come first for all rows and the
// canonical form after: else a row could take the copy of another one that differs from it in trace headers alone.
func (fr *folderRun) find(ctx context.Context, rows []state.Message, seen *candidates) (copies []*found, err error) {
	copies = make([]*found, len(rows))
	for i := range rows {
		if copies[i], err = seen.exact(ctx, rows[i].InternalDate.Unix(), rows[i].H0); err != nil {
			return nil, at(SideDestination, "read message", err)
		}
	}
	for i := range rows {
		if copies[i] != nil {
			continue
		}
		h1 := func() (mail.Digest, error) { return fr.canonicalOf(ctx, &rows[i]) }
		copies[i], err = seen.canonical(ctx, rows[i].InternalDate.Unix(), h1)
		if err != nil {
			return nil, err
		}
	}
	return copies, nil
}

// canonicalOf reads a source message again for its canonical digest; zero if it is not to be had.
func (fr *folderRun) canonicalOf(ctx context.Context, row *state.Message) (digest mail.Digest, err error) {
	if row.Folder != fr.rec.ID {
		return digest, nil // its UID means nothing any more
	}
	err = fr.mailboxRun.src.Fetch(ctx, fr.src, []mail.UID{row.UID}, &digestSink{
		each: func(_ mail.Message, h0, h1 mail.Digest) error {
			if h0 == row.H0 {
				digest = h1
			}
			return nil
		}})
	return digest, at(SideSource, "read message", err)
}

// settleLater waits out the grace time of the folders in doubt, settles them for good and copies what is absent.
func (m *mailboxRun) settleLater(ctx context.Context) error {
	for len(m.doubtful) > 0 {
		fr := m.doubtful[0]
		m.doubtful = m.doubtful[1:]
		if err := m.tolerate(fr.settleFor(ctx)); err != nil {
			return err
		}
	}
	return nil
}

func (fr *folderRun) settleFor(ctx context.Context) error {
	if err := fr.waitGrace(ctx); err != nil {
		return err
	}
	if err := fr.open(ctx); err != nil {
		return fr.explain(err)
	}
	if err := fr.recognise(ctx); err != nil {
		return fr.explain(err)
	}
	if err := fr.settle(ctx, true); err != nil {
		return fr.explain(err)
	}
	if fr.stopping() {
		return errStopped
	}
	return fr.explain(fr.afterCopy(ctx, fr.copyAbsent(ctx)))
}

// longestGrace bounds the wait that a slow server can cause.
const longestGrace = 10 * time.Minute

// waitGrace waits until the server can't store any more what it was sent: the endpoint's grace, or three times the
// slowest APPEND seen if that is longer, after the first look.
func (fr *folderRun) waitGrace(ctx context.Context) error {
	grace := max(fr.Grace(fr.mailbox.DestinationEndpoint), min(longestGrace, 3*fr.slowest))
	wait := fr.looked.Add(grace).Sub(fr.Now())
	if wait <= 0 || fault.Off(fault.Grace) {
		return nil
	}
	fr.emit(Waiting{Stamp: fr.stamp(), Mailbox: fr.mailbox.Name, Side: SideDestination, Code: mail.CodeMessageUnknown,
		Kind: mail.Transient, Text: errDoubt.Text, Wait: wait})
	err := sleep(ctx, fr.Stop, wait)
	fault.At(fault.AfterGrace)
	return err
}

// settleElsewhere looks after doubts in folders that the plan does not copy: excluded by now, or gone from the source.
func (m *mailboxRun) settleElsewhere(ctx context.Context) error {
	for _, f := range m.folders {
		if m.planned(f) || f.Destination == "" {
			continue
		}
		fr := &folderRun{mailboxRun: m, rec: f, plan: &plan.Folder{Path: f.Path, Target: f.Target},
			src: mail.Folder{Raw: f.Source, Status: f.SourceStatus}}
		doubts, err := fr.doubts(ctx)
		if err != nil {
			return err
		}
		dst, there := m.listedTarget(f.Destination)
		if len(doubts) == 0 || !there {
			continue
		}
		fr.dst, fr.looked = dst, m.started
		if err := m.tolerate(fr.explain(fr.settleWhole(ctx))); err != nil {
			return err
		}
	}
	return nil
}

// planned tells whether a folder of the plan looks after the pair and its doubts.
func (m *mailboxRun) planned(f *state.Folder) bool {
	for i := range m.mailbox.Folders {
		if p := &m.mailbox.Folders[i]; !p.Excluded && !p.NoSelect && string(p.Source) == f.Source {
			return true
		}
	}
	return false
}

// listedTarget finds a destination folder by its octets.
func (m *mailboxRun) listedTarget(raw string) (mail.Folder, bool) {
	for _, f := range m.targets {
		if f.Raw == raw {
			return f, true
		}
	}
	return mail.Folder{}, false
}

// settleWhole settles to the end, without copying anything.
func (fr *folderRun) settleWhole(ctx context.Context) error {
	if err := fr.open(ctx); err != nil {
		return err
	}
	if err := fr.settle(ctx, false); err != nil {
		return err
	}
	if left, err := fr.doubts(ctx); err != nil || len(left) == 0 {
		return err
	}
	if err := fr.waitGrace(ctx); err != nil {
		return err
	}
	return fr.settle(ctx, true)
}
