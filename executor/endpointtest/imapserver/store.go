package imapserver

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Message is one message, as it is stored. It is not to be changed.
type Message struct {
	UID    uint32
	Octets []byte
	Date   time.Time
	Flags  []string
	ModSeq uint64
}

// Mailbox is the mail of one user. It is safe for use by several goroutines.
type Mailbox struct {
	server   *Server
	user     string
	password string

	mu      sync.Mutex
	folders map[string]*folder // by raw name
	order   []string           // of the folders, as they were made
	valid   uint32             // the last UIDVALIDITY given
	faults  Faults
	appends int // commands since the faults were set
	struck  int // faults since then
	seen    int // messages that came, for Profile.ForgetEvery
	counts  Counts
	held    []func() // what is stored late, under mu
}

// folder is one folder. All of it is guarded by the mailbox's mu.
type folder struct {
	raw      string
	validity uint32
	next     uint32
	modSeq   uint64
	changes  int // grows whenever a message comes or goes
	use      string
	messages []Message
}

func newMailbox(s *Server, user, password string) *Mailbox {
	b := &Mailbox{server: s, user: user, password: password, folders: map[string]*folder{}, valid: 1000}
	b.counts.Commands = map[string]int{}
	b.make("INBOX", "")
	for _, name := range s.profile.Folders {
		b.make(name, "")
	}
	return b
}

// canonicalName makes one spelling of INBOX, which has many (RFC 9051, 5.1).
func canonicalName(raw string) string {
	if strings.EqualFold(raw, "INBOX") {
		return "INBOX"
	}
	return raw
}

// make adds a folder, with mu held or before anybody else knows the mailbox.
func (b *Mailbox) make(raw, use string) *folder {
	b.valid++
	f := &folder{raw: raw, validity: b.valid, next: 1, modSeq: 1, use: use}
	b.folders[raw] = f
	b.order = append(b.order, raw)
	return f
}

// create makes a folder and the levels above it, and tells whether it was not there.
func (b *Mailbox) create(raw, use string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.folders[raw] != nil {
		return false
	}
	delimiter := b.server.profile.delimiter()
	levels := strings.Split(raw, delimiter)
	for i := range levels {
		name := canonicalName(strings.Join(levels[:i+1], delimiter))
		if b.folders[name] == nil && name+delimiter != b.server.profile.Prefix {
			b.make(name, "")
		}
	}
	b.folders[raw].use = use
	return true
}

// Add puts messages into a folder, which is made if it is not there, as a delivery does. The raw name is that of the wire.
func (b *Mailbox) Add(raw string, messages ...Message) {
	b.create(canonicalName(raw), "")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range messages {
		b.folders[canonicalName(raw)].add(m)
	}
}

func (f *folder) add(m Message) uint32 {
	f.modSeq++
	f.changes++
	m.UID, m.ModSeq = f.next, f.modSeq
	f.messages = append(f.messages, m)
	f.next++
	return m.UID
}

// Remove takes a message away, as another client would.
func (b *Mailbox) Remove(raw string, uid uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folders[canonicalName(raw)]
	f.messages = slices.DeleteFunc(slices.Clone(f.messages), func(m Message) bool { return m.UID == uid })
	f.modSeq++
	f.changes++
}

// Folders gives the raw names of the folders.
func (b *Mailbox) Folders() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.order)
}

// Messages gives what is in a folder.
func (b *Mailbox) Messages(raw string) []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.folders[canonicalName(raw)]; f != nil {
		return slices.Clone(f.messages)
	}
	return nil
}

// Set replaces the faults and counts APPEND commands from 1 again.
func (b *Mailbox) Set(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults, b.appends, b.struck = f, 0, 0
}

// Struck tells how many faults struck since they were set.
func (b *Mailbox) Struck() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.struck
}

// Counts tells what was asked for since the beginning or the last Forget.
func (b *Mailbox) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts
	c.Commands = maps.Clone(c.Commands)
	return c
}

// Forget sets the counts to zero.
func (b *Mailbox) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts = Counts{Commands: map[string]int{}}
}

func (b *Mailbox) count(change func(*Counts)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.counts)
}

// Release stores what Profile.Held keeps back.
func (b *Mailbox) Release() {
	b.mu.Lock()
	held := b.held
	b.held = nil
	b.mu.Unlock()
	for _, store := range held {
		store()
	}
}

// nextAppend counts an APPEND command and tells what goes wrong with it.
func (b *Mailbox) nextAppend() Kind {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.appends++
	k := b.faults.Append[b.appends]
	if k != None {
		b.struck++
	}
	return k
}

// expire makes the tokens of the mailbox's sessions worthless, as the faults say.
func (b *Mailbox) expire() {
	b.mu.Lock()
	expire := b.faults.Expire
	b.mu.Unlock()
	if expire != nil {
		expire()
	}
}

func (b *Mailbox) resets() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults.Reset
}

// store puts the messages of one APPEND into a folder, as the profile wants it, and gives their UIDs. It is false if the
// folder has gone.
func (b *Mailbox) store(raw string, messages []Message) (validity uint32, uids []uint32, ok bool) {
	p := &b.server.profile
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folders[raw]
	if f == nil {
		return 0, nil, false
	}
	for _, m := range messages {
		b.seen++
		if p.ForgetEvery > 0 && b.seen%p.ForgetEvery == 0 {
			uids = append(uids, f.next) // a UID that may well become another message's
			continue
		}
		m.Flags = p.kept(m.Flags)
		if p.Rewrite != nil {
			m.Octets = p.Rewrite(m.Octets)
		}
		if at := f.equal(m); p.Deduplicate && at >= 0 {
			uids = append(uids, f.messages[at].UID)
			continue
		}
		uids = append(uids, f.add(m))
		b.counts.Stored++
	}
	return f.validity, uids, true
}

// equal finds a message with the same octets.
func (f *folder) equal(m Message) int {
	return slices.IndexFunc(f.messages, func(o Message) bool { return bytes.Equal(o.Octets, m.Octets) })
}
