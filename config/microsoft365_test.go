package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const tenantAttributes = "  tenant_id = \"contoso.onmicrosoft.com\"\n  client_id = \"11111111-2222-3333-4444-555555555555\"\n"

// TestMicrosoft365 loads the endpoint with nothing but what is needed, and with all there is; both ways to sign in that
// are the application's own, and device_code. No mailbox needs a password on its side.
func TestMicrosoft365(t *testing.T) {
	pemFile := "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"
	cert := "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
	c := mustLoad(t, project(t, "a.hcl", `
endpoint "microsoft365" "old" {
`+tenantAttributes+`
  certificate = "app.pem"
  connections = 60
  per_mailbox = 4
  max_message = "150MB"
  bandwidth   = "80Mbit"
  messages_per_second = 4
  grace       = "90s"
  transports  = ["imap"]
  authority   = "https://login.microsoftonline.us/"
  imap_host   = "outlook.office365.us"
  imap_port   = 1993
  ews_url     = "https://outlook.office365.us/EWS/Exchange.asmx"
  graph_url   = "https://graph.microsoft.us"
  impersonate = false
}
endpoint "microsoft365" "new" {
`+tenantAttributes+`
  client_secret = env("TEST_PASSWORD")
}
endpoint "microsoft365" "person" {
`+tenantAttributes+`
  device_code = true
}
users "staff" {
  from = endpoint.microsoft365.old
  to   = endpoint.microsoft365.new
  csv  = "users.csv"
}
`, "users.csv", "source,destination\nanna@old.example,anna@new.example\n", "app.pem", pemFile+cert))
	const tenant, client = "contoso.onmicrosoft.com", "11111111-2222-3333-4444-555555555555"
	plainEndpoint := func(name string, m Microsoft365) *Endpoint {
		m.TenantID, m.ClientID, m.Transports, m.Impersonate = tenant, client, []string{"imap"}, true
		return &Endpoint{Type: "microsoft365", Name: name, Host: "outlook.office365.com", Port: 993, TLS: TLSImplicit,
			Grace: time.Minute, MaxMessage: 35_000_000, Connections: 40, PerMailbox: 2, Microsoft365: &m}
	}
	want := []*Endpoint{
		{Type: "microsoft365", Name: "old", Host: "outlook.office365.us", Port: 1993, TLS: TLSImplicit, Grace: 90 * time.Second,
			MaxMessage: 150_000_000, Connections: 60, PerMailbox: 4, Bandwidth: 10_000_000, MessagesPerSecond: 4,
			Microsoft365: &Microsoft365{TenantID: tenant, ClientID: client, Certificate: c.Dir + "/app.pem", Transports: []string{"imap"},
				Authority: "https://login.microsoftonline.us", EWSURL: "https://outlook.office365.us/EWS/Exchange.asmx",
				GraphURL: "https://graph.microsoft.us"}},
		plainEndpoint("new", Microsoft365{ClientSecret: NewSecret("canary-of-env")}),
		plainEndpoint("person", Microsoft365{DeviceCode: true}),
	}
	if d := cmp.Diff(want, c.Endpoints, plain); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if m := c.Mailboxes[0]; m.From != c.Endpoints[0] || m.To != c.Endpoints[1] || !m.Source.Password.IsZero() || !m.Destination.Password.IsZero() {
		t.Errorf("the mailbox is %+v", m)
	}
	if e := c.Endpoints[1]; e.OwnPasswords() || e.Transport() != "imap" || e.Display() != "Microsoft 365" {
		t.Errorf("own passwords: %v, transport %s, called %s", e.OwnPasswords(), e.Transport(), e.Display())
	}
}

// TestExchangeOnPremises: an Exchange Server that takes a password names no tenant, and draws no warning. With anything that
// only the cloud has, or without the address of EWS, the tenant is missed.
func TestExchangeOnPremises(t *testing.T) {
	load := func(attributes string) (*Config, Diagnostics) {
		return Load(project(t, "a.hcl", `
endpoint "imap" "old" {
  host = "old.example.com"
}
endpoint "microsoft365" "new" {
`+attributes+`
  admin {
    user     = "CONTOSO\\migrator"
    password = env("TEST_PASSWORD")
  }
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.microsoft365.new
  csv  = "users.csv"
}
`, "users.csv", "source,password,destination\nanna@old.example,x,anna@new.example\n"), Options{Env: testEnv, Version: "0.1.0"})
	}
	const ews = "  transports = [\"ews\"]\n  ews_url = \"https://mail.example.com/EWS/Exchange.asmx\"\n"
	c, ds := load(ews)
	if len(ds) != 0 || c == nil || !c.Endpoints[1].Microsoft365.Basic || c.Endpoints[1].Admin.User != `CONTOSO\migrator` ||
		c.Endpoints[1].Display() != "mail.example.com" {
		t.Errorf("%v", ds)
	}
	for _, attributes := range []string{strings.Replace(ews, "[\"ews\"]", "[\"ews\", \"imap\"]", 1), "  transports = [\"ews\"]\n",
		ews + "  authority = \"https://login.example.com\"\n", ews + "  client_secret = env(\"TEST_PASSWORD\")\n"} {
		if _, ds := load(attributes); !strings.Contains(render(ds), "the endpoint has no tenant_id") {
			t.Errorf("%s: %v", attributes, render(ds))
		}
	}
}
