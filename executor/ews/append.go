package ews

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	netmail "net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// The bounds of one CreateItem. A server works at a batch for a minute at most and counts each item against the budget of
// the account, so batches are small; a message that is larger goes alone.
const (
	batchItems = 25
	batchBytes = 4 << 20
)

// Append sends the batch in requests of bounded size, one after the other, and tells of each message before it returns.
func (d *Destination) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	const op = "append message"
	err := d.enter(ctx, op)
	if err == nil {
		err = d.appendable(op, f)
	}
	for len(batch) > 0 && err == nil {
		n := groupOf(batch)
		err = d.appendGroup(ctx, group{folder: f.Raw, messages: batch[:n], done: done})
		batch = batch[n:]
	}
	for _, m := range batch {
		done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: err})
	}
	if d.Over() {
		return err
	}
	return nil // the session lives: what was refused was told with each message
}

// appendable holds the contract: a folder is opened before it is written to.
func (d *Destination) appendable(op string, f mail.Folder) error {
	if err := d.valid(op, f); err != nil {
		return err
	}
	if !d.opened[f.Raw] {
		return &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeEWSFolder, Err: errors.New("the folder was not opened")}
	}
	return nil
}

// groupOf is how many messages of the batch go into the next request.
func groupOf(batch []mail.Outgoing) int {
	var octets mail.Size
	for i, m := range batch {
		octets += m.Size
		if i > 0 && octets > batchBytes || i == batchItems {
			return i
		}
	}
	return len(batch)
}

// group is what goes into one request.
type group struct {
	folder   string
	messages []mail.Outgoing
	first    int64 // number of the first message; the others have those that follow
	done     func(mail.Appended)
}

// appendGroup sends one request. The error says that the rest of the batch would fare the same.
func (d *Destination) appendGroup(ctx context.Context, g group) error {
	const op = "append message"
	var ok bool
	if g.first, ok = d.s.numbers.Take(g.folder, len(g.messages)); !ok {
		return g.told(mail.Absent, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeEWSFolder,
			Err: errors.New("the folder's numbers are used up; copy into a new folder")})
	}
	s := newStream()
	s.add(d.createStart(g.folder))
	for i, m := range g.messages {
		d.addMessage(s, m, uids.Mark{Validity: uids.Validity(g.folder), Number: g.first + int64(i), Digest: m.Digest})
	}
	s.add([]byte("</m:Items></m:CreateItem>" + envelopeEnd))
	c := call{op: op, at: atAppend, action: "CreateItem", stream: s}
	list, err := d.send(ctx, c)
	if err == nil {
		d.signedIn = true
		return d.fates(c, list, g)
	}
	o := mail.Absent
	if s.whole() && leavesOpen(err) {
		o = mail.Unknown
	}
	if len(g.messages) > 1 && err.Kind == mail.TooLarge {
		err.Kind, err.Code = mail.Refused, mail.CodeMessageRefused // together, not each: each is tried alone
	}
	return g.told(o, d.fail(err))
}

// told says the same of a whole group.
func (g group) told(o mail.Outcome, err error) error {
	for _, m := range g.messages {
		g.done(mail.Appended{ID: m.ID, Outcome: o, Err: err})
	}
	if ends(err) {
		return err
	}
	return nil
}

// ends tells whether the next message would get the same answer.
func ends(err error) bool {
	switch mail.KindOf(err) {
	case mail.TooLarge, mail.Malformed, mail.Gone:
		return false
	case mail.Refused:
		return mail.CodeOf(err).FolderGone()
	}
	return true
}

// fates tells of each message what the server says of it. One that it says nothing of is in doubt.
func (d *Destination) fates(c call, list []outcome, g group) error {
	var end error
	for i, m := range g.messages {
		a := mail.Appended{ID: m.ID, Outcome: mail.Landed, UID: uids.FirstOwn + mail.UID(g.first+int64(i)),
			UIDValidity: uids.Validity(g.folder)}
		o := outcome{Text: "the server did not say what became of the message"}
		if i < len(list) {
			o = list[i]
		}
		if err := o.failure(c); err != nil {
			a = mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: d.fail(err)}
			if doubtful(o.Code) {
				a.Outcome = mail.Unknown
			}
			if end == nil && ends(err) {
				end = err
			}
		}
		g.done(a)
	}
	return end
}

func (d *Destination) createStart(raw string) []byte {
	b := bytes.NewBuffer(d.header())
	b.WriteString(`<m:CreateItem MessageDisposition="SaveOnly">`)
	el("m:SavedItemFolderId", folderID(raw)).write(b)
	b.WriteString("<m:Items>")
	return b.Bytes()
}

// addMessage puts one item into the request, its properties in the order of the schema.
func (d *Destination) addMessage(s *stream, m mail.Outgoing, id uids.Mark) {
	body := bufio.NewReaderSize(m.Body, headerPeek)
	head, _ := body.Peek(int(min(m.Size, headerPeek))) // a body that fails does so again when it is sent
	var b bytes.Buffer
	s.add([]byte("<t:Message><t:MimeContent>"))
	s.addBody(io.LimitReader(body, int64(m.Size)), m.Size)
	b.WriteString("</t:MimeContent>")
	if names := d.categories(m.Flags); len(names) > 0 {
		categoriesElement(names).write(&b)
	}
	messageFlags := 0
	if m.Flags.System&mail.Seen != 0 {
		messageFlags |= flagRead
	}
	if m.Flags.System&mail.Draft != 0 {
		messageFlags |= flagUnsent
	}
	propFlags.set(strconv.Itoa(messageFlags)).write(&b)
	if !m.InternalDate.IsZero() {
		propDelivered.set(m.InternalDate.UTC().Format(timeFormat)).write(&b)
	}
	if sent := submitted(head, m.InternalDate); !sent.IsZero() {
		propSubmitted.set(sent.UTC().Format(timeFormat)).write(&b)
	}
	if m.Flags.System&mail.Answered != 0 {
		propVerb.set(strconv.Itoa(uids.VerbReplied)).write(&b)
	}
	propID.set(id.String()).write(&b)
	propNumber.set(strconv.FormatInt(id.Number, 10)).write(&b)
	if m.Flags.System&mail.Flagged != 0 {
		el("t:Flag", text("t:FlagStatus", flagged)).write(&b)
	}
	text("t:IsRead", strconv.FormatBool(m.Flags.System&mail.Seen != 0)).write(&b)
	b.WriteString("</t:Message>")
	s.add(b.Bytes())
}

// headerPeek is how far the date of sending is looked for.
const headerPeek = 16 << 10

// submitted is when a message was sent: what its Date says, else when it came.
func submitted(head []byte, received time.Time) time.Time {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(head)))
	for {
		line, err := r.ReadLine()
		if err != nil || line == "" {
			return received
		}
		name, date, _ := strings.Cut(line, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "Date") {
			continue
		}
		t, err := netmail.ParseDate(strings.TrimSpace(date))
		if year := t.UTC().Year(); err != nil || year < 1970 || year > 2100 {
			return received
		}
		return t
	}
}
