package graphserver

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

var (
	noFolder  = no(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store., The process failed to get the correct properties.")
	badFolder = no(http.StatusBadRequest, "ErrorInvalidIdMalformed", "Id is malformed.")
	noMessage = no(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
)

// folder finds the folder of the path; a name that is no id at all is malformed.
func (c *conversation) folder() (*folder, reply) {
	id := c.names["mailFolder"]
	f := c.box.byID(id)
	if f != nil {
		return f, reply{}
	}
	if _, err := base64.URLEncoding.DecodeString(id); err != nil && !slices.Contains(c.meta.WellKnown, strings.ToLower(id)) {
		return nil, badFolder
	}
	return nil, noFolder
}

func (c *conversation) folderJSON(f *folder) map[string]any {
	children, unread := 0, 0
	for _, g := range c.box.folders {
		if g.parent == f.id {
			children++
		}
	}
	for _, m := range f.messages {
		if !m.read {
			unread++
		}
	}
	all := map[string]any{"id": f.id, "displayName": f.name, "parentFolderId": f.parent, "childFolderCount": children,
		"totalItemCount": len(f.messages), "unreadItemCount": unread, "isHidden": f.hidden}
	if f.search {
		all["@odata.type"] = "#microsoft.graph.mailSearchFolder"
	}
	return c.selected(all)
}

func (c *conversation) getFolder() reply {
	f, no := c.folder()
	if f == nil {
		return no
	}
	return reply{status: http.StatusOK, json: c.folderJSON(f)}
}

func (c *conversation) listFolders() reply {
	f, no := c.folder()
	if f == nil {
		return no
	}
	var all []map[string]any
	for _, g := range c.box.folders {
		if g.parent == f.id && (!g.hidden || c.query.Get("includeHiddenFolders") == "true") {
			all = append(all, c.folderJSON(g))
		}
	}
	return c.paged(all)
}

func (c *conversation) createFolder() reply {
	f, refused := c.folder()
	if f == nil {
		return refused
	}
	var n struct {
		Name   string `json:"displayName"`
		Hidden bool   `json:"isHidden"`
	}
	if err := json.Unmarshal(c.body, &n); err != nil || n.Name == "" {
		return no(http.StatusBadRequest, "ErrorInvalidRequest", "The folder has no name.")
	}
	for _, g := range c.box.folders {
		if g.parent == f.id && strings.EqualFold(g.name, n.Name) {
			return no(http.StatusConflict, "ErrorFolderExists", "A folder with the specified name already exists.")
		}
	}
	made := c.box.makeFolder(f.id, n.Name, "")
	made.hidden = n.Hidden
	return reply{status: http.StatusCreated, json: c.folderJSON(made)}
}

func (c *conversation) messageJSON(m *message, in *folder) map[string]any {
	all := map[string]any{"id": c.idOf(m), "receivedDateTime": m.received.UTC().Format(time.RFC3339), "isRead": m.read, "isDraft": false,
		"categories": append([]string{}, m.categories...), "flag": map[string]string{"flagStatus": m.flag}, "parentFolderId": in.id,
		"createdDateTime": m.created.UTC().Format(time.RFC3339)}
	if expand := c.query.Get("$expand"); expand != "" {
		ids, _ := c.meta.parseExpand(c.meta.types["message"], expand) // it was checked
		var list []map[string]string
		for _, id := range ids {
			if v, has := m.value(id); has {
				list = append(list, map[string]string{"id": key(id), "value": v})
			}
		}
		if list != nil {
			all["singleValueExtendedProperties"] = list
		}
	}
	return c.selected(all)
}

// listMessages lists the newest first, as Graph does by itself.
func (c *conversation) listMessages() reply {
	f, refused := c.folder()
	if f == nil {
		return refused
	}
	var wanted *filter
	if text := c.query.Get("$filter"); text != "" {
		if c.habits.RefuseFilter {
			return no(http.StatusBadRequest, "InefficientFilter", "The restriction or sort order is too complex for this operation.")
		}
		parsed, _ := parseFilter(text) // it was checked
		wanted = &parsed
	}
	var all []map[string]any
	for _, m := range slices.Backward(f.messages) {
		if wanted == nil || wanted.fits(m) {
			all = append(all, c.messageJSON(m, f))
		}
	}
	return c.paged(all)
}

func (c *conversation) getMessage() reply {
	f, m := c.box.find(c.names["message"])
	if m == nil {
		return noMessage
	}
	return reply{status: http.StatusOK, json: c.messageJSON(m, f)}
}

func (c *conversation) getMIME() reply {
	_, m := c.box.find(c.names["message"])
	if m == nil {
		return noMessage
	}
	if w := c.habits.Withhold; w != "" && strings.Contains(string(m.original), w) {
		return no(http.StatusInternalServerError, "ErrorInternalServerError", "An internal server error occurred. The operation failed.")
	}
	return reply{mime: m.mime}
}

// importMIME makes a message that is no draft. It is unread and has the date of its import: nothing else is documented.
func (c *conversation) importMIME() reply {
	f, refused := c.folder()
	if f == nil {
		return refused
	}
	octets, err := base64.StdEncoding.DecodeString(string(c.body))
	h := c.habits
	switch {
	case err != nil || len(octets) == 0:
		return no(http.StatusBadRequest, "ErrorMimeContentInvalidBase64String", "The MIME content is not valid base64.")
	case h.MaxMessage > 0 && len(octets) > h.MaxMessage:
		return no(http.StatusRequestEntityTooLarge, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
	case h.Quota > 0 && c.box.octets+len(octets) > h.Quota:
		return no(http.StatusInsufficientStorage, "ErrorQuotaExceeded", "The mailbox is full.")
	}
	m := c.box.newMessage(octets)
	c.box.octets += len(octets)
	f.messages = append(f.messages, m)
	return reply{status: http.StatusCreated, json: c.messageJSON(m, f)}
}

func (c *conversation) updateMessage() reply {
	f, m := c.box.find(c.names["message"])
	if m == nil {
		return noMessage
	}
	var u struct {
		Read       *bool    `json:"isRead"`
		Categories []string `json:"categories"`
		Flag       *struct {
			Status string `json:"flagStatus"`
		} `json:"flag"`
		Extended []struct{ ID, Value string } `json:"singleValueExtendedProperties"`
	}
	if err := json.Unmarshal(c.body, &u); err != nil {
		return no(http.StatusBadRequest, "UnableToDeserializePostBody", err.Error())
	}
	for _, p := range u.Extended {
		if c.habits.RefuseDate && key(p.ID) == "SystemTime 0xe06" {
			return no(http.StatusBadRequest, "ErrorInvalidPropertySet", "Set action is invalid for property.")
		}
	}
	for _, p := range u.Extended {
		m.set(p.ID, p.Value, c.habits.IgnoreDate)
	}
	if u.Read != nil {
		m.read = *u.Read
	}
	if u.Flag != nil {
		m.flag = u.Flag.Status
	}
	if u.Categories != nil {
		m.categories = u.Categories
	}
	return reply{status: http.StatusOK, json: c.messageJSON(m, f)}
}

func (c *conversation) move() reply {
	f, m := c.box.find(c.names["message"])
	if m == nil {
		return noMessage
	}
	var to struct {
		ID string `json:"destinationId"`
	}
	if err := json.Unmarshal(c.body, &to); err != nil {
		return no(http.StatusBadRequest, "ErrorInvalidRequest", err.Error())
	}
	t := c.box.byID(to.ID)
	if t == nil || t.search {
		return noFolder
	}
	f.messages = slices.DeleteFunc(f.messages, func(o *message) bool { return o == m })
	t.messages = append(t.messages, m)
	m.place = c.box.newID("place") // the other id stays
	return reply{status: http.StatusCreated, json: c.messageJSON(m, t)}
}
