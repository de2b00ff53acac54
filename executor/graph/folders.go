package graph

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// folder is a mailFolder.
type folder struct {
	Type     string `json:"@odata.type"`
	ID       string `json:"id"`
	Parent   string `json:"parentFolderId"`
	Name     string `json:"displayName"`
	Children int    `json:"childFolderCount"`
	Total    uint32 `json:"totalItemCount"`
	Hidden   bool   `json:"isHidden"`
}

// wellKnown are the folders that Graph knows by a name of its own, whatever they are called in the mailbox's language.
var wellKnown = []struct {
	name string
	role mail.Role
}{
	{"inbox", mail.RoleInbox},
	{"drafts", mail.RoleDrafts},
	{"sentitems", mail.RoleSent},
	{"deleteditems", mail.RoleTrash},
	{"junkemail", mail.RoleJunk},
	{"archive", mail.RoleArchive},
}

func folderQuery() url.Values {
	return url.Values{"$select": {"id,parentFolderId,displayName,childFolderCount,totalItemCount,isHidden"}}
}

// lookAround signs in and finds the folders that Graph has names for. One that the mailbox lacks has no role; the root and
// the inbox it can't lack.
func (d *Destination) lookAround(ctx context.Context) error {
	const op = "sign in"
	if err := d.enter(ctx, op); err != nil {
		return err
	}
	var root folder
	if failed := d.ask(ctx, get(op, atSignIn, folderQuery(), "mailFolders", "msgfolderroot"), &root); failed != nil {
		return d.fail(failed)
	}
	t := uids.NewTree(mail.RawGraph, root.ID)
	for _, w := range wellKnown {
		var f folder
		at := atFolder
		if w.role == mail.RoleInbox {
			at = atSignIn
		}
		failed := d.ask(ctx, get(op, at, folderQuery(), "mailFolders", w.name), &f)
		if failed != nil && failed.Kind == mail.Refused {
			continue
		}
		if failed != nil {
			return d.fail(failed)
		}
		t.Roles[f.ID] = w.role
	}
	d.tree = t
	return nil
}

// Folders lists the folders below the root of the mailbox. Searches that are shown as folders are listed as NoSelect: their
// names are taken. Hidden ones are none that people have mail in.
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

// listTree reads all folders, level by level: Graph lists the children of one folder at a time.
func (d *Destination) listTree(ctx context.Context, op string) error {
	all := map[string]uids.Folder{}
	for level := []string{d.tree.Root}; len(level) > 0; {
		var next []string
		for _, parent := range level {
			list, failed := d.children(ctx, op, parent)
			if failed != nil {
				return d.fail(failed)
			}
			for _, f := range list {
				if _, again := all[f.ID]; !again && f.Children > 0 {
					next = append(next, f.ID)
				}
				all[f.ID] = f.known()
			}
		}
		level = next
	}
	d.tree.All = all
	return nil
}

// children lists the folders below one, hidden ones too: the staging folder is one of them.
func (d *Destination) children(ctx context.Context, op, parent string) (list []folder, failed *mail.Error) {
	q := d.top(folderQuery())
	q.Set("includeHiddenFolders", "true")
	_, failed = collect(ctx, d.client, get(op, atFolder, q, "mailFolders", parent, "childFolders"),
		func(page []folder) { list = append(list, page...) })
	return list, failed
}

// known gives a folder as it is kept.
func (f *folder) known() uids.Folder {
	search := strings.HasSuffix(f.Type, "mailSearchFolder")
	return uids.Folder{ID: f.ID, Parent: f.Parent, Name: f.Name, Total: f.Total, NoMail: search, Hidden: f.Hidden}
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
			made, failed := d.make(ctx, op, newFolder{Name: level}, f.ID)
			if failed != nil {
				return mail.Folder{}, d.fail(failed)
			}
			next = made.known()
			d.tree.All[next.ID] = next
		}
		if i == len(path)-1 && (next.NoMail || next.Hidden) {
			return mail.Folder{}, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeGraphFolder,
				Err: fmt.Errorf("%q is there and is no folder for people's mail; rename it on the way with a rename rule", path.String())}
		}
		f = next
	}
	return d.tree.Listed(f), nil
}

// newFolder is what a folder is made of.
type newFolder struct {
	Name   string `json:"displayName"`
	Hidden bool   `json:"isHidden,omitempty"` // it can be set only now
}

// make creates one level. What somebody else made in the meantime is as good.
func (d *Destination) make(ctx context.Context, op string, n newFolder, parent string) (folder, *mail.Error) {
	f := folder{Parent: parent, Name: n.Name, Hidden: n.Hidden}
	c := call{op: op, at: atFolder, method: http.MethodPost, path: []string{"mailFolders", parent, "childFolders"}, json: n}
	failed := d.ask(ctx, c, &f)
	if failed == nil && f.ID != "" {
		return f, nil
	}
	if failed == nil {
		return f, strange(op, fmt.Errorf("the answer names no folder"))
	}
	if _, code := statusOf(failed); code != "ErrorFolderExists" {
		return f, failed
	}
	list, again := d.children(ctx, op, parent)
	if again != nil {
		return f, again
	}
	for _, f := range list {
		if strings.EqualFold(f.Name, n.Name) {
			return f, nil
		}
	}
	failed.Err = fmt.Errorf("the server says that %q exists and does not list it", n.Name)
	return f, failed
}

// staging gives the id of the staging folder, which is made when it is needed first.
func (d *Destination) staging(ctx context.Context) (string, *mail.Error) {
	const op = "make the staging folder"
	d.box.staging.Lock()
	defer d.box.staging.Unlock()
	if id := d.box.place(); id != "" {
		return id, nil
	}
	list, failed := d.children(ctx, op, d.tree.Root)
	if failed != nil {
		return "", failed
	}
	var f folder
	for _, one := range list {
		if strings.EqualFold(one.Name, StagingFolder) {
			f = one
		}
	}
	if f.ID == "" {
		if f, failed = d.make(ctx, op, newFolder{StagingFolder, true}, d.tree.Root); failed != nil {
			return "", failed
		}
	}
	d.box.setPlace(f.ID)
	return f.ID, nil
}

// place is the id of the staging folder; empty: not known.
func (b *box) place() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.placed
}

func (b *box) setPlace(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.placed = id
}
