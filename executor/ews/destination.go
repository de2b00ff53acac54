package ews

import (
	"context"
	"errors"
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
	s       *Service
	mailbox string
	trace   web.Trace

	token    string          // of the last request
	signedIn bool            // the server has answered once
	tree     *uids.Tree      // the folders as they were listed last
	index    uids.Index      // items of the folder listed last
	opened   map[string]bool // by raw name
}

// Destination opens a session. The first one of a mailbox, and the first after a refusal, proves that the mailbox is there
// and may be opened.
func (s *Service) Destination(ctx context.Context, mailbox string) (*Destination, error) {
	d := &Destination{s: s, mailbox: mailbox, trace: web.NewTrace(s.opts.Trace, mailbox), opened: map[string]bool{}}
	if t := s.remembered(mailbox); t != nil {
		d.tree, d.signedIn = t, true
		return d, nil
	}
	if err := d.lookAround(ctx); err != nil {
		return nil, err
	}
	s.remember(mailbox, d.tree)
	return d, nil
}

// fail makes the session dead if the error's kind says so. After a refusal the next session looks at the mailbox anew.
func (d *Destination) fail(err *mail.Error) error {
	if err.Kind == mail.Auth || err.Code == mail.CodeEWSSignIn {
		d.s.remember(d.mailbox, nil)
	}
	return d.Fail(err)
}

// enter begins a call.
func (d *Destination) enter(ctx context.Context, op string) error {
	return d.Enter(ctx, op, mail.CodeEWSLost)
}

// Limits are facts of Exchange. Octets are not kept: a message is rendered anew whenever it is read.
func (d *Destination) Limits(ctx context.Context) (mail.Limits, error) {
	if err := d.enter(ctx, "read limits"); err != nil {
		return mail.Limits{}, err
	}
	signIn := "basic"
	if d.s.opts.Token != nil {
		signIn = "bearer token"
	}
	return mail.Limits{MaxMessage: d.s.opts.MaxMessage, SignIn: signIn,
		// EWS itself has no delimiter; IMAP clients of the same mailbox see "/" and can't open a folder that holds one.
		Names: mail.NameRules{Delimiter: "/", FoldCase: true, TrimSpaces: true}}, nil
}

// Open tells the folder's counters. UIDNEXT is the number that the next message gets, or one above.
func (d *Destination) Open(ctx context.Context, f mail.Folder) (mail.Opened, error) {
	const op = "open folder"
	if err := d.enter(ctx, op); err != nil {
		return mail.Opened{}, err
	}
	if err := d.valid(op, f); err != nil {
		return mail.Opened{}, err
	}
	list, err := d.each(ctx, call{op: op, at: atFolder, action: "GetFolder", body: el("m:GetFolder", folderShape(),
		el("m:FolderIds", folderID(f.Raw)))}, "")
	if err != nil {
		return mail.Opened{}, err
	}
	if len(list[0].Folders.List) == 0 {
		return mail.Opened{}, d.fail(&mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeEWSProtocol, Err: errors.New("the answer holds no folder")})
	}
	highest, err := d.highest(ctx, f.Raw)
	if err != nil {
		return mail.Opened{}, err
	}
	next := d.s.numbers.See(f.Raw, highest, time.Now())
	d.opened[f.Raw] = true
	return mail.Opened{Known: true, AnyKeyword: true, NoDollar: !d.s.opts.KeepDollar,
		Permanent: mail.Flags{System: mail.Seen | mail.Answered | mail.Flagged | mail.Draft},
		Status: mail.Status{UIDValidity: uids.Validity(f.Raw), UIDNext: uids.FirstOwn + mail.UID(next),
			Messages: list[0].Folders.List[0].Total}}, nil
}

// valid holds the UIDVALIDITY that the caller knows against the folder's.
func (d *Destination) valid(op string, f mail.Folder) error {
	if v := f.Status.UIDValidity; v != 0 && v != uids.Validity(f.Raw) {
		return &mail.Error{Op: op, Kind: mail.Stale, Code: mail.CodeIMAPValidity, Text: "the folder is not the one that was listed"}
	}
	return nil
}

// highest finds the highest number in a folder; -1: there is none. Numbers of items that were moved here count too: that
// costs nothing.
func (d *Destination) highest(ctx context.Context, raw string) (int64, error) {
	list, err := d.each(ctx, call{op: "open folder", at: atFolder, action: "FindItem",
		body: el("m:FindItem", el("m:ItemShape", text("t:BaseShape", "IdOnly"), el("t:AdditionalProperties", propNumber.path())),
			page("m:IndexedPageItemView", 1, 0),
			el("m:Restriction", el("t:Exists", propNumber.path())),
			el("m:SortOrder", el("t:FieldOrder", propNumber.path()).with("Order", "Descending")),
			el("m:ParentFolderIds", folderID(raw))).with("Traversal", "Shallow")}, "")
	if err != nil {
		return 0, err
	}
	highest := int64(-1)
	for _, it := range list[0].Root.Items.List {
		written, _ := it.value(propNumber)
		if n, err := strconv.ParseInt(written, 10, 64); err == nil && n <= uids.Last {
			highest = max(highest, n)
		}
	}
	return highest, nil
}

func page(name string, most, offset int) element {
	return el(name).with("MaxEntriesReturned", strconv.Itoa(most)).with("Offset", strconv.Itoa(offset)).with("BasePoint", "Beginning")
}

// folderID names a folder, by its id or by that with our prefix.
func folderID(raw string) element {
	return el("t:FolderId").with("Id", strings.TrimPrefix(raw, mail.RawEWS))
}
