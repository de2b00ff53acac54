package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"mailhaul/cmd/viewtest"
)

// live CODE WIDTH[,WIDTH...] ENDING COMMAND... runs a command on a terminal whose progress is drawn in place. Each time
// the destination has taken some more messages the window gets the next width; then, with the ending "interrupt", Ctrl-C
// is typed. It fails where a line is wider than the window, where more than ten frames a second are drawn, where the screen
// is not clean at the end, or with another exit code. What stands on the screen then is in the file "screen".
func live(ts *testscript.TestScript, _ bool, args []string) {
	widths := strings.Split(args[1], ",")
	l := startLive(ts, columns(ts, widths[0]), args[3:])
	l.until("a frame", func() bool { return strings.Contains(l.screen.String(), "Ctrl-C stops") })
	for _, width := range widths[1:] {
		l.resize(columns(ts, width))
	}
	if args[2] == "interrupt" {
		_, err := l.person.WriteString("\x03")
		ts.Check(err)
	}
	l.until("the end", func() bool { return l.over })
	_ = l.command.Wait() // the exit code tells
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(l.screen.String()), 0o600))
	ts.Logf("%s", l.screen)
	l.clean()
	if got := strconv.Itoa(l.command.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, not %s", got, args[0])
	}
}

func columns(ts *testscript.TestScript, word string) int {
	n, err := strconv.Atoi(word)
	ts.Check(err)
	return n
}

// onLive is a command that draws on a terminal.
type onLive struct {
	ts      *testscript.TestScript
	person  *os.File
	command *exec.Cmd
	screen  *viewtest.Screen
	parts   chan string // what was drawn, as it came; closed at the end
	over    bool
	began   time.Time
	frames  int
}

func startLive(ts *testscript.TestScript, width int, words []string) *onLive {
	person, side, err := terminal()
	ts.Check(err)
	l := &onLive{ts: ts, person: person, screen: viewtest.New(width), parts: make(chan string), began: time.Now()}
	ts.Check(unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(width)}))
	c := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], words[0]), words[1:]...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = ts.MkAbs("."), side, side, side
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	c.Env = append(environ(ts), "TERM=xterm-256color")
	ts.Check(c.Start())
	ts.Defer(func() { _ = c.Process.Kill() }) // it has ended, unless the test has failed
	ts.Check(side.Close())
	l.command = c
	go l.read()
	return l
}

// read takes each part as it comes. The kernel says with EIO that the last process has closed its side.
func (l *onLive) read() {
	defer close(l.parts)
	part := make([]byte, 64<<10)
	for {
		n, err := l.person.Read(part)
		if n > 0 {
			l.parts <- string(part[:n])
		}
		if err != nil {
			if !errors.Is(err, syscall.EIO) {
				l.parts <- "read: " + err.Error()
			}
			return
		}
	}
}

// until draws what comes until something is so.
func (l *onLive) until(what string, so func() bool) {
	patience := time.After(30 * time.Second)
	for !so() {
		select {
		case part, more := <-l.parts:
			if l.over = !more; !more && !so() {
				l.ts.Fatalf("it ended before %s:\n%s", what, l.screen)
			}
			if strings.Contains(part, "\x1b") {
				l.frames++
			}
			l.screen.Write(part)
		case <-patience:
			l.ts.Fatalf("%s did not come:\n%s", what, l.screen)
		}
	}
}

// resize gives the window another width. The kernel tells the command; what it drew before it knew is not held against it.
func (l *onLive) resize(width int) {
	l.noneBroken()
	l.ts.Check(unix.IoctlSetWinsize(int(l.person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(width)}))
	l.screen.Resize(width)
	drawn := l.frames
	l.until("a frame in the new window", func() bool { return l.frames > drawn+2 })
	l.screen.Broken = nil
	drawn = l.frames
	l.until("another frame in the new window", func() bool { return l.frames > drawn+5 })
	l.noneBroken()
}

func (l *onLive) noneBroken() {
	if len(l.screen.Broken) > 0 {
		l.ts.Fatalf("wider than the window of %d columns: %q\n%s", l.screen.Width, l.screen.Broken, l.screen)
	}
}

// clean checks what is left behind.
func (l *onLive) clean() {
	s := l.screen
	l.noneBroken()
	if len(s.Unknown) > 0 {
		l.ts.Fatalf("the terminal was steered by %q", s.Unknown)
	}
	for mode, on := range s.Modes {
		if on != (mode == "?25") {
			l.ts.Fatalf("mode %s is left %v", mode, on)
		}
	}
	if column, line := s.Cursor(); column != 0 || line != "" {
		l.ts.Fatalf("the cursor is left in column %d of %q", column, line)
	}
	text := s.String()
	if strings.Contains(text, "Ctrl-C") || strings.Count(text, "%   ") != 1 {
		l.ts.Fatalf("half a frame is left:\n%s", text)
	}
	if most := 10*int(time.Since(l.began).Seconds()+1) + 2; l.frames > most {
		l.ts.Fatalf("%d frames in %s", l.frames, time.Since(l.began))
	}
}
