package demo

import (
	"crypto/subtle"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"mailhaul/state/mail"
)

// appendLimit is the largest message that the servers take.
const appendLimit = 256 << 20

// session is one connection. imapserver calls it from one goroutine.
type session struct {
	server   *Server
	user     string
	account  *account
	selected *folder
	readOnly bool
	told     int // messages of the selected folder that the client knows of
}

var (
	_ imapserver.SessionNamespace   = (*session)(nil)
	_ imapserver.SessionAppendLimit = (*session)(nil)
)

func no(code imap.ResponseCode, text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

func errNoFolder() error { return no(imap.ResponseCodeNonExistent, "There is no such mailbox") }

// Close has nothing to release.
func (*session) Close() error { return nil }

// AppendLimit is announced as APPENDLIMIT (RFC 7889).
func (*session) AppendLimit() uint32 { return appendLimit }

// Login checks the password.
func (c *session) Login(user, password string) error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	want, known := s.passwords[user]
	if subtle.ConstantTimeCompare([]byte(want), []byte(password)) != 1 || !known {
		return imapserver.ErrAuthFailed
	}
	s.stats.SignIns++
	c.user, c.account = user, s.users[user]
	return nil
}

// Namespace is one personal namespace without prefix.
func (c *session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: c.server.delimiter}}}, nil
}

// find gives the folder of a name on the wire. The lock is held.
func (c *session) find(name string) (*folder, error) {
	f := c.account.find(c.server.path(name))
	if f == nil {
		return nil, errNoFolder()
	}
	return f, nil
}

// Select opens a folder.
func (c *session) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	f, err := c.find(name)
	if err != nil {
		return nil, err
	}
	c.selected, c.readOnly, c.told = f, options.ReadOnly, len(f.messages)
	flags := c.flags()
	data := &imap.SelectData{Flags: flags, NumMessages: uint32(len(f.messages)), UIDNext: imap.UID(f.next()),
		UIDValidity: f.validity}
	if !c.readOnly {
		data.PermanentFlags = append(flags, imap.FlagWildcard)
	}
	return data, nil
}

// flags are the system flags and every keyword in the selected folder.
func (c *session) flags() []imap.Flag {
	all := mail.Flags{System: mail.Seen | mail.Answered | mail.Flagged | mail.Draft | mail.Deleted}
	for _, m := range c.selected.messages {
		for _, k := range m.Flags.Keywords {
			all = all.With(k)
		}
	}
	return toIMAP(all)
}

func toIMAP(f mail.Flags) []imap.Flag {
	flags := []imap.Flag{}
	for _, name := range f.Names() {
		flags = append(flags, imap.Flag(name))
	}
	return flags
}

func fromIMAP(flags []imap.Flag) mail.Flags {
	var f mail.Flags
	for _, flag := range flags {
		f = f.With(string(flag))
	}
	return f
}

// Unselect leaves the folder.
func (c *session) Unselect() error {
	c.selected = nil
	return nil
}

// Create makes a folder, with the special use that the client wishes for it.
func (c *session) Create(name string, options *imap.CreateOptions) error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.path(name)
	if c.account.find(p) != nil {
		return no(imap.ResponseCodeAlreadyExists, "The mailbox is there already")
	}
	for _, level := range p {
		if level == "" {
			return no(imap.ResponseCodeCannot, "A level of the name is empty")
		}
	}
	role := mail.RoleNone
	for r, a := range roleAttributes() {
		for _, wish := range options.SpecialUse {
			if strings.EqualFold(string(a), string(wish)) {
				role = r
			}
		}
	}
	s.makePath(c.account, p, role)
	return nil
}

// Subscribe remembers the wish.
func (c *session) Subscribe(name string) error { return c.subscribe(name, true) }

// Unsubscribe forgets it.
func (c *session) Unsubscribe(name string) error { return c.subscribe(name, false) }

func (c *session) subscribe(name string, on bool) error {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	f, err := c.find(name)
	if err != nil {
		return err
	}
	f.subscribed = on
	return nil
}

// Append stores a message octet for octet.
func (c *session) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	octets, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	// The library's literal reader ends with EOF when the connection breaks: a message cut off is not stored.
	if int64(len(octets)) != r.Size() {
		return nil, fmt.Errorf("read literal: %w", io.ErrUnexpectedEOF)
	}
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	f := c.account.find(s.path(name))
	if f == nil {
		return nil, no(imap.ResponseCodeTryCreate, "There is no such mailbox")
	}
	m := Message{Date: options.Time, Flags: fromIMAP(options.Flags), Octets: octets}
	if m.Date.IsZero() {
		m.Date = time.Now().Truncate(time.Second)
	}
	if s.refuse != nil {
		if text := s.refuse(c.user, f.path.String(), m); text != "" {
			s.stats.Refused++
			return nil, no("", text)
		}
	}
	s.stats.Appended++
	return &imap.AppendData{UID: imap.UID(f.add(m)), UIDValidity: f.validity}, nil
}

// Poll tells of messages that came while the folder is open.
func (c *session) Poll(w *imapserver.UpdateWriter, _ bool) error {
	c.server.mu.Lock()
	n := 0
	if c.selected != nil {
		n = len(c.selected.messages)
	}
	c.server.mu.Unlock()
	if n <= c.told || c.selected == nil {
		return nil
	}
	c.told = n
	return w.WriteNumMessages(uint32(n))
}

// Idle waits; news comes with the next command.
func (*session) Idle(_ *imapserver.UpdateWriter, stop <-chan struct{}) error {
	<-stop
	return nil
}

// Rename and Copy are refused, EXPUNGE without UIDs too: only what a client names is ever removed from these servers.

// Rename is refused.
func (*session) Rename(string, string, *imap.RenameOptions) error { return errNever() }

// Copy is refused.
func (*session) Copy(imap.NumSet, string) (*imap.CopyData, error) { return nil, errNever() }

func errNever() error {
	return no(imap.ResponseCodeCannot, "This server moves nothing, and removes only what is named")
}
