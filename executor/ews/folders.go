package ews

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// tree are the mailbox's folders.
type tree struct {
	root  string // msgfolderroot, above all that users see
	roles map[string]mail.Role
	all   map[string]folder
}

// distinguished are the folders that each mailbox has, whatever they are called in its language.
var distinguished = []struct {
	name string
	role mail.Role
}{
	{"msgfolderroot", mail.RoleNone},
	{"inbox", mail.RoleInbox},
	{"drafts", mail.RoleDrafts},
	{"sentitems", mail.RoleSent},
	{"deleteditems", mail.RoleTrash},
	{"junkemail", mail.RoleJunk},
}

func folderShape() element {
	return el("m:FolderShape", text("t:BaseShape", "IdOnly"), el("t:AdditionalProperties", fieldURI("folder:ParentFolderId"),
		fieldURI("folder:FolderClass"), fieldURI("folder:DisplayName"), fieldURI("folder:TotalCount")))
}

// lookAround signs in and finds the folders that each mailbox has. One that the mailbox lacks has no role; the root and
// the inbox it can't lack.
func (d *Destination) lookAround(ctx context.Context) error {
	const op = "sign in"
	var ids []element
	for _, f := range distinguished {
		id := el("t:DistinguishedFolderId").with("Id", f.name)
		if !d.s.opts.Impersonate && d.mailbox != "" {
			id.kids = append(id.kids, el("t:Mailbox", text("t:EmailAddress", d.mailbox)))
		}
		ids = append(ids, id)
	}
	c := call{op: op, at: atSignIn, action: "GetFolder", body: el("m:GetFolder", folderShape(), el("m:FolderIds", ids...))}
	if err := d.enter(ctx, op); err != nil {
		return err
	}
	list, err := d.ask(ctx, c)
	if err != nil {
		return err
	}
	t, failed := gather(c, list)
	if failed != nil {
		return d.fail(failed)
	}
	d.tree = t
	return nil
}

// gather takes the distinguished folders out of an answer.
func gather(c call, list []outcome) (*tree, *mail.Error) {
	t := &tree{roles: map[string]mail.Role{}, all: map[string]folder{}}
	for i, o := range list {
		err, needed := o.failure(c), i < 2
		switch {
		case err != nil && (needed || err.Code != mail.CodeEWSFolderGone):
			return nil, err
		case err != nil:
			continue
		case len(o.Folders.List) == 0 || i >= len(distinguished):
			return nil, &mail.Error{Op: c.op, Kind: mail.Transient, Code: mail.CodeEWSProtocol, Err: errors.New("the answer holds other folders than were asked for")}
		}
		f := o.Folders.List[0]
		if i == 0 {
			t.root = f.ID.ID
			continue
		}
		t.roles[f.ID.ID], t.all[f.ID.ID] = distinguished[i].role, f
	}
	if len(list) != len(distinguished) {
		return nil, &mail.Error{Op: c.op, Kind: mail.Transient, Code: mail.CodeEWSProtocol, Err: errors.New("the answer lacks folders")}
	}
	return t, nil
}

// Folders lists the folders below the root of the mailbox. Those that hold no mail (calendars, contacts) are listed as
// NoSelect, as are searches: their names are taken.
func (d *Destination) Folders(ctx context.Context) ([]mail.Folder, error) {
	const op = "list folders"
	if err := d.enter(ctx, op); err != nil {
		return nil, err
	}
	if err := d.listTree(ctx, op); err != nil {
		return nil, err
	}
	var all []mail.Folder
	for _, f := range d.tree.all {
		if path := d.tree.path(f); path != nil {
			all = append(all, d.tree.listed(f, path))
		}
	}
	slices.SortFunc(all, func(a, b mail.Folder) int { return strings.Compare(a.Path.String(), b.Path.String()) })
	return all, nil
}

// listTree reads all folders, page by page. Each page begins with the last folder of the one before: where that is
// another one by now, the list moved meanwhile, and is read anew.
func (d *Destination) listTree(ctx context.Context, op string) error {
	pages := pager{most: d.s.opts.PageSize, op: op}
	all := map[string]folder{}
	for !pages.done {
		list, err := d.each(ctx, call{op: op, at: atFolder, action: "FindFolder", body: el("m:FindFolder", folderShape(),
			page("m:IndexedPageFolderView", pages.ask(), pages.offset),
			el("m:ParentFolderIds", folderID(d.tree.root))).with("Traversal", "Deep")}, "")
		if err != nil {
			return err
		}
		var ids []string
		for _, f := range list[0].Root.Folders.List {
			ids = append(ids, f.ID.ID)
		}
		anew, failed := pages.turn(ids, list[0].Root.Last)
		if failed != nil {
			return d.fail(failed)
		}
		if anew {
			clear(all)
			continue
		}
		for _, f := range list[0].Root.Folders.List {
			all[f.ID.ID] = f
		}
	}
	d.tree.all = all
	return nil
}

// path gives the levels of a folder below the root; nil where a level is missing. The inbox is INBOX in each language.
func (t *tree) path(f folder) mail.Path {
	var path mail.Path
	for range 100 { // no mailbox is deeper, and a circle ends
		level := f.Name
		if t.roles[f.ID.ID] == mail.RoleInbox {
			level = "INBOX"
		}
		path = append(path, level)
		if f.Parent.ID == t.root {
			slices.Reverse(path)
			return path
		}
		above, known := t.all[f.Parent.ID]
		if !known {
			return nil
		}
		f = above
	}
	return nil
}

func (t *tree) listed(f folder, path mail.Path) mail.Folder {
	l := mail.Folder{Raw: mail.RawEWS + f.ID.ID, Path: path, Role: t.roles[f.ID.ID], NoSelect: !holdsMail(f)}
	if !l.NoSelect {
		l.Status = mail.Status{UIDValidity: uids.Validity(l.Raw), Messages: f.Total}
	}
	return l
}

// holdsMail tells mail folders from calendars and the like, and from searches that are shown as folders. One without a
// class is a mail folder.
func holdsMail(f folder) bool {
	return f.XMLName.Local != "SearchFolder" && (f.Class == "" || f.Class == mailFolderClass || strings.HasPrefix(f.Class, mailFolderClass+"."))
}

// child finds a folder by name; Exchange compares names without case.
func (t *tree) child(parent, name string) (folder, bool) {
	for _, f := range t.all {
		inbox := parent == t.root && strings.EqualFold(name, "INBOX")
		if inbox && t.roles[f.ID.ID] == mail.RoleInbox || !inbox && f.Parent.ID == parent && strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return folder{}, false
}

// Create makes the folder and the levels above it. Roles can't be given: the folders that have one are there already.
func (d *Destination) Create(ctx context.Context, path mail.Path, _ mail.Role) (mail.Folder, error) {
	const op = "create folder"
	if err := d.enter(ctx, op); err != nil {
		return mail.Folder{}, err
	}
	if err := d.listTree(ctx, op); err != nil {
		return mail.Folder{}, err
	}
	f := folder{ID: itemID{d.tree.root}}
	for i, level := range path {
		next, known := d.tree.child(f.ID.ID, level)
		if !known {
			made, err := d.make(ctx, op, f.ID.ID, level)
			if err != nil {
				return mail.Folder{}, err
			}
			next = made
		}
		if !holdsMail(next) && i == len(path)-1 {
			return mail.Folder{}, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeEWSFolder,
				Err: fmt.Errorf("%q is there and holds no mail (%s); rename it on the way with a rename rule", path.String(), next.Class)}
		}
		f = next
	}
	return d.tree.listed(f, d.tree.path(f)), nil
}

// make creates one level. What somebody else made in the meantime is as good.
func (d *Destination) make(ctx context.Context, op, parent, name string) (folder, error) {
	list, err := d.each(ctx, call{op: op, at: atFolder, action: "CreateFolder", body: el("m:CreateFolder",
		el("m:ParentFolderId", folderID(parent)),
		el("m:Folders", el("t:Folder", text("t:FolderClass", mailFolderClass), text("t:DisplayName", name))))}, "ErrorFolderExists")
	if err != nil {
		return folder{}, err
	}
	if made := list[0].Folders.List; list[0].Class == "Success" && len(made) > 0 && made[0].ID.ID != "" {
		f := folder{ID: made[0].ID, Parent: itemID{parent}, Class: mailFolderClass, Name: name}
		d.tree.all[f.ID.ID] = f
		return f, nil
	}
	if err := d.listTree(ctx, op); err != nil {
		return folder{}, err
	}
	if f, known := d.tree.child(parent, name); known {
		return f, nil
	}
	return folder{}, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeEWSFolder, Text: list[0].Text,
		Err: fmt.Errorf("the server says that %q exists and does not list it", name)}
}
