package view

import (
	"io"
	"os"
	"strings"
	"testing"
)

func TestColor(t *testing.T) {
	for _, c := range []struct {
		flag     string
		env      string
		terminal bool
		want     bool
	}{
		{ColorAuto, "TERM=xterm", true, true},
		{ColorAuto, "TERM=xterm", false, false},
		{"", "TERM=xterm", true, true},
		{ColorAuto, "TERM=dumb", true, false},
		{ColorAuto, "TERM=xterm NO_COLOR=1", true, false},
		{ColorAuto, "TERM=xterm NO_COLOR=", true, true}, // no-color.org: only when not empty
		{ColorAuto, "CLICOLOR_FORCE=1", false, true},
		{ColorAuto, "CLICOLOR_FORCE=0", false, false},
		{ColorAuto, "CLICOLOR_FORCE=", false, false},
		{ColorAuto, "NO_COLOR=1 CLICOLOR_FORCE=1", true, false},
		{ColorAlways, "NO_COLOR=1", false, true},
		{ColorNever, "CLICOLOR_FORCE=1", true, false},
	} {
		if got := wantsColor(environment(strings.Fields(c.env)), c.flag, c.terminal); got != c.want {
			t.Errorf("--color %q, %s, terminal %v: got %v", c.flag, c.env, c.terminal, got)
		}
	}
}

func TestUnicode(t *testing.T) {
	for env, want := range map[string]bool{
		"LANG=en_US.UTF-8": true, "LANG=de_DE.utf8": true, "LANG=C": false, "LC_ALL=C LANG=en_US.UTF-8": false,
		"LC_ALL=C.UTF-8 LANG=C": true, "LC_CTYPE=en_US.UTF-8 LANG=C": true, "LANG=en_US.ISO-8859-1": false,
		"LC_ALL= LANG=en_US.UTF-8": true,
	} {
		if got := speaksUnicode(environment(strings.Fields(env))); got != want {
			t.Errorf("%s: got %v", env, got)
		}
	}
}

// TestPipes: in a pipe nothing is drawn, coloured or asked, and the width does not depend on anybody's window.
func TestPipes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	term := NewTerminal(r, w, w, []string{"TERM=xterm", "LANG=en_US.UTF-8"}, ColorAuto)
	if term.InIsTerminal || term.Live || term.Out.Color || term.Err.IsTerminal || !term.Out.Unicode || term.Out.Width != DefaultWidth {
		t.Errorf("got %+v", term)
	}
	if got := NewTerminal(r, w, w, []string{"COLUMNS=72"}, ColorAuto).Out.Width; got != 72 {
		t.Errorf("COLUMNS=72 gives %d", got)
	}
	if got := NewTerminal(r, w, w, []string{"COLUMNS=-3"}, ColorAuto).Out.Width; got < 40 {
		t.Errorf("COLUMNS=-3 gives %d", got)
	}
	if NewTerminal(nil, w, w, nil, ColorAlways).Out.Color != true {
		t.Error("--color always is not heard in a pipe")
	}
}

// TestSecondLock: a renderer that forgets Safe steers no terminal all the same.
func TestSecondLock(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[2Jb\n":         "a\\x1b[2Jb\n",
		"\x1b[1;31mred\x1b[m": "\x1b[1;31mred\x1b[m",
		"\x1b[31":             "\\x1b[31",
		"a\tb\rc\u202e\xff":   "a\tb\\rc\\u202e\\xff",
	} {
		if got := rendered(t, 80, func(o *Output) { o.Color = true }, func(o Output) error { return o.put(in) }); got != want {
			t.Errorf("put(%q) writes %q, want %q", in, got, want)
		}
	}
	if got := rendered(t, 80, nil, func(o Output) error { return o.put("\x1b[31mred") }); got != `\x1b[31mred` {
		t.Errorf("without colour put writes %q", got)
	}
}

func TestRecord(t *testing.T) {
	term, rec := Record(80, "yes\n")
	typed, err := io.ReadAll(term.In)
	if err != nil || string(typed) != "yes\n" {
		t.Errorf("typed %q, %v", typed, err)
	}
	for _, o := range []Output{term.Out, term.Err} {
		if err := o.put("x"); err != nil {
			t.Fatal(err)
		}
	}
	if rec.Out.String() != "x" || rec.Err.String() != "x" {
		t.Errorf("recorded %q and %q", rec.Out.String(), rec.Err.String())
	}
}
