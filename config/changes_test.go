package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// basisOf loads a project and takes its basis through a file, as a saved plan does.
func basisOf(t *testing.T, hcl, csv string) (c *Config, saved *Basis) {
	t.Helper()
	c = mustLoad(t, project(t, "a.hcl", hcl, "users.csv", csv))
	text, err := json.Marshal(c.Basis())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "canary") {
		t.Fatalf("a secret is in the basis: %s", text)
	}
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	return c, saved
}

// TestChanges holds that whatever changes the hash is named.
func TestChanges(t *testing.T) {
	const full = "pass \"full\" {}\n"
	const nights = "window \"nights\" {\n  from     = \"19:00\"\n  to = \"06:00\"\n  timezone = \"UTC\"\n  days = [\"mon\", \"fri\"]\n}\n"
	const anna = `mailbox "anna@old.example" { `
	rows := strings.SplitAfter(twoUsers, "\n")
	tests := []struct{ hcl, csv, thenHCL, thenCSV, want string }{
		{thenHCL: `endpoint "imap" "third" { host = "x.example" }`, want: "The endpoint endpoint.imap.third is new."},
		{hcl: `endpoint "imap" "third" { host = "x.example" }`, want: "The endpoint endpoint.imap.third is gone."},
		{thenHCL: full, want: `a.hcl:12, the pass "full" is new.`},
		{hcl: full, want: `The pass "full" is gone.`},
		{hcl: "pass \"a\" {\n kind = \"full\"\n}\npass \"b\" {\n kind = \"full\"\nafter = \"verify\"\n}\n", thenHCL: "pass \"b\" {\n kind = \"full\"\n}\npass \"a\" {\n kind = \"full\"\n after = \"verify\"\n}\n",
			want: "a.hcl:12, in pass \"b\": after: \"verify\" -> not set.\na.hcl:15, in pass \"a\": after: not set -> \"verify\".\nThe passes stand in another order: verify, b, a, retry."},
		{hcl: `pass "prestage" { older_than = "90d" }`, thenHCL: `pass "prestage" { older_than = "60d" }`,
			want: `a.hcl:12, in pass "prestage": older_than: "90d" -> "60d".`},
		{hcl: `pass "full" {}`, thenHCL: `pass "full" { newer_than = "2020-01-01" }`, want: `a.hcl:12, in pass "full": newer_than: not set -> "2020-01-01".`},
		{hcl: full, thenHCL: `pass "full" { order = "newest-first" }`, want: `a.hcl:12, in pass "full": order: "oldest-first" -> "newest-first".`},
		{hcl: full, thenHCL: `pass "full" { start = "2026-12-01 19:00 UTC" }`, want: `a.hcl:12, in pass "full": start: not set -> "2026-12-01T19:00:00Z".`},
		{hcl: `pass "retry" {}`, thenHCL: `pass "retry" { attempts = 4 }`, want: `a.hcl:12, in pass "retry": attempts: "3" -> "4".`},
		{hcl: `pass "retry" {}`, thenHCL: `pass "retry" { wait = "30s" }`, want: `a.hcl:12, in pass "retry": wait: "15m" -> "30s".`},
		{hcl: `pass "full" {}` + "\n" + nights, thenHCL: `pass "full" { windows = ["nights"] }` + "\n" + nights,
			want: `a.hcl:12, in pass "full": windows: mon,fri 19:00-06:00 UTC came.`},
		{thenHCL: `messages { max_size = "1MB" }`, want: `max_size in messages: "150MB" -> "1MB" (all 2 mailboxes).`},
		{thenHCL: `messages { too_large = "fail" }`, want: `too_large in messages: "report" -> "fail" (all 2 mailboxes).`},
		{thenHCL: `messages { keywords = "fail" }`, want: `keywords in messages: "drop" -> "fail" (all 2 mailboxes).`},
		{thenHCL: `messages { existing = "ignore" }`, want: `existing in messages: "adopt" -> "ignore" (all 2 mailboxes).`},
		{thenHCL: `messages { receipts = "disarm" }`, want: `receipts in messages: "auto" -> "disarm" (all 2 mailboxes).`},
		{thenHCL: `messages { repair = true }`, want: `repair in messages: "false" -> "true" (all 2 mailboxes).`},
		{hcl: `folders { exclude = ["^A", "^C"] }`, thenHCL: `folders { exclude = ["^B", "^C"] }`,
			want: `exclude in folders: "^B" came, "^A" went (all 2 mailboxes).`},
		{hcl: `folders { exclude = ["^A", "^C"] }`, thenHCL: `folders { exclude = ["^C", "^A"] }`,
			want: `exclude in folders: in another order (all 2 mailboxes).`},
		{thenHCL: `folders { include = ["^A"] }`, want: `include in folders: "^A" came (all 2 mailboxes).`},
		{hcl: "folders {\n rename \"^A\" { to = \"B\" }\n}\n", thenHCL: "folders {\n rename \"^A\" { to = \"C\" }\n}\n",
			want: `rename in folders: rename "^A" -> C came, rename "^A" -> B went (all 2 mailboxes).`},
		{thenHCL: `folders { under = "X" }`, want: `under in folders: not set -> "X" (all 2 mailboxes).`},
		{thenHCL: `folders { empty = false }`, want: `empty in folders: "true" -> "false" (all 2 mailboxes).`},
		{thenHCL: `folders { merge = "allow" }`, want: `merge in folders: "report" -> "allow" (all 2 mailboxes).`},
		{thenHCL: `folders { special = "none" }`, want: `special in folders: "auto" -> "none" (all 2 mailboxes).`},
		{thenHCL: anna + "\nmessages {\n max_size = \"1MB\"\n}\n}", want: `users.csv:2, anna@old.example: max_size in messages: "150MB" -> "1MB".`},
		{thenHCL: anna + `skip = "x" }`, want: `users.csv:2, anna@old.example: skip: not set -> "x".`},
		{thenHCL: anna + `merge = true }`, want: `users.csv:2, anna@old.example: merge: false -> true.`},
		{thenHCL: anna + `windows = [] }`, want: `users.csv:2, anna@old.example: windows: its own came.`},
		{thenHCL: anna + `wave = "2" }`, want: `users.csv:2, anna@old.example: wave: not set -> "2".`},
		{thenHCL: anna + `username = "canary" }`, want: `users.csv:2, anna@old.example: a name to sign in with has changed.`},
		{thenCSV: strings.ReplaceAll(twoUsers, "bo@new", "bob@new"), want: `users.csv:3, bo@old.example: destination: "bo@new.example" -> "bob@new.example".`},
		{hcl: "endpoint \"imap\" \"third\" {\n host = \"x.example\"\n}", thenHCL: "endpoint \"imap\" \"third\" {\n host = \"y.example\"\n}",
			want: "The endpoint endpoint.imap.third is at y.example:993, and was at x.example:993."},
		{csv: rows[0] + rows[1], thenCSV: twoUsers, want: "users.csv: 1 row came: bo@old.example."},
		{csv: twoUsers, thenCSV: rows[0] + rows[1], want: "users.csv: 1 row went: bo@old.example."},
	}
	for _, tt := range tests {
		users := func(csv string) string {
			if csv == "" {
				return twoUsers
			}
			return csv
		}
		before, saved := basisOf(t, base+tt.hcl, users(tt.csv))
		now, _ := basisOf(t, base+tt.thenHCL, users(tt.thenCSV))
		if before.Hash == now.Hash {
			t.Errorf("%s%s: the hash is the same", tt.thenHCL, tt.thenCSV)
		}
		if got := strings.Join(Changes(saved, now.Basis()), "\n"); got != tt.want {
			t.Errorf("%s%s: got\n%s\nwant\n%s", tt.thenHCL, tt.thenCSV, got, tt.want)
		}
		if got := Changes(saved, before.Basis()); got != nil {
			t.Errorf("%s: without a change: %q", tt.hcl, got)
		}
	}
}

// TestChangesBounded holds that many changes take a few lines, and that old plans have nothing to compare.
func TestChangesBounded(t *testing.T) {
	csv, skips := "source,password,destination\n", ""
	for i := range 30 {
		name := fmt.Sprintf("p%02d@old.example", i)
		csv += name + ",canary,x" + name + "\n"
		skips += fmt.Sprintf("mailbox %q { skip = \"%d\" }\n", name, i)
	}
	_, saved := basisOf(t, base, csv)
	now, _ := basisOf(t, base+skips, csv)
	got := Changes(saved, now.Basis())
	if len(got) != 9 || got[8] != "... and 22 more changes." {
		t.Errorf("%d lines, the last is %q", len(got), got[len(got)-1])
	}
	moved, _ := basisOf(t, base, strings.ReplaceAll(csv, "p0", "q0"))
	want := "users.csv: 10 rows came: q00@old.example, q01@old.example, q02@old.example and 7 more.\n" +
		"users.csv: 10 rows went: p00@old.example, p01@old.example, p02@old.example and 7 more."
	if got := strings.Join(Changes(saved, moved.Basis()), "\n"); got != want {
		t.Errorf("rows: got\n%s", got)
	}
	if got := Changes(nil, now.Basis()); got != nil {
		t.Errorf("an old plan: %q", got)
	}
}

// TestBasisWhole counts what the hash sums: a new setting needs its line in TestChanges.
func TestBasisWhole(t *testing.T) {
	for kind, want := range map[reflect.Type]int{
		reflect.TypeFor[hashedEndpoint](): 3, reflect.TypeFor[hashedMailbox](): 17,
		reflect.TypeFor[hashedPass](): 10, reflect.TypeFor[hashedFolders](): 7,
	} {
		if got := kind.NumField(); got != want {
			t.Errorf("%s has %d fields, not %d: tell a change of the new one in Changes too", kind, got, want)
		}
	}
}
