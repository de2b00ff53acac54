// Package endpointtest holds what tests need of endpoints: Run, the conformance suite that says what every endpoint must
// do, and Store, a mailbox in memory with faults that can be switched on. It is imported by tests only.
//
// Start with NewStore, fill it with Add, and give its Source and Destination to what is tested; Endpoints does that for
// whole mailboxes by name. Store.Set switches faults, Store.Calls tells what was asked, Store.Misuse what was asked
// against the contract.
//
// It is made so that a test meets the hard truths of IMAP without a network: answers come late and from another
// goroutine, a lost answer leaves the message stored or not, silence proves nothing.
package endpointtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mailhaul/executor"
	"mailhaul/state/mail"
)

// Message is one message of a Store.
type Message struct {
	UID    mail.UID
	Date   time.Time
	Flags  mail.Flags
	Octets []byte
	ModSeq uint64
}

// Sum is the SHA-256 of the octets, for comparisons.
func (m Message) Sum() [sha256.Size]byte { return sha256.Sum256(m.Octets) }

// Call is one call of a session, as Store.Calls tells it.
type Call struct {
	Session int    // sessions are numbered from 1
	Op      string // "open source", "folders", "list", "fetch", "append", ... "close"
	Folder  string // normalised path
	UIDs    []mail.UID
	ID      int64 // of an append: Outgoing.ID
}

// Store is one mailbox in memory. It is safe for use by several goroutines; its sessions are not, as the contract says.
type Store struct {
	mu       sync.Mutex
	boxes    []*box
	faults   Faults
	limits   mail.Limits
	pending  []pending
	calls    []Call
	misuse   []string
	sessions int
	validity mail.UIDValidity
	modSeq   uint64
	count    counters
}

type box struct {
	path      mail.Path
	role      mail.Role
	noSelect  bool
	validity  mail.UIDValidity
	next      mail.UID
	messages  []Message
	permanent *mail.Flags // nil: keeps everything
}

// counters count since the faults were last set.
type counters struct {
	calls, fetched, appended, erased int
	octets                           mail.Size
}

// pending is a message whose storing was put off by Faults.Drop with Late.
type pending struct {
	box   *box
	msg   Message
	calls int       // stored when that many more calls came
	due   time.Time // or when it is this late; zero: calls decide
}

// NewStore gives a mailbox that holds an empty INBOX and nothing else, keeps every octet, and knows UIDPLUS and CONDSTORE.
func NewStore() *Store {
	s := &Store{validity: 1000, modSeq: 1, limits: mail.Limits{
		KeepsBytes: true, SignIn: "memory", Names: mail.NameRules{Delimiter: "/"}}}
	s.makeBox(mail.Path{"INBOX"}, mail.RoleInbox)
	return s
}

// SetLimits says what destinations of this mailbox answer to Limits.
func (s *Store) SetLimits(l mail.Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = l
}

// Mkdir makes a folder and the levels above it.
func (s *Store) Mkdir(folder string, role mail.Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makePath(mail.ParsePath(folder), role)
}

// Container makes a folder that holds no messages.
func (s *Store) Container(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makePath(mail.ParsePath(folder), mail.RoleNone).noSelect = true
}

// Permanent restricts the flags that the folder can keep; an append with others loses them.
func (s *Store) Permanent(folder string, flags mail.Flags) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustBox(folder).permanent = &flags
}

// Add puts a message into the folder, which is made if need be, and gives its UID. A UID that m names is kept and must
// be above all others.
func (s *Store) Add(folder string, m Message) mail.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store(s.makePath(mail.ParsePath(folder), mail.RoleNone), m)
}

// Remove takes messages away, as another client would.
func (s *Store) Remove(folder string, uids ...mail.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.mustBox(folder)
	b.messages = slices.DeleteFunc(b.messages, func(m Message) bool { return slices.Contains(uids, m.UID) })
}

// RemoveFolder takes a folder away, as another client would.
func (s *Store) RemoveFolder(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes = slices.DeleteFunc(s.boxes, func(b *box) bool { return b.path.String() == folder })
}

// Rename gives a folder another name, as another client would; its UIDs stay.
func (s *Store) Rename(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustBox(from).path = mail.ParsePath(to)
}

// SetFlags changes the flags of a message, as another client would.
func (s *Store) SetFlags(folder string, uid mail.UID, flags mail.Flags) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.mustBox(folder).find(uid); m != nil {
		s.modSeq++
		m.Flags, m.ModSeq = flags, s.modSeq
	}
}

// ChangeUIDValidity gives the folder a new UIDVALIDITY and its messages new UIDs from 1.
func (s *Store) ChangeUIDValidity(folder string) {
	s.mu.Lock()
	s.validity++
	v := s.validity
	s.mu.Unlock()
	s.Renumber(folder, v)
}

// Renumber gives the folder's messages new UIDs from 1 under the UIDVALIDITY named, which may be the one it had, or zero
// for UIDs that do not last.
func (s *Store) Renumber(folder string, v mail.UIDValidity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.mustBox(folder)
	b.validity = v
	for i := range b.messages {
		b.messages[i].UID = mail.UID(i + 1)
	}
	b.next = mail.UID(len(b.messages) + 1)
}

// Folders names the folders, sorted.
func (s *Store) Folders() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, b := range s.boxes {
		names = append(names, b.path.String())
	}
	slices.Sort(names)
	return names
}

// Messages gives the folder's messages, UIDs ascending; none if there is no such folder.
func (s *Store) Messages(folder string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitDue()
	b := s.box(folder)
	if b == nil {
		return nil
	}
	return slices.Clone(b.messages)
}

// Count is the number of messages in all folders.
func (s *Store) Count() int {
	n := 0
	for _, f := range s.Folders() {
		n += len(s.Messages(f))
	}
	return n
}

// Calls gives every call since the beginning or the last Forget.
func (s *Store) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Ops counts the calls of one kind.
func (s *Store) Ops(op string) int {
	n := 0
	for _, c := range s.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// Forget empties the record of calls.
func (s *Store) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Misuse names what callers did against the contract: two goroutines in one session, calls after Close, an Append
// without Open, a batch that was never drained. A test that uses a Store ends by finding it empty.
func (s *Store) Misuse() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.misuse)
}

// Source opens a session that reads.
func (s *Store) Source() (executor.Source, error) {
	c, err := s.open("open source")
	if err != nil {
		return nil, err
	}
	return &source{c}, nil
}

// Destination opens a session that writes.
func (s *Store) Destination() (executor.Destination, error) {
	c, err := s.open("open destination")
	if err != nil {
		return nil, err
	}
	return newDestination(c), nil
}

func (s *Store) open(op string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	s.note(Call{Session: s.sessions, Op: op})
	if s.faults.SignIn != nil {
		if err := s.faults.SignIn(); err != nil {
			return nil, err
		}
	}
	return &session{store: s, id: s.sessions}, nil
}

// note records a call and lets time pass for messages that are stored late. The lock is held.
func (s *Store) note(c Call) {
	s.calls = append(s.calls, c)
	s.count.calls++
	for i := range s.pending {
		s.pending[i].calls--
	}
	s.commitDue()
}

// commitDue stores what was put off and is due. The lock is held.
func (s *Store) commitDue() {
	s.pending = slices.DeleteFunc(s.pending, func(p pending) bool {
		due := p.calls <= 0
		if !p.due.IsZero() {
			due = !time.Now().Before(p.due)
		}
		if due {
			s.store(p.box, p.msg)
		}
		return due
	})
}

func (s *Store) makePath(p mail.Path, role mail.Role) *box {
	for n := 1; n < len(p); n++ {
		if s.box(p[:n].String()) == nil {
			s.makeBox(slices.Clone(p[:n]), mail.RoleNone)
		}
	}
	if b := s.box(p.String()); b != nil {
		return b
	}
	return s.makeBox(slices.Clone(p), role)
}

func (s *Store) makeBox(p mail.Path, role mail.Role) *box {
	s.validity++
	b := &box{path: p, role: role, validity: s.validity, next: 1}
	s.boxes = append(s.boxes, b)
	return b
}

func (s *Store) box(name string) *box {
	for _, b := range s.boxes {
		if b.path.String() == name || b.path.IsInbox() && strings.EqualFold(name, "INBOX") {
			return b
		}
	}
	return nil
}

func (s *Store) mustBox(name string) *box {
	b := s.box(name)
	if b == nil {
		panic(fmt.Sprintf("endpointtest: no folder %q", name))
	}
	return b
}

func (s *Store) store(b *box, m Message) mail.UID {
	if m.UID == 0 {
		m.UID = b.next
	}
	if m.UID < b.next {
		panic(fmt.Sprintf("endpointtest: UID %d is below UIDNEXT %d", m.UID, b.next))
	}
	s.modSeq++
	m.ModSeq = s.modSeq
	m.Flags = b.keeps(m.Flags)
	if s.faults.FixLines {
		m.Octets = bytes.ReplaceAll(bytes.ReplaceAll(m.Octets, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	b.next = m.UID + 1
	b.messages = append(b.messages, m)
	return m.UID
}

// keeps drops the flags that the folder can't hold.
func (b *box) keeps(f mail.Flags) mail.Flags {
	if b.permanent == nil {
		return f
	}
	kept := mail.Flags{System: f.System & b.permanent.System}
	for _, k := range f.Keywords {
		if b.permanent.Has(k) {
			kept = kept.With(k)
		}
	}
	return kept
}

func (b *box) find(uid mail.UID) *Message {
	i, found := slices.BinarySearchFunc(b.messages, uid, func(m Message, u mail.UID) int { return int(m.UID) - int(u) })
	if !found {
		return nil
	}
	return &b.messages[i]
}

func (s *Store) status(b *box) mail.Status {
	st := mail.Status{UIDValidity: b.validity, UIDNext: b.next, Messages: uint32(len(b.messages))}
	if !s.faults.NoModSeq {
		for _, m := range b.messages {
			st.HighestModSeq = max(st.HighestModSeq, m.ModSeq)
		}
		st.HighestModSeq = max(st.HighestModSeq, 1)
	}
	if s.faults.NoUIDNext {
		st.UIDNext = 0
	}
	return st
}
