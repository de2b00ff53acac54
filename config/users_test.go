package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// TestEncodings holds that a table means the same however a spreadsheet saved it.
func TestEncodings(t *testing.T) {
	text := "source,password,destination\r\nanna@old.example,pässwörd€,anna@new.example\r\n\"bo@old.example\",\"a,b\"\"c\nd\",bo@new.example\r\n"
	encode := func(e interface{ String(string) (string, error) }) string {
		s, err := e.String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	utf16 := func(e unicode.Endianness, b unicode.BOMPolicy) string {
		return encode(unicode.UTF16(e, b).NewEncoder())
	}
	swap := func(sep string) string {
		s := strings.ReplaceAll(strings.ReplaceAll(text, "\"a,b", "\"a\x00b"), ",", sep)
		return strings.ReplaceAll(s, "\x00", ",")
	}
	want := mustLoad(t, project(t, "a.hcl", base, "users.csv", text)).Mailboxes
	if got := want[0].Source.Password.Reveal() + "|" + want[1].Source.Password.Reveal(); got != "pässwörd€|a,b\"c\nd" {
		t.Fatalf("passwords = %q", got)
	}
	for name, csv := range map[string]string{
		"mark":              "\ufeff" + text,
		"mark and quotes":   "\ufeff" + strings.Replace(text, "source", `"source"`, 1),
		"UTF-16 little":     utf16(unicode.LittleEndian, unicode.UseBOM),
		"UTF-16 big":        utf16(unicode.BigEndian, unicode.UseBOM),
		"UTF-16 unmarked":   utf16(unicode.LittleEndian, unicode.IgnoreBOM),
		"UTF-16 unmarked 2": utf16(unicode.BigEndian, unicode.IgnoreBOM),
		"Windows-1252":      encode(charmap.Windows1252.NewEncoder()),
		"semicolons":        swap(";"),
		"tabs":              swap("\t"),
		"sep line":          "sep=;\r\n" + swap(";"),
		"quoted sep line":   "\"sep=;\"\r\n" + swap(";"),
		"line feeds":        strings.ReplaceAll(text, "\r\n", "\n"),
		"blank rows":        text + "\r\n,,\r\n , ,\r\n",
		"headings":          strings.Replace(text, "source,password,destination", "  SOURCE Email , Source  Password,Destination_Email", 1),
		"no last line end":  strings.TrimSuffix(text, "\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			got := mustLoad(t, project(t, "a.hcl", base, "users.csv", csv)).Mailboxes
			if d := cmp.Diff(want, got, plain); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestMigrationWiz reads a bulk-add file as it is.
func TestMigrationWiz(t *testing.T) {
	c := mustLoad(t, project(t, "a.hcl", base, "users.csv",
		"Source Email,Source Login Name,Source Password,Destination Email,Destination Login Name,Destination Password,Flags\n"+
			"anna@old.example,anna,one,anna@new.example,alind,two,0\n"))
	m := c.Mailboxes[0]
	got := fmt.Sprintln(m.Source.Username, m.Source.Password.Reveal(), m.Destination.Username, m.Destination.Password.Reveal(), len(c.Warnings))
	if got != "anna one alind two 0\n" {
		t.Errorf("mailbox = %s", got)
	}
}

// TestOneHeading reads source and destination from one column.
func TestOneHeading(t *testing.T) {
	c := mustLoad(t, project(t, "users.csv", "Mail,password\nanna@old.example,x\n",
		"a.hcl", oldEndpoint+newEndpoint+strings.Replace(staffUsers, "}\n", "  columns {\n    source      = \"mail\"\n    destination = \"mail\"\n  }\n}\n", 1)))
	if m := c.Mailboxes[0]; m.Destination.Address != "anna@old.example" {
		t.Errorf("destination = %s", m.Destination.Address)
	}
	c = mustLoad(t, project(t, "a.hcl", base, "users.csv", "source,password\nanna@old.example,x\n"))
	if m := c.Mailboxes[0]; m.Destination.Address != "anna@old.example" {
		t.Errorf("destination without a column = %s", m.Destination.Address)
	}
}

// TestMerge holds that of the lines with one destination all but one must say merge.
func TestMerge(t *testing.T) {
	csv := "source,password,destination\na@x.example,1,z@y.example\nb@x.example,1,Z@Y.example\nc@x.example,1,z@y.example\n"
	for _, c := range []struct {
		merge string
		errs  int
	}{{"", 2}, {"a", 1}, {"b", 1}, {"ab", 0}, {"bc", 0}, {"abc", 0}} {
		hcl := base
		for _, who := range c.merge {
			hcl += fmt.Sprintf("mailbox \"%c@x.example\" { merge = true }\n", who)
		}
		_, ds := Load(project(t, "a.hcl", hcl, "users.csv", csv), Options{})
		if len(ds) != c.errs {
			t.Errorf("merge in %q: %d errors, want %d\n%s", c.merge, len(ds), c.errs, render(ds))
		}
	}
}

// TestAddresses names what is wrong with an address, and lets everything usual through.
func TestAddresses(t *testing.T) {
	for _, good := range []string{"anna@contoso.example", "o'brien+x.y_z-1@a.b.c.example", "åsa@företag.example", "test@localhost", "a@xn--bcher-kva.example"} {
		if trouble := addressTrouble(good); trouble != "" {
			t.Errorf("%s: %s", good, trouble)
		}
	}
	for _, domain := range []string{"a.example", "a1.b.c", "a", "a..b", ".a", "a.", "", "-a.b", "A.b", "å.b", "a_b.c", "a b"} {
		if plainDomain(domain) && !hostName().MatchString(domain) {
			t.Errorf("%q is taken for a plain domain", domain)
		}
	}
	for _, bad := range []string{"", "anna", "@x.example", "anna@", "a@b@c", "an na@x.example", "a\x00@x.example", "a@x..example", "a@-x.example", "a@x.example,", "<a@x.example>", "a;b@x.example", strings.Repeat("a", 300) + "@x.example", "a@x\xff.example"} {
		if addressTrouble(bad) == "" {
			t.Errorf("%q is taken for an address", bad)
		}
	}
}

// manyRows writes a project with n mailboxes.
func manyRows(t testing.TB, n int) string {
	var b strings.Builder
	b.WriteString("source;password;destination;wave\n")
	for i := range n {
		fmt.Fprintf(&b, "user%d@old.example;secret%d;user%d@new.example;%d\n", i, i, i, i%7)
	}
	return project(t, "a.hcl", base+"mailbox \"user77@old.example\" { skip = \"x\" }\n", "users.csv", b.String())
}

func BenchmarkRows(b *testing.B) {
	dir := manyRows(b, 100_000)
	for b.Loop() {
		mustLoad(b, dir)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(twoUsers))
	f.Add([]byte("sep=;\r\nSource Email;Source Password;Destination Email\r\na@b;\"x\ny\";c@d\r\n"))
	f.Add([]byte("\xff\xfes\x00o\x00u\x00r\x00c\x00e\x00"))
	f.Add([]byte("source\tpassword\tdestination\n\"a\"\"@b\tx\xe4\tc@d\n"))
	f.Add([]byte("anna@old.example,pw,anna@new.example\n"))
	dir := project(f, "a.hcl", base) // each worker is a process of its own
	f.Fuzz(func(t *testing.T, csv []byte) {
		if err := os.WriteFile(filepath.Join(dir, "users.csv"), csv, 0o600); err != nil {
			t.Fatal(err)
		}
		c, ds := Load(dir, Options{Env: testEnv})
		checkResult(t, c, ds)
		if c == nil {
			return
		}
		seen := map[string]bool{}
		for _, m := range c.Mailboxes {
			key := strings.ToLower(m.Name())
			if seen[key] || addressTrouble(m.Name()) != "" || addressTrouble(m.Destination.Address) != "" || m.Source.Password.IsZero() {
				t.Errorf("mailbox %+v", m)
			}
			seen[key] = true
		}
	})
}

// checkResult holds what is true of every load.
func checkResult(t *testing.T, c *Config, ds Diagnostics) {
	t.Helper()
	if (c == nil) != ds.HasErrors() {
		t.Fatalf("config is nil: %v\n%s", c == nil, render(ds))
	}
	for _, d := range ds {
		if d.Summary == "" || d.Code == "" {
			t.Errorf("empty diagnostic %+v", d)
		}
		for _, s := range d.Snippets {
			r := s.Range
			if r.File == "" || r.Start.Line < 1 || r.Start.Column < 1 || r.End.Line < r.Start.Line || strings.Contains(s.Text, "\n") {
				t.Errorf("snippet %+v", s)
			}
		}
	}
}
