package ews

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"mailhaul/executor/web"
	"mailhaul/state/mail"
)

// Bounds on what is read of an answer.
const (
	maxAnswer = 64 << 20  // a listing, or the outcome of a batch
	maxItem   = 512 << 20 // one message in base64
	maxWords  = 4 << 10   // of an answer that is not one of EWS
)

// call is one request and what it asks for.
type call struct {
	op     string
	at     place
	action string  // CreateItem, ...
	body   element // or:
	stream *stream
	mime   bool // the answer holds messages
}

// size is the number of octets of the request.
func (c call) size() int64 {
	if c.stream != nil {
		return c.stream.size
	}
	return 0
}

// ask sends a request and gives the outcomes, at least one. The error is that of the request as a whole; the session is
// dead then if the contract says so.
func (d *Destination) ask(ctx context.Context, c call) ([]outcome, error) {
	list, err := d.send(ctx, c)
	if err != nil {
		return nil, d.fail(err)
	}
	d.signedIn = true
	return list, nil
}

// each is ask where every outcome but those of one code must be a success.
func (d *Destination) each(ctx context.Context, c call, except string) ([]outcome, error) {
	list, err := d.ask(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		if e := o.failure(c); e != nil && o.Code != except {
			return nil, d.fail(e)
		}
	}
	return list, nil
}

// failure gives the error of an outcome; nil: it is a success.
func (o *outcome) failure(c call) *mail.Error {
	if o.Class == "Success" || o.Class == "Warning" && o.Code == "NoError" {
		return nil
	}
	return classify(c.op, c.at, o.Code, o.Text, o.Values)
}

func (d *Destination) send(ctx context.Context, c call) ([]outcome, *mail.Error) {
	ctx, watch := web.NewWatch(ctx, d.s.opts.Timeout)
	defer watch.End()
	r, err := d.post(ctx, c, watch)
	if err != nil {
		return nil, codes.Broken(c.op, watch.Cause(err))
	}
	watch.Answer(r)
	defer func() { _ = r.Body.Close() }() // it was only read from
	if isXML := strings.Contains(r.Header.Get("Content-Type"), "xml"); !isXML || r.StatusCode == http.StatusUnauthorized {
		return nil, d.strange(c, r)
	}
	e, bodies, failed := d.decode(c, r)
	if failed != nil {
		return nil, failed
	}
	list, failed := d.outcomes(c, r, e)
	giveMIME(list, bodies)
	return list, failed
}

// decode reads an answer, its messages apart from the rest.
func (d *Destination) decode(c call, r *http.Response) (*envelope, [][]byte, *mail.Error) {
	body := &io.LimitedReader{R: r.Body, N: maxAnswer}
	var (
		rest   io.Reader = body
		bodies [][]byte
		err    error
	)
	if c.mime {
		body.N = maxItem
		var whole, cut []byte
		whole, err = readWhole(body, r.ContentLength)
		cut, bodies = cutMIME(whole)
		rest = bytes.NewReader(cut)
	}
	var e envelope
	if err == nil {
		err = xml.NewDecoder(newLegal(rest)).Decode(&e)
	}
	strange := &mail.Error{Op: c.op, Kind: mail.Transient, Code: mail.CodeEWSProtocol}
	switch {
	case err == nil:
		return &e, bodies, nil
	case r.StatusCode != http.StatusOK:
		return nil, nil, d.refused(c.op, r, "")
	case body.N <= 0:
		strange.Err = errors.New("the answer is longer than any that makes sense")
	case isSyntax(err):
		strange.Err = fmt.Errorf("the answer is not XML as EWS has it: %w", err)
	default:
		return nil, nil, codes.Broken(c.op, err)
	}
	return nil, nil, strange
}

// isSyntax tells an answer that is no XML from one that was cut short.
func isSyntax(err error) bool {
	var syntax *xml.SyntaxError
	return errors.As(err, &syntax) && !strings.Contains(syntax.Msg, "unexpected EOF")
}

// outcomes takes an envelope apart.
func (d *Destination) outcomes(c call, r *http.Response, e *envelope) ([]outcome, *mail.Error) {
	if f := e.Body.Fault; f != nil {
		words := f.Detail.Text
		if words == "" {
			words = f.Text
		}
		if f.Detail.Code == "" {
			return nil, d.refused(c.op, r, web.Clip(words))
		}
		return nil, classify(c.op, c.at, f.Detail.Code, web.Clip(words), f.Detail.Values)
	}
	if r.StatusCode != http.StatusOK {
		return nil, d.refused(c.op, r, "")
	}
	if len(e.Body.Answer) != 1 || len(e.Body.Answer[0].Outcomes.List) == 0 {
		return nil, &mail.Error{Op: c.op, Kind: mail.Transient, Code: mail.CodeEWSProtocol, Err: errors.New("the answer holds no outcome")}
	}
	list := e.Body.Answer[0].Outcomes.List
	for i := range list {
		list[i].Text = web.Clip(list[i].Text)
	}
	d.traced(list)
	return list, nil
}

// traced notes the response codes.
func (d *Destination) traced(list []outcome) {
	count := map[string]int{}
	for _, o := range list {
		count[o.Code]++
	}
	for code, n := range count {
		d.trace.Code(n, len(list), code)
	}
}

// strange reads an answer that is not one of EWS.
func (d *Destination) strange(c call, r *http.Response) *mail.Error {
	words, _ := io.ReadAll(io.LimitReader(r.Body, maxWords)) // what there is
	said := ""
	if strings.Contains(r.Header.Get("Content-Type"), "text/plain") {
		said = web.Clip(string(words))
	}
	if r.StatusCode == http.StatusOK {
		return &mail.Error{Op: c.op, Kind: mail.Auth, Code: mail.CodeEWSProtocol,
			Err: errors.New("what answers there is not EWS; check the address, https://HOST/EWS/Exchange.asmx")}
	}
	e := d.refused(c.op, r, said)
	if c.size() > largeRequest && (r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusBadRequest) {
		// IIS answers so when the request is larger than web.config allows.
		e.Kind, e.Code = mail.TooLarge, mail.CodeMessageTooLarge
	}
	return e
}

// largeRequest is below any limit of a request that servers have by themselves.
const largeRequest = 32 << 20

// post sends the request.
func (d *Destination) post(ctx context.Context, c call, watch *web.Watch) (*http.Response, error) {
	content, size := d.content(c)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.s.opts.URL, watch.Request(content))
	if err != nil {
		return nil, err
	}
	// Without GetBody net/http can't send a request a second time: that is decided above, with what is known of the first.
	req.GetBody, req.ContentLength = nil, size
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("Accept", "text/xml")
	req.Header.Set("SOAPAction", strconv.Quote("http://schemas.microsoft.com/exchange/services/2006/messages/"+c.action))
	req.Header.Set("User-Agent", "mailhaul")
	if d.mailbox != "" {
		req.Header.Set("X-AnchorMailbox", d.mailbox)
	}
	if d.s.opts.Token == nil {
		req.SetBasicAuth(d.s.opts.User, d.s.opts.Password)
	} else {
		token, err := d.s.opts.Token(ctx)
		if err != nil {
			return nil, web.NoToken(c.op, mail.CodeEWSSignIn, err)
		}
		d.token = token
		req.Header.Set("Authorization", "Bearer "+token)
	}
	d.trace.Asked(c.action, size)
	r, err := d.s.http.Do(req)
	d.trace.Answered(r, err)
	if c.stream != nil {
		c.stream.release() // net/http may go on reading after an early answer
	}
	return r, err
}

func (d *Destination) content(c call) (io.Reader, int64) {
	if c.stream != nil {
		return c.stream, c.stream.size
	}
	b := bytes.NewBuffer(d.header())
	c.body.write(b)
	b.WriteString(envelopeEnd)
	return b, int64(b.Len())
}
