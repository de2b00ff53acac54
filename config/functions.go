package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// sensitive is the mark on values of env and command.
type sensitive struct{}

// maxSecretFile bounds what file reads.
const maxSecretFile = 1 << 20

// callError is how our own functions fail: it names no value.
type callError struct {
	code            Code
	summary, detail string
}

func (e *callError) Error() string { return e.summary }

// evalContext has the functions of the language; names come later, when they are computed.
func (l *loader) evalContext() *hcl.EvalContext {
	all := standardFunctions()
	all["env"] = l.textFunction([]string{"name"}, false, l.callEnv)
	all["file"] = l.textFunction([]string{"path"}, false, l.callFile)
	all["command"] = l.textFunction([]string{"program"}, true, l.callCommand)
	return &hcl.EvalContext{Functions: all}
}

func functionNames(c *hcl.EvalContext) []string { return slices.Sorted(maps.Keys(c.Functions)) }

// textFunction makes a function of texts to a text.
func (l *loader) textFunction(names []string, more bool, call func([]string) (cty.Value, error)) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(cty.String)}
	for _, n := range names {
		spec.Params = append(spec.Params, function.Parameter{Name: n, Type: cty.String})
	}
	if more {
		spec.VarParam = &function.Parameter{Name: "argument", Type: cty.String}
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		texts := make([]string, len(args))
		for i, a := range args {
			texts[i] = a.AsString()
		}
		return call(texts)
	}
	return function.New(spec)
}

func (l *loader) callEnv(args []string) (cty.Value, error) {
	v, ok := l.env(args[0])
	if !ok {
		return cty.NilVal, &callError{CodeCommand, fmt.Sprintf("the environment variable %s is not set", args[0]),
			"Set it before starting mailhaul."}
	}
	l.secrets.keep(v)
	return cty.StringVal(v).Mark(sensitive{}), nil
}

func (l *loader) callFile(args []string) (cty.Value, error) {
	path := args[0]
	b, err := readLimited(l.path(path), maxSecretFile)
	if err != nil {
		return cty.NilVal, &callError{CodeFile, fmt.Sprintf("the file %s can't be read", path), fileTrouble(err)}
	}
	s := strings.TrimPrefix(string(b), "\ufeff")
	if !utf8.ValidString(s) {
		return cty.NilVal, &callError{CodeFile, fmt.Sprintf("the file %s is not UTF-8 text", path), ""}
	}
	s = dropNewline(s)
	if l.forSecret {
		l.secrets.keep(s)
	}
	return cty.StringVal(s), nil
}

func (l *loader) callCommand(args []string) (cty.Value, error) {
	out, err := l.run(l.context, args[0], args[1:])
	if err != nil {
		return cty.NilVal, &callError{CodeCommand, fmt.Sprintf("the program %s gave nothing", args[0]), sentenceOf(err)}
	}
	s := dropNewline(string(out))
	if s == "" {
		return cty.NilVal, &callError{CodeCommand, fmt.Sprintf("the program %s gave nothing", args[0]), "It ended well, but printed nothing."}
	}
	if !utf8.ValidString(s) {
		return cty.NilVal, &callError{CodeCommand, fmt.Sprintf("the program %s did not print UTF-8 text", args[0]), ""}
	}
	l.secrets.keep(s)
	return cty.StringVal(s).Mark(sensitive{}), nil
}

// dropNewline takes off exactly one line end: editors and programs add one, and more belong to the secret.
func dropNewline(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return strings.TrimSuffix(s, "\r")
}

// path joins a path of the configuration with the project's directory.
func (l *loader) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(l.dir, p)
}

// readLimited reads a regular file of at most limit octets.
func readLimited(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, advice("It is a directory.")
	case !info.Mode().IsRegular():
		return nil, advice("It is no ordinary file.")
	case info.Size() > limit:
		return nil, advice(fmt.Sprintf("It is larger than %d MiB, which is more than it can sensibly hold.", limit>>20))
	}
	return os.ReadFile(path)
}

// fileTrouble says what is wrong with a file, without the path that the summary names.
func fileTrouble(err error) string {
	var pathError *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "There is no such file. Paths are relative to the project's directory."
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied: make it readable for the user who runs mailhaul."
	case errors.As(err, &pathError):
		return sentenceOf(pathError.Err)
	}
	return sentenceOf(err)
}

// sentenceOf makes an error a sentence.
func sentenceOf(err error) string {
	s := strings.TrimSpace(err.Error())
	if s == "" {
		return ""
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// standardFunctions are the ones of go-cty that give the same for the same arguments and read nothing.
func standardFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "int": stdlib.IntFunc,
		"log": stdlib.LogFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc,
		"pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,

		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc,
		"regexall": stdlib.RegexAllFunc, "regexreplace": stdlib.RegexReplaceFunc, "replace": stdlib.ReplaceFunc,
		"split": stdlib.SplitFunc, "strlen": stdlib.StrlenFunc, "strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc,
		"title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,

		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"keys": stdlib.KeysFunc, "length": stdlib.LengthFunc, "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc,
		"range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setproduct": stdlib.SetProductFunc, "setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc,
		"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

		"csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc,
		"tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String),
	}
}

// commandFunc runs a program and gives its standard output.
type commandFunc = func(ctx context.Context, prog string, args []string) ([]byte, error)
