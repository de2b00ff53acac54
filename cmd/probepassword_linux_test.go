package cmd_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailhaul/cmd"
)

// pseudoTerminal gives both ends: what a person types into, and what a program reads from.
func pseudoTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
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
