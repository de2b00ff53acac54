package view

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rendered runs a renderer on an Output of the width given and gives what it wrote.
func rendered(t *testing.T, columns int, change func(*Output), render func(Output) error) string {
	t.Helper()
	term, rec := Record(columns, "")
	if change != nil {
		change(&term.Out)
	}
	if err := render(term.Out); err != nil {
		t.Fatal(err)
	}
	return rec.Out.String()
}

// golden compares with testdata/NAME.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// everyWay renders a text as people get it: in 80 columns and in 100, with colour and without, in ASCII. It compares the
// plain ones with golden files and holds the others against them.
func everyWay(t *testing.T, name string, render func(Output) error) {
	t.Helper()
	for _, columns := range []int{80, 100} {
		plain := rendered(t, columns, nil, render)
		golden(t, strings.ReplaceAll(name, " ", "-")+map[int]string{80: ".80.txt", 100: ".100.txt"}[columns], plain)
		harmless(t, plain)
		fits(t, plain, columns)
		painted := rendered(t, columns, func(o *Output) { o.Color = true }, render)
		if stripped := sgr.ReplaceAllString(painted, ""); stripped != plain {
			t.Errorf("colour changes the text (-plain +painted):\n%s", cmp.Diff(plain, stripped))
		}
	}
	ascii := rendered(t, 80, func(o *Output) { o.Unicode = false }, render)
	if glued := regexp.MustCompile(`(?m)^ *ok\S.*`).FindString(ascii); glued != "" {
		t.Errorf("nothing stands between the sign and the name: %q", glued)
	}
	for _, r := range ascii {
		if strings.ContainsRune("✓━─…", r) {
			t.Errorf("sign %q on a terminal without UTF-8", r)
		}
	}
}

// sgr is the only escape sequence that a renderer may write.
var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// harmless fails on everything that could steer a terminal.
func harmless(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text)
	}
	for _, r := range text {
		if r != '\n' && dangerous(r) {
			t.Errorf("%U reached the output in %q", r, text)
			return
		}
	}
}

// fits fails on lines wider than the output. Commands, which stand deeper, are never broken.
func fits(t *testing.T, text string, columns int) {
	t.Helper()
	for _, line := range strings.Split(text, "\n") {
		if command := strings.HasPrefix(line, "    ") && strings.Contains(line, "-Identity"); width(line) > columns && !command {
			t.Errorf("%d columns, wider than %d: %q", width(line), columns, line)
		}
	}
}

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", clock)
	if err != nil {
		panic(err)
	}
	return t
}

// nasty is a folder name as a hostile server would choose it: it clears the screen, writes the clipboard (OSC 52), turns
// the line round, forges a log line and ends in no UTF-8.
const nasty = "In\x1b[2Jbox\x1b]52;c;aGk=\a\u202egnp.exe\n2026 all is well\u009b31m\xff"
