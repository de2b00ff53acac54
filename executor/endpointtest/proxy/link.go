package proxy

import (
	"bufio"
	"errors"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// side is a direction.
type side int

const (
	toServerSide side = iota
	toClientSide
)

// link is one connection that is passed on.
type link struct {
	proxy          *Proxy
	number         int
	faults         Faults
	client, server net.Conn
	ended          chan struct{}
	once           sync.Once
	last           side     // the direction of the latest octets, guarded by proxy.mu
	record         *Session // likewise; nil: nothing is recorded

	mu      sync.Mutex
	appends map[string]int // tags of APPEND commands, numbered from 1
	waiting string         // tag of the command that waits for "+"
	answer  chan bool      // the server's word about it
}

func newLink(p *Proxy, number int, f Faults, client, server net.Conn) *link {
	return &link{proxy: p, number: number, faults: f, client: client, server: server, ended: make(chan struct{}),
		appends: make(map[string]int), answer: make(chan bool, 1)}
}

// errCut ends a direction that a fault broke.
var errCut = errors.New("connection cut")

// run passes both directions until one of them ends.
func (l *link) run() {
	var wait sync.WaitGroup
	up := l.newPipe(toServerSide, l.server, l.faults.CutToServer, l.faults.StallToServer)
	down := l.newPipe(toClientSide, l.client, l.faults.CutToClient, l.faults.StallToClient)
	wait.Go(func() { l.ending(l.clientLines(up), up) })
	wait.Go(func() { l.ending(l.serverLines(down), down) })
	wait.Wait()
}

// ending ends the connection because a direction ended: at once if a fault did it, else when all that is under way has
// arrived.
func (l *link) ending(err error, p *pipe) {
	if !errors.Is(err, errCut) {
		p.flush()
	}
	if errors.Is(err, errCut) && !l.faults.Polite {
		l.cut()
		return
	}
	l.once.Do(func() { close(l.ended) })
	_ = l.client.Close()
	_ = l.server.Close()
}

// cut resets both halves.
func (l *link) cut() {
	l.once.Do(func() { close(l.ended) })
	reset(l.client)
	reset(l.server)
}

// clientLines passes what the client sends, line by line, and records commands.
func (l *link) clientLines(to *pipe) error {
	if l.faults.Blind {
		return pass(to, l.client, -1)
	}
	r := bufio.NewReaderSize(l.client, 1<<16)
	if first, err := r.Peek(1); err != nil || first[0] == 0x16 {
		return pass(to, r, -1) // a TLS handshake
	}
	for {
		verb, err := l.command(to, r)
		if err != nil {
			return err
		}
		if verb == "STARTTLS" {
			return pass(to, r, -1)
		}
	}
}

// literalEnd is a literal's announcement at the end of a line (RFC 9051, 4.3, with RFC 7888).
var literalEnd = regexp.MustCompile(`~?\{([0-9]+)(\+?)\}\r?\n$`)

// command passes one command with its literals.
func (l *link) command(to *pipe, r *bufio.Reader) (string, error) {
	var whole strings.Builder
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		if err != nil {
			_, _ = to.Write([]byte(line)) // what came of it; the read's error is the one that counts
			return "", err
		}
		whole.WriteString(strings.TrimRight(line, "\r\n"))
		m := literalEnd.FindStringSubmatch(line)
		if m == nil {
			verb := l.note(whole.String())
			_, err := to.Write([]byte(line))
			return verb, err
		}
		if first {
			l.noteAppend(line)
		}
		taken, err := l.literal(to, r, line, m)
		if err != nil {
			return "", err
		}
		if !taken {
			return l.note(whole.String()), nil
		}
	}
}

// literal passes a line and the literal it announces. It is not taken if the server refuses it before it came.
func (l *link) literal(to *pipe, r *bufio.Reader, line string, m []string) (bool, error) {
	size, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return false, err
	}
	if m[2] == "" {
		tag, _, _ := strings.Cut(line, " ")
		l.mu.Lock()
		l.waiting = tag
		l.mu.Unlock()
	}
	if _, err := to.Write([]byte(line)); err != nil {
		return false, err
	}
	if m[2] == "" {
		select {
		case goOn := <-l.answer:
			if !goOn {
				return false, nil
			}
		case <-l.ended:
			return false, net.ErrClosed
		}
	}
	return true, pass(to, r, size)
}

// note records a whole command. What has no tag, as the lines of an AUTHENTICATE, is no command.
func (l *link) note(line string) string {
	_, rest, ok := strings.Cut(line, " ")
	if !ok {
		return ""
	}
	c := Command{Connection: l.number, Line: rest}
	l.proxy.record(c)
	return c.Verb()
}

// noteAppend remembers the tag of an APPEND, before its literal and so before its answer.
func (l *link) noteAppend(line string) {
	tag, rest, _ := strings.Cut(line, " ")
	if (Command{Line: rest}).Verb() != "APPEND" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appends[tag] = len(l.appends) + 1
}

// serverLines passes what the server sends, line by line.
func (l *link) serverLines(to *pipe) error {
	if l.faults.Blind {
		return pass(to, l.server, -1)
	}
	r := bufio.NewReaderSize(l.server, 1<<16)
	if first, err := r.Peek(1); err != nil || first[0] != '*' {
		return pass(to, r, -1) // no greeting: TLS
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			_, _ = to.Write([]byte(line)) // what came of it; the read's error is the one that counts
			return err
		}
		tag, rest, _ := strings.Cut(line, " ")
		if l.swallows(tag) {
			l.proxy.strike()
			return errCut
		}
		l.decide(tag)
		if _, err := to.Write([]byte(line)); err != nil {
			return err
		}
		if strings.HasPrefix(rest, "OK") && tag != "*" && l.encrypts() {
			return pass(to, r, -1)
		}
		if m := literalEnd.FindStringSubmatch(line); m != nil && tag == "*" {
			size, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				return err
			}
			if err := pass(to, r, size); err != nil {
				return err
			}
		}
	}
}

func (l *link) swallows(tag string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults.SwallowAppend > 0 && l.appends[tag] == l.faults.SwallowAppend
}

// decide tells the client's half what becomes of the literal that waits.
func (l *link) decide(tag string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tag = strings.TrimRight(tag, "\r\n") // "+" may stand alone
	if l.waiting == "" || tag != "+" && tag != l.waiting {
		return
	}
	l.waiting = ""
	l.answer <- tag == "+"
}

// encrypts tells whether the tagged OK begins TLS: then the last command was STARTTLS.
func (l *link) encrypts() bool {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	for i := len(l.proxy.commands) - 1; i >= 0; i-- {
		if c := l.proxy.commands[i]; c.Connection == l.number {
			return c.Verb() == "STARTTLS"
		}
	}
	return false
}
