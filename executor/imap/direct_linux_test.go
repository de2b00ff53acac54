package imap

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// ends gives the two ends of a TCP connection, ours read and written directly.
func ends(t *testing.T) (ours io.ReadWriter, conn, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn, theirs = near.(*net.TCPConn), far.(*net.TCPConn)
	t.Cleanup(func() { _ = conn.Close(); _ = theirs.Close() })
	ours = directly(conn)
	if _, is := ours.(*direct); !is {
		t.Fatalf("a TCP connection is used as %T", ours)
	}
	return ours, conn, theirs
}

// operation wants an error that is worded as those of package net are.
func operation(t *testing.T, err error, op string, is error) {
	t.Helper()
	var named *net.OpError
	if !errors.As(err, &named) || named.Op != op || named.Addr == nil || !errors.Is(err, is) {
		t.Errorf("%v (%T), want that of a %s, which is %v", err, err, op, is)
	}
}

func TestDirectEOF(t *testing.T) {
	ours, _, theirs := ends(t)
	if _, err := theirs.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	_ = theirs.CloseWrite() // shows below
	b := make([]byte, 10)
	if n, err := ours.Read(b[:0]); n != 0 || err != nil {
		t.Errorf("a read of nothing gives %d, %v", n, err)
	}
	got, err := io.ReadAll(ours)
	if string(got) != "last" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	for range 2 {
		if n, err := ours.Read(b); n != 0 || err != io.EOF { //nolint:errorlint // bufio and others want just this one
			t.Errorf("at the end: %d, %v", n, err)
		}
	}
}

// TestDirectDeadline: a deadline ends a read and a write, whether it is set before or meanwhile, and a new one makes both
// work again.
func TestDirectDeadline(t *testing.T) {
	ours, conn, theirs := ends(t)
	large := make([]byte, 64<<20)
	past, soon := time.Now().Add(-time.Second), 30*time.Millisecond
	_ = conn.SetDeadline(past) // shows below
	_, err := ours.Read(large)
	operation(t, err, "read", os.ErrDeadlineExceeded)
	_, err = ours.Write(large)
	operation(t, err, "write", os.ErrDeadlineExceeded)

	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // likewise
	meanwhile := time.AfterFunc(soon, func() { _ = conn.SetDeadline(past) })
	defer meanwhile.Stop()
	_, err = ours.Read(large)
	operation(t, err, "read", os.ErrDeadlineExceeded)

	_ = conn.SetDeadline(time.Now().Add(soon)) // likewise
	wrote, err := ours.Write(large)
	operation(t, err, "write", os.ErrDeadlineExceeded)
	if wrote == 0 || wrote == len(large) {
		t.Fatalf("%d octets went to somebody who reads none", wrote)
	}
	_ = conn.SetDeadline(time.Time{}) // likewise
	if n, err := io.CopyN(io.Discard, theirs, int64(wrote)); err != nil {
		t.Errorf("%d of %d octets that were written have come: %v", n, wrote, err)
	}
	if _, err := ours.Write([]byte("more")); err != nil {
		t.Error(err)
	}
	b := make([]byte, 10)
	if n, err := theirs.Read(b); err != nil || string(b[:n]) != "more" {
		t.Errorf("behind them came %q, %v", b[:n], err)
	}
}

// TestDirectClose: Close from another goroutine ends a read and a write that wait, and later ones.
func TestDirectClose(t *testing.T) {
	for op, use := range map[string]func(io.ReadWriter) error{
		"read":  func(rw io.ReadWriter) error { _, err := rw.Read(make([]byte, 1)); return err },
		"write": func(rw io.ReadWriter) error { _, err := rw.Write(make([]byte, 64<<20)); return err },
	} {
		ours, conn, _ := ends(t)
		closing := time.AfterFunc(30*time.Millisecond, func() { _ = conn.Close() })
		operation(t, use(ours), op, net.ErrClosed)
		operation(t, use(ours), op, net.ErrClosed)
		closing.Stop()
	}
}

// TestDirectReset: what was written before a reset counts, and the error says what it was.
func TestDirectReset(t *testing.T) {
	ours, _, theirs := ends(t)
	type result struct {
		n   int
		err error
	}
	const large = 64 << 20
	done := make(chan result)
	go func() {
		n, err := ours.Write(make([]byte, large))
		done <- result{n, err}
	}()
	const took = 1 << 20
	if _, err := io.CopyN(io.Discard, theirs, took); err != nil {
		t.Fatal(err)
	}
	_ = theirs.SetLinger(0) // that is the reset
	_ = theirs.Close()
	r := <-done
	operation(t, r.err, "write", syscall.ECONNRESET)
	if r.n < took || r.n >= large {
		t.Errorf("%d octets were written, the other end read %d", r.n, took)
	}
	_, err := ours.Write([]byte("x"))
	operation(t, err, "write", syscall.EPIPE)
	ours, _, theirs = ends(t)
	_ = theirs.SetLinger(0) // likewise
	_ = theirs.Close()
	_, err = ours.Read(make([]byte, 1))
	operation(t, err, "read", syscall.ECONNRESET)
}

// TestDirectSlowReader: a write larger than all buffers comes whole and in order, however slowly it is read.
func TestDirectSlowReader(t *testing.T) {
	ours, _, theirs := ends(t)
	_ = theirs.SetReadBuffer(128 << 10) // so that the writer waits often
	want := make([]byte, 32<<20)
	for i := range want {
		want[i] = byte(i>>13) + byte(i)
	}
	done := make(chan error, 1)
	go func() {
		n, err := ours.Write(want)
		if err == nil && n != len(want) {
			err = io.ErrShortWrite
		}
		_ = theirs.SetReadDeadline(time.Now().Add(20 * time.Second)) // for what is still on its way
		done <- err
	}()
	got := make([]byte, 0, len(want))
	for b := make([]byte, 50_000); len(got) < len(want); {
		n, err := theirs.Read(b)
		if got = append(got, b[:n]...); err != nil {
			t.Fatalf("after %d octets: %v", len(got), err)
		}
	}
	if err := <-done; err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v; the octets are the same: %v", err, bytes.Equal(got, want))
	}
}

// TestPartialWriteCountsAsPassed: of a chunk of which the kernel took a part before the write failed, every octet counts as
// handed over, and of what was never tried none.
func TestPartialWriteCountsAsPassed(t *testing.T) {
	_, conn, theirs := ends(t)
	_ = conn.SetWriteBuffer(chunk) // more or less
	l := newLink(conn, Options{Timeouts: Timeouts{Progress: 50 * time.Millisecond}})
	defer l.cut(net.ErrClosed)
	n, err := l.Write(make([]byte, 256*chunk))
	if !errors.Is(err, errStalled) {
		t.Fatalf("%d octets went to somebody who reads none: %v", n, err)
	}
	passed := l.passed()
	if passed < int64(n) || passed-int64(n) > chunk || passed%chunk != 0 || passed == 256*chunk {
		t.Errorf("%d octets count as passed, %d were written", passed, n)
	}
	_ = conn.CloseWrite() // so that what was written ends
	if got, _ := io.Copy(io.Discard, theirs); got > passed {
		t.Errorf("%d octets have come, %d count as passed", got, passed)
	}
}
