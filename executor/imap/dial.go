package imap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// Address is where a session connects to, as net.Dial takes it.
func (o Options) Address() string { return o.withDefaults().address() }

func (o Options) address() string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }

// dial connects, without TLS yet.
func dial(ctx context.Context, opts Options) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, opts.Timeouts.Dial)
	defer cancel()
	open := opts.Dial
	if open == nil {
		open = (&net.Dialer{}).DialContext
	}
	conn, err := open(limited, "tcp", opts.address())
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, connectError(opts, err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		boundUnacknowledged(tcp, opts.Timeouts.Progress)
	}
	return conn, nil
}

func connectError(opts Options, err error) *mail.Error {
	e := &mail.Error{Op: "connect to " + opts.address(), Kind: mail.Transient, Code: mail.CodeIMAPConnect, Err: err}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Err = fmt.Errorf("there is no host named %s", opts.Host)
	case errors.As(err, &dns):
		e.Err = fmt.Errorf("the name %s can't be looked up: %s", opts.Host, dns.Err)
	case errors.Is(err, context.DeadlineExceeded):
		e.Err = fmt.Errorf("no answer within %s", opts.Timeouts.Dial)
	}
	return e
}

// handshake puts TLS over the connection. The server is verified always: by issuer, name and dates, or by pin.
func (c *client) handshake(ctx context.Context) error {
	config := &tls.Config{
		ServerName: c.opts.Host, MinVersion: tls.VersionTLS12, RootCAs: c.opts.RootCAs,
		// Small first records are for web pages; here they only cost system calls.
		DynamicRecordSizingDisabled: true,
	}
	if len(c.opts.PinSHA256) > 0 {
		config.InsecureSkipVerify = true // in favour of the pin, which VerifyConnection demands
		config.VerifyConnection = func(s tls.ConnectionState) error { return verifyPin(s, c.opts.PinSHA256) }
	}
	r := newRecords(c.link.pace)
	t := tls.Client(r, config)
	err := t.HandshakeContext(ctx)
	c.shown = shown(t, err)
	if err != nil {
		return tlsError(c.opts, err)
	}
	c.link.conn, c.link.records = t, r
	c.in.reset(c.link)
	return nil
}

// shown are the certificates that the server showed, trusted or not.
func shown(t *tls.Conn, err error) []*x509.Certificate {
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		return refused.UnverifiedCertificates
	}
	return t.ConnectionState().PeerCertificates
}

type pinError struct{ seen string }

func (e *pinError) Error() string {
	return "the server's certificate is not the pinned one; its SHA-256 is " + e.seen
}

func verifyPin(s tls.ConnectionState, pins []string) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	sum := sha256.Sum256(s.PeerCertificates[0].Raw)
	for _, pin := range pins {
		want, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(pin), ":", ""))
		if err == nil && bytes.Equal(want, sum[:]) {
			return nil
		}
	}
	return &pinError{seen: hex.EncodeToString(sum[:])}
}

// greeting reads the server's first line (RFC 9051, 7.1) and goes on only after OK.
func (c *client) greeting() error {
	r, err := c.in.next()
	if err != nil {
		if isConnectionError(err) {
			return c.greetingLost(err)
		}
		return &mail.Error{Op: "read greeting of " + c.opts.address(), Kind: mail.Auth, Code: mail.CodeIMAPGreeting, Err: err}
	}
	where := "read greeting of " + c.opts.address()
	switch {
	case r.kind != untagged:
		return &mail.Error{Op: where, Kind: mail.Auth, Code: mail.CodeIMAPGreeting, Err: errors.New("this is no IMAP server")}
	case r.verb == "OK":
		c.hello = r.status.text
		c.heard(r.status.capabilities())
		return nil
	case r.verb == "PREAUTH":
		// Signed in as whom? On plaintext it is an attack (RFC 9051, 11.3), elsewhere it is not this mailbox's owner.
		return &mail.Error{Op: where, Kind: mail.Auth, Code: mail.CodeIMAPPlaintext,
			Err: errors.New("the server says PREAUTH: it wants no sign-in, so STARTTLS and the right mailbox can't be had")}
	case r.verb == "BYE":
		return c.classify(where, r.status, atGreeting)
	}
	return &mail.Error{Op: where, Kind: mail.Auth, Code: mail.CodeIMAPGreeting, Err: errors.New("this is no IMAP server")}
}

func (c *client) greetingLost(err error) error {
	e := lost("read greeting of "+c.opts.address(), err)
	if e.Code == mail.CodeIMAPLost {
		e.Code = mail.CodeIMAPGreeting
	}
	if e.Code == mail.CodeIMAPTimeout && c.opts.TLS != TLSImplicit {
		e.Err = fmt.Errorf("%w; if port %d speaks TLS from the start, tls = \"implicit\" is right", e.Err, c.opts.Port)
	}
	return e
}

// startTLS asks for TLS and accepts nothing less. What the server said before is forgotten, and octets that came with
// its answer are an injection (CVE-2011-0411 and its kin).
func (c *client) startTLS(ctx context.Context) error {
	const op = "start TLS"
	refused := func(text string) error {
		return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeIMAPPlaintext, Err: errors.New(text)}
	}
	st, err := c.run(op, newCommand("STARTTLS"), nil)
	if err != nil {
		return err
	}
	if st.verb != "OK" {
		e := refused("the server refuses STARTTLS, and without it nothing is sent; use tls = \"implicit\" if it can")
		var me *mail.Error
		if errors.As(e, &me) {
			me.Text = st.text
		}
		return e
	}
	if c.in.buffered() > 0 {
		return refused("the server sent more in plain text after agreeing to STARTTLS")
	}
	c.caps = nil
	return c.handshake(ctx)
}
