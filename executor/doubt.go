package executor

import (
	"context"
	"math"
	"slices"
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
	from, err := fr.window(ctx, rows)
	if err != nil {
		return err
	}
	seen, err := fr.unclaimed(ctx, from)
	if err != nil {
		return at(SideDestination, "look for messages in doubt", err)
	}
	fault.At(fault.AfterScan)
	if err := fr.lookFor(ctx, seen, rows); err != nil {
		return err
	}
	if err := fr.mendFlags(ctx, rows); err != nil {
		return err
	}
	failures, err := fr.seeUndone(ctx, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		failures = append(failures, fr.judge(&rows[i], seen, last)...)
	}
	if fr.looks = nil; !last {
		fr.looked, fr.looks = fr.Now(), seen.remember()
	}
	fault.At(fault.BeforeSettleCommit)
	err = fr.put(ctx, rows, failures)
	fault.At(fault.AfterSettleCommit)
	return err
}

// lookFor gives the rows in doubt their copies, after those that have landed without a known UID (I5).
func (fr *folderRun) lookFor(ctx context.Context, seen *candidates, rows []state.Message) error {
	dates := map[int64]bool{}
	for _, r := range rows {
		dates[r.InternalDate.Unix()] = true
	}
	dated := func(r *state.Message) bool { return dates[r.InternalDate.Unix()] && fr.lookedFor(r) }
	for _, t := range []tier{fr.exactTier, fr.canonicalTier, fr.renderedTier} {
		if err := fr.place(ctx, seen, dated, t); err != nil {
			return err
		}
		if err := t(ctx, seen, unplaced(rows)); err != nil {
			return err
		}
	}
	if len(unplaced(rows)) == 0 || seen.empty() {
		return nil
	}
	if err := fr.learnDates(ctx, seen, fr.lookedFor); err != nil {
		return err
	}
	doubtful := func(r *state.Message) bool { return fr.lookedFor(r) && !seen.keepsDate(r) }
	if err := fr.place(ctx, seen, doubtful, fr.undatedTier); err != nil {
		return err
	}
	return fr.undatedTier(ctx, seen, unplaced(rows))
}

// unplaced gives the rows that have found no copy.
func unplaced(rows []state.Message) []*state.Message {
	var open []*state.Message
	for i := range rows {
		if rows[i].DestinationUID == 0 {
			open = append(open, &rows[i])
		}
	}
	return open
}

// window gives the UID from which on the messages of the doubts may be: the oldest U0, or the whole folder where a doubt
// is from before its UIDs were given anew, or UIDs do not last. It begins early enough for the copies of rows that have
// landed without a known UID: while a doubt was open, their U0 was older than the UIDNEXT they met.
func (fr *folderRun) window(ctx context.Context, rows []state.Message) (mail.UID, error) {
	if fault.Off(fault.Window) {
		return max(1, fr.opened.Status.UIDNext), nil
	}
	v := fr.opened.Status.UIDValidity
	if v == 0 || fr.reset {
		return 1, nil
	}
	from := mail.UID(math.MaxUint32)
	for _, r := range rows {
		if r.V0 != v {
			return 1, nil
		}
		from = min(from, r.U0)
	}
	landed, err := fr.unlearned(ctx)
	if landed != 0 {
		from = min(from, landed)
	}
	return max(1, from), err
}

// claims are the UIDs of the destination folder, from one on, that rows claim. Under UIDs that do not last there are
// none: then every row that has landed looks for its copy anew.
func (fr *folderRun) claims(ctx context.Context, from mail.UID) (claims, error) {
	if fr.opened.Status.UIDValidity == 0 {
		return claims{}, nil
	}
	list, err := fr.Ledger.Claimed(ctx, fr.row.ID, fr.dst.Raw, fr.opened.Status.UIDValidity, from)
	claimed := make(claims, len(list))
	for _, c := range list {
		claimed[c.UID] = c.InternalDate.Unix()
	}
	return claimed, err
}

// unclaimed lists the destination folder's messages that no row claims. Claims that the listing disproves are given up
// first: a server that names wrong UIDs must not hide one message's copy behind another's row.
func (fr *folderRun) unclaimed(ctx context.Context, from mail.UID) (*candidates, error) {
	seen, err := fr.list(ctx, from)
	if err != nil || len(seen.disproved) == 0 || seen.changed > max(fewLies, seen.kept) {
		return seen, err
	}
	kept, changed := seen.kept, seen.changed
	if err := fr.disclaim(ctx, seen.disproved, from); err != nil {
		return nil, err
	}
	if seen, err = fr.list(ctx, from); err == nil {
		seen.kept, seen.changed = kept, changed
	}
	return seen, err
}

// fewLies is how many dates may differ before the destination counts as one that does not keep dates.
const fewLies = 3

func (fr *folderRun) list(ctx context.Context, from mail.UID) (*candidates, error) {
	claimed, err := fr.claims(ctx, from)
	if err != nil {
		return nil, err
	}
	seen, err := listCandidates(ctx, fr.mailboxRun.dst, fr.dst, from, claimed)
	if err == nil && fr.opened.Status.UIDValidity != 0 {
		seen.known = fr.looks
	}
	return seen, err
}

// disclaim takes UIDs away from the rows that have them; their copies are looked for from a UID on.
func (fr *folderRun) disclaim(ctx context.Context, uids map[mail.UID]bool, from mail.UID) error {
	pairs, err := fr.sharing(ctx)
	if err != nil {
		return err
	}
	for _, f := range pairs {
		q := state.Query{Folder: f.ID, States: []state.State{state.StateLanded, state.StateAdopted}}
		err := fr.each(ctx, q, func(rows []state.Message) error {
			rows = slices.DeleteFunc(rows, func(r state.Message) bool { return !uids[r.DestinationUID] })
			for i := range rows {
				rows[i].DestinationUID, rows[i].U0, rows[i].V0 = 0, from, fr.opened.Status.UIDValidity
			}
			return fr.put(ctx, rows, nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// judge says what has become of a row in doubt after the candidates were gone through for all.
func (fr *folderRun) judge(row *state.Message, seen *candidates, last bool) []state.Failure {
	switch {
	case !row.State.Doubt():
		return nil // seeUndone has judged it
	case row.DestinationUID != 0:
		row.State = state.StateLanded
		fr.lastUID = max(fr.lastUID, row.DestinationUID)
		fr.lasting(row)
		fr.count(row, false)
		return nil
	case !last && !fault.Off(fault.SecondScan):
		row.State = state.StateUnknown
		return []state.Failure{fr.failure(row, errDoubt)}
	case seen.left(row.InternalDate.Unix()) > 0 && !fault.Off(fault.Ambiguity):
		return []state.Failure{fr.fail(row, state.StateAmbiguous, errAmbiguous)}
	case fr.tries[row.UID] >= rounds-1 && row.Folder == fr.rec.ID && !(fr.wasThrottled() && fr.excused(row.UID)):
		// Where a server throttles by closing the connection, the reset can overtake its words: then only a later answer has
		// them, and a lost connection may be put down to throttling as well, so often and no more.
		if said := fr.said[row.UID]; said != nil {
			return []state.Failure{fr.refusedForGood(row, said, "")}
		}
		// Each time it was sent the connection broke, and it never arrived: it is what breaks the connection.
		return []state.Failure{fr.refusedForGood(row, errBreaks, "")}
	}
	row.State = state.StateAbsent
	if !fr.rec.Current {
		row.State = state.StateGone // its folder is gone from the source: there is nothing to send
	}
	return nil
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
	grace := max(fr.Grace(fr.mailbox.DestinationEndpoint), min(longestGrace, 3*fr.took(0)))
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

// settleFormer settles doubts at the folder that the pair went to before the rules sent it elsewhere: only there can the
// copies be.
func (fr *folderRun) settleFormer(ctx context.Context) error {
	if fr.rec.Destination == "" || fr.plan.Target == fr.rec.Target {
		return nil
	}
	dst, there := fr.listedTarget(fr.rec.Destination)
	if !there {
		return nil
	}
	doubts, err := fr.doubts(ctx)
	if err != nil || len(doubts) == 0 {
		return err
	}
	former := *fr
	former.dst, former.plan = dst, &plan.Folder{Path: fr.plan.Path, Target: fr.rec.Target}
	return former.settleWhole(ctx)
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
	m.common.mu.Lock()
	defer m.common.mu.Unlock()
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
	if err := fr.placeAnew(ctx); err != nil {
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
