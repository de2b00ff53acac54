package imapserver

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// What the Exchange profile adds to a server: sign-in with tokens that expire, names without case, folders that keep no
// keywords, back-off, a count of errors. The habits are those that users of Exchange Online report; nobody has compared
// this server with a tenant.

// Entry is what becomes of a sign-in with a token.
type Entry int

// The ways a sign-in with a token can end.
const (
	Enter Entry = iota
	// WrongToken explains with a challenge that the token is no good, and then says NO.
	WrongToken
	// WrongUser says NO and nothing else.
	WrongUser
	// IMAPOff, NoMailbox and NoLicence say NO with words of Exchange's error names. That IMAP shows them is not confirmed.
	IMAPOff
	NoMailbox
	NoLicence
	// NotConnected says OK, and then nothing to any command but that the user is not connected.
	NotConnected
)

// Exchange is a server like Exchange Online. Authorize has to be set.
func Exchange() Profile {
	before := []string{"IMAP4", "IMAP4rev1", "AUTH=XOAUTH2", "LOGINDISABLED", "SASL-IR", "UIDPLUS", "MOVE", "ID", "UNSELECT",
		"CHILDREN", "IDLE", "NAMESPACE", "LITERAL+"}
	after := append(append([]string{}, before...), "ENABLE", "IMAP4rev2", "CLIENTACCESSRULES", "CLIENTNETWORKPRESENCELOCATION",
		"BACKENDAUTHENTICATE")
	return Profile{Before: before, After: after, Rewrite: Render, Refuse: exchangeRefuses(35_000_000), NoKeywords: true, FoldCase: true,
		LoseFlagged: true, MostErrors: 10, BackOff: 100, Reserved: []string{"Files"},
		Folders: []string{"Sent Items", "Deleted Items", "Junk Email", "Drafts", "Archive"}}
}

// exchangeRefuses gives the answers to messages that are too large, or have a line that is too long.
func exchangeRefuses(most int) func(string, Message) string {
	return func(_ string, m Message) string {
		if len(m.Octets) > most {
			return "NO Maximum size of appendable message has been exceeded."
		}
		for line := range bytes.SplitSeq(m.Octets, []byte("\n")) {
			if len(line) > 10_500 {
				return "BAD Command Argument Error. 11"
			}
		}
		for _, f := range m.Flags {
			if !strings.HasPrefix(f, `\`) {
				return "BAD Command Argument Error. 11"
			}
		}
		return ""
	}
}

// withToken is AUTHENTICATE XOAUTH2.
func (c *conn) withToken() error {
	response, err := c.response()
	if err != nil {
		return err
	}
	text, err := base64.StdEncoding.DecodeString(response)
	user, rest, found := strings.Cut(strings.TrimPrefix(string(text), "user="), "\x01auth=Bearer ")
	token, end := strings.CutSuffix(rest, "\x01\x01")
	if err != nil || !found || !end {
		return &refusal{"BAD Command Error. 12"}
	}
	authorize := c.server.profile.Authorize
	if authorize == nil {
		return &refusal{"NO AUTHENTICATE failed."}
	}
	switch entry := authorize(user, token); entry {
	case WrongToken:
		return c.explained()
	case WrongUser:
		return &refusal{"NO AUTHENTICATE failed."}
	case IMAPOff:
		return &refusal{"NO AUTHENTICATE failed. IMAP4 is disabled for this mailbox."}
	case NoMailbox:
		return &refusal{`NO AUTHENTICATE failed. [Error="MailboxNotFoundException"]`}
	case NoLicence:
		return &refusal{`NO AUTHENTICATE failed. [Error="MailboxNotEnabledForRESTAPI"]`}
	default:
		c.user, c.token, c.apart = user, token, entry == NotConnected
		return c.comeIn(user)
	}
}

// explained refuses with the challenge that says why; the client answers it with an empty line.
func (c *conn) explained() error {
	c.say("+ %s", base64.StdEncoding.EncodeToString([]byte(`{"status":"401","schemes":"Bearer","scope":"https://outlook.office365.com/"}`)))
	line, err := c.rest()
	if err != nil {
		return err
	}
	if line != "" {
		c.server.misused("the challenge was answered with %q", line)
	}
	if err := c.endLine(); err != nil {
		return err
	}
	return &refusal{"NO AUTHENTICATE failed."}
}

func (c *conn) comeIn(user string) error {
	b := c.server.enter(user)
	if b == nil {
		return &refusal{"NO AUTHENTICATE failed."}
	}
	c.mailbox = b
	c.answer("OK AUTHENTICATE completed.")
	return nil
}

// enter gives the mailbox of a user who has proved to be one.
func (s *Server) enter(user string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.mailboxes[user]
	if b != nil {
		b.count(func(c *Counts) { c.Connections++ })
	}
	return b
}

// barred ends a session whose token is good no more, and one that opens no mailbox.
func (c *conn) barred() error {
	if c.mailbox == nil || c.token == "" || c.verb == "LOGOUT" {
		return nil
	}
	if c.apart {
		c.answer("BAD User is authenticated but not connected.")
		c.say("* BYE Connection closed. 14")
		return c.hangUp()
	}
	return c.expired()
}

func (c *conn) expired() error {
	if c.token == "" || c.server.profile.Authorize(c.user, c.token) == Enter {
		return nil
	}
	c.say("* BYE Session invalidated - AccessTokenExpired")
	return c.hangUp()
}

// throttle asks to wait and ends the session.
func (c *conn) throttle() error {
	c.answer("BAD Request is throttled. Suggested Backoff Time: %d milliseconds", c.server.profile.BackOff)
	return c.hangUp()
}

// spelled gives the name under which a folder is there, level by level, where case makes no difference.
func (b *Mailbox) spelled(raw string) string {
	raw = canonicalName(raw)
	if !b.server.profile.FoldCase {
		return raw
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delimiter := b.server.profile.delimiter()
	levels := strings.Split(raw, delimiter)
	for i := range levels {
		part := strings.Join(levels[:i+1], delimiter)
		for _, there := range b.order {
			if strings.EqualFold(there, part) {
				copy(levels, strings.Split(there, delimiter))
			}
		}
	}
	return strings.Join(levels, delimiter)
}

// reserved tells whether a folder of that name can't be made.
func (p Profile) reserved(raw string) bool {
	for _, name := range p.Reserved {
		if strings.EqualFold(name, raw) {
			return true
		}
	}
	return false
}

// kept are the flags that are left of those that came with APPEND.
func (p Profile) kept(flags []string) []string {
	if !p.LoseFlagged {
		return flags
	}
	var left []string
	for _, f := range flags {
		if !strings.EqualFold(f, `\Flagged`) {
			left = append(left, f)
		}
	}
	return left
}

// permanent are the flags that a folder keeps, as SELECT announces them.
func (p Profile) permanent() string {
	if p.NoKeywords {
		return `\Seen \Answered \Flagged \Deleted \Draft $MDNSent`
	}
	return `\Answered \Flagged \Deleted \Seen \Draft \*`
}

// keyword refuses what a folder can't keep.
func (p Profile) keyword(flags []string) error {
	for _, f := range flags {
		if p.NoKeywords && !strings.HasPrefix(f, `\`) && f != "$MDNSent" {
			return &refusal{"BAD Command Argument Error. 11"}
		}
	}
	return nil
}

// erred counts an error answer, and ends a session that has had too many.
func (c *conn) erred() error {
	c.errors++
	if most := c.server.profile.MostErrors; most > 0 && c.errors >= most {
		c.say("* BYE Connection closed. Too many errors.")
		return fmt.Errorf("%w after %d errors", errBroken, c.errors)
	}
	return nil
}
