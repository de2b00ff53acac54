package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"mailhaul/state/mail"
)

// The values of Web.Protocol.
const (
	EWS   = "ews"
	Graph = "graph"
)

// Web says that a destination is read over HTTPS instead of IMAP. Host, Port and TLS of its Server mean nothing then, and
// User and Password are for Basic, where there is no Token.
type Web struct {
	Protocol string // EWS or Graph
	URL      string // of the service; that of Graph without a version
	Mailbox  string // the address whose mail is read
	// Impersonate acts for the mailbox by ExchangeImpersonation, with EWS.
	Impersonate bool
}

// mailReader reads one side.
type mailReader interface {
	// list adds what the folder lists to the table, UIDs ascending.
	list(ctx context.Context, raw string, t *table) (span, error)
	// content reads what is wanted of messages of a folder that was listed last.
	content(ctx context.Context, raw string, all span, kind knowledge, want func(*entry) bool) error
	close()
}

// language is what a service says of folders and messages. It sends each request until it is answered or refused.
type language interface {
	// list tells of the items of a folder, and how many the server said there were to begin with; zero: it does not say.
	// errMoved says that an item may have slipped through, as others went meanwhile.
	list(ctx context.Context, folder string, take func(id string, e entry)) (told int, err error)
	// read reads the octets of some items. got is called for each that came whole, with what it holds.
	read(ctx context.Context, ids []string, to *itemDigester) error
	// most is how many items are asked for together, and how many octets.
	most() (items int, octets int64)
}

var errMoved = errors.New("the listing moved while it was read")

// itemReader reads a mailbox whose messages are items: they have a name of some hundred characters, and no UID. Here each
// gets the number of its place in the listing, which says nothing to anybody else.
type itemReader struct {
	server Server
	key    digestKey
	speak  language
	folder string
	ids    []string // of the folder, by UID; the first has UID 1
	barren atomic.Int32
}

// newDestination gives the reader that the server needs.
func newDestination(s Server, key digestKey) mailReader {
	if s.Web == nil {
		return newReader(s, key)
	}
	r := &itemReader{server: s, key: key}
	if s.Web.Protocol == Graph {
		r.speak = &graphReader{newCaller(s, graphCodes)}
	} else {
		r.speak = &ewsReader{newCaller(s, ewsCodes)}
	}
	return r
}

// close has nothing to end: each request is one of its own.
func (r *itemReader) close() {}

// list reads a folder until no page moved and nothing lacks that the server counted: messages come and go meanwhile.
func (r *itemReader) list(ctx context.Context, raw string, t *table) (span, error) {
	const op = "list messages"
	r.folder = raw
	for attempt := 1; ; attempt++ {
		all := span{table: t, from: t.n}
		r.ids = nil
		seen := map[string]bool{}
		told, err := r.speak.list(ctx, raw, func(id string, e entry) {
			if seen[id] || len(r.ids) >= mostMessages {
				return
			}
			seen[id] = true
			r.ids = append(r.ids, id)
			e.uid = mail.UID(len(r.ids)) //nolint:gosec // there are at most mostMessages
			t.add(e)
		})
		all.to = t.n
		moved := errors.Is(err, errMoved)
		switch {
		case err != nil && !moved:
			return all, err
		case len(r.ids) >= mostMessages:
			return all, tooMany(op, fmt.Sprintf("more than %d messages in a folder", mostMessages))
		case !moved && len(r.ids) >= told:
			return all, nil
		case attempt == listings:
			return all, &mail.Error{Op: op, Kind: mail.Transient, Code: r.codes().protocol,
				Err: fmt.Errorf("the server listed %d of %d messages, and others each time", len(r.ids), told)}
		}
		t.n = all.from
	}
}

// listings is how often a folder is listed whose listing moves.
const listings = 5

func (r *itemReader) codes() webCodes {
	if r.server.Web.Protocol == Graph {
		return graphCodes
	}
	return ewsCodes
}

// atOnce is how many requests of a mailbox are under way at a time: what Graph allows, and EWS too.
const atOnceMost = 4

// content reads bodies, or the naming fields for byHead, of the messages that are wanted. Neither service gives a header
// alone, as the message has it: for byHead Graph's answer is left behind the header, and of EWS's the rest is passed over.
// EWS has InternetMessageHeaders, which are some of the fields only (Microsoft's reference of that element); the whole
// header, PidTagTransportMessageHeaders, is that of mail that was delivered: what was imported has none.
func (r *itemReader) content(ctx context.Context, _ string, all span, kind knowledge, want func(*entry) bool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnceMost)
	items, octets := r.speak.most()
	var group []*entry
	var sum int64
	send := func() {
		if list := group; len(list) > 0 {
			g.Go(func() error { return r.readGroup(ctx, list, kind) })
		}
		group, sum = nil, 0
	}
	for i := all.from; i < all.to; i++ {
		e := all.at(i)
		if e.known >= kind || !want(e) {
			continue
		}
		if len(group) == items || len(group) > 0 && sum+int64(e.size) > octets {
			send()
		}
		group, sum = append(group, e), sum+int64(e.size)
	}
	send()
	return g.Wait()
}

// readGroup reads some messages together, and what did not come once more alone. A message that does not come then can't be
// read; the error is one after which nothing more can be.
func (r *itemReader) readGroup(ctx context.Context, group []*entry, kind knowledge) error {
	err := r.read(ctx, group, kind)
	for _, e := range group {
		if len(group) > 1 && e.known < kind && !final(ctx, err) {
			if one := r.read(ctx, []*entry{e}, kind); one != nil {
				err = one
			}
		}
		if e.known >= kind {
			r.barren.Store(0)
			continue
		}
		if e.known = unread; final(ctx, err) || r.barren.Add(1) > barrenMost {
			return cmp.Or(err, r.nothing())
		}
	}
	return nil
}

// nothing is the error of a service that answers and hands nothing over.
func (r *itemReader) nothing() error {
	return &mail.Error{Op: "fetch messages", Kind: mail.Transient, Code: r.codes().protocol,
		Err: errors.New("the server hands over none of many messages that it lists")}
}

// final tells whether an error ends the comparison of the mailbox: its other messages would fare the same.
func final(ctx context.Context, err error) bool {
	return ctx.Err() != nil || mail.KindOf(err) == mail.Auth
}

func (r *itemReader) read(ctx context.Context, group []*entry, kind knowledge) error {
	var ids []string
	for _, e := range group {
		ids = append(ids, r.ids[e.uid-1])
	}
	return r.speak.read(ctx, ids, &itemDigester{digester: newDigester(r.key, kind == byBody), group: group, kind: kind})
}

// itemDigester takes the messages of a group.
type itemDigester struct {
	*digester
	group []*entry
	kind  knowledge
}

// take digests the octets of one message: the i-th of the group, if nothing went wrong.
func (d *itemDigester) take(i int, octets io.Reader) error {
	e, err := d.digest(octets)
	if err == nil {
		d.fillFrom(i, e)
	}
	return err
}

// digest gives what was found in a message, whichever it is.
func (d *itemDigester) digest(octets io.Reader) (e entry, err error) {
	d.reset()
	if !d.whole {
		octets = &headerOnly{octets, d.digester}
	}
	if _, err = io.Copy(d.digester, octets); err != nil {
		return e, err
	}
	d.fill(&e)
	return e, nil
}

// headerOnly ends behind the header.
type headerOnly struct {
	io.Reader
	d *digester
}

func (h *headerOnly) Read(p []byte) (int, error) {
	if h.d.inBody {
		return 0, io.EOF
	}
	return h.Reader.Read(p)
}

// fillFrom notes what was found.
func (d *itemDigester) fillFrom(i int, from entry) {
	e := d.group[i]
	e.exact, e.canon, e.parts, e.head, e.signed, e.known = from.exact, from.canon, from.parts, from.head, from.signed, d.kind
}

// gone notes that a message is not there any more.
func (d *itemDigester) gone(i int) { d.group[i].known = gone }

// keywords makes the flags of an item: those that it has, and its categories.
func keywords(categories []string, system map[string]bool) (systemFlags, uint32) {
	var names []value
	for name, set := range system {
		if set {
			names = append(names, value{text: name})
		}
	}
	for _, c := range categories {
		names = append(names, value{text: strings.ReplaceAll(c, `\`, "_")})
	}
	return flagsOf(names)
}
