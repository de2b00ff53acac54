package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"mailhaul/state/mail"
)

// webCodes are what the troubles of a service are called.
type webCodes struct{ connect, tls, lost, timeout, protocol, signIn, denied, throttled, unavailable, folder mail.Code }

var (
	ewsCodes = webCodes{mail.CodeEWSConnect, mail.CodeEWSTLS, mail.CodeEWSLost, mail.CodeEWSTimeout, mail.CodeEWSProtocol,
		mail.CodeEWSSignIn, mail.CodeEWSDenied, mail.CodeEWSThrottled, mail.CodeEWSUnavailable, mail.CodeEWSFolderGone}
	graphCodes = webCodes{mail.CodeGraphConnect, mail.CodeGraphTLS, mail.CodeGraphLost, mail.CodeGraphTimeout, mail.CodeGraphProtocol,
		mail.CodeGraphSignIn, mail.CodeGraphDenied, mail.CodeGraphThrottled, mail.CodeGraphUnavailable, mail.CodeGraphFolderGone}
)

// caller sends the requests of one mailbox. It is safe for use by several goroutines.
type caller struct {
	server   Server
	codes    webCodes
	http     *http.Client
	trace    io.Writer
	answered atomic.Bool // the server has accepted the sign-in once
}

func newCaller(s Server, codes webCodes) *caller {
	c := &caller{server: s, codes: codes}
	if s.Trace != nil {
		c.trace = s.Trace()
	}
	dialer := &net.Dialer{Timeout: dialTime}
	c.http = &http.Client{
		// A redirect would carry the sign-in elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime,
			TLSClientConfig:   &tls.Config{RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true, IdleConnTimeout: dialTime, MaxIdleConnsPerHost: atOnceMost, MaxResponseHeaderBytes: 64 << 10}}
	return c
}

// request is one, to be sent until it is answered.
type request struct {
	op, name, address string // name is what the trace shows
	body              string // what is posted; empty: it is a GET
	header            map[string]string
}

// The waits of a caller, and how often in a row it is told to wait before it gives up.
const (
	longestWait  = 6 * time.Hour
	unnamedWait  = 10 * time.Second
	patienceMost = 100
)

// do sends a request and gives the answer to read, as often as it needs: when the server asks to wait, or the connection is
// lost. What read gives ends it, unless it is of those kinds.
func (c *caller) do(ctx context.Context, q request, read func(*http.Response) error) error {
	release := func() {}
	if c.server.Connect != nil {
		var err error
		if release, err = c.server.Connect(ctx); err != nil {
			return err
		}
	}
	defer release()
	waits, lost := 0, 0
	for {
		err := c.once(ctx, q, read)
		wait := time.Duration(0)
		switch mail.KindOf(err) {
		case mail.Throttled:
			waits++
			var e *mail.Error
			if wait = unnamedWait; errors.As(err, &e) && e.Wait > 0 {
				wait = e.Wait
			}
		case mail.Transient:
			lost++
			if wait = time.Duration(lost) * time.Second; lost == 1 && mail.CodeOf(err) == c.codes.signIn {
				wait = 0 // another token is all that it needs
			}
		default:
			return err
		}
		if err == nil || ctx.Err() != nil || lost == tries || waits == patienceMost {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// once sends a request once.
func (c *caller) once(ctx context.Context, q request, read func(*http.Response) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := c.server.Silence
	if silence == 0 {
		silence = time.Minute
	}
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer timer.Stop()
	r, err := c.send(ctx, q)
	if err != nil {
		return c.broken(ctx, q.op, err)
	}
	defer func() { _ = r.Body.Close() }() // it was only read from
	r.Body = &progress{r.Body, c.server, func() { timer.Reset(silence) }}
	c.say("S: HTTP %d", r.StatusCode)
	if r.StatusCode != http.StatusUnauthorized {
		c.answered.Store(true)
	}
	if err := read(r); err != nil {
		return c.broken(ctx, q.op, err)
	}
	return nil
}

var errSilent = errors.New("the server sent nothing for too long")

func (c *caller) send(ctx context.Context, q request) (*http.Response, error) {
	method := http.MethodGet
	if q.body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, q.address, bytes.NewReader([]byte(q.body)))
	if err != nil {
		return nil, err
	}
	for name, v := range q.header {
		req.Header.Set(name, v)
	}
	req.Header.Set("User-Agent", "mailhaul")
	if c.server.Token == nil {
		req.SetBasicAuth(c.server.User, c.server.Password)
	} else {
		token, err := c.server.Token(ctx)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	c.say("C: %s <%d octets> Authorization ***", q.name, len(q.body))
	return c.http.Do(req)
}

// say writes a line of the trace. It is made of what holds neither secrets nor mail.
func (c *caller) say(format string, args ...any) {
	if c.trace != nil {
		_, _ = fmt.Fprintf(c.trace, format+"\n", args...) // a full disk must not stop a comparison
	}
}

// broken makes an error of a request that got no whole answer; one that says what it is stays so.
func (c *caller) broken(ctx context.Context, op string, err error) error {
	var own *mail.Error
	if errors.As(err, &own) {
		return own
	}
	e := &mail.Error{Op: op, Kind: mail.Transient, Code: c.codes.lost, Err: err}
	var address *url.Error
	if errors.As(err, &address) {
		e.Err = address.Err // whoever shows it knows the endpoint
	}
	var (
		verification *tls.CertificateVerificationError
		dial         *net.OpError
	)
	switch {
	case errors.Is(context.Cause(ctx), errSilent):
		e.Code, e.Err = c.codes.timeout, errSilent
	case errors.As(err, &verification):
		e.Kind, e.Code = mail.Auth, c.codes.tls
	case errors.As(err, &dial) && dial.Op == "dial":
		e.Code = c.codes.connect
	}
	return e
}

// status makes an error of an answer that is none of success. A token that was good a moment ago has run out or was taken
// back: the next request brings another one.
func (c *caller) status(op string, r *http.Response) *mail.Error {
	e := &mail.Error{Op: op, Kind: mail.Auth, Code: c.codes.protocol, Err: fmt.Errorf("HTTP status %d", r.StatusCode)}
	switch {
	case r.StatusCode == http.StatusUnauthorized:
		e.Code = c.codes.signIn
		if c.renews(r.Request) {
			e.Kind = mail.Transient
		}
	case r.StatusCode == http.StatusForbidden:
		e.Code = c.codes.denied
	case r.StatusCode == http.StatusTooManyRequests:
		e.Kind, e.Code, e.Wait = mail.Throttled, c.codes.throttled, retryAfter(r.Header)
	case r.StatusCode >= 500:
		e.Kind, e.Code = mail.Transient, c.codes.unavailable
		if wait := retryAfter(r.Header); wait > 0 {
			e.Kind, e.Wait = mail.Throttled, wait
		}
	}
	return e
}

// renews gives up the token of a request that was refused, since it would be given out again until its time has come, and
// tells whether the next one may fare better.
func (c *caller) renews(r *http.Request) bool {
	if c.server.Token == nil {
		return false
	}
	another := c.server.Refused != nil && c.server.Refused(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	return another || c.answered.Load()
}

// retryAfter reads how long the server asks to wait: seconds, or a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(min(max(n, 0), longestWait.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, time.Until(at)), longestWait)
	}
	return 0
}

// refuse is the refusal of one thing that was asked for; the mailbox's other folders and messages may be read.
func (c *caller) refuse(op, what string) *mail.Error {
	return &mail.Error{Op: op, Kind: mail.Refused, Code: c.codes.folder, Err: &refusal{what}}
}

func (c *caller) strange(op, what string) *mail.Error {
	return &mail.Error{Op: op, Kind: mail.Transient, Code: c.codes.protocol, Err: errors.New(what)}
}

// progress notes that an answer goes on, and keeps to the bandwidth.
type progress struct {
	io.ReadCloser
	server Server
	moved  func()
}

func (p *progress) Read(b []byte) (int, error) {
	limit := p.server.Bandwidth
	if limit != nil {
		b = b[:min(len(b), atOnce)]
	}
	n, err := p.ReadCloser.Read(b)
	p.moved()
	if limit == nil || n == 0 {
		return n, err
	}
	// A wait for the limit is short: b is small.
	if waited := limit.WaitN(context.Background(), n); waited != nil {
		return n, waited
	}
	return n, err
}
