package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHardCase_R02_HangUp ends real runs as a lost SSH session and an operating system that shuts down do: the
// messages in hand are finished, the run is recorded as interrupted with 130, and apply goes on with nothing twice.
func TestHardCase_R02_HangUp(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.program = built(t)
	m.fill(120, 0)
	fast := m.endpoint
	m.endpoint += "\n  messages_per_second = 10"
	m.write()
	for _, way := range []struct {
		name string
		tty  bool
		end  func(c *exec.Cmd, person *os.File)
	}{
		{"terminated", false, func(c *exec.Cmd, _ *os.File) { m.signal(c, syscall.SIGTERM) }},
		{"hung up", false, func(c *exec.Cmd, _ *os.File) { m.signal(c, syscall.SIGHUP) }},
		// The shell and the kernel both tell: the second time is not somebody who can't wait.
		{"hung up twice", false, func(c *exec.Cmd, _ *os.File) { m.signal(c, syscall.SIGHUP); m.signal(c, syscall.SIGHUP) }},
		{"terminal gone", true, func(_ *exec.Cmd, person *os.File) { _ = person.Close() }},
	} {
		m.toNew.Forget()
		c := m.command("apply", "--auto-approve")
		person, command, err := terminal()
		if err != nil {
			t.Fatal(err)
		}
		if way.tty {
			c.Stdin, c.Stdout, c.Stderr = command, command, command
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_ = command.Close() // the program has it
		if way.tty {
			go func() { _, _ = io.Copy(io.Discard, person) }() // a full terminal would stop the program
		}
		m.sending()
		way.end(c, person)
		_ = c.Wait() // the exit code tells
		if got := c.ProcessState.ExitCode(); got != 130 {
			t.Errorf("%s: %v", way.name, c.ProcessState)
		}
		_ = person.Close() // it may be closed
		if r := m.must(0, "state", "show"); strings.Count(r.stdout, "exit code 130") == 0 || strings.Contains(r.stdout, "killed") {
			t.Errorf("%s:\n%s", way.name, r.stdout)
		}
	}
	m.endpoint = fast
	m.write()
	m.finishes()
}

func (m *migration) signal(c *exec.Cmd, s syscall.Signal) {
	m.t.Helper()
	if err := c.Process.Signal(s); err != nil {
		m.t.Fatal(err)
	}
}

// sending waits until messages are on their way.
func (m *migration) sending() {
	m.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); m.toNew.Count("APPEND") == 0; {
		if time.Now().After(deadline) {
			m.t.Fatal("nothing was sent")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
