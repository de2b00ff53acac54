package endpointtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync/atomic"

	"mailhaul/state/mail"
)

// session is the reading half of both sides.
type session struct {
	store  *Store
	id     int
	busy   atomic.Bool
	dead   *mail.Error
	closed bool
}

// source has the reading half and nothing else: there is no way to change a source.
type source struct{ *session }

// enter begins a call: it records it, refuses it on a dead session and notices misuse. leave must be called after it.
func (c *session) enter(ctx context.Context, call Call) (leave func(), err error) {
	call.Session = c.id
	alone := c.busy.CompareAndSwap(false, true)
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(call)
	switch {
	case !alone:
		s.blame(c, call, "two goroutines in one session")
		return func() {}, &mail.Error{Op: call.Op, Kind: mail.Internal, Text: "session is in use"}
	case c.closed:
		s.blame(c, call, "session is closed")
		err = &mail.Error{Op: call.Op, Kind: mail.Internal, Text: "session is closed"}
	case c.dead != nil:
		err = c.dead
	case ctx.Err() != nil:
		err = c.kill(&mail.Error{Op: call.Op, Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: ctx.Err()})
	case s.faults.FailCall > 0 && s.count.calls == s.faults.FailCall:
		err = c.kill(lost(call.Op))
	}
	return func() { c.busy.Store(false) }, err
}

func (s *Store) blame(c *session, call Call, what string) {
	s.misuse = append(s.misuse, fmt.Sprintf("session %d, %s %s: %s", c.id, call.Op, call.Folder, what))
}

// kill makes the session dead if the error's kind says so.
func (c *session) kill(err *mail.Error) error {
	switch err.Kind {
	case mail.Transient, mail.Throttled, mail.Auth:
		c.dead = err
	}
	return err
}

// Folders lists every folder.
func (c *session) Folders(ctx context.Context) ([]mail.Folder, error) {
	leave, err := c.enter(ctx, Call{Op: "folders"})
	defer leave()
	if err != nil {
		return nil, err
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	var folders []mail.Folder
	for _, b := range c.store.boxes {
		folders = append(folders, c.store.folder(b))
	}
	return folders, nil
}

func (s *Store) folder(b *box) mail.Folder {
	f := mail.Folder{Raw: b.path.String(), Path: slices.Clone(b.path), Role: b.role, NoSelect: b.noSelect}
	if !b.noSelect {
		f.Status = s.status(b)
	}
	return f
}

// find gives the folder's box, if it is the one that the caller means. The lock is held.
func (s *Store) find(op string, f mail.Folder) (*box, *mail.Error) {
	b := s.box(f.Raw)
	if b == nil || b.noSelect {
		return nil, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeIMAPFolderGone, Text: "Mailbox doesn't exist"}
	}
	if v := f.Status.UIDValidity; v != 0 && v != b.validity {
		return nil, &mail.Error{Op: op, Kind: mail.Stale, Code: mail.CodeIMAPValidity,
			Text: fmt.Sprintf("UIDVALIDITY is %d, not %d", b.validity, v)}
	}
	return b, nil
}

// List yields the messages as they stand when it begins.
func (c *session) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		leave, err := c.enter(ctx, Call{Op: "list", Folder: f.Path.String()})
		defer leave()
		if err != nil {
			yield(mail.Message{}, err)
			return
		}
		messages, fails, refused, err := c.listing(f, q)
		for i, m := range messages {
			if fails > 0 && i == fails {
				err = c.kill(cmp.Or(refused, lost("list")))
				break
			}
			if !yield(m, nil) {
				return
			}
		}
		if err != nil {
			yield(mail.Message{}, err)
		}
	}
}

func (c *session) listing(f mail.Folder, q mail.Query) ([]mail.Message, int, *mail.Error, error) {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.find("list", f)
	if err != nil {
		return nil, 0, nil, c.kill(err)
	}
	var messages []mail.Message
	for _, m := range b.messages {
		if m.UID >= q.From && (q.To == 0 || m.UID <= q.To) && (q.ChangedSince == 0 || m.ModSeq > q.ChangedSince) {
			messages = append(messages, s.head(m))
		}
	}
	return messages, s.faults.ListFails, s.faults.ListRefused, nil
}

func (s *Store) head(m Message) mail.Message {
	h := mail.Message{UID: m.UID, Size: mail.Size(len(m.Octets)) + s.faults.WrongSize, InternalDate: m.Date,
		Flags: m.Flags, ModSeq: m.ModSeq}
	if s.faults.NoModSeq {
		h.ModSeq = 0
	}
	return h
}

// Fetch hands the bodies to the sink, one after the other.
func (c *session) Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	leave, err := c.enter(ctx, Call{Op: "fetch", Folder: f.Path.String(), UIDs: slices.Clone(uids)})
	defer leave()
	if err != nil {
		return err
	}
	if err := c.check("fetch", f); err != nil {
		return err
	}
	for _, uid := range uids {
		if ctx.Err() != nil {
			return c.kill(&mail.Error{Op: "fetch", Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: ctx.Err()})
		}
		if vanish := c.vanish(); vanish != nil {
			vanish(c.store, f.Raw, uid)
		}
		if err := c.fetch(f, uid, to); err != nil {
			return err
		}
	}
	return nil
}

func (c *session) check(op string, f mail.Folder) error {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if _, err := c.store.find(op, f); err != nil {
		return c.kill(err)
	}
	return nil
}

func (c *session) vanish() func(*Store, string, mail.UID) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	return c.store.faults.VanishDuring
}

func (c *session) fetch(f mail.Folder, uid mail.UID, to mail.Sink) error {
	a, err := c.answer(f, uid)
	if err != nil || a == nil {
		return err
	}
	if !a.hasBody {
		return c.sinkSays(to.Message(a.head, false))
	}
	size := mail.Size(len(a.octets))
	if a.short {
		a.body = io.MultiReader(bytes.NewReader(a.octets[:size/2]), failing{lost("fetch")})
	}
	if err := to.Body(size, a.body); err != nil && !a.short {
		return c.sinkSays(err)
	}
	if a.short {
		return c.kill(lost("fetch"))
	}
	return c.sinkSays(to.Message(a.head, true))
}

// sinkSays ends the session at an error of the sink, as on a wire the rest of the answers can't be taken back.
func (c *session) sinkSays(err error) error {
	if err != nil {
		c.store.mu.Lock()
		defer c.store.mu.Unlock()
		c.dead = lost("fetch")
	}
	return err
}

// answer is what the server says of one UID.
type answer struct {
	head           mail.Message
	octets         []byte
	body           io.Reader
	hasBody, short bool
}

func (c *session) answer(f mail.Folder, uid mail.UID) (*answer, error) {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b, stale := s.find("fetch", f)
	if stale != nil {
		return nil, c.kill(stale)
	}
	m := b.find(uid)
	if m == nil || s.faults.Silent[uid] {
		return nil, nil
	}
	s.count.fetched++
	if err := s.broken("fetch", mail.Size(len(m.Octets))); err != nil {
		return nil, c.kill(err)
	}
	octets := m.Octets
	if s.faults.EmptyBody[uid] {
		octets = nil
	}
	if other, replaced := s.faults.Instead[uid]; replaced {
		octets = other
	}
	return &answer{head: s.head(*m), octets: octets, body: bytes.NewReader(octets),
		hasBody: !s.faults.SwallowBody[uid], short: s.faults.ShortBody[uid]}, nil
}

// failing is a reader that always fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Exists tells which of the UIDs are there.
func (c *session) Exists(ctx context.Context, f mail.Folder, uids []mail.UID) ([]mail.UID, error) {
	leave, err := c.enter(ctx, Call{Op: "exists", Folder: f.Path.String(), UIDs: slices.Clone(uids)})
	defer leave()
	if err != nil {
		return nil, err
	}
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b, stale := s.find("exists", f)
	if stale != nil {
		return nil, c.kill(stale)
	}
	var there []mail.UID
	for _, uid := range uids {
		if b.find(uid) != nil {
			there = append(there, uid)
		}
	}
	return there, nil
}

// Close ends the session.
func (c *session) Close() error {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if !c.closed {
		c.store.note(Call{Session: c.id, Op: "close"})
	}
	c.closed = true
	return nil
}
