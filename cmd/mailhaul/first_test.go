package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// silent starts a server that takes connections and never says a word; its port is in $SILENT_PORT.
func silent(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("SILENT_PORT", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	over := make(chan struct{})
	go func() {
		defer close(over)
		var taken []net.Conn
		for {
			c, err := listener.Accept()
			if err != nil {
				break
			}
			taken = append(taken, c)
		}
		for _, c := range taken {
			_ = c.Close() // nothing was written to it
		}
	}()
	ts.Defer(func() {
		_ = listener.Close() // it ends the goroutine
		<-over
	})
}

// first PATTERN COMMAND... runs a command, checks the first line that it writes on either stream, and ends it. Where the
// servers are silent, that line came before any answer, however busy this machine is.
func first(ts *testscript.TestScript, _ bool, args []string) {
	r, w, err := os.Pipe()
	ts.Check(err)
	defer func() { _ = r.Close() }() // it was only read
	c := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[1]), args[2:]...)
	c.Dir, c.Env, c.Stdout, c.Stderr = ts.MkAbs("."), environ(ts), w, w
	ts.Check(c.Start())
	ts.Check(w.Close())
	ts.Check(r.SetReadDeadline(time.Now().Add(time.Minute))) // a command that says nothing at all
	line, err := bufio.NewReader(r).ReadString('\n')
	_ = c.Process.Kill() // it may have ended by itself
	_ = c.Wait()         // killed, as it should be
	if line = strings.TrimSuffix(line, "\n"); err != nil || !regexp.MustCompile(args[0]).MatchString(line) {
		ts.Fatalf("the first line of %s is %q (%v), not %s", strings.Join(args[1:], " "), line, err, args[0])
	}
}
