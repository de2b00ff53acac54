// Package view is what people and programs see of mailhaul: every sentence, table, progress screen and JSON document.
//
// It decides nothing about mail and contacts nobody. Each renderer takes plain values (a plan, counts, events) and an
// Output, builds the whole text and writes it at once, so that it can be held against a golden file. Start at
// NewTerminal for the streams, then Plan, Diagnostics, WriteError, NewEvents and PassSummary.
//
// Whatever came from a server, a CSV file or the configuration goes through Safe before it is written: this room is the
// one place that keeps foreign text from steering the terminal (CWE-150).
package view

import (
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// DefaultWidth is the width used where nobody says how wide the output is: in pipes and files.
const DefaultWidth = 100

// Output is one stream that text goes to, with what is known of it.
type Output struct {
	io.Writer
	IsTerminal bool
	Width      int  // columns; never below 40
	Color      bool // escape sequences for colour may be written
	Unicode    bool // other than ASCII signs may be written
}

// Terminal is the three streams of the process.
type Terminal struct {
	In           io.Reader
	InIsTerminal bool
	Out, Err     Output
	// Live tells whether --progress auto means the live screen: standard error is a terminal that can move its cursor
	// and nobody set CI.
	Live bool
	// Location is the zone in which people read the clock.
	Location *time.Location
	// Now is the clock.
	Now func() time.Time
	// Env is the environment that the decisions were made from; the live screen hands it on.
	Env []string
}

// The answers of --color.
const (
	ColorAuto   = "auto"
	ColorAlways = "always"
	ColorNever  = "never"
)

// NewTerminal describes the process's streams. color is the value of --color; the environment (as os.Environ gives it)
// decides the rest: NO_COLOR beats CLICOLOR_FORCE, and --color beats both.
func NewTerminal(in, out, errs *os.File, environ []string, color string) *Terminal {
	env := environment(environ)
	t := &Terminal{
		In: in, InIsTerminal: isTerminal(in),
		Out: newOutput(out, env, color), Err: newOutput(errs, env, color),
		Location: time.Local, Now: time.Now, Env: environ,
	}
	t.Live = t.Err.IsTerminal && env["TERM"] != "dumb" && env["CI"] == ""
	return t
}

func newOutput(f *os.File, env map[string]string, color string) Output {
	o := Output{Writer: f, IsTerminal: isTerminal(f), Width: DefaultWidth, Unicode: speaksUnicode(env)}
	if o.IsTerminal {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			o.Width = width
		}
	} else if columns, err := strconv.Atoi(env["COLUMNS"]); err == nil {
		o.Width = columns
	}
	o.Width = max(o.Width, 40)
	o.Color = wantsColor(env, color, o.IsTerminal)
	return o
}

func isTerminal(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }

// wantsColor follows no-color.org and bixense.com/clicolors; a flag on the command line beats the environment.
func wantsColor(env map[string]string, color string, terminal bool) bool {
	switch {
	case color == ColorAlways:
		return true
	case color == ColorNever, env["NO_COLOR"] != "":
		return false
	case env["CLICOLOR_FORCE"] != "" && env["CLICOLOR_FORCE"] != "0":
		return true
	}
	return terminal && env["TERM"] != "dumb"
}

// speaksUnicode reads the locale in the order of setlocale(3). Windows has no such variables; its consoles are UTF-8
// capable since Windows 10.
func speaksUnicode(env map[string]string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := env[name]; v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return os.PathSeparator == '\\'
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return env
}

// put writes a whole text. Its foreign parts have been made Safe one by one, which also keeps them on their lines; put
// is the second lock: nothing but text, line ends, tabs and our own colours passes.
func (o Output) put(text string) error {
	_, err := io.WriteString(o.Writer, o.harden(text))
	return err
}

// harden escapes what a renderer should have made Safe and did not.
func (o Output) harden(text string) string {
	if isSafe(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		if n := colorSequence(text); n > 0 && o.Color {
			b.WriteString(text[:n])
			text = text[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		if r == '\n' || r == '\t' {
			b.WriteRune(r)
		} else {
			b.WriteString(escape(r, text[:n]))
		}
		text = text[n:]
	}
	return b.String()
}

// colorSequence is the length of the SGR sequence (ECMA-48, 8.3.117) that text begins with; zero: none.
func colorSequence(text string) int {
	rest, found := strings.CutPrefix(text, "\x1b[")
	if !found {
		return 0
	}
	parameters := strings.TrimLeft(rest, "0123456789;")
	if !strings.HasPrefix(parameters, "m") {
		return 0
	}
	return len(text) - len(parameters) + 1
}

// signs are the marks that a terminal without UTF-8 can't show.
type signs struct{ done, full, rest, ellipsis string }

func (o Output) signs() signs {
	if o.Unicode {
		return signs{done: "✓", full: "━", rest: "─", ellipsis: "…"}
	}
	return signs{done: "ok", full: "#", rest: "-", ellipsis: "..."}
}

// lead is how many columns stand before a line that begins with a sign: a blank, the sign, a blank.
func (o Output) lead() int { return width(o.signs().done) + 2 }
