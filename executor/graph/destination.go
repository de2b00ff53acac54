package graph

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/executor/web"
	"mailhaul/state/mail"
)

// Destination is a session of one mailbox that mail is written to. It is used by one goroutine at a time.
type Destination struct {
	web.Session
	*client

	tree   *uids.Tree      // the folders as they were listed last
	index  uids.Index      // items of the folder listed last
	opened map[string]bool // by raw name
}

// Destination opens a session. The first one of a mailbox, and the first after a refusal, proves that the mailbox is there
// and may be read. Nothing is written by that: whether it may be written to shows at the first message.
func (s *Service) Destination(ctx context.Context, mailbox string) (*Destination, error) {
	d := &Destination{client: &client{s: s, box: s.box(mailbox), trace: web.NewTrace(s.opts.Trace, mailbox)}, opened: map[string]bool{}}
	if t := d.box.remembered(); t != nil {
		d.tree = t
		return d, nil
	}
	if err := d.lookAround(ctx); err != nil {
		return nil, err
	}
	d.box.remember(d.tree)
	return d, nil
}

// remembered gives what an earlier session found of the mailbox; nil: there was none.
func (b *box) remembered() *uids.Tree {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil {
		return nil
	}
	return b.known.Anew()
}

// remember keeps what a session has found; nil forgets it.
func (b *box) remember(t *uids.Tree) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = t
}

// fail makes the session dead if the error's kind says so. After a refusal the next session looks at the mailbox anew.
func (d *Destination) fail(err *mail.Error) error {
	if err.Kind == mail.Auth {
		d.box.remember(nil)
	}
	return d.Fail(err)
}

// enter begins a call.
func (d *Destination) enter(ctx context.Context, op string) error {
	return d.Enter(ctx, op, mail.CodeGraphLost)
}

// lost is what is told of Graph before mail is copied.
var lost = []string{
	"Graph is a preview: nobody could try it with a tenant. Begin with one mailbox.",
	"Graph may not keep the date of arrival, and then every message shows the day of its copy.",
	"Graph makes no drafts: what is a draft arrives as an ordinary message. \"Answered\" may be lost.",
}

// leftBehind is told where an earlier run left messages in the staging folder.
const leftBehind = "A hidden folder \"" + StagingFolder + "\" holds copies that got no answer; nobody sees them. Delete it when all is copied."

// Limits are facts of Graph. Octets are not kept: a message is rendered anew whenever it is read.
func (d *Destination) Limits(ctx context.Context) (mail.Limits, error) {
	if err := d.enter(ctx, "read limits"); err != nil {
		return mail.Limits{}, err
	}
	told := lost
	if staged, there := d.tree.Child(d.tree.Root, StagingFolder); there && staged.Total > 0 {
		told = append(slices.Clone(lost), leftBehind)
	}
	return mail.Limits{MaxMessage: d.s.opts.MaxMessage, SignIn: "bearer token", Lost: told,
		// Graph itself has no delimiter; IMAP clients of the same mailbox see "/" and can't open a folder that holds one.
		Names: mail.NameRules{Delimiter: "/", FoldCase: true, TrimSpaces: true, Reserved: []string{StagingFolder}}}, nil
}

// Open tells the folder's counters. UIDNEXT is the number that the next message gets, or one above.
func (d *Destination) Open(ctx context.Context, f mail.Folder) (mail.Opened, error) {
	const op = "open folder"
	id, err := d.usable(ctx, op, f)
	if err != nil {
		return mail.Opened{}, err
	}
	var now folder
	if failed := d.ask(ctx, get(op, atFolder, folderQuery(), "mailFolders", id), &now); failed != nil {
		return mail.Opened{}, d.fail(failed)
	}
	highest, err := d.highest(ctx, f.Raw)
	if err != nil {
		return mail.Opened{}, err
	}
	next := d.s.numbers.See(f.Raw, highest, time.Now())
	d.opened[f.Raw] = true
	keeps := mail.Seen | mail.Answered | mail.Flagged
	if d.s.lost.is(verbs) {
		keeps &^= mail.Answered
	}
	return mail.Opened{Known: true, AnyKeyword: true, NoDollar: !d.s.opts.KeepDollar, Permanent: mail.Flags{System: keeps},
		Status: mail.Status{UIDValidity: uids.Validity(f.Raw), UIDNext: uids.FirstOwn + mail.UID(next), Messages: now.Total}}, nil
}

// usable begins a call about a folder and gives the folder's id. The UIDVALIDITY that the caller knows is held against the
// folder's.
func (d *Destination) usable(ctx context.Context, op string, f mail.Folder) (id string, err error) {
	if err := d.enter(ctx, op); err != nil {
		return "", err
	}
	if v := f.Status.UIDValidity; v != 0 && v != uids.Validity(f.Raw) {
		return "", &mail.Error{Op: op, Kind: mail.Stale, Code: mail.CodeIMAPValidity, Text: "the folder is not the one that was listed"}
	}
	id, named := strings.CutPrefix(f.Raw, mail.RawGraph)
	if !named || id == "" {
		return "", &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeGraphFolderGone, Err: errors.New("no folder of Graph has such a name")}
	}
	return id, nil
}

// highest finds the highest number in a folder, as far as it matters for the next one; -1: there is none. Graph can't sort
// by a property of ours, so all are asked for that lie above what this process gave away, or where it gave none, above what
// the clock would begin with.
func (d *Destination) highest(ctx context.Context, raw string) (int64, error) {
	from, known := d.s.numbers.Next(raw)
	if !known {
		from = max(0, uids.Clock(time.Now())-uids.Stride)
	}
	list, err := d.list(ctx, raw, uids.FirstOwn+mail.UID(from))
	if err != nil || len(list) == 0 {
		return -1, err
	}
	return int64(list[len(list)-1].UID - uids.FirstOwn), nil
}

// The properties that Graph has no name for, as it wants them written. What they mean: MS-OXPROPS.
const (
	propDelivered = "SystemTime 0x0E06" // PidTagMessageDeliveryTime
	propSize      = "Integer 0x0E08"    // PidTagMessageSize
	propVerb      = "Integer 0x1081"    // PidTagLastVerbExecuted
	propMark      = "String {" + uids.Set + "} Name " + uids.MarkProperty
	propNumber    = "Integer {" + uids.Set + "} Name " + uids.NumberProperty
	// propDate is the date of arrival as it was at the source, in case that Graph does not keep it.
	propDate = "String {" + uids.Set + "} Name mailhaul-date"
)

// The values of those properties.
const (
	timeFormat = "2006-01-02T15:04:05Z"
	flagged    = "flagged"
	notFlagged = "notFlagged"
)

// property is an extended property.
type property struct {
	ID    string `json:"id"`
	Value string `json:"value"`
}

// top bounds a page.
func (d *Destination) top(q url.Values) url.Values {
	q.Set("$top", strconv.Itoa(d.s.opts.PageSize))
	return q
}
