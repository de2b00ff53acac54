package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows says which rooms of the house each room may import. No arrow runs up: cmd stands above executor, executor
// above plan, plan above config and state. A new room is a decision: it gets its line here and in CONTRIBUTING.md.
var arrows = map[string][]string{
	"cmd/mailhaul":    {"cmd"},
	"cmd":             {"cmd/demo", "cmd/view", "config", "executor", "executor/check", "executor/ews", "executor/graph", "executor/imap", "executor/oauth", "executor/probe", "plan", "state", "state/mail"},
	"cmd/demo":        {"state/mail", "testdata/mail"},
	"cmd/view":        {"config", "executor", "plan", "state", "state/mail"},
	"config":          {},
	"executor":        {"executor/amend", "plan", "state", "state/fault", "state/mail", "state/hugepages"},
	"executor/amend":  {},
	"executor/check":  {"state/mail"},
	"executor/ews":    {"executor/uids", "executor/web", "state/mail"},
	"executor/graph":  {"executor/uids", "executor/web", "state/mail"},
	"executor/imap":   {"state/fault", "state/mail"},
	"executor/oauth":  {"state/mail"},
	"executor/probe":  {"executor/imap", "state/mail"},
	"executor/uids":   {"state/mail"},
	"executor/web":    {"state/mail"},
	"plan":            {"config", "state", "state/mail"},
	"state":           {"state/fault", "state/mail", "state/hugepages"},
	"state/fault":     {},
	"state/mail":      {},
	"state/hugepages": {},
	"testdata/mail":   {},

	// What tests stand on.
	"cmd/viewtest": {},
	// The judge of a copy (compare) and the servers share no code with what they judge.
	"executor/endpointtest":               {"executor", "state", "state/mail"},
	"executor/endpointtest/compare":       {},
	"executor/endpointtest/dovecot":       {},
	"executor/endpointtest/ewsserver":     {"executor/endpointtest/httpsserver"},
	"executor/endpointtest/graphserver":   {"executor/endpointtest/httpsserver"},
	"executor/endpointtest/httpsserver":   {},
	"executor/endpointtest/imapserver":    {},
	"executor/endpointtest/proxy":         {},
	"executor/endpointtest/rawcopy":       {},
	"executor/endpointtest/rawcopy/bound": {"executor/endpointtest/rawcopy"},
	"executor/endpointtest/tokenserver":   {},
}

// narrow says of which files of another room a room may use the names, and which names beside those.
var narrow = []struct {
	room, of string
	files    []string
	also     []string
	why      string
}{
	{room: "cmd/view", of: "config", files: []string{"diagnostic.go"},
		also: []string{"PassVerify", "PassPrestage", "PassFull", "PassRetry"}, // the words in plan.Pass.Kind
		why:  "views show diagnostics and know nothing else of the configuration"},
	{room: "executor", of: "state", files: []string{"record.go", "query.go"},
		why: "the executor knows records; the storage stands behind executor.Ledger"},
}

// quiet are imports for their data: nothing runs that could be seen.
var quiet = []string{`"embed"`, `"time/tzdata"`}

// owners says which rooms may import a foreign package, for those that stand for a decision.
var owners = map[string][]string{
	"github.com/hashicorp/hcl":    {"config"},
	"github.com/zclconf/go-cty":   {"config"},
	"github.com/gocarina/gocsv":   {"config"},
	"modernc.org/sqlite":          {"state"},
	"database/sql":                {"state"},
	"github.com/spf13":            {"cmd"},
	"charm.land":                  {"cmd/view"},
	"github.com/emersion/go-imap": {"executor/imap", "cmd/demo"},
	"github.com/emersion/go-sasl": {"executor/imap", "cmd/demo"},
	"github.com/AzureAD":          {"executor/oauth"},
}

// bare are the rooms that stand on the standard library alone.
var bare = []string{"cmd/viewtest", "executor/amend", "state/fault", "state/mail", "state/hugepages", "executor/endpointtest/compare",
	"executor/endpointtest/ewsserver", "executor/endpointtest/graphserver", "executor/endpointtest/httpsserver", "executor/endpointtest/imapserver",
	"executor/endpointtest/tokenserver", "executor/ews", "executor/graph", "executor/uids", "executor/web"}

const module = "mailhaul/"

// source is one Go file of the house that is not a test.
type source struct {
	room string // the directory, as "cmd/view"
	name string // the file's path, as "cmd/view/plan.go"
	file *ast.File
	fset *token.FileSet
}

func (s source) lines() int { return s.fset.File(s.file.Package).LineCount() }

// supportsTests tells whether the room exists for tests.
func supportsTests(room string) bool {
	return strings.HasPrefix(room, "executor/endpointtest") || room == "cmd/viewtest"
}

func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != ".." && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		name = strings.TrimPrefix(filepath.ToSlash(name), "../")
		found = append(found, source{room: path.Dir(name), name: name, file: file, fset: fset})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no Go files found above cmd")
	}
	return found
}

func (s source) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		paths = append(paths, p)
	}
	return paths
}

// below tells whether the import path p is prefix or lies under it.
func below(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }

func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := arrows[s.room]
		if !known {
			t.Errorf("%s: the room %q has no line in arrows", s.name, s.room)
			continue
		}
		for _, p := range s.imports(t) {
			room, ours := strings.CutPrefix(p, module)
			if ours && !slices.Contains(allowed, room) {
				t.Errorf("%s imports %s; %s may import %v", s.name, p, s.room, allowed)
			}
			if slices.Contains(bare, s.room) && strings.Contains(strings.Split(p, "/")[0], ".") {
				t.Errorf("%s imports %s; %s stands on the standard library alone", s.name, p, s.room)
			}
		}
	}
}

// TestArrowsDoNotRunUp proves of the table itself that the floors hold.
func TestArrowsDoNotRunUp(t *testing.T) {
	floors := map[string]int{"state": 0, "config": 1, "plan": 2, "executor": 3, "cmd": 4, "testdata": 0}
	floor := func(room string) int { return floors[strings.Split(room, "/")[0]] }
	for room, targets := range arrows {
		for _, target := range targets {
			if floor(target) > floor(room) {
				t.Errorf("the arrow %s -> %s runs up", room, target)
			}
			if _, known := arrows[target]; !known {
				t.Errorf("the arrow %s -> %s leads to no room", room, target)
			}
			if supportsTests(target) && !supportsTests(room) {
				t.Errorf("the arrow %s -> %s leads from product code into test support", room, target)
			}
		}
	}
}

func TestForeignPackagesStayInTheirRooms(t *testing.T) {
	prefixes := slices.Sorted(maps.Keys(owners))
	for _, s := range sources(t) {
		for _, p := range s.imports(t) {
			for _, prefix := range prefixes {
				if below(p, prefix) && !slices.Contains(owners[prefix], s.room) && !supportsTests(s.room) {
					t.Errorf("%s imports %s, which belongs to %v", s.name, p, owners[prefix])
				}
			}
			if !supportsTests(s.room) && (below(p, "testing") || below(p, "net/http/httptest")) {
				t.Errorf("%s imports %s: product code does not test", s.name, p)
			}
		}
	}
}

// TestNarrowArrows looks at the names behind an arrow: some rooms may use only a part of another.
func TestNarrowArrows(t *testing.T) {
	all := sources(t)
	for _, n := range narrow {
		names := map[string]bool{}
		for _, s := range all {
			if s.room == n.of && slices.Contains(n.files, path.Base(s.name)) {
				declared(s.file, names)
			}
		}
		if len(names) == 0 {
			t.Errorf("%s has no files %v", n.of, n.files)
		}
		for _, s := range all {
			if s.room != n.room {
				continue
			}
			for used := range usedOf(s.file, module+n.of) {
				if !names[used] && !slices.Contains(n.also, used) {
					t.Errorf("%s uses %s.%s, which is not in %v: %s", s.name, path.Base(n.of), used, n.files, n.why)
				}
			}
		}
	}
}

// declared adds the names that stand at the top of a file.
func declared(file *ast.File, names map[string]bool) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch sp := spec.(type) {
				case *ast.TypeSpec:
					names[sp.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range sp.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
}

// usedOf gives the names that a file takes from the package at the import path.
func usedOf(file *ast.File, importPath string) map[string]bool {
	local := ""
	for _, spec := range file.Imports {
		if spec.Path.Value == strconv.Quote(importPath) {
			local = path.Base(importPath)
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	used := map[string]bool{}
	if local == "" {
		return used
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				used[sel.Sel.Name] = true
			}
		}
		return true
	})
	return used
}

// TestNothingRunsByItself keeps the wiring visible: no init function, no import for its side effects.
func TestNothingRunsByItself(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.fset.Position(f.Pos()))
			}
		}
		for _, spec := range s.file.Imports {
			if spec.Name == nil || (spec.Name.Name != "_" && spec.Name.Name != ".") {
				continue
			}
			if !slices.Contains(quiet, spec.Path.Value) {
				t.Errorf("%s imports %s as %q", s.name, spec.Path.Value, spec.Name.Name)
			}
		}
	}
}

// TestPackageComments asks each room for one comment that says what it is, at most 60 lines long.
func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		comments[s.room] = append(comments[s.room], "")
		doc := s.file.Doc
		if doc == nil {
			continue
		}
		comments[s.room] = append(comments[s.room], s.name)
		text := doc.Text()
		want := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			want = "Command " + path.Base(s.room) + " "
		}
		if !strings.HasPrefix(text, want) {
			t.Errorf("%s: the package comment does not begin with %q", s.name, want)
		}
		if n := strings.Count(text, "\n"); n > 60 {
			t.Errorf("%s: the package comment has %d lines; 60 are the limit", s.name, n)
		}
	}
	for room, names := range comments {
		names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
		if len(names) != 1 {
			t.Errorf("%s: one file should have the package comment, there are %d: %v", room, len(names), names)
		}
	}
}

// TestFileSizes guards the tail: a file past its limit is split by question.
func TestFileSizes(t *testing.T) {
	for _, s := range sources(t) {
		limit := 400
		if s.room == "cmd" {
			limit = 200 // parse, call, show
		}
		if n := s.lines(); n > limit {
			t.Errorf("%s has %d lines; %d are the limit", s.name, n, limit)
		}
	}
}
