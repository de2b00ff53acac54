package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// plainRoff gives the words of a page without what sets them, so that nothing of the source can be lost unseen.
func plainRoff(t *testing.T, page string) []string {
	t.Helper()
	var words []string
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		request, rest, _ := strings.Cut(line, " ")
		switch {
		case request == ".SH":
			line = strings.ToLower(rest)
		case request == ".IP" && !strings.HasPrefix(rest, `\(bu`):
			line = strings.TrimSuffix(rest, " 4")
		case strings.HasPrefix(line, "."):
			continue
		}
		line = strings.NewReplacer(`\fB`, "", `\fI`, "", `\fR`, "", `\&`, "", `\(aq`, "'", `\(ga`, "`", `\(ha`, "^", `\(ti`, "~",
			`\-`, "-", `\(rs`, `\`).Replace(line)
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// wordsOf gives the words of a text as the help shows it, without the marks that a manual page shows in another way.
func wordsOf(text string) []string {
	var words []string
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			line = strings.ToLower(heading)
		}
		if !strings.HasPrefix(line, "    ") {
			line = strings.TrimPrefix(strings.ReplaceAll(line, "`", ""), "- ")
		}
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// described gives the words of a page behind its DESCRIPTION and before the next section of the page's own.
func described(words []string) []string {
	from := slices.Index(words, "description") + 1
	to := len(words)
	for i := from; i < len(words); i++ {
		if words[i] == "see" && i+1 < len(words) && words[i+1] == "also" {
			to = i
		}
	}
	return words[from:to]
}

// TestManPages writes all pages and looks for every command, every flag and every word of every help topic in them.
func TestManPages(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	dir := filepath.Join(t.TempDir(), "man")
	if code := Main(t.Context(), Process{Args: []string{"man", dir}, Stdout: out, Stderr: out}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	written := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		written[e.Name()] = string(text)
	}
	want := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		want++
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		words := plainRoff(t, written[name])
		text := strings.Join(words, " ")
		if !strings.Contains(text, strings.Join(strings.Fields(c.Short), " ")) && !strings.Contains(text, strings.TrimSuffix(c.Short, ".")) {
			t.Errorf("%s: does not say %q", name, c.Short)
		}
		if long := strings.Join(wordsOf(c.Long), " "); !strings.Contains(text, long) {
			t.Errorf("%s: its text differs:\n%s", name, cmp.Diff(wordsOf(c.Long), described(words)))
		}
		c.InitDefaultHelpFlag()
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if slices.Contains(words, "--"+f.Name) == f.Hidden {
				t.Errorf("%s: flag --%s, hidden %t", name, f.Name, f.Hidden)
			}
		})
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				look(sub)
			}
		}
	}
	root := rootCommand(&app{io: Process{Stdout: out, Stderr: out}})
	root.InitDefaultHelpCmd()
	look(root)
	for _, topic := range pageNames("help") {
		want++
		text, _ := page("help", topic)
		_, body, _ := strings.Cut(text, "\n")
		if diff := cmp.Diff(wordsOf(body), described(plainRoff(t, written["mailhaul-"+topic+".7"]))); diff != "" {
			t.Errorf("topic %s (-help +manual page):\n%s", topic, diff)
		}
	}
	if len(written) != want || want < 30 {
		t.Errorf("%d pages for %d commands and topics", len(written), want)
	}
}

// TestCompletion asks each shell's script for the program's name, and the program for what it offers at some places.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	ask := func(words ...string) string {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if code := Main(t.Context(), Process{Args: words, Stdout: out, Stderr: out}); code != 0 {
			t.Errorf("%q: exit code %d", words, code)
		}
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for shell, mark := range map[string]string{"bash": "complete -o default", "fish": "complete -c mailhaul", "powershell": "Register-ArgumentCompleter", "zsh": "#compdef mailhaul"} {
		if script := ask("completion", shell); !strings.Contains(script, mark) || !strings.Contains(script, "__complete") {
			t.Errorf("%s: the script has no %q", shell, mark)
		}
	}
	project := `endpoint "imap" "old" { host = "a.example" }
endpoint "imap" "new" { host = "b.example" }
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
pass "night" { kind = "full" }
`
	for name, text := range map[string]string{"mailhaul.hcl": project, "users.csv": "source,password,destination,destination_password\nanna@a.example,x,anna@b.example,y\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"pro"}, "probe"}, {[]string{"state", "for"}, "forget"}, {[]string{"explain", "IMAP-TL"}, "IMAP-TLS"},
		{[]string{"--chdir", dir, "state", "forget", ""}, "anna@a.example"}, {[]string{"--chdir", dir, "plan", "--pass", ""}, "night"},
		{[]string{"probe", "--time"}, "--timeout"}, {[]string{"completion", "z"}, "zsh"},
	} {
		if got := ask(append([]string{"__complete"}, c.words...)...); !strings.Contains(got, c.want) {
			t.Errorf("%q offers %q, not %q", c.words, got, c.want)
		}
		if got := ask("__complete", ""); strings.Contains("\n"+got, "\nman\t") {
			t.Errorf("a hidden command is offered: %q", got)
		}
	}
}
