package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mailhaul/state/fault"
)

// link is the session's connection: TLS or plain, above the pacer. It counts what it handed down, because an append is
// known to be absent only if its last octet was never passed on.
type link struct {
	pace    *pacer
	conn    net.Conn // pace, or TLS over it
	records *records // between the two; nil without TLS
	stop    context.CancelFunc

	mu     sync.Mutex
	handed int64 // octets passed to conn.Write, failed writes included
	broken error // set by cut; nothing is handed down afterwards
}

func newLink(conn net.Conn, opts Options) *link {
	ctx, stop := context.WithCancel(context.Background())
	p := &pacer{Conn: conn, octets: directly(conn), ctx: ctx, epoch: time.Now(), limit: opts.Bandwidth}
	p.progress.Store(int64(opts.Timeouts.Progress))
	return &link{pace: p, conn: p, stop: stop}
}

func (l *link) Read(p []byte) (int, error) { return l.conn.Read(p) }

// Write passes p on in chunks. Each counts as passed on before it is tried, so that a failed or half-done write counts
// whole, and what was never tried does not count.
func (l *link) Write(p []byte) (done int, err error) {
	for done < len(p) && err == nil {
		part := p[done:min(len(p), done+chunk)]
		if err = l.hand(len(part)); err != nil {
			return done, err
		}
		var n int
		n, err = l.pass(part)
		if err != nil && fault.Off(fault.FailedWrite) {
			_ = l.hand(-len(part)) // a mistake made on purpose
		}
		done += n
	}
	return done, err
}

// pass writes one chunk.
func (l *link) pass(p []byte) (int, error) {
	if l.records == nil {
		return l.conn.Write(p)
	}
	l.records.hold()
	n, err := l.conn.Write(p)
	if released := l.records.release(); err == nil {
		err = released
	}
	return n, err
}

// hand counts octets that are about to be passed on.
func (l *link) hand(n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.handed += int64(n)
	}
	return l.broken
}

// passed tells how many octets were handed down. After cut it does not grow.
func (l *link) passed() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.handed
}

// cut ends the connection with a reset, so that the kernel does not go on sending what was handed down. It unblocks
// every read and write and may be called from any goroutine, more than once.
func (l *link) cut(err error) {
	l.mu.Lock()
	if l.broken == nil {
		l.broken = err
	}
	l.mu.Unlock()
	l.stop()
	if tcp, ok := l.pace.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only if the connection is closed already
	}
	_ = l.pace.Conn.Close() // the connection is given up; nothing depends on how
}

// finish ends the connection with what was handed down still on its way. Unlike cut it resets nothing, unless the server
// has said something that nobody read.
func (l *link) finish() {
	l.mu.Lock()
	if l.broken == nil {
		l.broken = net.ErrClosed
	}
	l.mu.Unlock()
	l.stop()
	_ = l.conn.Close() // of TLS too, which says its own goodbye; nothing depends on it
}

// bear adds to the time that an answer may take; a connection that was given up gets none.
func (l *link) bear(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.pace.patience.Store(int64(d))
	}
}

// seal ends writing after a failed write. What the server has said before can still be read, for a moment: every
// answer that is there settles a message.
func (l *link) seal(err error) {
	l.mu.Lock()
	if l.broken == nil {
		l.broken = err
	}
	l.pace.patience.Store(0)
	l.mu.Unlock()
	wait := min(time.Duration(l.pace.progress.Load()), lastWords)
	l.pace.progress.Store(int64(wait))
	_ = l.pace.Conn.SetReadDeadline(time.Now().Add(wait)) // a closed connection needs none
}

// cause gives the reason for which the connection was cut, where err only says that it is closed.
func (l *link) cause(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil && errors.Is(err, net.ErrClosed) {
		return l.broken
	}
	return err
}

// lastWords is how long a connection that takes nothing more is listened to.
const lastWords = 2 * time.Second

// encrypted tells whether TLS is really there; no secret is written without it unless TLS is switched off by name.
func (l *link) encrypted() bool {
	t, ok := l.conn.(*tls.Conn)
	return ok && t.ConnectionState().HandshakeComplete
}

var (
	errSilent  = errors.New("the server sent nothing for too long")
	errTrickle = errors.New("the server sends too slowly")
	errStalled = errors.New("the server takes nothing for too long")
)

// trickle is the fewest octets in a minute of waiting: a server that says "still at work" now and then passes.
const trickle = 64

// pacer bounds every wait on the socket and slows it to the limits. It sits beneath TLS, which does not survive a
// timed-out write.
type pacer struct {
	net.Conn
	octets   io.ReadWriter   // of Conn
	ctx      context.Context // ends with the link, so that waits for the limiter end
	epoch    time.Time       // monotonic base of wrote
	limit    Limiter
	progress atomic.Int64 // nanoseconds without an octet that are borne
	patience atomic.Int64 // added to progress while big appends are unanswered
	wrote    atomic.Int64 // when the last write went through, in nanoseconds since epoch

	waited time.Duration // spent in Read since the window began
	got    int           // octets read since then
}

func (p *pacer) Read(b []byte) (int, error) {
	start := time.Since(p.epoch)
	for {
		wait := p.wait()
		from := max(start, time.Duration(p.wrote.Load()))
		if err := p.SetReadDeadline(p.epoch.Add(from + wait)); err != nil {
			return 0, err
		}
		n, err := p.octets.Read(b)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			if time.Since(p.epoch) < max(start, time.Duration(p.wrote.Load()))+p.wait() {
				continue // something was written meanwhile, which is progress, or more time is due
			}
			return 0, errSilent
		}
		if err != nil {
			return n, err
		}
		if err := p.flow(n, start); err != nil {
			return n, err
		}
		return n, p.throttle(n)
	}
}

func (p *pacer) wait() time.Duration { return time.Duration(p.progress.Load() + p.patience.Load()) }

// flow ends a connection that gives an octet now and then to keep us waiting for ever.
func (p *pacer) flow(n int, start time.Duration) error {
	p.got += n
	p.waited += time.Since(p.epoch) - start
	if p.got >= trickle || time.Duration(p.wrote.Load()) > start {
		p.got, p.waited = 0, 0
		return nil
	}
	if p.waited > p.wait() {
		return errTrickle
	}
	return nil
}

// chunk is how much is written under one deadline, and the size of the buffers on the way.
const chunk = 128 << 10

func (p *pacer) Write(b []byte) (int, error) {
	if err := p.throttle(len(b)); err != nil {
		return 0, err
	}
	if err := p.SetWriteDeadline(time.Now().Add(time.Duration(p.progress.Load()))); err != nil {
		return 0, err
	}
	n, err := p.octets.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errStalled
	}
	if err == nil {
		p.wrote.Store(int64(time.Since(p.epoch)))
	}
	return n, err
}

// throttle waits until the limiter lets n octets pass, a chunk at a time.
func (p *pacer) throttle(n int) error {
	if p.limit == nil {
		return nil
	}
	for n > 0 {
		part := min(n, chunk)
		if err := p.limit.WaitN(p.ctx, part); err != nil {
			return err
		}
		n -= part
	}
	return nil
}
