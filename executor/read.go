package executor

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// read fetches the chosen rows from the source, a stretch at a time, until they are used up or the first interrupt
// comes: then what is on the wire is finished and nothing more is asked for.
func (p *pipeline) read(ctx context.Context) error {
	err := p.readChosen(ctx)
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

func (p *pipeline) readChosen(ctx context.Context) error {
	states := p.states
	if p.samples() {
		if err := p.readSample(ctx); err != nil || p.kind() != kindRetry {
			return err
		}
		states = slices.DeleteFunc(slices.Clone(states), untried) // a retry takes what failed, wherever it is
	}
	q := state.Query{Folder: p.rec.ID, States: states, Selection: p.selection(), Below: p.plan.UIDNext, Limit: stretch,
		NewestFirst: p.mailboxRun.plan.Pass.Order == orderNewestFirst}
	return p.each(ctx, q, func(rows []state.Message) error {
		p.taken += len(rows)
		return p.fetch(ctx, rows)
	})
}

// untried tells whether a row in that state was never sent.
func untried(s state.State) bool { return s == state.StateSeen || s == state.StateLeftOut }

// readSample fetches the messages that the plan names.
func (p *pipeline) readSample(ctx context.Context) error {
	rows, err := p.Ledger.Rows(ctx, p.rec.ID, p.plan.UIDs)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r state.Message) bool {
		return !slices.Contains(p.states, r.State) || p.kind() == kindRetry && !untried(r.State)
	})
	p.taken += len(rows)
	return p.fetch(ctx, rows)
}

// stretch is how many messages are asked for at a time; between two stretches the wire is idle for a round trip.
const stretch = 5000

const orderNewestFirst = "newest-first"

// fetch asks for the rows' bodies.
func (p *pipeline) fetch(ctx context.Context, rows []state.Message) error {
	rows = slices.DeleteFunc(rows, func(r state.Message) bool { return p.unrecognised[r.UID] })
	if len(rows) == 0 {
		return nil
	}
	_, err := p.hear(ctx, rows, p.ask)
	return err
}

// ask is an asking that spools what comes and passes it on.
func (p *pipeline) ask(ctx context.Context, rows []state.Message) ([]state.Message, error) {
	s := &takeSink{pipeline: p, ctx: ctx, rows: make(map[mail.UID]*state.Message, len(rows)), carver: p.spooler.carver()}
	s.carver.moving = &p.moving
	defer s.carver.end()
	uids := make([]mail.UID, len(rows))
	for i := range rows {
		uids[i], s.rows[rows[i].UID] = rows[i].UID, &rows[i]
	}
	slices.Sort(uids)
	err := p.mailboxRun.src.Fetch(ctx, p.folderRun.src, uids, s)
	s.held.free()
	missing := slices.DeleteFunc(rows, func(r state.Message) bool { return s.rows[r.UID] == nil })
	if err != nil {
		err = at(SideSource, "fetch messages", err)
	}
	return missing, err
}

// asking fetches rows and gives those that did not come whole, also where the source failed in between.
type asking func(ctx context.Context, rows []state.Message) (missing []state.Message, err error)

// hear asks for rows, and for each that did not come once more alone: a FETCH that answers OK without data is not an
// empty message. What is still silent, or breaks the connection, is gone only if the server says so to another question;
// else it is damaged, and given back.
func (fr *folderRun) hear(ctx context.Context, rows []state.Message, ask asking) ([]state.Message, error) {
	missing, left, err := fr.around(ctx, rows, ask)
	if err != nil {
		return nil, err
	}
	for _, row := range missing {
		still, err := ask(ctx, []state.Message{row})
		if err != nil {
			return nil, err
		}
		for _, m := range still {
			left = append(left, unheard{m, errDamaged})
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	var uids []mail.UID
	for _, u := range left {
		uids = append(uids, u.row.UID)
	}
	slices.Sort(uids)
	there, err := fr.mailboxRun.src.Exists(ctx, fr.src, uids)
	if err != nil {
		return nil, at(SideSource, "look for messages", err)
	}
	return fr.giveUp(ctx, left, there)
}

// giveUp records messages that the source does not hand over, and gives those that are still there.
func (fr *folderRun) giveUp(ctx context.Context, left []unheard, there []mail.UID) ([]state.Message, error) {
	var rows, damaged []state.Message
	var failures []state.Failure
	for _, u := range left {
		if !slices.Contains(there, u.row.UID) || fault.Off(fault.Silence) {
			u.row.State = state.StateGone
			size := state.Count{Messages: 1, Bytes: u.row.Size}
			fr.add(func(o *Outcome) { o.Gone = o.Gone.Add(size) })
			rows = append(rows, u.row)
			continue
		}
		failures = append(failures, fr.fail(&u.row, state.StateDamaged, u.why))
		rows, damaged = append(rows, u.row), append(damaged, u.row)
	}
	return damaged, fr.put(ctx, rows, failures)
}

var errDamaged = &mail.Error{Op: "fetch message", Kind: mail.Malformed, Code: mail.CodeMessageDamaged,
	Text: "the source lists the message but does not hand it over"}

// takeSink spools what the source sends and passes it on.
type takeSink struct {
	*pipeline
	ctx    context.Context             // of the read stage: a Sink has no other way to be stopped
	rows   map[mail.UID]*state.Message // still expected
	held   *spool                      // the body received last, until its Message call
	size   mail.Size                   // of that body's literal
	carver carver
	over   bool // its literal is over the size limit and was not kept
}

// Body keeps the octets of one message. A body that no Message call followed was cut off and is dropped.
func (s *takeSink) Body(size mail.Size, r io.Reader) error {
	s.held.free()
	s.held, s.size = nil, size
	if s.stopping() {
		return errStopped
	}
	limit := s.mailbox.Settings.MaxSize
	if s.over = limit > 0 && size > limit; s.over {
		return nil
	}
	held, err := s.carver.take(s.ctx, size, r)
	s.held = held
	return err
}

// Message passes a whole message on to commit.
func (s *takeSink) Message(m mail.Message, hasBody bool) error {
	row := s.rows[m.UID]
	if !hasBody || row == nil {
		return nil
	}
	if s.size == 0 && row.Size > 0 && !fault.Off(fault.EmptyAnswer) {
		return nil // an empty answer for a message that is not empty: ask again
	}
	delete(s.rows, m.UID)
	row.Size = s.size
	if !m.NoFlags {
		row.Flags = m.Flags
	}
	s.date(row, m)
	if s.over {
		failures := s.tooLarge(row)
		if row.State == state.StateLeftOut {
			s.tellLeftOut(row)
		}
		return s.put(s.ctx, []state.Message{*row}, failures)
	}
	if note, err := s.substituted(row); note {
		return err
	}
	held := s.held
	s.held = nil
	select {
	case s.ready <- item{row: *row, msg: held}:
		return nil
	case <-s.ctx.Done():
		held.free()
		return context.Cause(s.ctx)
	}
}

// tellLeftOut counts and names a message whose size the source had told wrong, so that the plan did not leave it out.
func (fr *folderRun) tellLeftOut(row *state.Message) {
	size := state.Count{Messages: 1, Bytes: row.Size}
	fr.add(func(o *Outcome) {
		fr.leftOut = fr.leftOut.Add(size)
		o.LeftOut = o.LeftOut.Add(size)
	})
	fr.emitLeftOut(fr.plan, row.UID, row.Size)
}

// date settles which INTERNALDATE the copy gets. A message without one gets the moment that its header tells, or that of its
// first copying. It is kept in its row, since doubts are settled by date.
func (s *takeSink) date(row *state.Message, m mail.Message) {
	if !m.InternalDate.IsZero() {
		row.InternalDate = m.InternalDate
	}
	if row.InternalDate.IsZero() {
		now := s.Now()
		if row.InternalDate = s.held.arrival(now); row.InternalDate.IsZero() {
			row.InternalDate = now.Truncate(time.Second)
		}
		row.Degraded |= state.LostDate
	}
}
