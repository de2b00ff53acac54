package imap

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// boundUnacknowledged makes the kernel give up on data that the peer does not acknowledge, so that a killed process
// does not leave a connection that delivers mail minutes later (TCP_USER_TIMEOUT, RFC 5482).
func boundUnacknowledged(conn *net.TCPConn, d time.Duration) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return // the connection is closed; the first read says so
	}
	_ = raw.Control(func(fd uintptr) {
		// An old kernel without the option keeps its own, longer, bound.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
}
