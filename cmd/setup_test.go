package cmd

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestSetupMicrosoft365 holds each script against its golden file: exactly the mailboxes of the configuration that are not
// skipped, and names that can't break out of their strings.
func TestSetupMicrosoft365(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"mailhaul.hcl": `
endpoint "imap" "old" {
  host = "mail.old.example"
}
endpoint "microsoft365" "new" {
  tenant_id   = "contoso.onmicrosoft.com"
  client_id   = "11111111-2222-3333-4444-555555555555"
  device_code = true
  max_message = "100MB"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.microsoft365.new
  csv  = "users.csv"
}
mailbox "test@old.example" {
  skip = "never used"
}
`, "users.csv": "source,password,destination\nanna@old.example,x,anna@contoso.example\no'hara@old.example,x,o'hara@contoso.example\n" +
		"quote@old.example,x,o\u2019h$x`n@contoso.example\nspace@old.example,x,${x}\u201cå\u201d}&#%|=@contoso.example\ntick@old.example,x,'@contoso.example\ntest@old.example,x,test@contoso.example\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, diagnostics := config.Load(dir, config.Options{Version: "0.1.0"})
	if cfg == nil {
		t.Fatal(diagnostics)
	}
	for name, f := range map[string]setupFlags{"setup.ps1": {}, "users.ps1": {users: true}, "delegated.ps1": {delegated: true},
		"delegatedews.ps1": {delegated: true}, "delegatedthree.ps1": {delegated: true}, "ews.ps1": {}, "graph.ps1": {}, "both.ps1": {},
		"three.ps1": {}} {
		cfg := over(cfg, map[string][]string{"ews.ps1": {config.TransportEWS}, "graph.ps1": {config.TransportGraph},
			"both.ps1":         {config.TransportGraph, config.TransportIMAP},
			"delegatedews.ps1": {config.TransportEWS}, "delegatedthree.ps1": {config.TransportEWS, config.TransportGraph, config.TransportIMAP},
			"three.ps1": {config.TransportEWS, config.TransportGraph, config.TransportIMAP}}[name])
		var out bytes.Buffer
		if err := f.print(&out, cfg, cfg.Mailboxes); err != nil {
			t.Fatal(err)
		}
		wholePS(t, name, out.String(), cfg.Mailboxes)
		stopsPS(t, name, out.String())
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if err := (&setupFlags{}).print(&bytes.Buffer{}, cfg, nil); exitCode(err) != exitError {
		t.Errorf("without a mailbox: %v", err)
	}
}

// stopsPS: a script stops at the first failure, of cmdlets and of az, and what a run makes a second one does not make again:
// what makes something stands behind a question whether it is there.
func stopsPS(t *testing.T, name, script string) {
	t.Helper()
	lines := strings.Split(script, "\n")
	at := func(text string) int {
		return slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, text) })
	}
	stop := at("$ErrorActionPreference = 'Stop'")
	if trap := at("trap {"); stop < 0 || at("'*:ErrorAction' = 'Stop'") < 0 || trap < 0 || at("exit 1") < trap {
		t.Errorf("%s goes on after a failure", name)
	}
	if call := at("az login"); call >= 0 && (at("function az {") < 0 || at("function az {") > call || at("if ($LASTEXITCODE) { throw") < 0) {
		t.Errorf("%s goes on after a failure of az", name)
	}
	for _, once := range []string{"az ad app create ", "az ad sp create ", "az ad app credential reset --id $app --create-cert --years 1 --append",
		"az ad app permission add ", "New-ServicePrincipal ", "New-DistributionGroup ", "New-ManagementScope ", "New-ManagementRoleAssignment ",
		"New-MgUser ", "Remove-ServicePrincipal ", "Remove-ManagementScope ", "Remove-DistributionGroup ", "az ad app delete "} {
		for _, l := range lines {
			if strings.HasPrefix(l, once) {
				t.Errorf("%s does at each run: %s", name, l)
			}
		}
	}
}

// TestSetupDelegatedGraph: what Microsoft documents does not let a person import into the mailboxes of others, and setup says so.
func TestSetupDelegatedGraph(t *testing.T) {
	e := &config.Endpoint{Type: config.TypeMicrosoft365, Name: "new", Microsoft365: &config.Microsoft365{Transports: []string{config.TransportGraph}}}
	m := &config.Mailbox{From: &config.Endpoint{Type: "imap"}, To: e, Destination: config.Login{Username: "anna@new.example"}}
	var out bytes.Buffer
	err := (&setupFlags{delegated: true}).print(&out, &config.Config{Endpoints: []*config.Endpoint{e}}, []*config.Mailbox{m})
	if out.Len() > 0 || err == nil || !strings.Contains(err.Error(), "graph") {
		t.Errorf("%v, and\n%s", err, out.String())
	}
}

// TestSetupOfBothSides: between two tenants each side has a script of its own, and without a choice nothing is printed.
func TestSetupOfBothSides(t *testing.T) {
	endpoint := func(name string) *config.Endpoint {
		return &config.Endpoint{Type: config.TypeMicrosoft365, Name: name,
			Microsoft365: &config.Microsoft365{TenantID: name + ".example", Transports: []string{config.TransportIMAP}}}
	}
	from, to := endpoint("old"), endpoint("new")
	m := &config.Mailbox{From: from, To: to, Source: config.Login{Username: "anna@old.example"}, Destination: config.Login{Username: "anna@new.example"}}
	cfg, mailboxes := &config.Config{Endpoints: []*config.Endpoint{from, to}}, []*config.Mailbox{m}
	for side, f := range map[string]setupFlags{"old": {sourceOnly: true}, "new": {destinationOnly: true}, "": {}} {
		var out bytes.Buffer
		err := f.print(&out, cfg, mailboxes)
		for _, name := range []string{"old", "new"} {
			if strings.Contains(out.String(), "anna@"+name+".example") != (name == side) || (err == nil) != (side != "") {
				t.Errorf("%+v gives %v and\n%s", f, err, out.String())
			}
		}
	}
}

// over gives the configuration with other transports; none: as it is.
func over(cfg *config.Config, transports []string) *config.Config {
	if transports == nil {
		return cfg
	}
	changed, e := *cfg, *cfg.Endpoints[1]
	exchange := *e.Microsoft365
	exchange.Transports, e.Microsoft365 = transports, &exchange
	changed.Endpoints, changed.Mailboxes = []*config.Endpoint{cfg.Endpoints[0], &e}, nil
	for _, m := range cfg.Mailboxes {
		there := *m
		there.To = &e
		changed.Mailboxes = append(changed.Mailboxes, &there)
	}
	return &changed
}

// TestPSQuote: nothing gets out of a string, typographic quotes included.
func TestPSQuote(t *testing.T) {
	for in, want := range map[string]string{"a": "'a'", "o'hara": "'o''hara'", "o\u2019h": "'o\u2019\u2019h'", "$(x)`n": "'$(x)`n'"} {
		if got := psQuote(in); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}
