package cmd

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"apply", "plan", "state", "status", "validate", "verify", "version"}
	for _, c := range []struct{ word, want string }{
		{"aply", "apply"}, {"plna", "plan"}, {"stat", "state"}, {"verson", "version"}, {"VERIFY", "verify"},
		{"val", "validate"}, {"xyzzy", ""}, {"", ""}, {"q", ""},
	} {
		if got := nearest(c.word, known); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"anna@contoso.example", "Anna@contoso.example", true},
		{"*@contoso.example", "anna@contoso.example", true},
		{"*@contoso.example", "anna@other.example", false},
		{"ann", "anna@contoso.example", false},
		{"a[n", "a[n", true}, // no glob, but a name
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}
