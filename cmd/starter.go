package cmd

import (
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// starterFile is one file that init writes.
type starterFile struct{ name, text string }

const exampleUsers = `source,password,destination,destination_password
anna@old.example,replace-me,anna@new.example,replace-me-too
`

// starterFiles makes the project of the answers.
func starterFiles(dir string, f *initFlags) ([]starterFile, error) {
	columns, csvName := "", "users.csv"
	if f.users != "" {
		heads, err := heading(f.users)
		if err != nil {
			return nil, err
		}
		columns = proposeColumns(heads)
		if csvName, err = relativeTo(dir, f.users); err != nil {
			return nil, err
		}
	}
	files := []starterFile{{"mailhaul.hcl", starterHCL(f, csvName, columns)}}
	if f.users == "" {
		files = append(files, starterFile{"users.csv", exampleUsers})
	}
	return files, nil
}

func starterHCL(f *initFlags, csvName, columns string) string {
	return fmt.Sprintf(`# Move mail from %s to %s. All words: mailhaul help config

endpoint "imap" "old" {
%s}

endpoint "imap" "new" {
%s}

users "everybody" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = %s
%s}

folders {
  exclude = ["^Trash(/|$)", "^Junk(/|$)"]
}

pass "verify" {}                       # sign in everywhere, copy nothing
pass "prestage" { older_than = %s } # old mail first, while people go on working
pass "full" {}                         # everything else; run again for what came since
pass "retry" {}                        # once more what failed
`, f.fromHost, f.toHost, starterServer(f.fromHost), starterServer(f.toHost), quote(csvName), columns, quote(f.olderThan))
}

// starterServer writes the attributes of an endpoint for "host" or "host:port".
func starterServer(written string) string {
	host, port, err := net.SplitHostPort(written)
	if err == nil {
		_, err = strconv.Atoi(port)
	}
	switch {
	case err != nil:
		return "  host = " + quote(written) + " # port 993 and TLS unless you say otherwise\n"
	case port == "143":
		return "  host = " + quote(host) + "\n  tls  = \"starttls\" # port 143\n"
	}
	return "  host = " + quote(host) + "\n  port = " + port + " # with TLS from the first octet: tls = \"implicit\"\n"
}

// quote writes an HCL string; "${" and "%{" begin templates there.
func quote(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(fmt.Sprintf("%q", text))
}

// heading reads the first line of a CSV file and cuts it at the delimiter that it holds most of.
func heading(name string) ([]string, error) {
	octets, err := os.ReadFile(name)
	if err != nil {
		return nil, fail("CONFIG-FILE", "the users file can't be read", sentence(err))
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(string(octets), "\uFEFF"), "\n")
	delimiter := ','
	for _, d := range ";\t" {
		if strings.Count(first, string(d)) > strings.Count(first, string(delimiter)) {
			delimiter = d
		}
	}
	reader := csv.NewReader(strings.NewReader(first))
	reader.Comma = delimiter
	heads, err := reader.Read()
	if err != nil {
		return nil, fail("CONFIG-CSV", name+" has no line of column names", sentence(err))
	}
	for i := range heads {
		heads[i] = strings.TrimSpace(heads[i])
	}
	return heads, nil
}

// knownHeads are headings that config reads without being told.
var knownHeads = []string{"source", "username", "password", "destination", "destination_username",
	"destination_password", "wave", "source email", "source login name", "source password", "destination email",
	"destination login name", "destination password", "flags"}

// proposeColumns writes the columns block for headings that config does not know; empty where it knows them.
func proposeColumns(heads []string) string {
	proposed := map[string]string{}
	unknown := false
	for _, head := range heads {
		unknown = unknown || !contains(knownHeads, head)
		if column := guessColumn(head); column != "" && proposed[column] == "" {
			proposed[column] = head
		}
	}
	if !unknown {
		return ""
	}
	var b strings.Builder
	b.WriteString("  columns { # a guess from the headings of the file: please check\n")
	for _, column := range knownHeads[:7] {
		if proposed[column] != "" {
			fmt.Fprintf(&b, "    %-20s = %s\n", column, quote(proposed[column]))
		}
	}
	b.WriteString("  }\n")
	return b.String()
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// guessColumn says what a heading most likely means; empty where it means nothing to us.
func guessColumn(head string) string {
	h := strings.ToLower(head)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(h, p) {
				return true
			}
		}
		return false
	}
	side := ""
	if has("new", "dest", "target", "ziel", "neu") {
		side = "destination_"
	}
	switch {
	case has("pass", "kennwort", "secret"):
		return side + "password"
	case has("login", "user"):
		return side + "username"
	case has("wave", "batch", "group"):
		return "wave"
	case has("mail", "address", "adresse", "source", "old", "from") && side == "":
		return "source"
	case side != "":
		return "destination"
	}
	return ""
}

// relativeTo names file as seen from dir, as the configuration must.
func relativeTo(dir, file string) (string, error) {
	absDir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	absFile, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(absDir, absFile)
	if err != nil {
		return absFile, nil
	}
	return filepath.ToSlash(relative), nil
}
