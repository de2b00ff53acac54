package ewsserver

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailhaul/executor/endpointtest/httpsserver"
)

// pathOf reads the name of an extended property.
func pathOf(n *node) property {
	return property{strings.ToLower(n.attr("PropertySetId")), n.attr("PropertyName"), strings.ToLower(n.attr("PropertyTag"))}
}

func (c *conversation) createItem() []string {
	id := c.request.at("SavedItemFolderId").kids[0]
	f, no := c.box.folderOf(id)
	items := c.request.list("Items")
	busyAt := -1
	if h := c.habits; h.Busy == BusyOutcome && c.served%max(1, h.BusyEvery) == 0 {
		busyAt = len(items) / 2
	}
	var all []string
	for i, it := range items {
		if busyAt < 0 && c.overBudget() {
			busyAt = i
		}
		switch {
		case f == nil:
			all = append(all, c.refuse(no))
		case busyAt >= 0 && i == busyAt:
			all = append(all, c.refuse(refusal{"ErrorServerBusy", "The server cannot service this request right now.", c.habits.BackOff}))
		case busyAt >= 0 && i > busyAt:
			all = append(all, c.refuse(refusal{"ErrorBatchProcessingStopped", "Batch processing was stopped.", 0}))
		default:
			all = append(all, c.create(f, it))
		}
	}
	return all
}

// overBudget uses the budget for one item; when it is used up the mailbox is left alone for a while.
func (c *conversation) overBudget() bool {
	if c.habits.Budget == nil || c.habits.Budget.Take(time.Now(), 1) {
		return false
	}
	c.box.until = time.Now().Add(c.habits.BackOff)
	return true
}

func (c *conversation) create(f *folder, n *node) string {
	it, err := c.box.newItem(n, c.habits.Exact)
	h := c.habits
	switch {
	case err != nil:
		return c.refuse(refusal{"ErrorMimeContentInvalidBase64String", err.Error(), 0})
	case h.MaxMessage > 0 && len(it.original) > h.MaxMessage:
		return c.refuse(refusal{"ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.", 0})
	case h.Quota > 0 && c.box.octets+len(it.original) > h.Quota:
		return c.refuse(refusal{"ErrorQuotaExceeded", "The mailbox is full.", 0})
	}
	c.box.octets += len(it.original)
	f.items = append(f.items, it)
	return c.success(fmt.Sprintf(`<m:Items><Message><ItemId Id=%q ChangeKey="CQAAAA=="/></Message></m:Items>`, it.id))
}

// storeAll stores items without an answer.
func (s *Server) storeAll(b *Mailbox, id *node, items []*node) {
	f, _ := b.folderOf(id)
	if f == nil {
		return
	}
	for _, n := range items {
		if it, err := b.newItem(n, s.habits.Exact); err == nil {
			f.items = append(f.items, it)
		}
	}
}

// newItem makes an item of MIME. Whoever does not say that it was sent makes a draft.
func (b *Mailbox) newItem(n *node, exact bool) (*stored, error) {
	octets, err := base64.StdEncoding.DecodeString(n.textAt("MimeContent"))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	it := &stored{id: b.newID("item"), original: octets, mime: octets, received: now, created: time.Now(), draft: true,
		properties: map[property]string{}}
	if !exact {
		it.mime = httpsserver.Rewrite(octets)
	}
	for _, k := range n.kids {
		it.set(k)
	}
	return it, nil
}

// set takes one element of an item.
func (it *stored) set(k *node) {
	switch k.name {
	case "Categories":
		it.categories = nil
		for _, s := range k.kids {
			it.categories = append(it.categories, s.text)
		}
	case "Flag":
		it.flag = k.textAt("FlagStatus")
	case "IsRead":
		it.read = k.textAt() == "true"
	case "ExtendedProperty":
		p, v := pathOf(k.at("ExtendedFieldURI")), k.textAt("Value")
		it.properties[p] = v
		switch p.tag {
		case "0x0e07":
			bits, _ := strconv.Atoi(v)
			it.read, it.draft = bits&1 != 0, bits&8 != 0
		case "0x0e06":
			if t, err := time.Parse(time.RFC3339, v); err == nil {
				it.received = t
			}
		}
	}
}

// xml renders an item, with its MIME if asked for.
func (it *stored) xml(mime bool) string {
	var b strings.Builder
	b.WriteString("<Message>")
	if mime {
		fmt.Fprintf(&b, `<MimeContent CharacterSet="UTF-8">%s</MimeContent>`, base64.StdEncoding.EncodeToString(it.mime))
	}
	fmt.Fprintf(&b, `<ItemId Id=%q ChangeKey="CQAAAA=="/><DateTimeReceived>%s</DateTimeReceived><Size>%d</Size>`,
		it.id, it.received.UTC().Format(time.RFC3339), len(it.mime)+400)
	if len(it.categories) > 0 {
		b.WriteString("<Categories>")
		for _, c := range it.categories {
			fmt.Fprintf(&b, "<String>%s</String>", html.EscapeString(c))
		}
		b.WriteString("</Categories>")
	}
	fmt.Fprintf(&b, "<IsDraft>%t</IsDraft>", it.draft)
	for p, v := range it.properties {
		kind := "String"
		if p.tag != "" || p.name == "mailhaul-number" {
			kind = "Integer"
		}
		name := fmt.Sprintf("PropertySetId=%q PropertyName=%q", p.set, p.name)
		if p.tag != "" {
			name = fmt.Sprintf("PropertyTag=%q", p.tag)
		}
		if p.tag != "0x0e06" && p.tag != "0x0039" {
			fmt.Fprintf(&b, `<ExtendedProperty><ExtendedFieldURI %s PropertyType=%q/><Value>%s</Value></ExtendedProperty>`, name, kind, html.EscapeString(v))
		}
	}
	if it.flag != "" {
		fmt.Fprintf(&b, "<Flag><FlagStatus>%s</FlagStatus></Flag>", it.flag)
	}
	fmt.Fprintf(&b, "<IsRead>%t</IsRead></Message>", it.read)
	return b.String()
}

func (c *conversation) findItem() []string {
	f, no := c.box.folderOf(c.request.list("ParentFolderIds")[0])
	if f == nil {
		return []string{c.refuse(no)}
	}
	found := slices.DeleteFunc(slices.Clone(f.items), func(it *stored) bool { return !it.fits(c.request.at("Restriction")) })
	if order := c.request.at("SortOrder", "FieldOrder"); order != nil {
		slices.SortStableFunc(found, func(a, b *stored) int {
			n := compare(a, b, order.kids[0])
			if order.attr("Order") == "Descending" {
				n = -n
			}
			return n
		})
	}
	var all []string
	for _, it := range found {
		all = append(all, it.xml(false))
	}
	return []string{c.success(c.page("IndexedPageItemView", "Items", all))}
}

// compare orders two items by a property.
func compare(a, b *stored, path *node) int {
	if path.name == "ExtendedFieldURI" {
		x, _ := strconv.Atoi(a.properties[pathOf(path)])
		y, _ := strconv.Atoi(b.properties[pathOf(path)])
		return cmp.Compare(x, y)
	}
	return a.created.Compare(b.created)
}

// fits tells whether an item is what a restriction asks for.
func (it *stored) fits(restriction *node) bool {
	if restriction == nil {
		return true
	}
	test := restriction.kids[0]
	value, has := it.properties[pathOf(test.kids[0])]
	switch test.name {
	case "Exists":
		return has
	case "IsGreaterThanOrEqualTo":
		got, _ := strconv.Atoi(value)
		want, err := strconv.Atoi(test.at("FieldURIOrConstant", "Constant").attr("Value"))
		return has && err == nil && got >= want
	}
	return false
}

// itemOf finds an item by its name, in whatever folder.
func (b *Mailbox) itemOf(id string) *stored {
	for _, f := range b.folders {
		for _, it := range f.items {
			if it.id == id {
				return it
			}
		}
	}
	return nil
}

var itemGone = refusal{"ErrorItemNotFound", "The specified object was not found in the store.", 0}

func (c *conversation) getItem() []string {
	var all []string
	for _, id := range c.request.list("ItemIds") {
		it := c.box.itemOf(id.attr("Id"))
		if w := c.habits.Withhold; it != nil && w != "" && strings.Contains(string(it.original), w) {
			all = append(all, c.refuse(refusal{"ErrorInternalServerError", "An internal server error occurred. The operation failed.", 0}))
		} else if it != nil {
			all = append(all, c.success("<m:Items>"+it.xml(c.request.textAt("ItemShape", "IncludeMimeContent") == "true")+"</m:Items>"))
		} else {
			all = append(all, c.refuse(itemGone))
		}
	}
	return all
}

func (c *conversation) updateItem() []string {
	if c.request.attr("SuppressReadReceipts") != "true" {
		c.Blame("an update that may send read receipts")
	}
	var all []string
	for _, change := range c.request.list("ItemChanges") {
		it := c.box.itemOf(change.at("ItemId").attr("Id"))
		if it == nil {
			all = append(all, c.refuse(itemGone))
			continue
		}
		for _, u := range change.list("Updates") {
			it.update(u)
		}
		all = append(all, c.success(fmt.Sprintf(`<m:Items><Message><ItemId Id=%q ChangeKey="CQAAAB=="/></Message></m:Items>`, it.id)))
	}
	return all
}

func (it *stored) update(u *node) {
	switch {
	case u.name == "SetItemField":
		for _, k := range u.at("Message").kids {
			it.set(k)
		}
	case u.kids[0].name == "ExtendedFieldURI":
		delete(it.properties, pathOf(u.kids[0]))
	case u.kids[0].attr("FieldURI") == "item:Categories":
		it.categories = nil
	}
}
