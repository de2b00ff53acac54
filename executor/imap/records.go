package imap

import (
	"bufio"
	"net"
	"sync"
)

// records stands between TLS and the socket. TLS reads and writes record by record, 16 KiB at most, each a system call;
// here many records share one.
type records struct {
	net.Conn // the pacer
	in       *bufio.Reader

	mu   sync.Mutex // TLS writes when it is read from, too: alerts and new keys
	held bool
	out  []byte
}

func newRecords(conn net.Conn) *records {
	return &records{Conn: conn, in: bufio.NewReaderSize(conn, chunk)}
}

// Read gives what has arrived.
func (r *records) Read(p []byte) (int, error) { return r.in.Read(p) }

// Write passes records on at once, or keeps them until release.
func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		return r.Conn.Write(p)
	}
	r.out = append(r.out, p...)
	return len(p), nil
}

// hold keeps what is written until release.
func (r *records) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = true
}

// release writes what was kept, in one go.
func (r *records) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = false
	if len(r.out) == 0 {
		return nil
	}
	_, err := r.Conn.Write(r.out)
	r.out = r.out[:0]
	return err
}
