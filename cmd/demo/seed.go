package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"mailhaul/state/mail"
	samplemail "mailhaul/testdata/mail"
)

// place is a folder that Seed makes and how much ordinary mail goes there.
type place struct {
	name     string
	role     mail.Role
	messages int
}

// places are the folders of each person, by address: nested, in several scripts, with special use and without.
func places() map[string][]place {
	return map[string][]place{
		"anna@old.example": {
			{"INBOX", mail.RoleNone, 70}, {"Sent", mail.RoleSent, 40}, {"Drafts", mail.RoleDrafts, 3},
			{"Trash", mail.RoleTrash, 4}, {"Archive/2022", mail.RoleNone, 20}, {"Archive/2023", mail.RoleNone, 25},
			{"Projects/Neubau Süd/Pläne", mail.RoleNone, 15}, {"Awkward", mail.RoleNone, 0},
		},
		"bo@old.example": {
			{"INBOX", mail.RoleNone, 45}, {"Gesendete Elemente", mail.RoleSent, 30}, {"Papierkorb", mail.RoleTrash, 5},
			{"Kunden/Müller & Söhne", mail.RoleNone, 12}, {"Kunden/日本支社", mail.RoleNone, 10},
		},
		"carla@old.example": {
			{"INBOX", mail.RoleNone, 35}, {"Sent", mail.RoleSent, 15}, {"Reports/2024/Q1", mail.RoleNone, 8},
			{"Reports/2024/Q2", mail.RoleNone, 8}, {"Empty", mail.RoleNone, 0},
		},
	}
}

// Seed fills the mailboxes of People with some hundred messages from five years back to now, every sample of
// testdata/mail among them, equal messages twice in a folder and in two folders. The same now gives the same mail.
func Seed(s *Server, now time.Time) error {
	for i, p := range People() {
		g := &generator{server: s, user: p.Source, now: now, rand: rand.New(rand.NewPCG(uint64(i), 2026))} //nolint:gosec // mail that is the same each time, no secret
		for _, where := range places()[p.Source] {
			if err := s.AddFolder(p.Source, where.name, where.role); err != nil {
				return err
			}
			for n := range where.messages {
				g.deliver(where.name, g.ordinary(where.name, n))
			}
		}
		if i == 0 {
			g.samples("Awkward")
		}
		g.twins()
		if g.err != nil {
			return g.err
		}
	}
	return nil
}

// SeedDestination gives every mailbox of People the folders that a new mailbox has on many servers.
func SeedDestination(s *Server) error {
	for _, p := range People() {
		for _, where := range []place{{"Sent Items", mail.RoleSent, 0}, {"Drafts", mail.RoleDrafts, 0},
			{"Junk", mail.RoleJunk, 0}, {"Trash", mail.RoleTrash, 0}} {
			if err := s.AddFolder(p.Destination, where.name, where.role); err != nil {
				return err
			}
		}
	}
	return nil
}

// DeliverNew lets n messages of this moment arrive in the INBOX of every person of the source and gives how many that
// were.
func DeliverNew(s *Server, now time.Time, n int) (int, error) {
	for i, p := range People() {
		seed := uint64(now.UnixNano())                                                                     //nolint:gosec // any number does
		g := &generator{server: s, user: p.Source, now: now, rand: rand.New(rand.NewPCG(seed, uint64(i)))} //nolint:gosec // no secret
		for k := range n {
			m := g.ordinary("new mail", k)
			m.Date, m.Flags = now.Truncate(time.Second), mail.Flags{}
			g.deliver("INBOX", m)
		}
		if g.err != nil {
			return 0, g.err
		}
	}
	return n * len(People()), nil
}

// generator makes and delivers the mail of one person and keeps the first error.
type generator struct {
	server *Server
	user   string
	now    time.Time
	rand   *rand.Rand
	err    error
}

func (g *generator) deliver(folder string, m Message) {
	if g.err == nil {
		_, g.err = g.server.Deliver(g.user, folder, m)
	}
}

// zones are those that dates get; minutes that are no full hour are among them.
func zones() []int { return []int{0, 60, 120, -300, -480, 330, 345, 840, -720} }

// date is some second of the last five years, every fourth one of the last 80 days.
func (g *generator) date() time.Time {
	back := time.Duration(g.rand.Int64N(int64(5*365*24*time.Hour))) + 90*24*time.Hour
	if g.rand.IntN(4) == 0 {
		back = time.Duration(g.rand.Int64N(int64(80 * 24 * time.Hour)))
	}
	minutes := zones()[g.rand.IntN(len(zones()))]
	return g.now.Add(-back).Truncate(time.Second).In(time.FixedZone("", minutes*60))
}

func (g *generator) flags() mail.Flags {
	var f mail.Flags
	for _, flag := range []struct {
		name string
		of   int // one in that many has it
	}{{`\Answered`, 4}, {`\Flagged`, 9}, {"$Forwarded", 8}, {"Project-X", 15}, {"NonJunk", 20}} {
		if g.rand.IntN(flag.of) == 0 {
			f = f.With(flag.name)
		}
	}
	if g.rand.IntN(5) > 0 {
		f = f.With(`\Seen`)
	}
	return f
}

// ordinary makes the n-th message of a folder: some lines of text, and now and then an attachment of some kilobytes.
func (g *generator) ordinary(folder string, n int) Message {
	date := g.date()
	var b strings.Builder
	fmt.Fprintf(&b, "From: Somebody <somebody%d@partner.example>\r\nTo: %s\r\n", g.rand.IntN(30), g.user)
	fmt.Fprintf(&b, "Subject: Message %d\r\nDate: %s\r\n", n+1, date.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-ID: <%016x.%d@partner.example>\r\n\r\n", g.rand.Uint64(), len(folder))
	for range 3 + g.rand.IntN(30) {
		b.WriteString("The quick brown fox jumps over the lazy dog, again and again.\r\n")
	}
	if g.rand.IntN(12) == 0 {
		for range 300 {
			fmt.Fprintf(&b, "%016x%016x%016x%016x\r\n", g.rand.Uint64(), g.rand.Uint64(), g.rand.Uint64(), g.rand.Uint64())
		}
	}
	return Message{Date: date, Flags: g.flags(), Octets: []byte(b.String())}
}

// samples delivers every sample of testdata/mail.
func (g *generator) samples(folder string) {
	for _, s := range samplemail.All() {
		g.deliver(folder, Message{Date: g.date(), Flags: g.flags(), Octets: s.Octets})
	}
}

// twins delivers one message twice to the INBOX and once more to another folder: all three are to be kept.
func (g *generator) twins() {
	m := g.ordinary("twins", 0)
	g.deliver("INBOX", m)
	g.deliver("INBOX", m)
	g.deliver("Lists/Twins", m)
}
