package config

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays out a native configuration file in the one usual way: only blanks change, and formatting twice gives the
// same bytes. A file that does not parse is given back unchanged, with diagnostics that name it as file.
func Format(src []byte, file string) ([]byte, Diagnostics) {
	l := newLoader("", Options{})
	whole := src
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	l.sources[file] = newSource(src)
	_, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	if diags.HasErrors() {
		l.addHCL(diags, l.root)
		return whole, l.diagnostics()
	}
	out := src
	// hclwrite is not always done after one round (it aligns by the blanks it found); formatting must be idempotent.
	for range 4 {
		next := hclwrite.Format(out)
		if bytes.Equal(next, out) {
			break
		}
		out = next
	}
	return out, nil
}
