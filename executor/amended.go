package executor

import (
	"context"
	"io"
	"slices"

	"mailhaul/executor/amend"
	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// Some messages are sent with other octets than the source's: a request for a read receipt is disarmed where the settings
// say so, and what was refused is repaired, once (amend). Exactly-once holds for them as for all others: the row keeps the
// digest of the source's octets (H0) and that of those that are sent (H1), both before the first one leaves, and a doubt is
// settled by the latter. What was changed stands in the row, in an event, and in what `state export` tells.

const receiptsDisarm = "disarm"

// repairs are what one more try after a refusal may change.
const repairs = amend.NULs | amend.Lines | amend.Ends

// amendments are what may be changed of a message that is about to be sent. A draft is not sent to anybody yet: its
// request is its author's.
func (fr *folderRun) amendments(row *state.Message) amend.Changes {
	var c amend.Changes
	if fr.mailbox.Settings.Receipts == receiptsDisarm && row.Flags.System&(mail.Seen|mail.Draft) == 0 {
		c |= amend.Receipts
	}
	if fr.refusals[row.UID] != nil {
		c |= repairs
	}
	return c
}

// amend gives the messages of a batch the octets that are sent, and notes that in their rows.
func (p *pipeline) amend(batch []item) error {
	for i := range batch {
		it := &batch[i]
		it.row.H1, it.row.Degraded = mail.Digest{}, it.row.Degraded&^state.Amended
		wanted := p.amendments(&it.row)
		if wanted == 0 {
			continue
		}
		if err := it.msg.amend(wanted); err != nil {
			return err
		}
		if limit := p.mailbox.Settings.MaxSize; limit > 0 && it.msg.size <= limit && it.msg.sentSize() > limit {
			it.msg.asItWas() // quoted-printable is longer: not over what the destination takes
		}
		if it.msg.plan.Changes != 0 {
			it.row.H1, it.row.Degraded = it.msg.sent.digest, it.row.Degraded|degradations(it.msg.plan.Changes)
		}
	}
	return nil
}

// amendment pairs what amend does with how a row says it.
var amendment = map[amend.Changes]state.Degradation{amend.Receipts: state.DisarmedReceipts, amend.NULs: state.DroppedNULs,
	amend.Lines: state.WrappedLines, amend.Ends: state.MendedLineEnds}

func degradations(c amend.Changes) (d state.Degradation) {
	for change, name := range amendment {
		if c&change != 0 {
			d |= name
		}
	}
	return d
}

func changesOf(d state.Degradation) (c amend.Changes) {
	for change, name := range amendment {
		if d&name != 0 {
			c |= change
		}
	}
	return c
}

// repairable notes that a refused message is to be tried once more with its repair. TooLarge is not: no repair makes a
// message smaller without cutting it.
func (fr *folderRun) repairable(row *state.Message, err error) bool {
	malformed := mail.KindOf(err) == mail.Malformed || mail.CodeOf(err) == mail.CodeMessageRefused
	if !fr.mailbox.Settings.Repair || !malformed || row.Folder != fr.rec.ID || fr.refusals[row.UID] != nil {
		return false
	}
	if fr.refusals == nil {
		fr.refusals = map[mail.UID]error{}
	}
	fr.refusals[row.UID] = err
	return true
}

// refusedForGood records a refusal that no further try follows.
func (fr *folderRun) refusedForGood(row *state.Message, err error, messageID string) state.Failure {
	if changesOf(row.Degraded)&repairs != 0 {
		err = &mail.Error{Op: "append message", Kind: mail.KindOf(err), Code: mail.CodeOf(err),
			Text: textOf(err) + " (the repaired copy was refused too)"}
	}
	row.H1, row.Degraded = mail.Digest{}, row.Degraded&^state.Amended // nothing of it is there
	return fr.refuse(row, messageID, err)
}

// tellAmended names a message that has arrived with other octets.
func (fr *folderRun) tellAmended(row *state.Message) {
	if row.Degraded&state.Amended == 0 {
		return
	}
	fr.add(func(*Outcome) { fr.amended++ })
	fr.emit(MessageChanged{Stamp: fr.stamp(), Mailbox: fr.mailbox.Name, Destination: fr.mailbox.Destination,
		Transport: fr.mailbox.Via, Folder: fr.plan.Path, DestinationFolder: fr.plan.Target, UID: row.UID, Bytes: row.Size,
		Changes: row.Degraded & state.Amended})
}

// digestsOf are the octets under which a row's copy may be found: those that were sent, and the source's, which a
// destination may tell of beside octets that it makes anew.
func digestsOf(row *state.Message) []mail.Digest {
	if row.H1.IsZero() || fault.Off(fault.SentDigest) {
		return []mail.Digest{row.H0}
	}
	return []mail.Digest{row.H1, row.H0}
}

// wholeSink holds each body back whole, so that it can be read twice.
type wholeSink struct {
	ctx    context.Context // a Sink has no other way to be stopped
	carver carver
	held   *spool
	each   func(uid mail.UID, msg *spool) error
}

func (s *wholeSink) Body(size mail.Size, r io.Reader) (err error) {
	s.held.free()
	s.held, err = s.carver.take(s.ctx, size, r)
	return err
}

func (s *wholeSink) Message(m mail.Message, hasBody bool) error {
	if !hasBody {
		return nil
	}
	return s.each(m.UID, s.held)
}

// readAgain reads the source's messages of some rows of one pair again; those that are others by now are passed over.
func (fr *folderRun) readAgain(ctx context.Context, f *state.Folder, rows []*state.Message, hear func(*state.Message, *spool) error) error {
	byUID := map[mail.UID]*state.Message{}
	var uids []mail.UID
	for _, row := range rows {
		byUID[row.UID], uids = row, append(uids, row.UID)
	}
	slices.Sort(uids)
	s := &wholeSink{ctx: ctx, carver: fr.spooler.carver()}
	defer s.carver.end()
	s.each = func(uid mail.UID, msg *spool) error {
		if row := byUID[uid]; row != nil && (row.H0 == msg.digest || row.H0.IsZero()) {
			return hear(row, msg)
		}
		return nil
	}
	src := mail.Folder{Raw: f.Source, Status: mail.Status{UIDValidity: f.SourceStatus.UIDValidity}}
	err := fr.mailboxRun.src.Fetch(ctx, src, uids, s)
	s.held.free()
	return err
}

// amendedForms gives the canonical digests of messages as they were sent.
func (fr *folderRun) amendedForms(ctx context.Context, f *state.Folder, rows []*state.Message, forms map[rowKey]mail.Digest) error {
	var changed []*state.Message
	for _, row := range rows {
		if row.Degraded&state.Amended != 0 {
			changed = append(changed, row)
		}
	}
	if len(changed) == 0 || fault.Off(fault.SentDigest) {
		return nil
	}
	return fr.readAgain(ctx, f, changed, func(row *state.Message, msg *spool) error {
		if err := msg.amend(changesOf(row.Degraded)); err != nil {
			return err
		}
		form := mail.NewCanonical()
		_, err := io.Copy(form, msg.outgoing())
		forms[keyOf(row)] = form.Sum()
		return err
	})
}

// matchAmended gives messages, of which no copy with the same octets is there, one with the octets that they would be sent
// with: a copy whose row is lost. It is asked only where the settings change octets and the destination keeps them.
func (a *adoption) matchAmended(ctx context.Context) error {
	forms := a.formsSent()
	if a.seen.empty() || len(forms) == 0 || len(a.like) == 0 {
		return nil
	}
	limits, err := a.mailboxRun.dst.Limits(ctx)
	if err != nil || !limits.KeepsBytes {
		return at(SideDestination, "read limits", err)
	}
	adopted := map[mail.UID]bool{}
	for list := range slices.Chunk(a.like, 500) {
		var uids []mail.UID
		for _, l := range list {
			if l.date != undated && a.seen.left(l.date) > 0 {
				uids = append(uids, l.uid)
			}
		}
		rows, err := a.Ledger.Rows(ctx, a.rec.ID, uids)
		if err == nil && len(rows) > 0 {
			err = a.adoptAmended(ctx, rows, forms, adopted)
		}
		if err != nil {
			return err
		}
	}
	a.like = slices.DeleteFunc(a.like, func(l likeness) bool { return adopted[l.uid] })
	return nil
}

// formsSent are the sets of changes that a message may have been sent with.
func (a *adoption) formsSent() []amend.Changes {
	var forms []amend.Changes
	if a.mailbox.Settings.Receipts == receiptsDisarm {
		forms = append(forms, amend.Receipts)
	}
	if a.mailbox.Settings.Repair {
		for _, f := range append([]amend.Changes{0}, forms...) {
			forms = append(forms, f|repairs)
		}
	}
	return forms
}

// adoptAmended does so for some rows.
func (a *adoption) adoptAmended(ctx context.Context, rows []state.Message, forms []amend.Changes, adopted map[mail.UID]bool) error {
	type form struct {
		digest  mail.Digest
		changes amend.Changes
	}
	known, octets := map[mail.UID][]form{}, map[mail.UID]mail.Digest{}
	var open []*state.Message
	for i := range rows {
		rows[i].H0, open = mail.Digest{}, append(open, &rows[i])
	}
	err := a.readAgain(ctx, a.rec, open, func(row *state.Message, msg *spool) error {
		octets[row.UID] = msg.digest
		for _, wanted := range forms {
			if err := msg.amend(wanted); err != nil {
				return err
			}
			if c := msg.plan.Changes; c != 0 {
				known[row.UID] = append(known[row.UID], form{msg.sent.digest, c})
			}
		}
		return nil
	})
	if err != nil {
		return at(SideSource, "read message", err)
	}
	var changed []state.Message
	for _, row := range open {
		for _, f := range known[row.UID] {
			uid, err := a.seen.exact(ctx, row.InternalDate.Unix(), f.digest)
			if err != nil {
				return at(SideDestination, "read message", err)
			}
			if uid != 0 {
				row.H0, row.H1, row.Degraded = octets[row.UID], f.digest, row.Degraded|degradations(f.changes)
				changed, adopted[row.UID] = append(changed, a.adopt(row, uid)), true
				break
			}
		}
	}
	return a.put(ctx, changed, nil)
}
