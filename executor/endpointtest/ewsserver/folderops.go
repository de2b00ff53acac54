package ewsserver

import (
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
)

// folderOf finds the folder that an id names.
func (b *Mailbox) folderOf(id *node) (*folder, refusal) {
	want := id.attr("Id")
	for _, f := range b.folders {
		if id.name == "DistinguishedFolderId" && f.role == want || id.name == "FolderId" && f.id == want {
			return f, refusal{}
		}
	}
	if id.name == "FolderId" && len(want) < 40 {
		return nil, refusal{"ErrorInvalidIdMalformed", "Id is malformed.", 0}
	}
	return nil, refusal{"ErrorFolderNotFound", "The specified folder could not be found in the store.", 0}
}

func (c *conversation) getFolder() []string {
	var all []string
	for _, id := range c.request.list("FolderIds") {
		f, no := c.box.folderOf(id)
		if f == nil {
			all = append(all, c.refuse(no))
			continue
		}
		all = append(all, c.success("<m:Folders>"+f.xml()+"</m:Folders>"))
	}
	return all
}

// xml renders a folder; what was asked for is not looked at.
func (f *folder) xml() string {
	kind, class := "Folder", ""
	switch {
	case f.role == searchRole:
		kind = "SearchFolder"
	case f.class == "IPF.Appointment":
		kind = "CalendarFolder"
	}
	if f.class != "" {
		class = "<FolderClass>" + f.class + "</FolderClass>"
	}
	parent := ""
	if f.parent != "" {
		parent = fmt.Sprintf(`<ParentFolderId Id=%q ChangeKey="AQ=="/>`, f.parent)
	}
	return fmt.Sprintf(`<%s><FolderId Id=%q ChangeKey="AQAAAA=="/>%s%s<DisplayName>%s</DisplayName><TotalCount>%d</TotalCount></%[1]s>`,
		kind, f.id, parent, class, html.EscapeString(f.name), len(f.items))
}

func (c *conversation) findFolder() []string {
	top, no := c.box.folderOf(c.request.list("ParentFolderIds")[0])
	if top == nil {
		return []string{c.refuse(no)}
	}
	var found []string
	for _, f := range c.box.folders {
		if c.box.below(f, top) && (c.request.attr("Traversal") == "Deep" || f.parent == top.id) {
			found = append(found, f.xml())
		}
	}
	return []string{c.success(c.page("IndexedPageFolderView", "Folders", found))}
}

func (b *Mailbox) below(f, top *folder) bool {
	for _, above := range b.folders {
		if above.id == f.parent {
			return above == top || b.below(above, top)
		}
	}
	return false
}

// page cuts the page that is asked for out of what was found.
func (c *conversation) page(view, name string, found []string) string {
	v := c.request.at(view)
	offset, _ := strconv.Atoi(v.attr("Offset"))
	most, _ := strconv.Atoi(v.attr("MaxEntriesReturned"))
	if c.habits.Page > 0 {
		most = min(most, c.habits.Page)
	}
	from := min(offset, len(found))
	to := min(from+most, len(found))
	return fmt.Sprintf(`<m:RootFolder IndexedPagingOffset="%d" TotalItemsInView="%d" IncludesLastItemInRange="%t"><%s>%s</%[4]s></m:RootFolder>`,
		to, len(found), to == len(found), name, strings.Join(found[from:to], ""))
}

func (c *conversation) createFolder() []string {
	parent, no := c.box.folderOf(c.request.at("ParentFolderId").kids[0])
	if parent == nil {
		no.code = "ErrorParentFolderNotFound"
		return []string{c.refuse(no)}
	}
	var all []string
	for _, f := range c.request.list("Folders") {
		name := strings.TrimSpace(f.textAt("DisplayName"))
		taken := slices.ContainsFunc(c.box.folders, func(o *folder) bool { return o.parent == parent.id && strings.EqualFold(o.name, name) })
		if taken {
			all = append(all, c.refuse(refusal{"ErrorFolderExists", "A folder with the specified name already exists.", 0}))
			continue
		}
		made := c.box.makeFolder(parent.id, name, "", f.textAt("FolderClass"))
		all = append(all, c.success(fmt.Sprintf(`<m:Folders><Folder><FolderId Id=%q ChangeKey="AQAAAA=="/></Folder></m:Folders>`, made.id)))
	}
	return all
}
