package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/proxy"
	"mailhaul/executor/endpointtest/rawcopy"
)

var rounds = flag.Int("rounds", 5, "BenchmarkPeers: how often each program does each work")

// work is what the programs are measured at.
type work struct {
	name      string
	mail      mailKind
	delay     time.Duration // one way, on both sides
	tls       bool
	unchanged bool // all was copied before, and nothing is new
	alone     bool // mailhaul alone and once: memory is what counts, not time
}

// mailKind is what lies in the source.
type mailKind struct {
	name                string
	mailboxes           int // all are moved at once
	folders             int // INBOX and others
	messages            int // in each folder
	smallest, largest   float64
	approximateMegabyte int
}

var (
	small  = mailKind{name: "small", mailboxes: 1, folders: 1, messages: 2000, smallest: 5000, largest: 5000}
	mixed  = mailKind{name: "mixed", mailboxes: 1, folders: 1, smallest: 2000, largest: 8e6, approximateMegabyte: 500}
	twenty = mailKind{name: "twenty", mailboxes: 20, folders: 1, messages: 300, smallest: 5000, largest: 5000}
	many   = mailKind{name: "many", mailboxes: 1, folders: 1, messages: 200_000, smallest: 500, largest: 500}
	spread = mailKind{name: "spread", mailboxes: 1, folders: 40, messages: 50, smallest: 5000, largest: 5000}
	wide   = mailKind{name: "wide", mailboxes: 1, folders: 50, messages: 400, smallest: 500, largest: 500}
)

// half is the way in one direction of a round trip of 50 ms.
const half = 25 * time.Millisecond

var works = []work{
	{name: "small", mail: small},
	{name: "small-50ms", mail: small, delay: half},
	{name: "mixed", mail: mixed},
	{name: "small-tls", mail: small, tls: true},
	{name: "small-tls-50ms", mail: small, tls: true, delay: half},
	{name: "mixed-tls", mail: mixed, tls: true},
	{name: "twenty", mail: twenty},
	{name: "spread-50ms", mail: spread, delay: half},
	{name: "many", mail: many, alone: true},
	{name: "nothing", mail: wide, unchanged: true},
	{name: "nothing-50ms", mail: wide, unchanged: true, delay: half},
}

// BenchmarkPeers lets mailhaul, mbsync and the bound of the protocol do the same work in turns, between the same two
// Dovecots on a memory disk, each time into an empty destination, and prints a table. What is measured is the wall time
// of a whole process from its start to its end: mailhaul's with plan, sign-in and ledger. The bound is package rawcopy as a
// program.
func BenchmarkPeers(b *testing.B) {
	a := newArena(b)
	report := newReport(a)
	for _, w := range works {
		b.Run(w.name, func(b *testing.B) { a.measure(b, w, report) })
	}
	report.print(os.Stdout)
}

// arena is where the programs meet.
type arena struct {
	b        *testing.B
	dir      string
	program  string
	bound    string // the bound of the protocol
	old, new *dovecot.Server
	filled   map[string]int // messages of each mailbox, by kind
	runs     int
	watching bool // memory is looked at
}

const benchPassword = "benchmark"

func newArena(b *testing.B) *arena {
	users := map[string]string{}
	for _, w := range works {
		for i := range w.mail.mailboxes {
			users[w.mail.user(i)] = benchPassword
		}
	}
	a := &arena{b: b, program: built(b), bound: builtBound(b), old: dovecot.Start(b, dovecot.Options{Users: users}),
		new: dovecot.Start(b, dovecot.Options{Users: users}), filled: map[string]int{}}
	// Beside the servers, so that the state is in memory too.
	a.dir = filepath.Join(a.new.Dir, "work")
	if err := os.Mkdir(a.dir, 0o700); err != nil {
		b.Fatal(err)
	}
	return a
}

// builtBound makes the bound's program, in the way in which built makes mailhaul.
func builtBound(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "bound")
	build := exec.Command("go", "build", "-trimpath", "-o", program, "mailhaul/executor/endpointtest/rawcopy/bound") //nolint:gosec // our own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

func (k mailKind) user(i int) string { return k.name + strconv.Itoa(i) + "@contoso.example" }

// fill fills the source, once for all works that need it.
func (a *arena) fill(b *testing.B, k mailKind) {
	b.Helper()
	if a.filled[k.name] > 0 {
		return
	}
	for i := range k.mailboxes {
		total := 0
		for n := range k.folders {
			name := "INBOX"
			if n > 0 {
				name = fmt.Sprintf("Folder%02d", n)
			}
			r := rand.New(rand.NewPCG(uint64(i), uint64(n))) //nolint:gosec // mail that is the same each time, no secret
			side := rawcopy.Side{Addr: a.old.Addr(), User: k.user(i), Password: benchPassword}
			count, err := rawcopy.Fill(context.Background(), side, name, k.messagesOf(r))
			if err != nil {
				b.Fatal(err)
			}
			total += count
		}
		a.filled[k.name] = total
	}
}

// messagesOf makes the messages of one folder. Sizes are spread evenly over their logarithm.
func (k mailKind) messagesOf(r *rand.Rand) func() (rawcopy.Message, bool) {
	n, octets := 0, 0
	return func() (rawcopy.Message, bool) {
		if n++; k.messages > 0 && n > k.messages || k.messages == 0 && octets > k.approximateMegabyte*1e6 {
			return rawcopy.Message{}, false
		}
		size := int(k.smallest)
		if k.largest > k.smallest {
			size = int(k.smallest * pow(k.largest/k.smallest, r.Float64()))
		}
		octets += size
		flags := []string{"", `\Seen`, `\Seen \Answered`, `\Flagged`}[n%4]
		date := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
		return rawcopy.Message{Flags: flags, Date: date, Text: messageOf(r, n, size)}, true
	}
}

func messageOf(r *rand.Rand, n, size int) []byte {
	text := make([]byte, 0, size+80)
	text = fmt.Appendf(text, "From: <a@partner.example>\r\nSubject: Message %d\r\nMessage-ID: <%d.%x@partner.example>\r\n\r\n",
		n, n, r.Uint64())
	for len(text) < size {
		text = fmt.Appendf(text, "%016x%016x%016x%016x\r\n", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	return text
}

// stage is the way to the two servers for one work.
type stage struct {
	work
	old, new door
	// messages is how many each mailbox has.
	messages int
}

// door is how a server is reached.
type door struct {
	host   string
	port   int
	caFile string       // empty: no TLS
	proxy  *proxy.Proxy // nil without a delay
}

func (d door) addr() string { return net.JoinHostPort(d.host, strconv.Itoa(d.port)) }

func (a *arena) stage(b *testing.B, w work) *stage {
	b.Helper()
	a.fill(b, w.mail)
	return &stage{work: w, old: w.door(b, a.old), new: w.door(b, a.new), messages: a.filled[w.mail.name]}
}

func (w work) door(b *testing.B, s *dovecot.Server) door {
	b.Helper()
	d := door{host: s.Host, port: s.Port}
	if w.tls {
		d.port, d.caFile = s.TLSPort, s.CAFile
	}
	if w.delay > 0 || w.unchanged {
		d.proxy = proxy.Start(b, d.addr())
		d.proxy.Set(proxy.Faults{Delay: w.delay, Blind: true})
		d.host, d.port = d.proxy.Host(), d.proxy.Port()
	}
	return d
}

// server is the door as the bound's program wants it.
func (d door) server() map[string]string { return map[string]string{"Addr": d.addr(), "CA": d.caFile} }

// homes is where the destination keeps its mailboxes.
func (a *arena) homes() string { return filepath.Join(a.new.Dir, "home") }

// empty empties the mailboxes of the destination. Nobody is signed in to them, or not for long any more.
func (a *arena) empty(b *testing.B, k mailKind) {
	b.Helper()
	for i := range k.mailboxes {
		home := filepath.Join(a.homes(), k.user(i))
		a.runs++
		gone := filepath.Join(a.dir, fmt.Sprintf("gone%d", a.runs))
		if err := os.Rename(home, gone); err != nil && !os.IsNotExist(err) {
			b.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // the server's process for it ends
		_ = os.RemoveAll(gone)            // a file that comes late stays until the end
	}
}

// arrived fails the benchmark if a program did not do its work: the fastest way is to leave something out.
func (a *arena) arrived(b *testing.B, s *stage, program string) {
	b.Helper()
	for i := range s.mail.mailboxes {
		out := a.new.Doveadm("mailbox", "status", "-u", s.mail.user(i), "-t", "messages", "*")
		if want := fmt.Sprintf("messages=%d", s.messages); strings.TrimSpace(out) != want {
			b.Fatalf("%s: %s copied %q, want %s", s.name, program, out, want)
		}
	}
}
