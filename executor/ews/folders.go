package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

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
func gather(c call, list []outcome) (*uids.Tree, *mail.Error) {
	t := uids.NewTree(mail.RawEWS, "")
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
			t.Root = f.ID.ID
			continue
		}
		t.Roles[f.ID.ID], t.All[f.ID.ID] = distinguished[i].role, f.known()
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
	return d.tree.Folders(), nil
}

// listTree reads all folders, page by page. Each page begins with the last folder of the one before: where that is
// another one by now, the list moved meanwhile, and is read anew.
func (d *Destination) listTree(ctx context.Context, op string) error {
	pages := pager{most: d.s.opts.PageSize, op: op}
	all := map[string]uids.Folder{}
	for !pages.done {
		list, err := d.each(ctx, call{op: op, at: atFolder, action: "FindFolder", body: el("m:FindFolder", folderShape(),
			page("m:IndexedPageFolderView", pages.ask(), pages.offset),
			el("m:ParentFolderIds", folderID(d.tree.Root))).with("Traversal", "Deep")}, "")
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
			all[f.ID.ID] = f.known()
		}
	}
	d.tree.All = all
	return nil
}

// known gives a folder as it is kept.
func (f *folder) known() uids.Folder {
	return uids.Folder{ID: f.ID.ID, Parent: f.Parent.ID, Name: f.Name, Class: f.Class, Total: f.Total, NoMail: !f.holdsMail()}
}

// holdsMail tells mail folders from calendars and the like, and from searches that are shown as folders. One without a
// class is a mail folder.
func (f *folder) holdsMail() bool {
	return f.XMLName.Local != "SearchFolder" && (f.Class == "" || f.Class == mailFolderClass || strings.HasPrefix(f.Class, mailFolderClass+"."))
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
	f := uids.Folder{ID: d.tree.Root}
	for i, level := range path {
		next, known := d.tree.Child(f.ID, level)
		if !known {
			made, err := d.make(ctx, op, f.ID, level)
			if err != nil {
				return mail.Folder{}, err
			}
			next = made
		}
		if next.NoMail && i == len(path)-1 {
			return mail.Folder{}, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeEWSFolder,
				Err: fmt.Errorf("%q is there and holds no mail (%s); rename it on the way with a rename rule", path.String(), next.Class)}
		}
		f = next
	}
	return d.tree.Listed(f), nil
}

// make creates one level. What somebody else made in the meantime is as good.
func (d *Destination) make(ctx context.Context, op, parent, name string) (uids.Folder, error) {
	list, err := d.each(ctx, call{op: op, at: atFolder, action: "CreateFolder", body: el("m:CreateFolder",
		el("m:ParentFolderId", folderID(parent)),
		el("m:Folders", el("t:Folder", text("t:FolderClass", mailFolderClass), text("t:DisplayName", name))))}, "ErrorFolderExists")
	if err != nil {
		return uids.Folder{}, err
	}
	if made := list[0].Folders.List; list[0].Class == "Success" && len(made) > 0 && made[0].ID.ID != "" {
		f := uids.Folder{ID: made[0].ID.ID, Parent: parent, Class: mailFolderClass, Name: name}
		d.tree.All[f.ID] = f
		return f, nil
	}
	if err := d.listTree(ctx, op); err != nil {
		return uids.Folder{}, err
	}
	if f, known := d.tree.Child(parent, name); known {
		return f, nil
	}
	return uids.Folder{}, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeEWSFolder, Text: list[0].Text,
		Err: fmt.Errorf("the server says that %q exists and does not list it", name)}
}
