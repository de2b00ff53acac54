package cmd_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"mailhaul/cmd"
)

// pseudoTerminal gives both ends: what a person types into, and what a program reads from.
func pseudoTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestPasswordHasNoEcho types a password for a probe, or interrupts instead: the terminal never shows it, and has its
// echo back afterwards.
func TestPasswordHasNoEcho(t *testing.T) {
	for _, c := range []struct {
		name      string
		interrupt bool
		exit      int
	}{{"typed", false, 1}, {"interrupted", true, 130}} { // 1: nothing listens on port 1
		t.Run(c.name, func(t *testing.T) {
			person, program := pseudoTerminal(t)
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			stop, ended := make(chan struct{}), make(chan int, 1)
			go func() {
				ended <- cmd.Main(t.Context(), cmd.Process{Args: []string{"probe", "--user", "anna", "127.0.0.1:1"},
					Stdin: program, Stdout: out, Stderr: out, Stop: stop})
			}()
			for deadline := time.Now().Add(20 * time.Second); echoes(t, program); {
				if time.Now().After(deadline) {
					t.Fatal("the echo was not switched off")
				}
				time.Sleep(time.Millisecond)
			}
			if c.interrupt {
				close(stop)
			} else {
				fmt.Fprint(person, "4711-0815\n")
			}
			if got := <-ended; got != c.exit {
				t.Errorf("exit code %d, want %d", got, c.exit)
			}
			if !echoes(t, program) {
				t.Error("the terminal was left without an echo")
			}
			fmt.Fprintln(program, "end") // a mark behind which nothing more comes
			shown, err := bufio.NewReader(person).ReadString('d')
			text, readErr := os.ReadFile(out.Name())
			if err != nil || readErr != nil || strings.Contains(shown+string(text), "4711-0815") {
				t.Errorf("the password is shown, or nothing can be read (%v, %v): %q %q", err, readErr, shown, text)
			}
		})
	}
}

// talk serves one client after the other: it says the greeting and then answers each command with a line of its own.
func talk(t *testing.T, greeting, untagged string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, greeting) // a client that is gone shows in the next read
			for in := bufio.NewScanner(conn); in.Scan(); {
				tag, _, _ := strings.Cut(in.Text(), " ")
				fmt.Fprintf(conn, "%s%s OK done\r\n", untagged, tag)
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestProbeOnATerminal lets a hostile server speak to a terminal of 80 columns: its words are seen, and steer nothing.
func TestProbeOnATerminal(t *testing.T) {
	person, program := pseudoTerminal(t)
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	const nasty = "\x1b[2J\x1b]52;c;aGk=\a\u202eready\x9b31m"
	where := talk(t, "* OK "+nasty+strings.Repeat(" more", 40)+"\r\n", "* CAPABILITY IMAP4rev1 AUTH="+nasty+"\r\n")
	shown := make(chan string, 1)
	go func() {
		var all strings.Builder
		for in := bufio.NewReader(person); !strings.Contains(all.String(), "end of it"); {
			line, err := in.ReadString('\n')
			all.WriteString(line)
			if err != nil {
				break
			}
		}
		shown <- all.String()
	}()
	code := cmd.Main(t.Context(), cmd.Process{Args: []string{"probe", "--tls", "none", where}, Environ: []string{"TERM=xterm", "LANG=C.UTF-8"},
		Stdin: program, Stdout: program, Stderr: program})
	fmt.Fprintln(program, "end of it")
	text := <-shown
	if code != 0 || !strings.Contains(text, `\x1b[2J\x1b]52;c;aGk=\x07\u202eready\x9b31m`) || !strings.Contains(text, "AUTH=") {
		t.Errorf("exit code %d:\n%s", code, text)
	}
	if !colours.MatchString(text) {
		t.Error("no colour on a terminal")
	}
	for line := range strings.Lines(colours.ReplaceAllString(text, "")) {
		line = strings.TrimRight(line, "\r\n")
		if strings.ContainsAny(line, "\x1b\x07\u202e\u009b") || !utf8.ValidString(line) || utf8.RuneCountInString(line) > 80 {
			t.Errorf("%q", line)
		}
	}
}

// TestProbeIsInterrupted stops a probe of a server that says nothing.
func TestProbeIsInterrupted(t *testing.T) {
	where := talk(t, "", "")
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	stop := make(chan struct{})
	close(stop)
	code := cmd.Main(t.Context(), cmd.Process{Args: []string{"probe", "--timeout", "10m", where}, Stdin: out, Stdout: out, Stderr: out, Stop: stop})
	if text, err := os.ReadFile(out.Name()); code != 130 || err != nil || !strings.Contains(string(text), "interrupted") {
		t.Errorf("exit code %d, %v: %s", code, err, text)
	}
}
