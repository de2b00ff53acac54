package ews

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"

	"mailhaul/executor/uids"
)

// element is one element of a request. Names carry the prefixes of the envelope: m for messages, t for types.
type element struct {
	name  string
	attrs []string // name, value, name, value
	text  string
	kids  []element
}

// el makes an element with children.
func el(name string, kids ...element) element { return element{name: name, kids: kids} }

// text makes an element with text.
func text(name, value string) element { return element{name: name, text: value} }

// with gives e with an attribute.
func (e element) with(name, value string) element {
	e.attrs = append(e.attrs[:len(e.attrs):len(e.attrs)], name, value)
	return e
}

// write renders the element. Characters that XML 1.0 does not know become U+FFFD.
func (e element) write(b *bytes.Buffer) {
	b.WriteByte('<')
	b.WriteString(e.name)
	for i := 0; i < len(e.attrs); i += 2 {
		b.WriteByte(' ')
		b.WriteString(e.attrs[i])
		b.WriteString(`="`)
		escape(b, e.attrs[i+1])
		b.WriteByte('"')
	}
	if e.text == "" && len(e.kids) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	escape(b, e.text)
	for _, k := range e.kids {
		k.write(b)
	}
	b.WriteString("</")
	b.WriteString(e.name)
	b.WriteByte('>')
}

func escape(b *bytes.Buffer, s string) {
	_ = xml.EscapeText(b, []byte(s)) // a Buffer takes everything
}

// serverVersion is asked for in each request: the oldest server that still gets updates understands it.
const serverVersion = "Exchange2016"

const envelopeStart = `<?xml version="1.0" encoding="utf-8"?>` +
	`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"` +
	` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"` +
	` xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">`

// header gives everything before the body's element.
func (d *Destination) header() []byte {
	kids := []element{el("t:RequestServerVersion").with("Version", serverVersion)}
	if d.s.opts.Impersonate {
		kids = append(kids, el("t:ExchangeImpersonation", el("t:ConnectingSID", text("t:SmtpAddress", d.mailbox))))
	}
	b := bytes.NewBufferString(envelopeStart)
	el("s:Header", kids...).write(b)
	b.WriteString("<s:Body>")
	return b.Bytes()
}

const envelopeEnd = "</s:Body></s:Envelope>"

// fieldURI names a property that EWS knows by name.
func fieldURI(name string) element { return el("t:FieldURI").with("FieldURI", name) }

// property is a MAPI property: one with a tag, or a named one of ours.
type property struct {
	tag, name string
	kind      string // Integer, String, SystemTime
}

// The properties that are set when an item is created, as it can't be done later. What they mean: MS-OXPROPS.
var (
	// propFlags, set to anything without the bit "unsent", is what keeps an item from being a draft.
	propFlags     = property{tag: "0x0E07", kind: "Integer"}
	propDelivered = property{tag: "0x0E06", kind: "SystemTime"}
	propSubmitted = property{tag: "0x0039", kind: "SystemTime"}
	// propVerb is what was last done with a message: uids.VerbReplied shows as answered.
	propVerb = property{tag: "0x1081", kind: "Integer"}
	// propID and propNumber are ours: the first says what the message is, the second is there to search and sort by.
	propID     = property{name: uids.MarkProperty, kind: "String"}
	propNumber = property{name: uids.NumberProperty, kind: "Integer"}
)

// The values of those properties.
const (
	flagRead        = 1
	flagUnsent      = 8
	timeFormat      = "2006-01-02T15:04:05Z"
	flagged         = "Flagged"
	notFlagged      = "NotFlagged"
	mailFolderClass = "IPF.Note"
)

// path names the property in a shape, a restriction or an update.
func (p property) path() element {
	e := el("t:ExtendedFieldURI")
	if p.tag != "" {
		e = e.with("PropertyTag", p.tag)
	} else {
		e = e.with("PropertySetId", uids.Set).with("PropertyName", p.name)
	}
	return e.with("PropertyType", p.kind)
}

// set gives the property a value.
func (p property) set(value string) element {
	return el("t:ExtendedProperty", p.path(), text("t:Value", value))
}

// is tells whether an answer's path names the property. Servers write tags in hex of any case, or in decimal.
func (p property) is(u extendedFieldURI) bool {
	if p.tag == "" {
		return strings.EqualFold(u.PropertySetID, uids.Set) && u.PropertyName == p.name
	}
	got, err := strconv.ParseUint(u.PropertyTag, 0, 16)
	want, _ := strconv.ParseUint(p.tag, 0, 16) // ours are numbers
	return err == nil && got == want
}
