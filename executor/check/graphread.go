package check

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// graphReader reads over Microsoft Graph: a listing of messages, and each message by $value, as the server renders it.
type graphReader struct{ *caller }

// The properties that Graph has no name for (MS-OXPROPS): the size, and what was last done with the message.
const (
	graphSize = "Integer 0x0E08"
	graphVerb = "Integer 0x1081"
)

// immutable asks for ids that a message keeps when people move it: what was listed is found when it is read.
var immutable = map[string]string{"Prefer": `IdType="ImmutableId"`}

// graphPage is one page of a listing.
type graphPage struct {
	Count *int          `json:"@odata.count"`
	Next  string        `json:"@odata.nextLink"`
	Value []graphedMail `json:"value"`
}

type graphedMail struct {
	ID         string   `json:"id"`
	Received   string   `json:"receivedDateTime"`
	Read       bool     `json:"isRead"`
	Draft      bool     `json:"isDraft"`
	Categories []string `json:"categories"`
	Flag       struct {
		Status string `json:"flagStatus"`
	} `json:"flag"`
	Extended []struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"singleValueExtendedProperties"`
}

// maxListing bounds one page.
const maxListing = 64 << 20

// shortRest is what is rather read than left unread.
const shortRest = 32 << 10

// most: one message each, which comes in an answer of its own.
func (g *graphReader) most() (items int, octets int64) { return 1, maxBody }

// list reads page by page. The newest come first, so that mail that arrives meanwhile makes entries come twice, and only
// mail that goes lets one slip through: then the server's count falls.
func (g *graphReader) list(ctx context.Context, folder string, take func(string, entry)) (told int, err error) {
	const op = "list messages"
	q := url.Values{"$top": {"500"}, "$count": {"true"}, "$select": {"receivedDateTime,isRead,isDraft,flag,categories"},
		"$expand": {"singleValueExtendedProperties($filter=id eq '" + graphSize + "' or id eq '" + graphVerb + "')"}}
	at := g.address("mailFolders", strings.TrimPrefix(folder, mail.RawGraph), "messages") + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
	for pages, count := 0, 0; at != ""; pages++ {
		if !strings.HasPrefix(at, g.address()) {
			return 0, g.strange(op, "the next page is said to be on another server") // the token would go along
		}
		var p graphPage
		if err := g.do(ctx, request{op: op, name: "GET messages", address: at, header: immutable}, func(r *http.Response) error {
			if err := g.refusal(op, r); err != nil {
				return err
			}
			p = graphPage{}
			return json.NewDecoder(io.LimitReader(r.Body, maxListing)).Decode(&p)
		}); err != nil {
			return 0, err
		}
		if p.Count != nil {
			if pages > 0 && *p.Count < count {
				return told, errMoved
			}
			if count = *p.Count; pages == 0 {
				told = count
			}
		}
		for _, m := range p.Value {
			take(m.ID, m.entry())
		}
		at = p.Next
	}
	return told, nil
}

// address is that of something below the mailbox.
func (g *graphReader) address(path ...string) string {
	text := strings.TrimRight(g.server.Web.URL, "/") + "/beta/users/" + url.PathEscape(g.server.Web.Mailbox) + "/"
	for i, p := range path {
		if i > 0 {
			text += "/"
		}
		text += url.PathEscape(p)
	}
	return text
}

// refusal gives the error of an answer that is none of success.
func (g *graphReader) refusal(op string, r *http.Response) error {
	switch r.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusNotFound, http.StatusBadRequest:
		return g.refuse(op, "the server says that it is not there")
	}
	return g.status(op, r)
}

func (m *graphedMail) entry() entry {
	e := entry{date: noDate}
	if t, err := time.Parse(time.RFC3339, m.Received); err == nil {
		e.date = t.Unix()
	}
	system := map[string]bool{`\Seen`: m.Read, `\Draft`: m.Draft, `\Flagged`: m.Flag.Status == "flagged"}
	for _, x := range m.Extended {
		switch _, tag, _ := strings.Cut(strings.ToLower(x.ID), " 0x"); strings.TrimLeft(tag, "0") {
		case "1081":
			system[`\Answered`] = answeredBy(x.Value)
		case "e08":
			e.size = sizeOf(x.Value)
		}
	}
	e.system, e.words = keywords(m.Categories, system)
	return e
}

func (g *graphReader) read(ctx context.Context, ids []string, to *itemDigester) error {
	const op = "fetch messages"
	for i, id := range ids {
		err := g.do(ctx, request{op: op, name: "GET message", address: g.address("messages", id, "$value"), header: immutable}, func(r *http.Response) error {
			if r.StatusCode == http.StatusNotFound {
				to.gone(i)
				return nil
			}
			if err := g.refusal(op, r); err != nil {
				return err
			}
			if err := to.take(i, io.LimitReader(r.Body, maxBody)); err != nil {
				return err
			}
			_, _ = io.CopyN(io.Discard, r.Body, shortRest) // a connection whose answer was read to its end can be used again
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
