//go:build !linux

package imap

import (
	"io"
	"net"
)

// directly is for Linux only.
func directly(conn net.Conn) io.ReadWriter { return conn }
