package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"mailhaul/executor/web"
	"mailhaul/state/mail"
)

// Bounds on what is read of an answer.
const (
	maxAnswer = 64 << 20
	maxItem   = 512 << 20 // one message
)

// client sends the requests of one session. It is safe for use by several goroutines.
type client struct {
	s        *Service
	box      *box
	trace    web.Trace
	signedIn atomic.Bool // the server has answered once
}

// call is one request and what it asks for.
type call struct {
	op     string
	at     place
	method string
	path   []string // below the mailbox, not escaped; or:
	link   string   // the address of a next page, as the server gave it
	query  url.Values
	json   any // what is sent; or:
	mime   *encoder
}

// get is a call that reads.
func get(op string, at place, query url.Values, path ...string) call {
	return call{op: op, at: at, method: http.MethodGet, path: path, query: query}
}

// ask sends a call and decodes the answer.
func (c *client) ask(ctx context.Context, q call, into any) *mail.Error {
	return c.send(ctx, q, func(r *http.Response) *mail.Error {
		body := &io.LimitedReader{R: r.Body, N: maxAnswer}
		err := json.NewDecoder(body).Decode(into)
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case err == nil:
			return nil
		case body.N <= 0:
			return strange(q.op, errors.New("the answer is longer than any that makes sense"))
		case errors.As(err, &syntax), errors.As(err, &kind):
			return strange(q.op, fmt.Errorf("the answer is not what Graph gives: %w", err))
		}
		return codes.Broken(q.op, err)
	})
}

func strange(op string, err error) *mail.Error {
	return &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeGraphProtocol, Err: err}
}

// send sends a call when the limits of the mailbox allow it, and gives the answer to read if it is one of success.
func (c *client) send(ctx context.Context, q call, read func(*http.Response) *mail.Error) *mail.Error {
	body, size, err := q.body()
	if err != nil {
		return &mail.Error{Op: q.op, Kind: mail.Internal, Code: mail.CodeInternal, Err: err}
	}
	defer q.mime.release() // net/http may go on reading after an early answer
	leave, err := c.admit(ctx, size)
	if err != nil {
		return codes.Broken(q.op, err)
	}
	defer leave()
	ctx, watch := web.NewWatch(ctx, c.s.opts.Timeout)
	defer watch.End()
	token, err := c.s.opts.Tokens.Token(ctx)
	if err != nil {
		return web.NoToken(q.op, mail.CodeGraphSignIn, err)
	}
	if size > 0 {
		body = watch.Request(body)
	}
	req, failed := c.request(ctx, q, token, body)
	if failed != nil {
		return failed
	}
	req.ContentLength = size
	c.trace.Asked(q.name(), size)
	r, err := c.s.http.Do(req)
	if c.trace.Answered(r, err); err != nil {
		return codes.Broken(q.op, watch.Cause(err))
	}
	watch.Answer(r)
	defer func() { _ = r.Body.Close() }() // it was only read from
	if r.StatusCode >= 300 {
		return c.refused(q, r, token)
	}
	c.signedIn.Store(true)
	return read(r)
}

// admit waits until the mailbox, and the application where that counts, has room for one more request.
func (c *client) admit(ctx context.Context, size int64) (leave func(), err error) {
	select {
	case c.box.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err = c.box.requests.take(ctx, 1); err == nil && size > 0 {
		err = c.box.uploads.take(ctx, size)
	}
	if err == nil {
		err = c.s.crowd.enter(ctx)
	}
	if err != nil {
		<-c.box.slots
		return nil, err
	}
	return func() {
		c.s.crowd.leave()
		<-c.box.slots
	}, nil
}

func (c *client) request(ctx context.Context, q call, token string, body io.Reader) (*http.Request, *mail.Error) {
	address, failed := c.address(q)
	if failed != nil {
		return nil, failed
	}
	req, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		return nil, &mail.Error{Op: q.op, Kind: mail.Internal, Code: mail.CodeInternal, Err: web.Plain(err)}
	}
	// Without GetBody net/http can't send a request a second time: whether that is right is decided elsewhere.
	req.GetBody = nil
	switch {
	case q.mime != nil:
		req.Header.Set("Content-Type", "text/plain")
	case q.json != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Prefer", `IdType="ImmutableId"`) // else the move would give the message another id
	req.Header.Set("User-Agent", "mailhaul")
	return req, nil
}

// name is what the trace shows of a call: its method and what of its path is the same for everybody.
func (q call) name() string {
	switch {
	case q.link != "":
		return q.method + " next page"
	case len(q.path) > 2:
		return q.method + " " + q.path[0] + " " + q.path[2]
	}
	return q.method + " " + q.path[0]
}

// address is where a call goes. A link that leads elsewhere is not followed: the token would go along.
func (c *client) address(q call) (string, *mail.Error) {
	if q.link != "" {
		u, err := url.Parse(q.link)
		if err != nil || u.Scheme != c.s.base.Scheme || u.Host != c.s.base.Host || !strings.HasPrefix(u.Path, c.s.base.Path+"/") {
			return "", strange(q.op, errors.New("the next page is said to be on another server"))
		}
		return q.link, nil
	}
	path := []string{"users", url.PathEscape(c.box.address)}
	for _, p := range q.path {
		path = append(path, url.PathEscape(p))
	}
	address := *c.s.base
	text := address.String() + "/" + strings.Join(path, "/")
	if len(q.query) > 0 {
		text += "?" + strings.ReplaceAll(q.query.Encode(), "+", "%20") // a plus is one in OData
	}
	return text, nil
}

// body is what is sent, and its length.
func (q call) body() (io.Reader, int64, error) {
	switch {
	case q.mime != nil:
		return q.mime, q.mime.size, nil
	case q.json != nil:
		octets, err := json.Marshal(q.json)
		return bytes.NewReader(octets), int64(len(octets)), err
	}
	return http.NoBody, 0, nil
}

// page is one page of a collection.
type page[T any] struct {
	Count *int   `json:"@odata.count"`
	Next  string `json:"@odata.nextLink"`
	Value []T    `json:"value"`
}

// mostPages ends a listing that would never end.
const mostPages = 100_000

// What collect gives instead of a count.
const (
	untold   = -1 // the server told none
	unsteady = -2 // it changed from page to page
)

// collect reads a collection, page by page, and gives the count that the server told with the pages.
func collect[T any](ctx context.Context, c *client, q call, take func([]T)) (count int, failed *mail.Error) {
	count = untold
	for range mostPages {
		var p page[T]
		if failed := c.ask(ctx, q, &p); failed != nil {
			return 0, failed
		}
		switch {
		case p.Count == nil:
		case count == untold:
			count = *p.Count
		case count != *p.Count:
			count = unsteady
		}
		take(p.Value)
		if p.Next == "" {
			return count, nil
		}
		q.link = p.Next
	}
	return 0, strange(q.op, errors.New("the listing does not end"))
}
