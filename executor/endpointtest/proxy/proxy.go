// Package proxy stands between an IMAP client and its server in tests. It records every command of the client, and it can
// delay, stall, cut after any octet of either direction, and swallow the answer to an APPEND.
//
// Start with Start(t, address) and let the client connect to Addr. Commands are recorded as long as the connection is
// not encrypted; after STARTTLS, or with TLS from the first octet, octets pass unread and only the faults that count
// octets work.
package proxy

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Faults are what goes wrong. Delay, Blind and Record hold for all connections from now on, the rest for Times of them.
type Faults struct {
	// Delay is the time that every octet is on its way, in each direction. It limits no throughput.
	Delay time.Duration
	// Blind passes octets unread, for benchmarks: no command is recorded, and SwallowAppend does not work.
	Blind bool
	// Record keeps the octets of both directions; Sessions gives them.
	Record bool
	// After is how many connections pass before the first that the faults below hit.
	After int
	// Times is how many connections the faults below hit, in order of their coming; zero: one.
	Times int
	// CutToServer and CutToClient break the connection once that many octets passed in the direction; zero: never.
	CutToServer, CutToClient int64
	// StallToServer and StallToClient let that many octets pass and then nothing more; the connection stays open.
	StallToServer, StallToClient int64
	// SwallowAppend breaks the connection in place of the tagged answer to its n-th APPEND; zero: never.
	SwallowAppend int
	// Polite ends broken connections with FIN; otherwise they are reset.
	Polite bool
}

// Command is one command of a client.
type Command struct {
	Connection int    // numbered from 1
	Line       string // without tag and line end; literals are left out, their {n} stays
}

// Verb is the command's name in upper case, with the second word of a UID command: "UID FETCH".
func (c Command) Verb() string {
	words := strings.Fields(strings.ToUpper(c.Line))
	if len(words) > 1 && words[0] == "UID" {
		return words[0] + " " + words[1]
	}
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// Proxy passes connections on. It is safe for use by several goroutines.
type Proxy struct {
	listener net.Listener
	target   string
	wait     sync.WaitGroup

	mu       sync.Mutex
	faults   Faults
	passing  int // connections that come before the faults hit
	left     int // connections that the faults still hit
	struck   int // connections that were cut, stalled or robbed of an answer
	sessions []*Session
	commands []Command
	links    map[*link]struct{}
	count    int
	octets   [2]int64
	turns    int
	closed   bool
}

// Start starts a proxy to the address; it ends with the test.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, links: make(map[*link]struct{})}
	p.wait.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Host is the proxy's address.
func (p *Proxy) Host() string { return "127.0.0.1" }

// Port is the proxy's port.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Set replaces the faults.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults, p.passing, p.left = f, f.After, max(1, f.Times)
}

// Session is what passed over one connection.
type Session struct{ ToServer, ToClient []byte }

// Sessions gives what was recorded, in the order of the connections' coming.
func (p *Proxy) Sessions() []Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Session, len(p.sessions))
	for i, s := range p.sessions {
		all[i] = Session{slices.Clone(s.ToServer), slices.Clone(s.ToClient)}
	}
	return all
}

// Struck tells on how many connections a fault struck. One that ends before its fault is due has none.
func (p *Proxy) Struck() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.struck
}

func (p *Proxy) strike() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.struck++
}

// Mend takes all faults away from connections to come.
func (p *Proxy) Mend() { p.Set(Faults{}) }

// Retarget sends connections to come to another address.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Cut resets every connection there is now.
func (p *Proxy) Cut() {
	p.mu.Lock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	p.mu.Unlock()
	for _, l := range links {
		l.cut()
	}
}

// Commands gives what clients sent since the beginning or the last Forget.
func (p *Proxy) Commands() []Command {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.commands)
}

// Count counts the commands of a verb.
func (p *Proxy) Count(verb string) int {
	n := 0
	for _, c := range p.Commands() {
		if c.Verb() == verb {
			n++
		}
	}
	return n
}

// Forget empties the record of commands.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = nil
}

// Connections is how many connections came so far.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Octets is how much passed so far in each direction.
func (p *Proxy) Octets() (toServer, toClient int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.octets[toServerSide], p.octets[toClientSide]
}

// Turns is how often a client spoke after its server had: the round trips of all connections together, for clients that
// wait for answers before they go on.
func (p *Proxy) Turns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.turns
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		s, err := net.Dial("tcp", target)
		if err != nil {
			reset(c)
			continue
		}
		p.begin(c, s)
	}
}

// begin passes one connection on, with the faults that are set now.
func (p *Proxy) begin(client, server net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		reset(client)
		reset(server)
		return
	}
	f := Faults{Delay: p.faults.Delay, Blind: p.faults.Blind}
	switch {
	case p.passing > 0:
		p.passing--
	case p.left > 0:
		f = p.faults
		p.left--
	}
	p.count++
	l := newLink(p, p.count, f, client, server)
	if p.faults.Record {
		l.record = &Session{}
		p.sessions = append(p.sessions, l.record)
	}
	p.links[l] = struct{}{}
	p.wait.Go(func() {
		l.run()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}

func (p *Proxy) record(c Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = append(p.commands, c)
}

func (p *Proxy) passed(l *link, direction side, octets []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.octets[direction] += int64(len(octets))
	switch {
	case l.record != nil && direction == toServerSide:
		l.record.ToServer = append(l.record.ToServer, octets...)
	case l.record != nil:
		l.record.ToClient = append(l.record.ToClient, octets...)
	}
	if direction == toServerSide && l.last == toClientSide {
		p.turns++
	}
	l.last = direction
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close() // accept ends
	p.Cut()
	p.wait.Wait()
}

// reset closes a connection so that the other side sees a reset, and nothing that is still under way arrives.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
