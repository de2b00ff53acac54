package imap

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestHardCase_R16_EraserVerbs: only the session of an undo can send what removes, and not even that one what removes
// more than is named.
func TestHardCase_R16_EraserVerbs(t *testing.T) {
	deleted := newCommand("").raw(`1:3 +FLAGS.SILENT (\Seen \DELETED)`).pieces
	for _, c := range []struct {
		verb   string
		pieces []piece
	}{{"UID EXPUNGE", nil}, {"DELETE", nil}, {"UNSUBSCRIBE", nil}, {"UID STORE", deleted}} {
		for _, session := range []*client{{tags: newTagger()}, {tags: newTagger(), readOnly: true},
			{tags: newTagger(), readOnly: true, erases: true}} {
			if _, err := session.begin(c.verb, c.pieces); err == nil {
				t.Errorf("a session with readOnly %v and erases %v may send %s", session.readOnly, session.erases, c.verb)
			}
		}
		if _, err := (&client{tags: newTagger(), erases: true}).begin(c.verb, c.pieces); err != nil {
			t.Error(err)
		}
	}
	for _, verb := range []string{"EXPUNGE", "CLOSE", "RENAME", "MOVE", "UID MOVE", "COPY", "UID COPY", "STORE", "REPLACE", "SETACL", ""} {
		if _, err := (&client{tags: newTagger(), erases: true}).begin(verb, nil); err == nil {
			t.Errorf("an undo may send %q", verb)
		}
	}
	if _, err := (&client{tags: newTagger()}).begin("UID STORE", newCommand("").raw(`1 FLAGS.SILENT (\Seen)`).pieces); err != nil {
		t.Error(err)
	}
}

// TestHardCase_R16_WordsThatRemove holds the source of the program against a list: the words by which mail and folders
// are removed stand where an undo sends them, and where they are allowed to it, and nowhere else.
func TestHardCase_R16_WordsThatRemove(t *testing.T) {
	allowed := map[string][]string{
		"UID EXPUNGE": {"command.go", "erase.go"},
		"DELETE":      {"command.go", "erase.go"},
		"EXPUNGE":     {"fetch.go"}, // a server says it
		"CLOSE":       {}, "MOVE": {}, "UID MOVE": {}, "RENAME": {},
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, text := range literals(t, name) {
			where, listed := allowed[strings.TrimSpace(text)]
			marks := strings.Contains(text, "FLAGS") && strings.Contains(strings.ToLower(text), "deleted")
			if listed && !slices.Contains(where, name) || marks && name != "erase.go" {
				t.Errorf("%s says %q", name, text)
			}
		}
	}
}

// literals gives the strings in a file.
func literals(t *testing.T, name string) []string {
	t.Helper()
	file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == gotoken.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text)
		}
		return true
	})
	return all
}
