package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/cmd/demo"
	"mailhaul/executor/endpointtest/proxy"
)

func server(t *testing.T) *demo.Server {
	t.Helper()
	s, err := demo.NewServer(demo.Options{Users: map[string]string{"anna": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func dial(t *testing.T, p *proxy.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// script is what a client sends in one go; it needs no answers, as its literals are not synchronising.
const script = "a LOGIN anna {6+}\r\nsecret\r\nb EXAMINE INBOX\r\nc UNSELECT\r\nd APPEND INBOX {5+}\r\nb X Y\r\ne APPEND INBOX {3+}\r\ntwo\r\nf LOGOUT\r\n"

func TestCommands(t *testing.T) {
	s := server(t)
	p := proxy.Start(t, s.Addr())
	c := dial(t, p)
	fmt.Fprint(c, script)
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(all), "f OK") {
		t.Errorf("the answers are %q", all)
	}
	var lines []string
	for _, c := range p.Commands() {
		lines = append(lines, c.Line)
	}
	want := []string{"LOGIN anna {6+}", "EXAMINE INBOX", "UNSELECT", "APPEND INBOX {5+}", "APPEND INBOX {3+}", "LOGOUT"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if up, down := p.Octets(); up != int64(len(script)) || down != int64(len(all)) {
		t.Errorf("%d and %d octets passed, want %d and %d", up, down, len(script), len(all))
	}
	if s.Count("anna") != 2 {
		t.Errorf("%d messages arrived, want 2", s.Count("anna"))
	}
}

// TestRefusedLiteral: a literal that the server refuses before it came is no part of the stream.
func TestRefusedLiteral(t *testing.T) {
	p := proxy.Start(t, server(t).Addr())
	c := dial(t, p)
	r := bufio.NewReader(c)
	for _, step := range []struct{ send, want string }{
		{"", "* OK"},
		{"a LOGIN anna {6}\r\n", "+"}, {"secret\r\n", "a OK"},
		{"b APPEND INBOX {999999999}\r\n", "b NO"}, {"c NOOP\r\n", "c OK"},
	} {
		fmt.Fprint(c, step.send)
		line, err := r.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, step.want) {
			t.Fatalf("after %q: %q, %v; want %q", step.send, line, err, step.want)
		}
	}
	if p.Count("APPEND") != 1 || p.Count("NOOP") != 1 || len(p.Commands()) != 3 {
		t.Errorf("commands are %v", p.Commands())
	}
}

// TestCutToServer: the server sees the first n octets and no more, for every n.
func TestCutToServer(t *testing.T) {
	for n := int64(1); n <= int64(len(script)); n += 7 {
		s := server(t)
		p := proxy.Start(t, s.Addr())
		p.Set(proxy.Faults{CutToServer: n, Polite: true})
		c := dial(t, p)
		fmt.Fprint(c, script)
		_, _ = io.Copy(io.Discard, c) // ends with the connection, by EOF or by reset
		if up, _ := p.Octets(); up != n {
			t.Errorf("%d octets passed, want %d", up, n)
		}
	}
}

func TestCutToClientAndMend(t *testing.T) {
	p := proxy.Start(t, server(t).Addr())
	p.Set(proxy.Faults{CutToClient: 10})
	// The reset may come before the connection is known to be made.
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = io.Copy(io.Discard, c)
		c.Close()
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the connection ended with %v, want a reset", err)
		}
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	if _, down := p.Octets(); down != 10 {
		t.Errorf("%d octets passed, want 10", down)
	}
	c := dial(t, p)
	fmt.Fprint(c, script)
	if all, err := io.ReadAll(c); err != nil || !strings.Contains(string(all), "f OK") {
		t.Errorf("the next connection was hit too: %q, %v", all, err)
	}
}

func TestSwallowAppend(t *testing.T) {
	s := server(t)
	p := proxy.Start(t, s.Addr())
	p.Set(proxy.Faults{SwallowAppend: 2, Polite: true})
	c := dial(t, p)
	fmt.Fprint(c, script)
	all, _ := io.ReadAll(c) // the server may reset what the proxy closes
	if !strings.Contains(string(all), "d OK") || strings.Contains(string(all), "e OK") {
		t.Errorf("the answers are %q, want that to d and not that to e", all)
	}
	if s.Count("anna") != 2 {
		t.Errorf("%d messages are stored, want 2", s.Count("anna"))
	}
}

func TestStallAndDelay(t *testing.T) {
	p := proxy.Start(t, server(t).Addr())
	p.Set(proxy.Faults{StallToClient: 4})
	c := dial(t, p)
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if all, err := io.ReadAll(c); string(all) != "* OK" || !err.(net.Error).Timeout() {
		t.Errorf("got %q, %v; want four octets and silence", all, err)
	}
	p.Set(proxy.Faults{Delay: 200 * time.Millisecond})
	began := time.Now()
	c = dial(t, p)
	fmt.Fprint(c, script)
	if all, err := io.ReadAll(c); err != nil || !strings.Contains(string(all), "f OK") {
		t.Errorf("with a delay: %q, %v", all, err)
	}
	// There and back is twice the delay; six commands in one go must not wait for one another.
	if took := time.Since(began); took < 400*time.Millisecond || took > 2*time.Second {
		t.Errorf("it took %s, want 400ms; one after the other they take 2.4s", took)
	}
}

func TestBlind(t *testing.T) {
	p := proxy.Start(t, server(t).Addr())
	p.Set(proxy.Faults{Blind: true, Delay: 5 * time.Millisecond})
	c := dial(t, p)
	r := bufio.NewReader(c)
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		fmt.Fprintf(c, "a%d NOOP\r\nb%d NOOP\r\n", i, i)
		for range 2 {
			if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "OK") {
				t.Fatalf("%q: %v", line, err)
			}
		}
	}
	if n := len(p.Commands()); n != 0 {
		t.Errorf("%d commands are recorded", n)
	}
	if n := p.Turns(); n != 3 {
		t.Errorf("%d turns, want 3", n)
	}
}
