// Package web is what the transports over HTTPS have in common below their own languages: the client that carries a
// request, what its troubles are called, when it has stood still for too long, what a trace shows of it, and when a session
// of a mailbox is over.
package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

const dialTimeout = 30 * time.Second

// NewClient makes a client for one server: TLS 1.2 at least, the system's proxies, and no redirects, since one would carry
// credentials and mail elsewhere. roots are the certificates to trust; nil: those of the system. Its Transport may be
// changed before the first request.
func NewClient(roots *x509.CertPool) (*http.Client, *http.Transport) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, transport
}

// Codes are what a transport calls the troubles of a request that got no answer.
type Codes struct{ Connect, TLS, Timeout, Lost mail.Code }

// Broken makes an error of a request that got no answer. One that is a *mail.Error already stays as it is.
func (c Codes) Broken(op string, err error) *mail.Error {
	var own *mail.Error
	if errors.As(err, &own) {
		return own
	}
	e := &mail.Error{Op: op, Kind: mail.Transient, Code: c.Lost, Err: Plain(err)}
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		name         x509.HostnameError
		alert        tls.AlertError
		record       tls.RecordHeaderError
		dial         *net.OpError
		timeout      interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &name), errors.As(err, &alert), errors.As(err, &record):
		e.Kind, e.Code = mail.Auth, c.TLS
	case errors.Is(err, context.Canceled):
	case errors.As(err, &dial) && dial.Op == "dial":
		e.Code = c.Connect
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Code = c.Timeout
	}
	return e
}

// Plain takes the address off an error of net/http: whoever shows it knows the endpoint.
func Plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// RetryAfter reads how long the server asks to wait: seconds, or a date (RFC 9110, 10.2.3). It is never more than most,
// and zero where nothing is asked.
func RetryAfter(h http.Header, most time.Duration) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(min(max(n, 0), most.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, time.Until(at)), most)
	}
	return 0
}
