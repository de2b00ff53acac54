package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// terminal makes a pseudo-terminal of 80 columns and 24 rows: the side of the person, and that of the command.
func terminal() (person, command *os.File, err error) {
	person, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err == nil {
		command, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, person.Close())
	}
	return person, command, nil
}

// tty CODE COMMAND... runs a command on a terminal of 80 columns and checks its exit code. What was on the screen is in the
// file "screen", with line feeds alone at the ends of lines, and in colour only if $COLORED is set. The lines of the file
// $TYPED are typed, one behind each question.
func tty(ts *testscript.TestScript, _ bool, args []string) {
	person, command, err := terminal()
	ts.Check(err)
	c := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[1]), args[2:]...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = ts.MkAbs("."), command, command, command
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	c.Env = append(environ(ts), "TERM=xterm-256color", "CI=1") // lines instead of the live screen, which no file can hold
	if ts.Getenv("COLORED") == "" {
		c.Env = append(c.Env, "NO_COLOR=1")
	}
	ts.Check(c.Start())
	ts.Check(command.Close())
	var lines []string
	if typed := ts.Getenv("TYPED"); typed != "" {
		lines = strings.SplitAfter(strings.TrimSuffix(ts.ReadFile(typed), "\n"), "\n")
		lines[len(lines)-1] += "\n"
	}
	screen, err := conversation(person, lines)
	ts.Check(err)
	ts.Check(person.Close())
	text := strings.ReplaceAll(string(screen), "\r\n", "\n")
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(text), 0o600))
	ts.Logf("%s", text)
	_ = c.Wait() // the exit code tells
	if got := fmt.Sprint(c.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, not %s", got, args[0])
	}
}

// conversation reads what a command writes until it ends, and types the next line where it has asked: where what is on
// the screen ends with a blank.
func conversation(person *os.File, lines []string) (screen []byte, err error) {
	part := make([]byte, 4096)
	for {
		n, err := person.Read(part)
		screen = append(screen, part[:n]...)
		switch {
		case errors.Is(err, syscall.EIO): // so the kernel says that the last process has closed its side
			return screen, nil
		case err != nil:
			return screen, err
		case screen[len(screen)-1] == ' ':
			line := "\x04" // the end of the input
			if len(lines) > 0 {
				line, lines = lines[0], lines[1:]
			}
			if _, err := person.WriteString(line); err != nil {
				return screen, err
			}
		}
	}
}
