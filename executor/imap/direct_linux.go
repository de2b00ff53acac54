package imap

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// directly gives a connection's octets without telling the runtime of each system call. A socket of package net never
// blocks, so a call lasts as long as the copy; but the runtime, told of a call that takes longer than some 20 microseconds,
// gives the processor's place to another thread, and between two fast servers those moves cost more than the copies.
func directly(conn net.Conn) io.ReadWriter {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return &direct{tcp, raw}
		}
	}
	return conn
}

// direct reads and writes a TCP connection. Deadlines and Close work as ever: waiting is left to package net.
type direct struct {
	conn *net.TCPConn
	raw  syscall.RawConn
}

// Read reads what is there, and waits where nothing is.
func (d *direct) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var errno syscall.Errno
	err = d.raw.Read(func(fd uintptr) bool {
		n, errno = take(fd, p)
		return errno != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, d.failed("read", err)
	case errno != 0:
		return 0, d.failed("read", os.NewSyscallError("read", errno))
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of p.
func (d *direct) Write(p []byte) (done int, err error) {
	var errno syscall.Errno
	err = d.raw.Write(func(fd uintptr) bool {
		for done < len(p) {
			var n int
			if n, errno = give(fd, p[done:]); errno != 0 {
				return errno != syscall.EAGAIN
			}
			done += n
		}
		return true
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("write", errno)
	}
	if err != nil {
		return done, d.failed("write", err)
	}
	return done, nil
}

// failed words an error as package net does.
func (d *direct) failed(op string, err error) error {
	var inner *net.OpError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: d.conn.LocalAddr(), Addr: d.conn.RemoteAddr(), Err: err}
}
