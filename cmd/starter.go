package cmd

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"

	"mailhaul/config"
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
	text, diagnostics := config.Format([]byte(starterHCL(f, csvName, columns)), "mailhaul.hcl")
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	files := []starterFile{{"mailhaul.hcl", string(text)}}
	switch {
	case f.users != "":
	case f.wiz != nil && f.wiz.rows != "":
		files = append(files, starterFile{"users.csv", f.wiz.rows})
	case f.to == "microsoft365":
		files = append(files, starterFile{"users.csv", "source,password,destination\nanna@old.example,replace-me,anna@new.example\n"})
	default:
		files = append(files, starterFile{"users.csv", exampleUsers})
	}
	if strings.Contains(files[0].text, secretFile) {
		files = append(files, starterFile{secretFile, "replace-me\n"})
	}
	return files, nil
}

// starterHCL writes the project. A starter must validate as it is, and be worth reading.
func starterHCL(f *initFlags, csvName, columns string) string {
	from, to := f.source(), f.target()
	return fmt.Sprintf(`# Move mail from %s to %s. All words: mailhaul help config
%s
# ------------------------------------------------------------ from where
%s
# -------------------------------------------------------------- to where
%s
# ------------------------------------------------------------------- who
users "everybody" {
  from = %s
  to   = %s
  csv  = %s
%s}

# --------------------------------------------------------- which folders
folders {
%s}

# ---------------------------------------------------- in how many passes
pass "verify" {}                       # sign in everywhere, copy nothing
pass "prestage" { older_than = %s } # old mail first, while people go on working
pass "full" {}                         # everything else; run again for what came since
pass "retry" {}                        # once more what failed
`, from.said, to.said, f.remarks(), from.block, to.block, from.ref, to.ref, quote(csvName), columns, f.folderRules(), quote(f.olderThan))
}

// side is one endpoint of a starter.
type side struct{ said, ref, block string }

func (f *initFlags) source() side {
	if f.wiz != nil && f.wiz.export != (application{}) {
		return microsoft365Side("old", f.wiz.export)
	}
	return imapSide("old", f.fromHost, f.remark("from-host"))
}

func (f *initFlags) target() side {
	if f.to != "microsoft365" {
		return imapSide("new", f.toHost, f.remark("to-host"))
	}
	app := application{tenant: f.tenant}
	if f.wiz != nil && f.wiz.imports != (application{}) {
		app = f.wiz.imports
	}
	return microsoft365Side("new", app)
}

func imapSide(name, host, remark string) side {
	return side{host, "endpoint.imap." + name, fmt.Sprintf("endpoint \"imap\" %q {\n%s%s}\n", name, remark, starterServer(host))}
}

// secretFile is where the starter's client secret stands.
const secretFile = "secrets/m365-client-secret"

func microsoft365Side(name string, app application) side {
	return side{"Microsoft 365", "endpoint.microsoft365." + name, fmt.Sprintf(`endpoint "microsoft365" %q {
  tenant_id     = %s
  client_id     = %s # of the application that you registered
  client_secret = file(%q) # or env("M365_CLIENT_SECRET"), or a certificate
}
`, name, quote(cmp.Or(app.tenant, "contoso.onmicrosoft.com")), quote(cmp.Or(app.client, "11111111-2222-3333-4444-555555555555")), secretFile)}
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

// heading reads the column names of a users file.
func heading(name string) ([]string, error) {
	heads, err := config.Headings(name)
	if err != nil {
		return nil, fail("CONFIG-CSV", "the users file can't be read: "+err.Error())
	}
	return heads, nil
}

// folderRules writes what stands in the folders block.
func (f *initFlags) folderRules() string {
	if f.wiz == nil {
		return "  exclude = [\"^Trash(/|$)\", \"^Junk(/|$)\"]\n"
	}
	var b strings.Builder
	for _, rule := range []struct {
		name string
		list []string
	}{{"include", f.wiz.include}, {"exclude", f.wiz.exclude}, {"mapping", f.wiz.mapping}} {
		if len(rule.list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "  %s = [\n", rule.name)
		for _, text := range rule.list {
			fmt.Fprintf(&b, "    %s,\n", quote(text))
		}
		b.WriteString("  ]\n")
	}
	return b.String()
}

// remark asks to replace a host that nobody has named.
func (f *initFlags) remark(flag string) string {
	if f.wiz != nil && f.made[flag] {
		return "  # please replace: the name of the server is in no file of MigrationWiz\n"
	}
	return ""
}

// remarks says at the head of the file what could not be converted.
func (f *initFlags) remarks() string {
	if f.wiz == nil || len(f.wiz.left) == 0 {
		return ""
	}
	return "#\n# Not converted from MigrationWiz:\n# - " + strings.Join(f.wiz.left, "\n# - ") + "\n"
}
