// Package dovecot starts a real Dovecot for a test: its own configuration, its own directory, loopback ports that nobody
// else uses, users with passwords, an admin account, TLS with a CA of its own. It is gone when the test ends.
//
// Start with Start(t, Options{Users: ...}); Server tells host, ports and CA file. It needs Dovecot 2.3 (Debian:
// dovecot-imapd). Where Dovecot is missing the test is skipped with a sentence, or fails where CI=true is set.
package dovecot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say what server is wanted. The zero value has no users and otherwise sensible defaults.
type Options struct {
	// Users are the mailboxes and their passwords, which may hold any octet but NUL.
	Users map[string]string
	// Masters are admin accounts that may open every mailbox, signing in as user*master.
	Masters map[string]string
	// Layout is "fs" (default: "/" between levels, "." in names) or "maildir++" ("." between levels), or "sdbox".
	Layout string
	// Prefix is that of the personal namespace, delimiter included: "INBOX.".
	Prefix string
	// Quota is a rule for every mailbox, as Dovecot writes it: "*:storage=5M". Empty: no quota.
	Quota string
	// UserQuota gives users a rule of their own.
	UserQuota map[string]string
	// Capability replaces what IMAP announces after sign-in; "+NAME" adds to it.
	Capability string
	// RefusePlaintext refuses passwords on connections without TLS.
	RefusePlaintext bool
	// Fsync makes the server wait for the disk as it does in the field.
	Fsync bool
	// Extra is added to the end of the configuration; DIR/ in it is the server's directory.
	Extra string
	// Files are put into the server's directory, by their names there; DIR/ in them is that directory.
	Files map[string]string
}

// Server is a Dovecot that runs, or that ran until Stop or Kill.
type Server struct {
	Host    string // 127.0.0.1, or 127.0.0.2 with RefusePlaintext
	Port    int    // IMAP without TLS at first; STARTTLS is offered
	TLSPort int    // IMAP with TLS from the first octet
	CAFile  string // PEM of the CA that signed the server's certificate
	Dir     string // everything of this server

	t      testing.TB
	opts   Options
	binary string
	cmd    *exec.Cmd
	ended  chan error // one error, or nil, of the process that ended

	mu    sync.Mutex
	users map[string]string
	// changes counts SetPassword.
	changes int
}

// Start starts a server and waits until it greets. It is stopped and its directory removed when the test ends; if the
// test failed, the end of its log goes to the test's.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	s := &Server{Host: "127.0.0.1", t: t, opts: opts, binary: binary(t), users: maps.Clone(opts.Users)}
	if s.users == nil {
		s.users = make(map[string]string)
	}
	if opts.RefusePlaintext {
		// Dovecot takes a client that comes from the server's own address for secured.
		s.Host = "127.0.0.2"
	}
	s.makeDir()
	t.Cleanup(s.cleanup)
	s.write()
	if err := s.startSomewhere(); err != nil {
		t.Fatalf("start dovecot: %v\n%s", err, s.Log())
	}
	return s
}

// binary finds Dovecot, or ends the test.
func binary(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"dovecot", "/usr/sbin/dovecot", "/usr/local/sbin/dovecot"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "dovecot is not installed (Debian and Ubuntu: apt-get install dovecot-imapd)"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// makeDir makes the server's directory, in memory where that can be had. Its name is short, as the paths of Unix
// sockets are limited to 108 octets.
func (s *Server) makeDir() {
	s.t.Helper()
	parent := "/dev/shm"
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "mhdc")
	if err != nil {
		s.t.Fatal(err)
	}
	s.Dir = dir
	for _, d := range []string{"run", "state", "home"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	// The processes of Dovecot run under several users, all of which have to pass.
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // a test's throw-away directory
		s.t.Fatal(err)
	}
}

// startSomewhere starts on free ports, and again on others if somebody took them meanwhile.
func (s *Server) startSomewhere() error {
	var err error
	for range 5 {
		if s.Port, s.TLSPort, err = freePorts(s.Host); err != nil {
			return err
		}
		s.writeConfig()
		if err = s.start(); err == nil || !strings.Contains(s.Log(), "Address already in use") {
			return err
		}
	}
	return err
}

func freePorts(host string) (int, int, error) {
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			return 0, 0, err
		}
		defer func() { _ = l.Close() }() // held until both are found, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1], nil
}

// start runs Dovecot in a process group of its own and waits for its greeting.
func (s *Server) start() error {
	cmd := exec.Command(s.binary, "-F", "-c", s.conf()) //nolint:gosec // a test's own configuration
	cmd.SysProcAttr = processAttributes()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	// A child that outlives its master keeps the pipe of Stdout open; Wait does not wait for it.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.ended = cmd, make(chan error, 1)
	go func() { s.ended <- cmd.Wait() }()
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case err := <-s.ended:
			s.cmd = nil
			return fmt.Errorf("dovecot ended: %v: %s", err, out.String())
		default:
		}
		if s.greets() {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.Kill()
	return errors.New("dovecot does not greet")
}

func (s *Server) greets() bool {
	c, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()                   // nothing was written
	_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // a connection without deadlines does not exist here
	greeting := make([]byte, 4)
	_, err = io.ReadFull(c, greeting)
	return err == nil && string(greeting) == "* OK"
}

// Addr is host and port of the plain listener.
func (s *Server) Addr() string { return fmt.Sprintf("%s:%d", s.Host, s.Port) }

// TLSAddr is host and port of the TLS listener.
func (s *Server) TLSAddr() string { return fmt.Sprintf("%s:%d", s.Host, s.TLSPort) }

// Stop ends the server as an administrator does. Mail and ports are kept for Restart.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server and all its processes at once, as a power cut does to a machine.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	pid := s.cmd.Process.Pid
	if sig == syscall.SIGKILL {
		_ = syscall.Kill(-pid, sig) // the group may be gone already
	} else {
		_ = syscall.Kill(pid, sig)
	}
	select {
	case err := <-s.ended:
		_ = err // it was told to end; how it says so does not matter
	case <-time.After(5 * time.Second):
	}
	// Whatever is left of the group; the master is reaped by Wait, its children by init.
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	s.cmd = nil
	s.awaitSilence()
}

// awaitSilence waits until the last process that had the listener is gone: a signal is only sent when kill returns.
func (s *Server) awaitSilence() {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			return
		}
		_ = c.Close() // it was only to see whether somebody answers
	}
}

// Restart starts the server again on the same ports, after Stop or Kill or instead of them.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	var err error
	for range 20 {
		// The old listeners' ports can take a moment to come free.
		if err = s.start(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("restart dovecot: %v\n%s", err, s.Log())
}

// Log gives the end of the server's log.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8000):])
}

// Doveadm runs Dovecot's administration tool on this server and gives what it prints.
func (s *Server) Doveadm(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("doveadm", append([]string{"-c", s.conf()}, args...)...) //nolint:gosec // a test's own arguments
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("doveadm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *Server) cleanup() {
	if s.t.Failed() {
		s.t.Logf("log of dovecot at %s:\n%s", s.Addr(), s.Log())
	}
	s.Kill()
	// A process that is just dying may still write a file: once more, then.
	if err := os.RemoveAll(s.Dir); err != nil {
		time.Sleep(100 * time.Millisecond)
		if err := os.RemoveAll(s.Dir); err != nil {
			s.t.Errorf("remove %s: %v", s.Dir, err)
		}
	}
}
