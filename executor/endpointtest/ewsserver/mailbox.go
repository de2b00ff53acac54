package ewsserver

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mailhaul/executor/endpointtest/httpsserver"
)

// Mailbox is a person's mail. Folders are named by path, levels joined by "/".
type Mailbox struct {
	server  *Server
	address string
	folders []*folder
	made    int // folders and items so far
	octets  int
	until   time.Time // the budget is used up until then
}

type folder struct {
	id, parent  string
	role, class string
	name        string
	items       []*stored
}

// searchRole marks a search that is shown as a folder: nothing can be put into it.
const searchRole = "a search"

// stored is an item.
type stored struct {
	id         string
	original   []byte // as it came
	mime       []byte // as it is rendered
	received   time.Time
	created    time.Time
	categories []string
	flag       string
	read       bool
	draft      bool
	properties map[property]string
}

// property names an extended property.
type property struct{ set, name, tag string }

// Message is an item as a test sees it.
type Message struct {
	Octets     []byte // as they were sent
	Date       time.Time
	Sent       string // PidTagClientSubmitTime
	Flags      []string
	Draft      bool
	Properties map[string]string // by name or tag
}

// Mailbox makes the mailbox of an address, with the folders that each has, under their names in German.
func (s *Server) Mailbox(address string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &Mailbox{server: s, address: strings.ToLower(address)}
	root := b.makeFolder("", "Oberste Ebene des Informationsspeichers", "msgfolderroot", "")
	for _, f := range [][3]string{{"Posteingang", "inbox", "IPF.Note"}, {"Entwürfe", "drafts", "IPF.Note"}, {"Gesendete Elemente", "sentitems", "IPF.Note"},
		{"Gelöschte Elemente", "deleteditems", "IPF.Note"}, {"Junk-E-Mail", "junkemail", "IPF.Note"}, {"Kalender", "calendar", "IPF.Appointment"}} {
		b.makeFolder(root.id, f[0], f[1], f[2])
	}
	b.makeFolder(root.id, "Ungelesene Elemente", searchRole, "IPF.Note")
	s.mailboxes[b.address] = b
	return b
}

func (b *Mailbox) newID(kind string) string {
	b.made++
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s %s %08d and what else stands in such a name", kind, b.address, b.made))
}

func (b *Mailbox) makeFolder(parent, name, role, class string) *folder {
	f := &folder{id: b.newID("folder"), parent: parent, role: role, class: class, name: name}
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

// Folders names the mail folders.
func (b *Mailbox) Folders() []string {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	var all []string
	for _, f := range b.folders {
		if f.class == "IPF.Note" && f.role != searchRole {
			all = append(all, b.path(f))
		}
	}
	slices.Sort(all)
	return all
}

// Messages gives the items of a folder in the order in which they were made.
func (b *Mailbox) Messages(path string) []Message {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	f := b.byPath(path)
	if f == nil {
		return nil
	}
	var all []Message
	for _, it := range f.items {
		m := Message{Octets: it.original, Date: it.received, Draft: it.draft, Properties: map[string]string{}}
		for p, v := range it.properties {
			m.Properties[p.name+p.tag] = v
		}
		m.Sent = m.Properties["0x0039"]
		for name, set := range map[string]bool{`\Seen`: it.read, `\Draft`: it.draft, `\Flagged`: it.flag == "Flagged",
			`\Answered`: m.Properties["0x1081"] == "102"} {
			if set {
				m.Flags = append(m.Flags, name)
			}
		}
		m.Flags = append(m.Flags, it.categories...)
		slices.Sort(m.Flags)
		all = append(all, m)
	}
	return all
}

// Add puts an item into a folder as another client would.
func (b *Mailbox) Add(path string, octets []byte, date time.Time) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	it := &stored{id: b.newID("item"), original: octets, mime: httpsserver.Rewrite(octets), received: date, created: time.Now(), properties: map[property]string{}}
	f := b.byPath(path)
	f.items = append(f.items, it)
}

// Remove takes the n-th item of a folder away, counted from zero.
func (b *Mailbox) Remove(path string, n int) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	f := b.byPath(path)
	f.items = slices.Delete(f.items, n, n+1)
}

// Move moves the n-th item of a folder into another one. It gets another name there and keeps its properties, as at
// Exchange. With copies it stays where it is too.
func (b *Mailbox) Move(from string, n int, to string, copies bool) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	f, t := b.byPath(from), b.byPath(to)
	moved := *f.items[n]
	moved.id, moved.properties = b.newID("item"), maps.Clone(moved.properties)
	if !copies {
		f.items = slices.Delete(f.items, n, n+1)
	}
	t.items = append(t.items, &moved)
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
