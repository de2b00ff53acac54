package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelpFitsATerminal reads the help of every command: no line is wider than a terminal of 80 columns, and no word of
// the text is lost.
func TestHelpFitsATerminal(t *testing.T) {
	seen := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		seen++
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		words := append(strings.Fields(c.CommandPath())[1:], "--help")
		if code := Main(t.Context(), Process{Args: words, Stdout: out, Stderr: out}); code != 0 {
			t.Errorf("%q: exit code %d", words, code)
		}
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
				t.Errorf("%q: %d columns: %q", words, n, line)
			}
		}
		if got := strings.Join(strings.Fields(string(text)), " "); !strings.Contains(got, strings.Join(strings.Fields(c.Long), " ")) {
			t.Errorf("%q: words are lost:\n%s", words, text)
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(rootCommand(&app{}))
	if seen < 25 {
		t.Errorf("only %d commands were seen", seen)
	}
}
