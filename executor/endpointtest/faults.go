package endpointtest

import (
	"time"

	"mailhaul/state/mail"
)

// Faults are what goes wrong in a Store. The zero Faults is a server without fault. Numbers count from the moment of
// Store.Set, from 1.
type Faults struct {
	// SignIn is asked for each new session; its error refuses the session.
	SignIn func() error

	// FailAfterMessages and FailAfterOctets break the connection when that much was fetched and appended together.
	FailAfterMessages int
	FailAfterOctets   mail.Size
	// FailCall breaks the connection at the n-th call of any kind.
	FailCall int

	// RefuseMessage is asked for each message before it is stored; its error is the answer, and the message is absent.
	RefuseMessage func(folder string, m Message) *mail.Error
	// Meanwhile is called before each append, without locks: a test may do there what another client would.
	Meanwhile func(s *Store, folder string)
	// RefuseFolder is asked before a folder is made; its error is the answer.
	RefuseFolder func(folder string) *mail.Error
	// Drop says at which appends the connection breaks, and how.
	Drop map[int]Drop
	// Poison is asked for each message; one that it holds for breaks the connection whenever it is sent.
	Poison func(m Message) bool
	// DropAnswer says at which appends the outcome is unknown although the connection stays.
	DropAnswer map[int]bool
	// DoubtAbsent says at which appends the outcome is unknown although the connection stays, and nothing is stored: the
	// refusal of a group.
	DoubtAbsent map[int]bool
	// ForgetDates stores every appended message under the moment it came.
	ForgetDates bool
	// FixLines stores CRLF for every bare LF, as some servers do.
	FixLines bool
	// LieOK says at which appends the server says OK and stores nothing.
	LieOK map[int]bool
	// NoUIDPlus answers appends without UID.
	NoUIDPlus bool
	// WrongUID answers appends with a UID of another message.
	WrongUID bool
	// ThrottleEvery refuses every n-th append or fetched message with a throttle that asks for ThrottleWait, and ends
	// the session.
	ThrottleEvery int
	ThrottleWait  time.Duration
	// QuotaAfter refuses appends once the mailbox holds that many octets.
	QuotaAfter mail.Size

	// ShortBody cuts the bodies of these UIDs after half, and the connection with it.
	ShortBody map[mail.UID]bool
	// SwallowBody answers for these UIDs without a body.
	SwallowBody map[mail.UID]bool
	// EmptyBody answers for these UIDs with a body without octets.
	EmptyBody map[mail.UID]bool
	// Instead hands over other octets for these UIDs.
	Instead map[mail.UID][]byte
	// Silent gives no answer for these UIDs although they are there.
	Silent map[mail.UID]bool
	// WrongSize is added to the sizes that listings tell.
	WrongSize mail.Size
	// ListFails breaks the connection after that many messages of a listing.
	ListFails int
	// ListRefused is the answer that ends such a listing instead; the connection stays.
	ListRefused *mail.Error
	// VanishDuring is called before each fetched message, without locks: a test may remove messages or change
	// UIDVALIDITY there.
	VanishDuring func(s *Store, folder string, uid mail.UID)

	// Erase says at which removals of an undo something goes wrong, and what.
	Erase map[int]EraseFault

	// NoModSeq and NoUIDNext take CONDSTORE and UIDNEXT away.
	NoModSeq, NoUIDNext bool
}

// Drop is how the connection breaks at an append.
type Drop struct {
	// Kind says what became of the message.
	Kind DropKind
	// LosesFlags stores the message without its flags, as a server may that was killed.
	LosesFlags bool
	// LateCalls and LateBy put off the storing of a DropAfter: until that many more calls came, or so much time passed.
	LateCalls int
	LateBy    time.Duration
}

// DropKind is what became of the message whose append broke the connection.
type DropKind uint8

// The kinds of a broken append.
const (
	// DropUnsent: the literal never went out whole; this message and the rest of the batch are absent.
	DropUnsent DropKind = iota
	// DropBefore: everything went out, the server stored neither this message nor the rest, nobody answered.
	DropBefore
	// DropAfter: the server stored this message and answered; the answer is lost, the rest is not stored.
	DropAfter
	// DropAfterAll: the server stored this message and the rest of the batch; all their answers are lost.
	DropAfterAll
)

// Set replaces the faults and starts their counts anew.
func (s *Store) Set(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.count = f, counters{}
}

// Mend takes all faults away. Messages that are to be stored late still come.
func (s *Store) Mend() { s.Set(Faults{}) }

func lost(op string) *mail.Error {
	return &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPLost, Text: "connection lost"}
}

func (f *Faults) throttled(op string) *mail.Error {
	return &mail.Error{Op: op, Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Wait: f.ThrottleWait,
		Text: "Request is throttled."}
}

// broken tells whether this fetched or appended message is one too many. The lock is held.
func (s *Store) broken(op string, octets mail.Size) *mail.Error {
	f, n := &s.faults, s.count.fetched+s.count.appended
	s.count.octets += octets
	switch {
	case f.FailAfterMessages > 0 && n > f.FailAfterMessages:
		return lost(op)
	case f.FailAfterOctets > 0 && s.count.octets > f.FailAfterOctets:
		return lost(op)
	case f.ThrottleEvery > 0 && n%f.ThrottleEvery == 0:
		return f.throttled(op)
	}
	return nil
}
