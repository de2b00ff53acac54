package demo

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailhaul/state/mail"
)

// Message is one message as a server keeps it. Octets are never changed.
type Message struct {
	UID    mail.UID
	Date   time.Time
	Flags  mail.Flags
	Octets []byte
}

// account is one mailbox: its folders in the order in which they were made.
type account struct {
	folders []*folder
}

type folder struct {
	path       mail.Path
	role       mail.Role
	subscribed bool
	validity   uint32
	given      mail.UID // the highest UID so far
	messages   []Message
}

// roleAttributes are the attributes of special use (RFC 6154).
func roleAttributes() map[mail.Role]imap.MailboxAttr {
	return map[mail.Role]imap.MailboxAttr{
		mail.RoleArchive: imap.MailboxAttrArchive, mail.RoleDrafts: imap.MailboxAttrDrafts,
		mail.RoleJunk: imap.MailboxAttrJunk, mail.RoleSent: imap.MailboxAttrSent, mail.RoleTrash: imap.MailboxAttrTrash,
		mail.RoleAll: imap.MailboxAttrAll, mail.RoleFlagged: imap.MailboxAttrFlagged,
		mail.RoleImportant: imap.MailboxAttrImportant,
	}
}

// AddFolder makes a folder, named with "/" between levels, and the levels above it.
func (s *Server) AddFolder(user, name string, role mail.Role) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.users[user]
	if a == nil {
		return fmt.Errorf("add folder: there is no user %s", user)
	}
	s.makePath(a, mail.ParsePath(name), role)
	return nil
}

// Deliver puts a message into a folder, which is made if need be, as mail that arrives. The UID of m is ignored.
func (s *Server) Deliver(user, folder string, m Message) (mail.UID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.users[user]
	if a == nil {
		return 0, fmt.Errorf("deliver message: there is no user %s", user)
	}
	return s.makePath(a, mail.ParsePath(folder), mail.RoleNone).add(m), nil
}

// Folders names the user's folders with "/" between levels, sorted.
func (s *Server) Folders(user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, f := range s.users[user].all() {
		names = append(names, f.path.String())
	}
	slices.Sort(names)
	return names
}

// Messages gives a folder's messages, UIDs ascending; none if there is no such folder.
func (s *Server) Messages(user, name string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.users[user].all() {
		if f.path.String() == name {
			return slices.Clone(f.messages)
		}
	}
	return nil
}

// Count is the number of messages of a user, and of all users for an empty name.
func (s *Server) Count(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for name, a := range s.users {
		if user != "" && name != user {
			continue
		}
		for _, f := range a.folders {
			n += len(f.messages)
		}
	}
	return n
}

// all gives the folders, also of a user who does not exist.
func (a *account) all() []*folder {
	if a == nil {
		return nil
	}
	return a.folders
}

func (a *account) find(p mail.Path) *folder {
	for _, f := range a.folders {
		if slices.Equal(f.path, p) || f.path.IsInbox() && p.IsInbox() {
			return f
		}
	}
	return nil
}

// makePath finds a folder or makes it and the levels above it. The lock is held.
func (s *Server) makePath(a *account, p mail.Path, role mail.Role) *folder {
	for n := 1; n < len(p); n++ {
		if a.find(p[:n]) == nil {
			s.makeFolder(a, p[:n], mail.RoleNone)
		}
	}
	if f := a.find(p); f != nil {
		return f
	}
	return s.makeFolder(a, p, role)
}

func (s *Server) makeFolder(a *account, p mail.Path, role mail.Role) *folder {
	s.validity++
	f := &folder{path: slices.Clone(p), role: role, validity: s.validity}
	a.folders = append(a.folders, f)
	return f
}

func (f *folder) next() mail.UID { return f.given + 1 }

// lastUID is the UID of the last message; zero: there is none.
func (f *folder) lastUID() uint32 {
	if len(f.messages) == 0 {
		return 0
	}
	return uint32(f.messages[len(f.messages)-1].UID)
}

func (f *folder) add(m Message) mail.UID {
	m.UID = f.next()
	f.given = m.UID
	f.messages = append(f.messages, m)
	return m.UID
}

// count counts the messages for which is holds.
func (f *folder) count(is func(Message) bool) uint32 {
	var n uint32
	for _, m := range f.messages {
		if is(m) {
			n++
		}
	}
	return n
}

func (f *folder) octets() int64 {
	var n int64
	for _, m := range f.messages {
		n += int64(len(m.Octets))
	}
	return n
}

// name is the folder's name on the wire, before it is encoded.
func (s *Server) name(p mail.Path) string { return strings.Join(p, string(s.delimiter)) }

func (s *Server) path(name string) mail.Path {
	p := mail.Path(strings.Split(strings.TrimSuffix(name, string(s.delimiter)), string(s.delimiter)))
	if strings.EqualFold(p[0], "INBOX") {
		p[0] = "INBOX"
	}
	return p
}

// key is what makes two messages equal: octets, date to the second with its zone, flags.
func (m Message) key() string {
	flags := strings.ToLower(m.Flags.String())
	return fmt.Sprintf("%x %s %s", sha256.Sum256(m.Octets), m.Date.Format(time.RFC3339), flags)
}
