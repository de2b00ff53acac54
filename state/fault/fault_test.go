package fault_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailhaul/state/fault"
)

// registered gives the constants of a type in the register, by name.
func registered(t *testing.T, name, of string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != of {
			t.Errorf("%s is not a %s", spec.Names[0].Name, of)
			return false
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all[spec.Names[0].Name] = value
		return false
	})
	return all
}

// product gives the octets of all product code but this package's.
func product(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, room := range []string{"../../executor", "../../state"} {
		err := filepath.WalkDir(room, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
				strings.Contains(name, "/fault/") || strings.Contains(name, "/endpointtest/") {
				return err
			}
			octets, err := os.ReadFile(name)
			all.Write(octets)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.Bytes()
}

// TestRegister promises: the lists hold every constant, and each stands somewhere in product code.
func TestRegister(t *testing.T) {
	var points, safeties []string
	for _, p := range fault.Points() {
		points = append(points, string(p))
	}
	for _, s := range fault.Safeties() {
		safeties = append(safeties, string(s))
	}
	code := product(t)
	for _, r := range []struct {
		file, of string
		listed   []string
	}{{"fault.go", "Point", points}, {"safety.go", "Safety", safeties}} {
		names := registered(t, r.file, r.of)
		for name, value := range names {
			if !slices.Contains(r.listed, value) {
				t.Errorf("%s is not listed", name)
			}
			if !bytes.Contains(code, []byte("fault."+name+")")) {
				t.Errorf("%s stands nowhere in product code", name)
			}
		}
		if len(names) != len(r.listed) || len(names) == 0 {
			t.Errorf("%d constants in %s, %d listed", len(names), r.file, len(r.listed))
		}
	}
}
