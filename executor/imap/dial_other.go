//go:build !linux

package imap

import (
	"net"
	"time"
)

// boundUnacknowledged does nothing: only Linux has TCP_USER_TIMEOUT, and a reset at the end serves elsewhere.
func boundUnacknowledged(*net.TCPConn, time.Duration) {}
