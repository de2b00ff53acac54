package config

import (
	"bytes"
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	in := "\ufeffendpoint   \"imap\" \"old\"{\n host=\"a\"   # here\n      per_mailbox   =  2\n}\n"
	want := "endpoint \"imap\" \"old\" {\n  host        = \"a\" # here\n  per_mailbox = 2\n}\n"
	got, ds := Format([]byte(in), "a.hcl")
	if string(got) != want || len(ds) > 0 {
		t.Errorf("got:\n%s%s", got, render(ds))
	}
	broken := []byte("endpoint {\n  password = \"canary\n")
	got, ds = Format(broken, "b.hcl")
	if !bytes.Equal(got, broken) || !ds.HasErrors() || ds[0].Range().File != "b.hcl" || strings.Contains(render(ds), canary) {
		t.Errorf("got:\n%s%s", got, render(ds))
	}
}

// FuzzFormat holds that formatting twice is formatting once, and that it changes nothing but blanks.
func FuzzFormat(f *testing.F) {
	f.Add("a=1\nbb = 2 # x\nccc=[1,\n2]\n")
	f.Add(base)
	f.Add("x = <<EOT\n  a\n   EOT\ny=\"${ 1+1 }\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		once, ds := Format([]byte(text), "a.hcl")
		if ds.HasErrors() {
			return
		}
		twice, ds := Format(once, "a.hcl")
		if ds.HasErrors() || !bytes.Equal(once, twice) {
			t.Errorf("once:\n%q\ntwice:\n%q\n%s", once, twice, render(ds))
		}
	})
}
