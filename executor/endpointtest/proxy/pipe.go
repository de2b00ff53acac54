package proxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// pass copies size octets, or all for -1.
func pass(to *pipe, r io.Reader, size int64) error {
	if size >= 0 {
		r = io.LimitReader(r, size)
	}
	buf := make([]byte, 1<<15)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) && size >= 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pipe is the way out of one direction, with its faults.
type pipe struct {
	link       *link
	side       side
	to         net.Conn
	cut, stall int64
	passed     int64
	delayed    chan parcel
	done       chan struct{}
	once       sync.Once
}

// parcel is what arrives later.
type parcel struct {
	due    time.Time
	octets []byte
}

func (l *link) newPipe(s side, to net.Conn, cut, stall int64) *pipe {
	p := &pipe{link: l, side: s, to: to, cut: cut, stall: stall, done: make(chan struct{})}
	if l.faults.Delay > 0 {
		p.delayed = make(chan parcel, 1<<12)
		go p.deliver(p.delayed)
	}
	return p
}

// Write passes octets on until a fault comes.
func (p *pipe) Write(octets []byte) (int, error) {
	if p.stall > 0 && p.passed+int64(len(octets)) > p.stall {
		p.link.proxy.strike()
		_ = p.send(octets[:p.stall-p.passed]) // a connection that ends meanwhile ends the waiting too
		<-p.link.ended
		return 0, net.ErrClosed
	}
	if p.cut > 0 && p.passed+int64(len(octets)) >= p.cut {
		p.link.proxy.strike()
		_ = p.send(octets[:p.cut-p.passed]) // it is cut anyway
		p.flush()
		return 0, errCut
	}
	return len(octets), p.send(octets)
}

func (p *pipe) send(octets []byte) error {
	p.passed += int64(len(octets))
	p.link.proxy.passed(p.link, p.side, octets)
	if p.delayed == nil {
		_, err := p.to.Write(octets)
		return err
	}
	select {
	case p.delayed <- parcel{time.Now().Add(p.link.faults.Delay), append([]byte(nil), octets...)}:
		return nil
	case <-p.link.ended:
		return net.ErrClosed
	}
}

// deliver writes parcels when they are due.
func (p *pipe) deliver(delayed <-chan parcel) {
	defer close(p.done)
	for parcel := range delayed {
		if early := time.Until(parcel.due); early > 0 {
			select {
			case <-time.After(early):
			case <-p.link.ended:
			}
		}
		if _, err := p.to.Write(parcel.octets); err != nil {
			for range delayed { //nolint:revive // nothing can be written any more, but the sender must not block
			}
			return
		}
	}
}

// flush waits until everything sent has been written. Nothing can be sent afterwards.
func (p *pipe) flush() {
	if p.delayed != nil {
		p.once.Do(func() { close(p.delayed) })
		<-p.done
	}
}
