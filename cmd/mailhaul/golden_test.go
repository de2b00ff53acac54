package main

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden files of testdata/golden anew")

// golden FORMS NAME CODE COMMAND... runs a command as people and programs meet it and holds what it writes against the
// files NAME of testdata/golden. The letters of FORMS: t is a terminal of 80 columns without colour, c the same text with
// colour, p a pipe, j a pipe with --json. s says that a terminal gets the text of the pipe: a script, or a file for
// programs. w is a terminal whose text is another each time: only what every screen must keep to is checked. r stands for
// runs of several mailboxes with mail of this day: the lines of progress come in any order, and sizes differ.
func golden(ts *testscript.TestScript, _ bool, args []string) {
	forms, name, code, words := args[0], args[1], args[2], args[3:]
	if strings.ContainsAny(forms, "tw") && runtime.GOOS == "linux" {
		tty(ts, false, append([]string{code}, words...))
		screen := ts.ReadFile("screen")
		onScreen(ts, screen)
		if strings.Contains(forms, "t") {
			heldAgainst(ts, name+".terminal.txt", ordered(forms, screen))
		}
	}
	if strings.Contains(forms, "c") && runtime.GOOS == "linux" {
		plain := scrub(ts, ts.ReadFile("screen"))
		ts.Setenv("COLORED", "1")
		tty(ts, false, append([]string{code}, words...))
		ts.Setenv("COLORED", "")
		if painted := scrub(ts, sgr.ReplaceAllString(ts.ReadFile("screen"), "")); painted != plain {
			ts.Fatalf("colour changes the text (-plain +painted):\n%s", cmp.Diff(plain, painted))
		}
	}
	if strings.Contains(forms, "p") {
		heldAgainst(ts, name+".pipe.txt", ordered(forms, piped(ts, code, words)))
	}
	if strings.Contains(forms, "s") && runtime.GOOS == "linux" {
		ts.Setenv("COLORED", "1")
		tty(ts, false, append([]string{code}, words...))
		ts.Setenv("COLORED", "")
		if diff := cmp.Diff(piped(ts, code, words), ts.ReadFile("screen")); diff != "" {
			ts.Fatalf("a terminal gets another text (-pipe +terminal):\n%s", diff)
		}
	}
	if strings.Contains(forms, "j") {
		heldAgainst(ts, name+".json", piped(ts, code, append(words, "--json")))
	}
}

// sizes are numbers of octets with the blanks before them.
var sizes = regexp.MustCompile(` +[0-9.]+ [kM]?B\b`)

// ordered makes one text of runs that differ in the order of mailboxes and in sizes, where forms has an r.
func ordered(forms, text string) string {
	if !strings.Contains(forms, "r") {
		return text
	}
	lines := strings.Split(sizes.ReplaceAllString(text, " 1.0 kB"), "\n")
	for from := 0; from < len(lines); from++ {
		to := from
		for ; to < len(lines) && clock.MatchString(lines[to]); to++ {
			lines[to] = clock.ReplaceAllString(lines[to], "03:04:05")
		}
		slices.Sort(lines[from:to])
		from = max(from, to)
	}
	return strings.Join(lines, "\n")
}

// clock is how lines of progress begin.
var clock = regexp.MustCompile(`^([0-9-]+T)?\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?`)

// sgr is the only escape sequence that may reach a terminal from a command that is not drawing.
var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// onScreen fails on what could steer a terminal and on lines that it would break.
func onScreen(ts *testscript.TestScript, screen string) {
	for _, line := range strings.Split(screen, "\n") {
		// Commands are never broken, nor are lines with a clock, which are a log.
		if n := ansi.StringWidth(line); n > 80 && !strings.HasPrefix(line, "    ") && !clock.MatchString(line) {
			ts.Fatalf("%d columns: %q", n, line)
		}
		if i := strings.IndexFunc(line, steers); i >= 0 {
			ts.Fatalf("%q reached the terminal", line[i:])
		}
	}
}

// piped gives what a command writes on both streams where neither is a terminal.
func piped(ts *testscript.TestScript, code string, words []string) string {
	c := exec.CommandContext(context.Background(), filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], words[0]), words[1:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = environ(ts)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	_ = c.Run() // the exit code tells
	if got := fmt.Sprint(c.ProcessState.ExitCode()); code != "any" && got != code {
		ts.Fatalf("exit code %s, not %s:\n%s", got, code, out.String())
	}
	text := strings.ReplaceAll(out.String(), "\r\n", "\n") // so CSV ends its lines
	if i := strings.IndexFunc(text, steers); i >= 0 {
		ts.Fatalf("%q is in the pipe", text[i:])
	}
	return out.String()
}

// steers tells runes that a terminal obeys instead of showing them.
func steers(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\u202e'
}

// environ is the environment that a command has.
func environ(ts *testscript.TestScript) (all []string) {
	for _, name := range []string{"PATH", "HOME", "TZ", "LANG", "SSL_CERT_DIR", "SSL_CERT_FILE", "MAILHAUL_PROBE_PASSWORD"} {
		if value := ts.Getenv(name); value != "" {
			all = append(all, name+"="+value)
		}
	}
	return all
}

// heldAgainst compares a text with its golden file.
func heldAgainst(ts *testscript.TestScript, name, text string) {
	file := filepath.Join(home, "..", "..", "testdata", "golden", name)
	text = scrub(ts, text)
	if *update {
		ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
		ts.Check(os.WriteFile(file, []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	ts.Check(err)
	if diff := cmp.Diff(string(want), text); diff != "" {
		ts.Fatalf("%s (-want +got):\n%s", name, diff)
	}
}

// home is the directory of the tests; scripts run elsewhere.
var home, _ = os.Getwd()

// passing are the parts of a text that are of this day and this machine, and what stands in their place.
var passing = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`), "2026-01-02T03:04:05Z"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d`), "2026-01-02"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "03:04:05"},
	{regexp.MustCompile(`\b\d\d:\d\d\b`), "03:04"},
	{regexp.MustCompile(`(ended 2026-01-02 03:04 after)\s[^.]*\.`), "${1} 1s."}, // it may be broken into two lines
	{regexp.MustCompile(`less than 1s|\b\d+(\.\d+)?(ms|µs|s)\b`), "1s"},
	{regexp.MustCompile(` in (< )?\d+ ms\b`), " in 1 ms"},
	{regexp.MustCompile(` {2,}(< )?\d+ ms\b`), "                1 ms"},
	{regexp.MustCompile(`(not after|in) \d+ days`), "${1} 364 days"},
	{regexp.MustCompile(`\b[0-9a-f]{32,64}\b`), "c0ffee"},
	{regexp.MustCompile(`(run "?|\(run |"id": ?"|"run":")[0-9a-f]{4}\b`), "${1}7f3a"},
	{regexp.MustCompile(`(?m)^(   )[0-9a-f]{4}( +(full|verify|undo) )`), "${1}7f3a${2}"},
	{regexp.MustCompile(`("(seconds|milliseconds|ms)": ?)[0-9.]+`), "${1}1"},
	{regexp.MustCompile(`(uid_?validity": ?)\d+`), "${1}1001"},
	{regexp.MustCompile(`("lineage": ")[^"]*`), "${1}c0ffee"},
	{regexp.MustCompile(`\bport \d{5}\b`), "port 55143"},
	{regexp.MustCompile(`\bgo1\.\d+(\.\d+)?\b`), "go1.26"},
	{regexp.MustCompile(`\b(linux|darwin|windows)/(amd64|arm64)\b`), "linux/amd64"},
}

func scrub(ts *testscript.TestScript, text string) string {
	text = strings.NewReplacer(ts.Getenv("SOURCE_PORT"), "55143", ts.Getenv("DESTINATION_PORT"), "55144", stdcmp.Or(ts.Getenv("TLS_PORT"), "no port"), "55993",
		ts.MkAbs("."), "/project").Replace(text)
	for _, p := range passing {
		text = p.pattern.ReplaceAllString(text, p.instead)
	}
	return text
}
