package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const declared = `
variable "customer" {
  type    = string
  default = "from the file"
}
variable "count" {
  type    = number
  default = 3
}
variable "left_out" {
  type    = list(string)
  default = []
}
variable "limits" {
  type    = object({ size = optional(string, "7MB"), more = optional(number) })
  default = {}
}
variable "pw" {
  sensitive = true
  default   = null
}
locals {
  second = "${local.first}/2"
  first  = upper(var.customer)
}
mailhaul {
  customer  = local.second
  mailboxes = var.count
}
folders { exclude = var.left_out }
messages { max_size = var.limits.size }
`

// TestVariableSources holds which value wins: --var, --var-file, the environment, the default.
func TestVariableSources(t *testing.T) {
	dir := project(t, "users.csv", twoUsers, "a.hcl", base+declared,
		"one.vars", "customer = \"one\"\ncount = 5\n", "two.json", `{"customer": "two", "left_out": ["^A", "^B"], "limits": {"size": "1MB"}}`)
	one, two := filepath.Join(dir, "one.vars"), filepath.Join(dir, "two.json")
	for _, c := range []struct {
		name     string
		env      map[string]string
		options  Options
		customer string
		count    int
		excluded int
		size     int64
	}{
		{"defaults", nil, Options{}, "FROM THE FILE/2", 3, 0, 7_000_000},
		{"environment", map[string]string{"MAILHAUL_VAR_customer": "env", "MAILHAUL_VAR_left_out": `["^X"]`}, Options{}, "ENV/2", 3, 1, 7_000_000},
		{"file over environment", map[string]string{"MAILHAUL_VAR_customer": "env"}, Options{VarFiles: []string{one}}, "ONE/2", 5, 0, 7_000_000},
		{"later file", nil, Options{VarFiles: []string{one, two}}, "TWO/2", 5, 2, 1_000_000},
		{"flag over file", nil, Options{VarFiles: []string{one}, Vars: []string{"customer=a=b", "count=7", "count=8", `limits={ size = "2MB" }`}}, "A=B/2", 8, 0, 2_000_000},
	} {
		c.options.Env = func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }
		got, ds := Load(dir, c.options)
		if got == nil || len(ds) > 0 {
			t.Errorf("%s:\n%s", c.name, render(ds))
			continue
		}
		m := got.Mailboxes[0]
		if got.Project.Customer != c.customer || got.Project.Mailboxes != c.count || len(m.Folders.Exclude) != c.excluded || m.Messages.MaxSize != c.size {
			t.Errorf("%s: %q, %d, %d, %d", c.name, got.Project.Customer, got.Project.Mailboxes, len(m.Folders.Exclude), m.Messages.MaxSize)
		}
	}
}

// TestVariableTrouble holds what is said of values from outside, and that a sensitive one is not said.
func TestVariableTrouble(t *testing.T) {
	dir := project(t, "users.csv", twoUsers, "a.hcl", base+declared+`
variable "secret_number" {
  type      = number
  sensitive = true
  default   = 1
}
`, "bad.vars", "custmer = \"x\"\nsecret_number = \"canary-file\"\ncount = \"canary-count\"\n", "broken.vars", "pw = \"canary-broken\n")
	for _, c := range []struct {
		name    string
		options Options
		want    []string
	}{
		{"unknown flag", Options{Vars: []string{"cuntomer=x"}}, []string{`there is no variable "cuntomer", to which --var gives a value`, `Did you mean "customer"?`}},
		{"no equals sign", Options{Vars: []string{"customer"}}, []string{"--var NAME=VALUE"}},
		{"wrong type", Options{Vars: []string{"count=many"}}, []string{`the value of variable "count", given by --var, does not fit its type`, "a number"}},
		{"no expression", Options{Vars: []string{"left_out=[canary-x"}}, []string{"can't be read", `["a", "b"]`}},
		{"sensitive flag", Options{Vars: []string{"secret_number=canary-x"}}, []string{"the value is a secret"}},
		{"file", Options{VarFiles: []string{filepath.Join(dir, "bad.vars")}}, []string{`there is no variable "custmer"`, "bad.vars:1:1", `Did you mean "customer"?`, "bad.vars:2:17", "bad.vars:3:9"}},
		{"broken file", Options{VarFiles: []string{filepath.Join(dir, "broken.vars")}}, []string{"the text in quotes is not closed on its line"}},
		{"no file", Options{VarFiles: []string{filepath.Join(dir, "none.vars")}}, []string{"none.vars of --var-file can't be read"}},
	} {
		got, ds := Load(dir, c.options)
		out := render(ds)
		if got != nil {
			t.Errorf("%s: no error", c.name)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, out)
			}
		}
		if strings.Contains(out, canary) && !strings.Contains(out, "canary-count") {
			t.Errorf("%s: a secret came out:\n%s", c.name, out)
		}
	}
}

// TestValidation holds that a condition refuses a value where it was given, in the user's own words.
func TestValidation(t *testing.T) {
	dir := project(t, "users.csv", twoUsers, "a.hcl", base+`
variable "tenant" {
  type = string
  validation {
    condition     = strlen(var.tenant) > 3
    error_message = "${var.tenant} is no tenant"
  }
}
mailhaul { customer = var.tenant }
`)
	_, ds := Load(dir, Options{Vars: []string{"tenant=abc"}})
	var said []string
	for _, d := range ds {
		said = append(said, d.Summary, d.Detail, d.Range().String())
	}
	if d := cmp.Diff([]string{`the value of variable "tenant", given by --var, is refused`, "abc is no tenant", "a.hcl:15:3"}, said); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if c, ds := Load(dir, Options{Vars: []string{"tenant=abcd"}}); c == nil || c.Project.Customer != "abcd" {
		t.Errorf("refused:\n%s", render(ds))
	}
}

// TestDerivedSecret holds that what functions make of a secret is one too, and reaches the place it is meant for.
func TestDerivedSecret(t *testing.T) {
	dir := project(t, "users.csv", "source,destination\na@x.example,a@y.example\n", "a.hcl", `
variable "pw" { sensitive = true }
locals { all = { in = strrev(var.pw) } }
mailhaul { customer = "${local.all.in}!" }
endpoint "imap" "old" {
  host = "old.example.com"
  admin {
    user     = "m"
    password = local.all.in
  }
}
endpoint "imap" "new" {
  host = "x ${local.all.in}"
  admin {
    user     = "m"
    password = var.pw
  }
}
`+staffUsers)
	c, ds := Load(dir, Options{Vars: []string{"pw=terces-yranac"}})
	if out := render(ds); c != nil || strings.Contains(out, "canary-secret") || !strings.Contains(out, "host") || !strings.Contains(out, "customer can't hold a secret") {
		t.Errorf("got:\n%s", out)
	}
}
