package config

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	_ "time/tzdata" // dates may name a zone, and a bare machine or container has no zone files

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// maxConfigFile bounds one configuration file.
const maxConfigFile = 16 << 20

// Options are what Load needs from outside; the zero value reads the real environment and runs real programs.
type Options struct {
	// Context ends programs that command() started; nil never does. It is here and not first in Load because reading
	// files is all that Load does besides.
	Context context.Context //nolint:containedctx // see above
	// Env looks up an environment variable; nil is os.LookupEnv.
	Env func(name string) (string, bool)
	// RunCommand runs a program without a shell and gives what it printed; nil runs it in the project's directory.
	// The error is shown to the user: it must hold no secret.
	RunCommand func(ctx context.Context, prog string, args []string) ([]byte, error)
	// Version is mailhaul's own, for the version constraint of the mailhaul block. One that is no number, as of a build
	// from a work tree, satisfies every constraint.
	Version string
	// Vars are values of variables, each NAME=VALUE, as --var gives them. They win over VarFiles, those over the
	// environment's MAILHAUL_VAR_NAME, and that over the default in the file; of two for one variable the later one wins.
	Vars []string
	// VarFiles are files of NAME = VALUE lines, or JSON if they are called so.
	VarFiles []string
}

// Load reads the project in dir: every *.hcl and *.hcl.json file in it, and what they name. It gives a Config, or nil if
// one of the diagnostics is an error. The diagnostics are sorted by file and line, hold everything that could be found
// at once, and hold no secret.
func Load(dir string, o Options) (*Config, Diagnostics) {
	l := newLoader(dir, o)
	c := l.load()
	ds := l.diagnostics()
	if l.failed() {
		return nil, ds
	}
	c.Warnings = ds
	return c, ds
}

// loader is one Load.
type loader struct {
	*report
	dir       string
	context   context.Context //nolint:containedctx // see Options
	env       func(string) (string, bool)
	run       commandFunc
	version   string
	functions *hcl.EvalContext
	forSecret bool // the expression being evaluated is a secret's
	root      *node
	config    *Config
	varTexts  []string // see Options.Vars
	varPaths  []string
	vars      map[string]*variable
	// known are the names that expressions may use: of "var" and of "local". A root that is not there yet is not ready.
	known map[string]map[string]cty.Value
	// broken says that something is missing only because it was wrong itself; follow-up errors would mislead.
	broken map[string]bool
}

func newLoader(dir string, o Options) *loader {
	l := &loader{report: newReport(), dir: dir, context: o.Context, env: o.Env, run: o.RunCommand, version: o.Version,
		varTexts: o.Vars, varPaths: o.VarFiles, known: map[string]map[string]cty.Value{},
		broken: map[string]bool{}, root: &node{spec: projectSpec, values: map[string]value{}}}
	if l.context == nil {
		l.context = context.Background()
	}
	if l.env == nil {
		l.env = os.LookupEnv
	}
	if l.run == nil {
		l.run = runIn(dir)
	}
	l.functions = l.evalContext()
	l.config = &Config{Dir: dir}
	return l
}

func (l *loader) load() *Config {
	names := l.find()
	if len(names) == 0 {
		return nil
	}
	bodies := l.parse(names)
	if l.failed() {
		return nil // a block that does not parse would only draw errors about what is missing
	}
	l.readAll(bodies)
	l.project()
	l.endpoints()
	layers := l.layers()
	l.windows()
	l.telling()
	l.passes()
	l.users(layers)
	slices.SortStableFunc(l.config.Unsupported, func(a, b Unsupported) int { return l.compare(a.Range, b.Range) })
	l.config.Hash = l.config.hash()
	return l.config
}

// readAll reads the files: variables and locals first, since everything else may use them.
func (l *loader) readAll(bodies []hcl.Body) {
	var attrs []*hcl.Attribute
	var blocks hcl.Blocks
	for _, b := range bodies {
		as, bs := l.items(l.root, b)
		attrs, blocks = append(attrs, as...), append(blocks, bs...)
	}
	first := func(b *hcl.Block) bool { return b.Type == variableSpec.name || b.Type == localsSpec.name }
	for _, b := range blocks {
		if first(b) {
			l.readBlock(l.root, b)
		}
	}
	l.variables()
	l.locals()
	for _, a := range attrs {
		l.readAttribute(l.root, a)
	}
	for _, b := range blocks {
		if !first(b) {
			l.readBlock(l.root, b)
		}
	}
}

// blocks gives the top-level blocks of a type, in the order of files and lines.
func (l *loader) blocks(spec *blockSpec) []*node {
	var out []*node
	for _, n := range l.root.blocks {
		if n.spec == spec {
			out = append(out, n)
		}
	}
	return out
}

// find lists the configuration files of the directory, sorted.
func (l *loader) find() []string {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		l.fail(CodeFile, place{}, "the directory %s can't be read", l.dir).explain("%s", fileTrouble(err))
		return nil
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && isConfig(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		l.fail(CodeMissing, place{}, "no configuration in %s", l.dir).
			explain("A project is a directory with at least one file that ends in .hcl.").
			hint("mailhaul init writes one to begin with; --chdir DIR names another directory.")
	}
	slices.Sort(names)
	return names
}

func isConfig(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false // editors' and file managers' shadows
	}
	return strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json")
}

func (l *loader) parse(names []string) []hcl.Body {
	var bodies []hcl.Body
	for _, name := range names {
		src, err := readLimited(filepath.Join(l.dir, name), maxConfigFile)
		if err != nil {
			l.fail(CodeFile, place{}, "the file %s can't be read", name).explain("%s", fileTrouble(err))
			continue
		}
		l.config.Files = append(l.config.Files, name)
		if b := l.parseFile(name, src); b != nil {
			bodies = append(bodies, b)
		}
	}
	return bodies
}

func (l *loader) parseFile(name string, src []byte) hcl.Body {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	l.sources[name] = newSource(src)
	if strings.HasSuffix(name, ".json") {
		f, diags := json.Parse(src, name)
		l.addHCL(diags, l.root)
		if diags.HasErrors() {
			return nil
		}
		return f.Body
	}
	f, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	l.addHCL(diags, l.root)
	if diags.HasErrors() {
		return nil
	}
	return f.Body
}
