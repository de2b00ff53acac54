package endpointtest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// destination is a session that writes. Its answers come from a goroutine of its own, as those of a server do.
type destination struct {
	*session
	opened  map[string]bool
	answers chan func()
	done    sync.WaitGroup // answers not given yet
	ended   chan struct{}  // closed when the goroutine has ended
	once    sync.Once
}

func newDestination(c *session) *destination {
	d := &destination{session: c, opened: make(map[string]bool), answers: make(chan func(), 1024), ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		for answer := range d.answers {
			answer()
			d.done.Done()
		}
	}()
	return d
}

// Limits are those of Store.SetLimits; the quota is that of the faults.
func (d *destination) Limits(ctx context.Context) (mail.Limits, error) {
	leave, err := d.enter(ctx, Call{Op: "limits"})
	defer leave()
	if err != nil {
		return mail.Limits{}, err
	}
	s := d.store
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limits
	if q := s.faults.QuotaAfter; q > 0 {
		l.QuotaKnown, l.QuotaLeft = true, max(0, q-s.octets())
	}
	return l, nil
}

func (s *Store) octets() mail.Size {
	var n mail.Size
	for _, b := range s.boxes {
		for _, m := range b.messages {
			n += mail.Size(len(m.Octets))
		}
	}
	return n
}

// Create makes the folder and the levels above it.
func (d *destination) Create(ctx context.Context, path mail.Path, role mail.Role) (mail.Folder, error) {
	leave, err := d.enter(ctx, Call{Op: "create", Folder: path.String()})
	defer leave()
	if err != nil {
		return mail.Folder{}, err
	}
	s := d.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.box(path.String()) == nil && s.faults.RefuseFolder != nil {
		if err := s.faults.RefuseFolder(path.String()); err != nil {
			return mail.Folder{}, d.kill(err)
		}
	}
	return s.folder(s.makePath(path, role)), nil
}

// Open tells the counters and the flags that the folder can keep.
func (d *destination) Open(ctx context.Context, f mail.Folder) (mail.Opened, error) {
	leave, err := d.enter(ctx, Call{Op: "open", Folder: f.Path.String()})
	defer leave()
	if err != nil {
		return mail.Opened{}, err
	}
	s := d.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b, gone := s.find("open", f)
	if gone != nil {
		return mail.Opened{}, d.kill(gone)
	}
	d.opened[b.path.String()] = true
	const all = mail.Seen | mail.Answered | mail.Flagged | mail.Draft | mail.Deleted
	o := mail.Opened{Status: s.status(b), Permanent: mail.Flags{System: all}, AnyKeyword: true, Known: true}
	if b.permanent != nil {
		o.Permanent, o.AnyKeyword = *b.permanent, false
	}
	return o, nil
}

// Append takes the batch. Every answer comes from the session's goroutine.
func (d *destination) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	leave, err := d.enter(ctx, Call{Op: "append batch", Folder: f.Path.String()})
	defer leave()
	if err != nil {
		for _, m := range batch {
			d.answer(done, mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: err})
		}
		return err
	}
	for i, m := range batch {
		octets, err := io.ReadAll(m.Body)
		if err != nil || mail.Size(len(octets)) != m.Size {
			return d.short(batch[i:], done, fmt.Sprintf("body has %d octets, not %d: %v", len(octets), m.Size, err))
		}
		r := d.one(f, m, octets)
		d.answer(done, r.appended)
		if r.broken != nil {
			d.rest(f, batch[i+1:], r, done)
			return r.broken
		}
	}
	return nil
}

// answer gives an answer to done, later; at once where the session is closed and there is no later.
func (d *destination) answer(done func(mail.Appended), a mail.Appended) {
	select {
	case <-d.ended:
		done(a)
		return
	default:
	}
	d.done.Add(1)
	d.answers <- func() { done(a) }
}

// short ends the session because a body did not hold what was announced: the literal can't be ended.
func (d *destination) short(rest []mail.Outgoing, done func(mail.Appended), text string) error {
	d.store.mu.Lock()
	err := d.kill(&mail.Error{Op: "append", Kind: mail.Transient, Code: mail.CodeIMAPLost, Text: text})
	d.store.mu.Unlock()
	for _, m := range rest {
		d.answer(done, mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: err})
	}
	return err
}

// result is what became of one append.
type result struct {
	appended mail.Appended
	broken   error // the connection went with it
	drop     Drop
	unsent   bool // nothing after this message went out
}

func (d *destination) one(f mail.Folder, m mail.Outgoing, octets []byte) result {
	s := d.store
	s.mu.Lock()
	meanwhile := s.faults.Meanwhile
	s.mu.Unlock()
	if meanwhile != nil {
		meanwhile(s, f.Raw)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(Call{Session: d.id, Op: "append", Folder: f.Path.String(), ID: m.ID})
	s.count.appended++
	b, gone := s.find("append", f)
	if gone != nil {
		return result{appended: absent(m, gone)}
	}
	if !d.opened[b.path.String()] {
		s.blame(d.session, Call{Op: "append", Folder: b.path.String()}, "folder was not opened")
	}
	msg := Message{Date: s.dateOf(m), Flags: m.Flags, Octets: octets}
	if drop, ok := s.faults.Drop[s.count.appended]; ok {
		return d.drop(b, m, msg, drop)
	}
	if poison := s.faults.Poison; poison != nil && poison(msg) {
		return d.drop(b, m, msg, Drop{Kind: DropBefore})
	}
	if err := s.broken("append", mail.Size(len(octets))); err != nil {
		return result{appended: absent(m, err), broken: d.kill(err), unsent: true}
	}
	if err := s.refusal(b, msg); err != nil {
		return result{appended: absent(m, err)}
	}
	return result{appended: s.take(b, m, msg)}
}

func absent(m mail.Outgoing, err *mail.Error) mail.Appended {
	return mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: err}
}

// refusal is the tagged NO for a message, if there is one.
func (s *Store) refusal(b *box, msg Message) *mail.Error {
	if refuse := s.faults.RefuseMessage; refuse != nil {
		if err := refuse(b.path.String(), msg); err != nil {
			return err
		}
	}
	size := mail.Size(len(msg.Octets))
	if q := s.faults.QuotaAfter; q > 0 && s.octets()+size > q {
		return &mail.Error{Op: "append", Kind: mail.Quota, Code: mail.CodeQuotaFull, Text: "[OVERQUOTA] Quota exceeded"}
	}
	if limit := s.limits.MaxMessage; limit > 0 && size > limit {
		return &mail.Error{Op: "append", Kind: mail.TooLarge, Code: mail.CodeMessageTooLarge, Text: "[TOOBIG] Message too large"}
	}
	return nil
}

// take stores a message and answers as the faults say.
func (s *Store) take(b *box, m mail.Outgoing, msg Message) mail.Appended {
	n := s.count.appended
	a := mail.Appended{ID: m.ID, Outcome: mail.Landed, UIDValidity: b.validity}
	if s.faults.LieOK[n] {
		return mail.Appended{ID: m.ID, Outcome: mail.Landed}
	}
	if s.faults.DoubtAbsent[n] {
		return mail.Appended{ID: m.ID, Outcome: mail.Unknown, Err: &mail.Error{Op: "append message", Kind: mail.Transient,
			Code: mail.CodeIMAPUnavailable, Text: "Internal error"}}
	}
	a.UID = s.store(b, msg)
	switch {
	case s.faults.DropAnswer[n]:
		return mail.Appended{ID: m.ID, Outcome: mail.Unknown, Err: lost("append")}
	case s.faults.NoUIDPlus:
		a.UID, a.UIDValidity = 0, 0
	case s.faults.WrongUID:
		a.UID = 1
	}
	return a
}

// dateOf is the date that a message is stored under.
func (s *Store) dateOf(m mail.Outgoing) time.Time {
	if s.faults.ForgetDates {
		return time.Now().UTC().Truncate(time.Second)
	}
	return m.InternalDate
}

// drop breaks the connection at this append.
func (d *destination) drop(b *box, m mail.Outgoing, msg Message, drop Drop) result {
	s := d.store
	err := lost("append")
	r := result{appended: mail.Appended{ID: m.ID, Outcome: mail.Unknown, Err: err}, broken: d.kill(err), drop: drop}
	switch drop.Kind {
	case DropUnsent:
		r.appended.Outcome, r.unsent = mail.Absent, true
	case DropAfter, DropAfterAll:
		s.storeLate(b, msg, drop)
	}
	return r
}

func (s *Store) storeLate(b *box, msg Message, drop Drop) {
	if drop.LosesFlags {
		msg.Flags = mail.Flags{}
	}
	if drop.LateCalls == 0 && drop.LateBy == 0 {
		s.store(b, msg)
		return
	}
	p := pending{box: b, msg: msg, calls: drop.LateCalls}
	if drop.LateBy > 0 {
		p.due = time.Now().Add(drop.LateBy)
	}
	s.pending = append(s.pending, p)
}

// rest answers the messages behind the one that broke the connection.
func (d *destination) rest(f mail.Folder, rest []mail.Outgoing, r result, done func(mail.Appended)) {
	for _, m := range rest {
		a := mail.Appended{ID: m.ID, Outcome: mail.Unknown, Err: r.broken}
		if r.unsent {
			a.Outcome = mail.Absent
		}
		if r.drop.Kind == DropAfterAll {
			d.storeRest(f, m, r.drop)
		}
		d.answer(done, a)
	}
}

func (d *destination) storeRest(f mail.Folder, m mail.Outgoing, drop Drop) {
	octets, err := io.ReadAll(m.Body)
	s := d.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b, gone := s.find("append", f)
	if err != nil || gone != nil || mail.Size(len(octets)) != m.Size {
		return
	}
	s.note(Call{Session: d.id, Op: "append", Folder: f.Path.String(), ID: m.ID})
	s.storeLate(b, Message{Date: s.dateOf(m), Flags: m.Flags, Octets: octets}, drop)
}

// Flush has nothing to do: what is appended is stored when it comes.
func (d *destination) Flush(context.Context) error { return nil }

// Drain waits for the answers.
func (d *destination) Drain(ctx context.Context) error {
	leave, err := d.enter(ctx, Call{Op: "drain"})
	defer leave()
	d.done.Wait()
	return err
}

// SetFlags sets the flags; UIDs that are gone are passed over.
func (d *destination) SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error {
	var uids []mail.UID
	for _, c := range changes {
		uids = append(uids, c.UID)
	}
	leave, err := d.enter(ctx, Call{Op: "set flags", Folder: f.Path.String(), UIDs: slices.Clone(uids)})
	defer leave()
	if err != nil {
		return err
	}
	s := d.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b, gone := s.find("set flags", f)
	if gone != nil {
		return d.kill(gone)
	}
	for _, c := range changes {
		if m := b.find(c.UID); m != nil {
			s.modSeq++
			m.Flags, m.ModSeq = b.keeps(c.Flags), s.modSeq
		}
	}
	return nil
}

// Close gives every answer that is left and ends the session.
func (d *destination) Close() error {
	d.once.Do(func() { close(d.answers) })
	<-d.ended
	return d.session.Close()
}
