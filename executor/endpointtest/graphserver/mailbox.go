package graphserver

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailhaul/executor/endpointtest/httpsserver"
)

// Mailbox is a person's mail. Folders are named by path, levels joined by "/".
type Mailbox struct {
	server            *Server
	address           string
	folders           []*folder
	made              int // folders and messages so far
	octets            int
	active            int // requests under way
	uploads, requests span
}

type folder struct {
	id, parent string
	role       string // its well-known name
	search     bool
	hidden     bool
	name       string
	messages   []*message
}

// message is one.
type message struct {
	id         string // the immutable one
	place      string // the id that changes when it is moved
	original   []byte // as it came
	mime       []byte // as it is rendered
	received   time.Time
	created    time.Time
	categories []string
	flag       string
	read       bool
	extended   map[string]string // by key
}

// Message is one as a test sees it.
type Message struct {
	Octets     []byte // as they were sent
	Date       time.Time
	Flags      []string
	Properties map[string]string // by name or tag
}

// Mailbox makes the mailbox of an address, with the folders that each has, under their names in German.
func (s *Server) Mailbox(address string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &Mailbox{server: s, address: strings.ToLower(address)}
	root := b.makeFolder("", "Oberste Ebene des Informationsspeichers", "msgfolderroot")
	for _, f := range [][2]string{{"Posteingang", "inbox"}, {"Entwürfe", "drafts"}, {"Gesendete Elemente", "sentitems"},
		{"Gelöschte Elemente", "deleteditems"}, {"Junk-E-Mail", "junkemail"}} {
		b.makeFolder(root.id, f[0], f[1])
	}
	b.makeFolder(root.id, "Ungelesene Elemente", "").search = true
	b.makeFolder(root.id, "Verborgenes", "").hidden = true
	s.mailboxes[b.address] = b
	return b
}

func (b *Mailbox) newID(kind string) string {
	b.made++
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%s %s %08d, and more", kind, b.address, b.made))
}

func (b *Mailbox) makeFolder(parent, name, role string) *folder {
	f := &folder{id: b.newID("folder"), parent: parent, role: role, name: name}
	b.folders = append(b.folders, f)
	return f
}

// path is the name of a folder as tests write it; the inbox is INBOX.
func (b *Mailbox) path(f *folder) string {
	name := f.name
	if f.role == "inbox" {
		name = "INBOX"
	}
	for _, above := range b.folders {
		if above.id == f.parent && above.role != "msgfolderroot" {
			return b.path(above) + "/" + name
		}
	}
	return name
}

func (b *Mailbox) byPath(path string) *folder {
	for _, f := range b.folders {
		if f.role != "msgfolderroot" && b.path(f) == path {
			return f
		}
	}
	return nil
}

// byID finds a folder by its id or its well-known name.
func (b *Mailbox) byID(id string) *folder {
	for _, f := range b.folders {
		if f.id == id || f.role != "" && f.role == strings.ToLower(id) {
			return f
		}
	}
	return nil
}

// find finds a message by either of its ids, and the folder that it is in.
func (b *Mailbox) find(id string) (*folder, *message) {
	for _, f := range b.folders {
		for _, m := range f.messages {
			if m.id == id || m.place == id {
				return f, m
			}
		}
	}
	return nil, nil
}

// Folders names the folders that people see.
func (b *Mailbox) Folders() []string {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	var all []string
	for _, f := range b.folders {
		if f.role != "msgfolderroot" && !f.search && !f.hidden {
			all = append(all, b.path(f))
		}
	}
	slices.Sort(all)
	return all
}

// Messages gives the messages of a folder in the order in which they came there.
func (b *Mailbox) Messages(path string) []Message {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	f := b.byPath(path)
	if f == nil {
		return nil
	}
	var all []Message
	for _, m := range f.messages {
		seen := Message{Octets: m.original, Date: m.received, Properties: map[string]string{}}
		for k, v := range m.extended {
			words := strings.Split(k, " ")
			seen.Properties[words[len(words)-1]] = v
		}
		for name, set := range map[string]bool{`\Seen`: m.read, `\Flagged`: m.flag == "flagged", `\Answered`: seen.Properties["0x1081"] == "102"} {
			if set {
				seen.Flags = append(seen.Flags, name)
			}
		}
		seen.Flags = append(seen.Flags, m.categories...)
		slices.Sort(seen.Flags)
		all = append(all, seen)
	}
	return all
}

// Add puts a message into a folder as another client would.
func (b *Mailbox) Add(path string, octets []byte, date time.Time) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	m := b.newMessage(octets)
	m.received = date
	f := b.byPath(path)
	f.messages = append(f.messages, m)
}

func (b *Mailbox) newMessage(octets []byte) *message {
	return &message{id: b.newID("message"), place: b.newID("place"), original: octets, mime: httpsserver.Rewrite(octets), flag: "notFlagged",
		received: time.Now().UTC().Truncate(time.Second), created: time.Now(), extended: map[string]string{}}
}

// Remove takes the n-th message of a folder away, counted from zero.
func (b *Mailbox) Remove(path string, n int) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	f := b.byPath(path)
	f.messages = slices.Delete(f.messages, n, n+1)
}

// Move moves the n-th message of a folder into another one. It keeps its properties, as at Exchange. With copies it stays
// where it is too, and the copy has an id of its own.
func (b *Mailbox) Move(from string, n int, to string, copies bool) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	f, t := b.byPath(from), b.byPath(to)
	moved := *f.messages[n]
	moved.place, moved.extended = b.newID("place"), maps.Clone(moved.extended)
	if copies {
		moved.id = b.newID("message")
	} else {
		f.messages = slices.Delete(f.messages, n, n+1)
	}
	t.messages = append(t.messages, &moved)
}

// Rename gives a folder another name.
func (b *Mailbox) Rename(path, name string) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	b.byPath(path).name = name
}

// Delete takes a folder away.
func (b *Mailbox) Delete(path string) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	f := b.byPath(path)
	b.folders = slices.DeleteFunc(b.folders, func(o *folder) bool { return o == f })
}

// set gives a message an extended property.
func (m *message) set(id, value string, ignoreDate bool) {
	k := key(id)
	m.extended[k] = value
	if k == "SystemTime 0xe06" && !ignoreDate {
		if t, err := time.Parse(time.RFC3339, value); err == nil {
			m.received = t
		}
	}
}

// value gives an extended property; the size is one that the server makes.
func (m *message) value(id string) (string, bool) {
	if key(id) == "Integer 0xe08" {
		return strconv.Itoa(len(m.mime) + 400), true
	}
	v, has := m.extended[key(id)]
	return v, has
}
