package cmd

import (
	"bufio"
	"io"
	"os"
	"strings"
	"testing"
)

// TestDemoInterrupted: whoever stops the demo in the middle hears that it was interrupted, and of no fault of the program.
func TestDemoInterrupted(t *testing.T) {
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	told, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stop, said := make(chan struct{}), make(chan string)
	go func() {
		text, _ := io.ReadAll(told) // a pipe in memory
		said <- string(text)
	}()
	go func() {
		lines := bufio.NewScanner(out)
		for stopped := false; lines.Scan(); {
			if !stopped && strings.HasPrefix(lines.Text(), "# Move it") {
				close(stop)
				stopped = true
			}
		}
	}()
	code := Main(t.Context(), Process{Args: []string{"--chdir", t.TempDir(), "demo"}, Stdout: w, Stderr: stderr, Stop: stop})
	_ = w.Close() // both end their readers
	_ = stderr.Close()
	if text := <-said; code != exitInterrupted || !strings.Contains(text, "interrupted") || strings.Contains(text, "wrong") {
		t.Errorf("exit code %d:\n%s", code, text)
	}
}
