package check

import (
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// ewsReader reads over Exchange Web Services: FindItem for a listing, GetItem with the MIME that the server makes.
type ewsReader struct{ *caller }

// ewsEntries bounds a page of a listing; ewsItems and ewsOctets what one GetItem asks for.
const (
	ewsEntries = 500
	ewsItems   = 20
	ewsOctets  = 4 << 20
)

func (x *ewsReader) most() (items int, octets int64) { return ewsItems, ewsOctets }

// ewsAnswer is what is read of an answer. Names are matched without prefixes, which are the server's choice.
type ewsAnswer struct {
	Fault *struct {
		Words string `xml:"faultstring"`
		Code  string `xml:"detail>ResponseCode"`
		Waits []wait `xml:"detail>MessageXml>Value"`
	} `xml:"Body>Fault"`
	Messages []struct {
		List []ewsOutcome `xml:",any"`
	} `xml:"Body>FindItemResponse>ResponseMessages"`
	Items []struct {
		List []ewsOutcome `xml:",any"`
	} `xml:"Body>GetItemResponse>ResponseMessages"`
}

type wait struct {
	Name string `xml:"Name,attr"`
	Text string `xml:",chardata"`
}

// ewsOutcome is the server's word on one thing that was asked for.
type ewsOutcome struct {
	Class string `xml:"ResponseClass,attr"`
	Code  string `xml:"ResponseCode"`
	Waits []wait `xml:"MessageXml>Value"`
	Root  struct {
		Total *int      `xml:"TotalItemsInView,attr"`
		Last  bool      `xml:"IncludesLastItemInRange,attr"`
		Items ewsMailed `xml:"Items"`
	} `xml:"RootFolder"`
	Items ewsMailed `xml:"Items"`
}

type ewsMailed struct {
	List []ewsMail `xml:",any"` // Message, MeetingRequest, ...
}

type ewsMail struct {
	Holds *struct{} `xml:"MimeContent"`
	ID    struct {
		ID string `xml:"Id,attr"`
	} `xml:"ItemId"`
	Received   string   `xml:"DateTimeReceived"`
	Size       string   `xml:"Size"`
	Categories []string `xml:"Categories>String"`
	Draft      bool     `xml:"IsDraft"`
	Read       bool     `xml:"IsRead"`
	Flag       string   `xml:"Flag>FlagStatus"`
	Verbs      []string `xml:"ExtendedProperty>Value"` // the one that is asked for
}

// envelope wraps what is asked for, in words that Exchange 2016 and later know.
func (x *ewsReader) envelope(body string) string {
	acting := ""
	if x.server.Web.Impersonate {
		acting = "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>" + html.EscapeString(x.server.Web.Mailbox) +
			"</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
	}
	return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"` +
		` xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>` +
		`<t:RequestServerVersion Version="Exchange2016"/>` + acting + `</s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

// ask sends a request and gives the outcomes. The octets of messages go to take, in the order in which they stand.
func (x *ewsReader) ask(ctx context.Context, op, action, body string, take func(io.Reader) error) (list []ewsOutcome, err error) {
	q := request{op: op, name: action, address: x.server.Web.URL, body: x.envelope(body), header: map[string]string{
		"Content-Type": "text/xml; charset=utf-8", "X-AnchorMailbox": x.server.Web.Mailbox,
		"SOAPAction": strconv.Quote("http://schemas.microsoft.com/exchange/services/2006/messages/" + action)}}
	err = x.do(ctx, q, func(r *http.Response) error {
		if !strings.Contains(r.Header.Get("Content-Type"), "xml") || r.StatusCode == http.StatusUnauthorized {
			return x.status(op, r)
		}
		var a ewsAnswer
		if err := xml.NewDecoder(newMIMEApart(r.Body, take)).Decode(&a); err != nil {
			return x.undecoded(op, r, err)
		}
		switch f := a.Fault; {
		case f != nil && f.Code == "":
			return x.status(op, r)
		case f != nil:
			return x.trouble(op, f.Code, f.Waits)
		}
		list = nil
		for _, m := range append(a.Messages, a.Items...) {
			list = append(list, m.List...)
		}
		if len(list) == 0 {
			return x.strange(op, "the answer holds no outcome")
		}
		return x.troubles(op, list)
	})
	return list, err
}

// troubles gives the error of outcomes for which all is asked for once more: a server that is busy says so of some and not of
// others. One that is alone is an error whatever it says, but that the item is not there.
func (x *ewsReader) troubles(op string, list []ewsOutcome) error {
	for _, o := range list {
		t := x.trouble(op, o.Code, o.Waits)
		if o.Class == "Error" && (t.Kind == mail.Throttled || len(list) == 1 && o.Code != itemGone) {
			return t
		}
	}
	return nil
}

const itemGone = "ErrorItemNotFound"

// undecoded tells an answer that was cut short from one that is not XML.
func (x *ewsReader) undecoded(op string, r *http.Response, err error) error {
	if r.StatusCode != http.StatusOK {
		return x.status(op, r)
	}
	return fmt.Errorf("%s: the answer can't be read: %w", op, err)
}

// trouble makes an error of a response code.
func (x *ewsReader) trouble(op, code string, waits []wait) *mail.Error {
	switch code {
	case "ErrorServerBusy":
		e := &mail.Error{Op: op, Kind: mail.Throttled, Code: x.codes.throttled, Text: code}
		for _, w := range waits {
			if n, err := strconv.ParseInt(strings.TrimSpace(w.Text), 10, 64); err == nil && w.Name == "BackOffMilliseconds" && n > 0 {
				e.Wait = time.Duration(min(n, longestWait.Milliseconds())) * time.Millisecond
			}
		}
		return e
	case "ErrorAccessDenied", "ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorNonExistentMailbox":
		return &mail.Error{Op: op, Kind: mail.Auth, Code: x.codes.denied, Text: code}
	case "ErrorFolderNotFound", itemGone, "ErrorInvalidIdMalformed", "ErrorInvalidId":
		return x.refuse(op, "the server says that it is not there ("+code+")")
	}
	return &mail.Error{Op: op, Kind: mail.Transient, Code: x.codes.protocol, Text: code}
}

// findItem asks for a page of a folder, the oldest items first, so that what comes meanwhile comes at the end.
func findItem(folder string, offset int) string {
	return `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>` +
		`<t:AdditionalProperties><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURI FieldURI="item:Size"/>` +
		`<t:FieldURI FieldURI="item:Categories"/><t:FieldURI FieldURI="item:IsDraft"/><t:FieldURI FieldURI="message:IsRead"/>` +
		`<t:FieldURI FieldURI="item:Flag"/><t:ExtendedFieldURI PropertyTag="0x1081" PropertyType="Integer"/></t:AdditionalProperties>` +
		fmt.Sprintf(`</m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="%d" Offset="%d" BasePoint="Beginning"/>`, ewsEntries, offset) +
		`<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeCreated"/></t:FieldOrder></m:SortOrder>` +
		`<m:ParentFolderIds><t:FolderId Id="` + html.EscapeString(strings.TrimPrefix(folder, mail.RawEWS)) + `"/></m:ParentFolderIds></m:FindItem>`
}

// list reads page by page. Each page begins with the last item of the one before: where that is another one by now, items
// went meanwhile, and one may have slipped through.
func (x *ewsReader) list(ctx context.Context, folder string, take func(string, entry)) (told int, err error) {
	const op = "list messages"
	last := ""
	for offset := 0; ; {
		list, err := x.ask(ctx, op, "FindItem", findItem(folder, offset), nil)
		if err != nil {
			return 0, err
		}
		page := list[0].Root
		items := page.Items.List
		if page.Total != nil && last == "" {
			told = *page.Total
		}
		moved := last != "" && (len(items) == 0 || items[0].ID.ID != last)
		stuck := !page.Last && (len(items) == 0 || last != "" && len(items) == 1)
		if moved || stuck {
			return told, errMoved
		}
		for _, m := range items {
			take(m.ID.ID, m.entry())
		}
		if page.Last {
			return told, nil
		}
		last, offset = items[len(items)-1].ID.ID, offset+len(items)-1
	}
}

func (m *ewsMail) entry() entry {
	e := entry{date: noDate, size: sizeOf(m.Size)}
	if t, err := time.Parse(time.RFC3339, m.Received); err == nil {
		e.date = t.Unix()
	}
	answered := len(m.Verbs) > 0 && answeredBy(m.Verbs[0])
	e.system, e.words = keywords(m.Categories, map[string]bool{`\Seen`: m.Read, `\Draft`: m.Draft, `\Flagged`: m.Flag == "Flagged",
		`\Answered`: answered})
	return e
}

// answeredBy reads PidTagLastVerbExecuted: 102 and 103 are answers to one and to all (MS-OXOMSG, 2.2.1.9).
func answeredBy(verb string) bool { return verb == "102" || verb == "103" }

func sizeOf(text string) uint32 {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0 // it is a hint only
	}
	return uint32(n)
}

// read asks for messages. Their octets come before anything that says whose they are, so that they are given to the items
// afterwards, in order, and each item must be the one that was asked for in its place.
func (x *ewsReader) read(ctx context.Context, ids []string, to *itemDigester) error {
	const op = "fetch messages"
	var b strings.Builder
	b.WriteString(`<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape><m:ItemIds>`)
	for _, id := range ids {
		b.WriteString(`<t:ItemId Id="` + html.EscapeString(id) + `"/>`)
	}
	b.WriteString(`</m:ItemIds></m:GetItem>`)
	var came []entry
	list, err := x.ask(ctx, op, "GetItem", b.String(), func(octets io.Reader) error {
		e, err := to.digest(octets)
		came = append(came, e)
		return err
	})
	if err != nil {
		return err
	}
	if len(came) < holding(list) {
		return x.strange(op, "the answer holds other messages than it says")
	}
	came = came[len(came)-holding(list):] // an earlier try of the same request may have brought some
	for i, o := range list {
		switch {
		case i >= len(ids):
			return x.strange(op, "the answer holds more than was asked for")
		case o.Class == "Error" && o.Code == itemGone:
			to.gone(i)
		case len(o.Items.List) == 0 || o.Items.List[0].Holds == nil:
			continue
		case o.Items.List[0].ID.ID != ids[i]:
			return x.strange(op, "the answer holds another message than was asked for")
		default:
			to.fillFrom(i, came[0])
			came = came[1:]
		}
	}
	return nil
}

// holding counts the items that came with a message.
func holding(list []ewsOutcome) int {
	n := 0
	for _, o := range list {
		if len(o.Items.List) > 0 && o.Items.List[0].Holds != nil {
			n++
		}
	}
	return n
}
