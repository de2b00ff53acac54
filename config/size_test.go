package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// manyFiles writes a project of 20 files, of which 18 are users blocks with 20,000 mailboxes in all.
func manyFiles(t testing.TB) string {
	t.Helper()
	dir := project(t, "base.hcl", oldEndpoint+newEndpoint+"variable \"x\" { default = \"y\" }\nlocals { z = upper(var.x) }\n",
		"rules.hcl", "folders {\n  exclude = [\"^Trash(/|$)\"]\n  rename \"^INBOX/\" { to = \"\" }\n}\nwindow \"nights\" {\n  from = \"19:00\"\n  to   = \"06:00\"\n}\n"+
			"pass \"full\" { windows = [\"nights\"] }\n")
	for f := range 18 {
		var csv, hcl strings.Builder
		fmt.Fprintf(&hcl, "users \"site%d\" {\n  from = endpoint.imap.old\n  to   = endpoint.imap.new\n  csv  = \"site%d.csv\"\n}\n", f, f)
		csv.WriteString("source,password,destination,wave\n")
		for i := range 20_000/18 + 1 {
			fmt.Fprintf(&csv, "user%d@site%d.example,secret%d,user%d.site%d@new.example,w%d\n", i, f, i, i, f, i%9)
		}
		for i := range 40 {
			fmt.Fprintf(&hcl, "mailbox \"user%d@site%d.example\" {\n  windows = []\n  folders { under = \"Old ${local.z}\" }\n}\n", i, f)
		}
		for name, text := range map[string]string{fmt.Sprintf("site%d.hcl", f): hcl.String(), fmt.Sprintf("site%d.csv", f): csv.String()} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// TestManyFiles loads a large organisation. BenchmarkManyFiles tells how long it takes and what it allocates.
func TestManyFiles(t *testing.T) {
	dir := manyFiles(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := mustLoad(t, dir)
	runtime.ReadMemStats(&after)
	if n := len(c.Mailboxes); n < 20_000 || len(c.Files) != 38 || c.Mailboxes[0].Folders.Under != "Old Y" {
		t.Errorf("%d mailboxes of %d files", n, len(c.Files))
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 150<<20 {
		t.Errorf("a load allocates %d MiB", spent>>20)
	}
}

func BenchmarkManyFiles(b *testing.B) {
	dir := manyFiles(b)
	b.ReportAllocs()
	for b.Loop() {
		mustLoad(b, dir)
	}
}
