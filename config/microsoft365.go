package config

import (
	"net/url"
	"slices"
	"strings"
)

// The types of endpoints.
const (
	TypeIMAP         = "imap"
	TypeMicrosoft365 = "microsoft365"
)

// The transports of a microsoft365 endpoint.
const (
	TransportIMAP  = "imap"
	TransportEWS   = "ews"
	TransportGraph = "graph"
)

// Microsoft365 is what an endpoint of that type says beside what every endpoint says. Exactly one of ClientSecret,
// Certificate, DeviceCode and the endpoint's Admin is set.
type Microsoft365 struct {
	TenantID     string
	ClientID     string
	ClientSecret Secret
	Certificate  string // path of the PEM file, joined with Dir
	DeviceCode   bool
	Transports   []string // tried in this order; default TransportIMAP alone
	Authority    string   // base address without a slash at its end; empty: that of the worldwide cloud
	EWSURL       string
	GraphURL     string
	Impersonate  bool // default true
	// Basic says that the Admin signs in to an Exchange Server on premises, over EWS and without OAuth: there is no tenant.
	Basic bool
}

// Transports are the ways to the endpoint, the preferred one first.
func (e *Endpoint) Transports() []string {
	if e.Microsoft365 != nil {
		return e.Microsoft365.Transports
	}
	return []string{e.Type}
}

// Transport is the way to the endpoint that is preferred.
func (e *Endpoint) Transport() string { return e.Transports()[0] }

// SpeaksIMAP tells whether the endpoint may be reached by IMAP.
func (e *Endpoint) SpeaksIMAP() bool { return slices.Contains(e.Transports(), TransportIMAP) }

// Display is what people call the endpoint: "Microsoft 365", or the server's host.
func (e *Endpoint) Display() string {
	switch {
	case e.Microsoft365 == nil:
		return e.Host
	case e.Microsoft365.Basic:
		host, _, _ := strings.Cut(strings.TrimPrefix(e.Microsoft365.EWSURL, "https://"), "/")
		return host
	}
	return "Microsoft 365"
}

// OwnPasswords tells whether each mailbox signs in with a password of its own.
func (e *Endpoint) OwnPasswords() bool { return e.Admin == nil && e.Microsoft365 == nil }

// outlook is where Exchange Online listens.
const outlook = "outlook.office365.com"

// exchangeMax is what a mailbox of Exchange Online takes unless an administrator has changed it.
const exchangeMax = 35_000_000

var transports = []string{TransportIMAP, TransportEWS, TransportGraph}

func (l *loader) microsoft365(n *node) *Endpoint {
	m := &Microsoft365{ClientSecret: or(n, "client_secret", Secret{}), DeviceCode: or(n, "device_code", false),
		Impersonate: or(n, "impersonate", true), Authority: l.address(n, "authority"), EWSURL: l.address(n, "ews_url"),
		GraphURL: l.address(n, "graph_url"), Transports: l.transports(n)}
	e := l.common(n)
	e.Microsoft365, e.Host, e.Port, e.CAFile = m, outlook, or(n, "imap_port", 993), l.caFile(n)
	e.MaxMessage = or(n, "max_message", int64(exchangeMax))
	if _, written := n.values["imap_host"]; written {
		e.Host = l.hostAt(n, "imap_host")
	}
	if m.Basic = onPremises(n, m); m.Basic {
		return e
	}
	m.TenantID, m.ClientID = l.tenant(n), l.client(n)
	m.Certificate = l.certificate(n)
	l.oneWay(n, e)
	return e
}

// onPremises tells whether the endpoint is an Exchange Server of the company's own that takes a password: it says where EWS
// is and who signs in, and nothing that only Microsoft's cloud has.
func onPremises(n *node, m *Microsoft365) bool {
	for _, name := range []string{"tenant_id", "client_id", "client_secret", "certificate", "device_code", "authority", "imap_host", "graph_url"} {
		if _, written := n.values[name]; written || n.bad(name) {
			return false
		}
	}
	return n.child(accountSpec.name) != nil && m.EWSURL != "" && slices.Equal(m.Transports, []string{TransportEWS})
}

// transports reads the list.
func (l *loader) transports(n *node) []string {
	items, written := get[[]item](n, "transports")
	if written && len(items) == 0 {
		l.fail(CodeValue, n.place("transports"), "transports is empty").explain("Transports: %s.", quoted(transports))
	}
	var out []string
	for _, it := range items {
		switch {
		case !slices.Contains(transports, it.text):
			l.fail(CodeUnknown, n.at(it.rng), "there is no transport %q", it.text).
				explain("Transports: %s.", quoted(transports)).near(it.text, transports)
		case slices.Contains(out, it.text):
			l.fail(CodeDuplicate, n.at(it.rng), "the transport %q is there twice", it.text).explain("Remove one: they are tried in the order written.")
		}
		out = append(out, it.text)
	}
	if len(out) == 0 {
		return []string{TransportIMAP}
	}
	return out
}

var guid = lazily(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func (l *loader) tenant(n *node) string {
	id, ok := get[string](n, "tenant_id")
	id = strings.TrimSpace(id)
	const where = "It is the directory's id, or a domain of the tenant, as contoso.onmicrosoft.com."
	switch {
	case n.bad("tenant_id"):
	case !ok || id == "":
		l.fail(CodeMissing, n.place("tenant_id"), "the endpoint has no tenant_id").explain(where)
	case slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(id)):
		l.fail(CodeValue, n.place("tenant_id"), "tenant_id %q is no tenant", id).explain(where)
	case !guid().MatchString(id) && (!hostName().MatchString(id) || !strings.Contains(id, ".")):
		l.fail(CodeValue, n.place("tenant_id"), "tenant_id %q is neither an id nor a domain", id).explain(where)
	}
	return id
}

func (l *loader) client(n *node) string {
	id, ok := get[string](n, "client_id")
	id = strings.TrimSpace(id)
	const where = "In Entra it is called Application (client) ID, and has the form 11111111-2222-3333-4444-555555555555."
	switch {
	case n.bad("client_id"):
	case !ok || id == "":
		l.fail(CodeMissing, n.place("client_id"), "the endpoint has no client_id").explain(where)
	case !guid().MatchString(id):
		l.fail(CodeValue, n.place("client_id"), "client_id %q is no application's id", id).explain(where)
	}
	if secret, _ := get[Secret](n, "client_secret"); guid().MatchString(secret.Reveal()) {
		l.fail(CodeValue, n.place("client_secret"), "client_secret is the secret's id, not the secret").
			explain("In Entra, below Certificates & secrets, it stands in the column Value, and is shown once only, when it is made.")
	}
	return id
}

func (l *loader) certificate(n *node) string {
	name, ok := get[string](n, "certificate")
	if !ok {
		return ""
	}
	b, err := readLimited(l.path(name), maxCAFile)
	switch {
	case err != nil:
		l.fail(CodeFile, n.place("certificate"), "the file %s can't be read", name).explain("%s", fileTrouble(err))
	case !strings.Contains(string(b), "PRIVATE KEY-----"):
		l.fail(CodeFile, n.place("certificate"), "the file %s holds no private key", name).
			explain("It must hold the application's certificate and its private key, both in PEM form, one below the other.")
	}
	return l.path(name)
}

// oneWay wants exactly one way to sign in.
func (l *loader) oneWay(n *node, e *Endpoint) {
	var ways []string
	for _, name := range []string{"client_secret", "certificate"} {
		if _, written := n.values[name]; written {
			ways = append(ways, name)
		}
	}
	if e.Microsoft365.DeviceCode || n.bad("device_code") {
		ways = append(ways, "device_code")
	}
	admin := n.child(accountSpec.name)
	if admin != nil {
		ways = append(ways, "admin")
		l.warn(CodeDeprecated, n.at(admin.def), "signing in with an administrator's own password is deprecated by Microsoft").
			explain("It fails where Security Defaults, Conditional Access or multi-factor authentication ask for more than a " +
				"password, which a program can't answer. An application (client_secret or certificate) has no such trouble.")
	}
	switch {
	case len(ways) == 0:
		l.fail(CodeMissing, n.header(), "the endpoint has no way to sign in").
			explain("Write one of client_secret, certificate, device_code = true, or an admin block.\n" +
				"Recommended: an application with a certificate or a secret.")
	case len(ways) > 1:
		l.fail(CodeConflict, n.header(), "the endpoint has %d ways to sign in: %s", len(ways), strings.Join(ways, ", ")).
			explain("Only one of them can hold.")
	}
}

// address reads an address that overrides Microsoft's own.
func (l *loader) address(n *node, name string) string {
	text, ok := get[string](n, name)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		l.fail(CodeValue, n.place(name), "%s is no address that can be used", name).
			explain("It must begin with https:// and name a host, as https://login.example.com.")
	}
	return strings.TrimRight(text, "/")
}
