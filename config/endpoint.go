package config

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net"
	"strings"
	"time"
)

// maxCAFile bounds a file of certificates.
const maxCAFile = 4 << 20

// endpoints reads the endpoint blocks.
func (l *loader) endpoints() {
	for _, n := range l.root.blocks {
		switch n.spec {
		case endpointSpec:
			l.config.Endpoints = append(l.config.Endpoints, l.endpoint(n))
		case microsoft365Spec:
			l.config.Endpoints = append(l.config.Endpoints, l.microsoft365(n))
		}
	}
	if len(l.config.Endpoints) == 0 && len(l.broken) == 0 {
		l.fail(CodeMissing, place{}, "there is no endpoint").
			explain("Describe the servers that mail comes from and goes to:\n" + `endpoint "imap" "old" { host = "mail.example.com" }`)
	}
}

// common reads what every endpoint says.
func (l *loader) common(n *node) *Endpoint {
	e := &Endpoint{Type: n.labels[0], Name: n.labels[1], Range: rangeOf(n.def), TLS: TLSImplicit,
		Grace:             or(n, "grace", time.Minute),
		MaxMessage:        or(n, "max_message", int64(0)),
		Connections:       or(n, "connections", 40),
		Bandwidth:         or(n, "bandwidth", int64(0)),
		MessagesPerSecond: or(n, "messages_per_second", 0),
		Admin:             l.admin(n),
	}
	e.PerMailbox = or(n, "per_mailbox", min(2, e.Connections))
	if e.PerMailbox > e.Connections {
		l.fail(CodeConflict, n.place("per_mailbox"), "per_mailbox is %d, but connections is only %d", e.PerMailbox, e.Connections).
			explain("connections is for all mailboxes together: write at least as many there, or fewer in per_mailbox.")
	}
	return e
}

func (l *loader) endpoint(n *node) *Endpoint {
	e := l.common(n)
	e.TLS, e.Plaintext = TLSMode(or(n, "tls", string(TLSImplicit))), or(n, "allow_plaintext", false)
	switch or(n, "compress", CompressAuto) {
	case CompressAlways:
		e.Compress = true
	case CompressAuto:
		e.Compress = e.Bandwidth > 0 && e.Bandwidth <= slowLine
	}
	e.Port = or(n, "port", defaultPort(e.TLS))
	e.Host = l.host(n)
	if e.TLS == TLSNone && !e.Plaintext && !n.bad("allow_plaintext") {
		l.fail(CodeConflict, n.place("tls"), "tls = \"none\" would send passwords and mail in clear").
			explain("If that is really wanted, as on a test network, write allow_plaintext = true beside it.")
	}
	if e.TLS == TLSNone {
		for _, name := range []string{"ca_file", "pin_sha256"} {
			if _, ok := n.values[name]; ok {
				l.fail(CodeConflict, n.place(name), "%s means nothing with tls = \"none\"", name).
					explain("There is no certificate then. Remove the line, or the one with tls.")
			}
		}
	}
	if e.TLS != TLSNone {
		e.CAFile, e.PinSHA256 = l.caFile(n), l.pins(n)
	}
	return e
}

// slowLine is the bandwidth, in octets a second, up to which compression pays: 100 Mbit. Mail shrinks by a quarter, since
// most of it is attachments in base64, and a server compresses 30 to 50 MB a second.
const slowLine = 100e6 / 8

func defaultPort(m TLSMode) int {
	if m == TLSImplicit {
		return 993
	}
	return 143
}

// hostName is what DNS and certificates can hold; an underscore is seen inside companies.
var hostName = lazily(`^[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?(\.[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?)*\.?$`)

func (l *loader) host(n *node) string { return l.hostAt(n, "host") }

// hostAt reads an attribute that names a host: host, or imap_host.
func (l *loader) hostAt(n *node, name string) string {
	h, ok := get[string](n, name)
	port := strings.TrimSuffix(name, "host") + "port"
	switch {
	case n.bad(name):
	case !ok || h == "":
		l.fail(CodeMissing, n.place(name), "the %s has no %s", n.spec.name, name).explain(`Write %s = "mail.example.com".`, name)
	case strings.Contains(h, "://"):
		l.fail(CodeValue, n.place(name), "%s is a name, not a URL", name).explain("Write the name alone; port and tls have attributes of their own.")
	case net.ParseIP(h) != nil:
	case strings.Contains(h, ":"):
		l.fail(CodeValue, n.place(name), "%s %q holds a port", name, h).explain("Write the name alone, and the port as %s = NUMBER.", port)
	case len(h) > 253 || !hostName().MatchString(h):
		l.fail(CodeValue, n.place(name), "%s %q is no host name", name, h).
			explain("Write a name as in mail.example.com, or an IP address.")
	}
	return h
}

func (l *loader) caFile(n *node) string {
	name, ok := get[string](n, "ca_file")
	if !ok {
		return ""
	}
	b, err := readLimited(l.path(name), maxCAFile)
	if err != nil {
		l.fail(CodeFile, n.place("ca_file"), "the file %s can't be read", name).explain("%s", fileTrouble(err))
		return ""
	}
	if !x509.NewCertPool().AppendCertsFromPEM(b) {
		l.fail(CodeFile, n.place("ca_file"), "the file %s holds no certificate", name).
			explain("It must hold certificates in PEM form: -----BEGIN CERTIFICATE-----")
	}
	return l.path(name)
}

// pins reads fingerprints: hexadecimal with or without colons as openssl prints them, or base64.
func (l *loader) pins(n *node) []string {
	items, _ := get[[]item](n, "pin_sha256")
	var out []string
	for _, it := range items {
		sum, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(it.text), ":", ""))
		if err != nil || len(sum) != 32 {
			sum, err = base64.StdEncoding.DecodeString(strings.TrimSpace(it.text))
		}
		if err != nil || len(sum) != 32 {
			l.fail(CodeValue, n.at(it.rng), "this is no SHA-256 fingerprint").
				explain("Write the certificate's SHA-256 as 64 hexadecimal digits, with or without colons:\n" +
					"openssl s_client -connect HOST:993 </dev/null | openssl x509 -noout -fingerprint -sha256")
			continue
		}
		out = append(out, hex.EncodeToString(sum))
	}
	return out
}

func (l *loader) admin(parent *node) *Admin {
	n := parent.child("admin")
	if n == nil {
		return nil
	}
	a := &Admin{User: or(n, "user", ""), Hidden: n.values["user"].secret, Password: or(n, "password", Secret{}), Range: rangeOf(n.def),
		Style: AdminStyle(or(n, "style", string(StyleSASLPlain)))}
	if a.User == "" && !n.bad("user") {
		l.fail(CodeMissing, n.place("user"), "the admin block has no user").
			explain(`Write user = "NAME", the account that may open every mailbox.`)
	}
	if a.Password.IsZero() && !n.bad("password") {
		l.fail(CodeMissing, n.place("password"), "the admin block has no password").
			explain(`Write password = env("NAME"), file("PATH") or command("PROGRAM", "ARGUMENT").`)
	}
	return a
}
