package uids

import (
	"slices"
	"strings"

	"mailhaul/state/mail"
)

// Folder is a folder of Exchange, which has an id and names the one above it.
type Folder struct {
	ID, Parent, Name string
	Class            string // what it holds, as Exchange calls it; empty: it does not say
	Total            uint32
	NoMail           bool // it holds none: a calendar, or a search that is shown as a folder
	Hidden           bool // from people
}

// Tree are the folders of a mailbox.
type Tree struct {
	Prefix string // of raw names
	Root   string // the id of msgfolderroot, above all that users see
	Roles  map[string]mail.Role
	All    map[string]Folder // by id
}

// NewTree makes the tree of a mailbox whose folders are not listed yet.
func NewTree(prefix, root string) *Tree {
	return &Tree{Prefix: prefix, Root: root, Roles: map[string]mail.Role{}, All: map[string]Folder{}}
}

// Anew gives the tree as a further session begins with it: its folders are not listed yet.
func (t *Tree) Anew() *Tree { return &Tree{Prefix: t.Prefix, Root: t.Root, Roles: t.Roles} }

// deepest ends a circle. No mailbox is deeper.
const deepest = 300

// Path gives the levels of a folder below the root; nil where a level is missing. The inbox is INBOX in each language.
func (t *Tree) Path(f Folder) mail.Path {
	var path mail.Path
	for range deepest {
		level := f.Name
		if t.Roles[f.ID] == mail.RoleInbox {
			level = "INBOX"
		}
		path = append(path, level)
		if f.Parent == t.Root {
			slices.Reverse(path)
			return path
		}
		above, known := t.All[f.Parent]
		if !known {
			return nil
		}
		f = above
	}
	return nil
}

// Folders lists what people have below the root, by path. What holds no mail is listed as NoSelect: its name is taken.
func (t *Tree) Folders() []mail.Folder {
	var all []mail.Folder
	for _, f := range t.All {
		if l := t.Listed(f); l.Path != nil && !f.Hidden {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b mail.Folder) int { return strings.Compare(a.Path.String(), b.Path.String()) })
	return all
}

// Listed gives a folder as it is listed.
func (t *Tree) Listed(f Folder) mail.Folder {
	l := mail.Folder{Raw: t.Prefix + f.ID, Path: t.Path(f), Role: t.Roles[f.ID], NoSelect: f.NoMail}
	if !l.NoSelect {
		l.Status = mail.Status{UIDValidity: Validity(l.Raw), Messages: f.Total}
	}
	return l
}

// Child finds a folder by name; Exchange compares names without case.
func (t *Tree) Child(parent, name string) (Folder, bool) {
	inbox := parent == t.Root && strings.EqualFold(name, "INBOX")
	for _, f := range t.All {
		if inbox && t.Roles[f.ID] == mail.RoleInbox || !inbox && f.Parent == parent && strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Folder{}, false
}
