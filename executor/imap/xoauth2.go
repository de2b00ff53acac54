package imap

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"mailhaul/state/mail"
)

// Tokens give the access tokens that sign in in place of a password.
type Tokens interface {
	// Token gives a token that is good for some minutes at least. Its error is a *mail.Error.
	Token(ctx context.Context) (string, error)
	// Left is how long the token is good; zero: not known.
	Left(token string) time.Duration
	// Refused says that the server did not take the token, and tells whether another one may do better.
	Refused(token string) bool
}

// xoauth2 is the mechanism XOAUTH2: the user is the mailbox to open, whoever the token was issued to. go-sasl has none.
type xoauth2 struct{ user, token string }

func (x *xoauth2) Start() (mech string, initial []byte, err error) {
	return "XOAUTH2", []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next answers the challenge that explains a refusal; the tagged NO follows the empty answer.
func (x *xoauth2) Next([]byte) ([]byte, error) { return nil, nil }

var _ sasl.Client = (*xoauth2)(nil)

// maxInitialToken bounds an initial response with a token: a token has some 2,000 octets, a line at least 8,192
// (RFC 9051, 4).
const maxInitialToken = 8000

// fetchToken gets the token of this sign-in, before there is a connection that would wait for it.
func (c *client) fetchToken(ctx context.Context) (err error) {
	if c.opts.Login.Tokens == nil {
		return nil
	}
	c.token, err = c.opts.Login.Tokens.Token(ctx)
	if left := c.opts.Login.Tokens.Left(c.token); err == nil && left > 0 {
		c.ends = time.Now().Add(left)
	}
	if err == nil && strings.ContainsAny(c.token, "\x00\x01\r\n") {
		return noMethod("the access token holds characters that no token has")
	}
	return err
}

// lastMinute is how long before its token's end a session sends no more messages. Exchange ends the session in the middle
// of whatever is under way, and each message whose answer is lost so has to wait out the grace time.
const lastMinute = time.Minute

// ending gives the error of a session that shall make room for one with a new token.
func (c *client) ending() error {
	if c.ends.IsZero() || time.Until(c.ends) > lastMinute {
		return nil
	}
	return &mail.Error{Op: "append messages", Kind: mail.Transient, Code: mail.CodeIMAPLost,
		Err: errors.New("the access token is about to end; the session is opened anew")}
}

func (c *client) tokenMethod() (method, error) {
	if !c.caps.has("AUTH=XOAUTH2") {
		return method{}, noMethod("the server does not offer AUTHENTICATE XOAUTH2; it offers " + c.offered())
	}
	mech := &xoauth2{user: c.opts.Login.User, token: c.token}
	return method{methodToken, func(lib *imapclient.Client) error { return lib.Authenticate(mech) }}, nil
}

const methodToken = "AUTHENTICATE XOAUTH2"

// challenge is how a server explains that it refuses a token.
type challenge struct {
	Status string `json:"status"`
}

// heardChallenge reads the status out of a challenge; some servers write the number as one.
func (b *bridge) heardChallenge(text string) {
	octets, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return
	}
	var ch challenge
	var numeric struct {
		Status int `json:"status"`
	}
	switch {
	case json.Unmarshal(octets, &ch) == nil && ch.Status != "":
		b.explained = ch.Status
	case json.Unmarshal(octets, &numeric) == nil && numeric.Status != 0:
		b.explained = fmt.Sprint(numeric.Status)
	}
}

// tokenRefused makes the error of a refused token.
func (c *client) tokenRefused(e *mail.Error, explained string) *mail.Error {
	if e.Code != mail.CodeIMAPLogin || c.opts.Habits.signIn == "" {
		return e
	}
	e.Code = c.opts.Habits.signIn
	if explained == "401" || explained == "400" || explained == "invalid_token" {
		e.Code = mail.CodeM365Token
	}
	if explained != "" && e.Err == nil {
		e.Err = errors.New("the server explains it with status " + c.clean(explained))
	}
	return e
}

// connected makes sure that the mailbox is there. Exchange says OK to every good token, and only then looks whether it
// opens the mailbox: the first command after it hears of that.
func (c *client) connected() error {
	if c.token == "" || c.introduced {
		return nil
	}
	const op = "open mailbox"
	answers, err := c.runAll(op, c.introduction(), c.hearSpaces)
	if err != nil {
		return err
	}
	for _, st := range answers {
		// A server that does not know ID may say BAD: only words about the mailbox count.
		if e := c.classify(op, st, atFolder); st.verb != "OK" && e.Kind == mail.Auth {
			return e
		}
	}
	c.introduced = true
	return nil
}
