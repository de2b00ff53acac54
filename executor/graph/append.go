package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// Append copies the messages, as many at a time as Graph allows, and tells of each before it returns.
func (d *Destination) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	r := &appending{Destination: d, folder: f, done: done, rest: batch}
	if err := r.begin(ctx); err != nil {
		r.stop(err)
	}
	var work sync.WaitGroup
	for range min(atOnce, len(batch)) {
		work.Go(func() { r.work(ctx) })
	}
	work.Wait()
	for _, m := range r.rest {
		done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: r.end})
	}
	if r.end != nil {
		var own *mail.Error
		if errors.As(r.end, &own) {
			_ = d.fail(own) // it comes back below
		}
	}
	if d.Over() {
		return r.end
	}
	return nil // the session lives: what was refused was told with each message
}

// appending is one Append.
type appending struct {
	*Destination
	folder  mail.Folder
	id      string // of the folder
	staging string // id of the staging folder
	done    func(mail.Appended)

	mu   sync.Mutex
	rest []mail.Outgoing
	end  error // why the rest is not sent
}

// begin holds the contract, a folder is opened before it is written to, and finds the staging folder.
func (r *appending) begin(ctx context.Context) (err error) {
	const op = "append message"
	if r.id, err = r.usable(ctx, op, r.folder); err != nil {
		return err
	}
	if !r.opened[r.folder.Raw] {
		return &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeGraphFolder, Err: errors.New("the folder was not opened")}
	}
	var failed *mail.Error
	if r.staging, failed = r.Destination.staging(ctx); failed != nil {
		return failed
	}
	return nil
}

// stop ends the sending of what is left.
func (r *appending) stop(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		r.end = err
	}
}

// next gives the next message to send, and its number: in the order of the batch, whatever arrives first.
func (r *appending) next() (m mail.Outgoing, number int64, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end != nil || len(r.rest) == 0 {
		return m, 0, false
	}
	if number, more = r.s.numbers.Take(r.folder.Raw, 1); !more {
		r.end = &mail.Error{Op: "append message", Kind: mail.Quota, Code: mail.CodeGraphFolder,
			Err: errors.New("the folder's numbers are used up; copy into a new folder")}
		return m, 0, false
	}
	m, r.rest = r.rest[0], r.rest[1:]
	return m, number, true
}

// work sends one message after the other.
func (r *appending) work(ctx context.Context) {
	for m, number, more := r.next(); more; m, number, more = r.next() {
		a := r.copy(ctx, m, number)
		var own *mail.Error
		if errors.As(a.Err, &own) && ends(own) {
			r.stop(own)
		}
		r.mu.Lock()
		r.done(a)
		r.mu.Unlock()
	}
}

// ends tells whether the next message would get the same answer.
func ends(err *mail.Error) bool {
	switch err.Kind {
	case mail.TooLarge, mail.Malformed, mail.Gone:
		return false
	case mail.Refused:
		return err.Code.FolderGone()
	}
	return true
}

// copy imports, finishes and moves one message. Before the move nothing stands where people look: whatever goes wrong, the
// message is absent.
func (r *appending) copy(ctx context.Context, m mail.Outgoing, number int64) mail.Appended {
	absent := func(err *mail.Error) mail.Appended { return mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: err} }
	mark := uids.Mark{Validity: uids.Validity(r.folder.Raw), Number: number, Digest: m.Digest}
	id, failed := r.staged(ctx, m, mark)
	if failed != nil {
		return absent(failed)
	}
	failed = r.move(ctx, id)
	if failed != nil && leavesOpen(failed) {
		return mail.Appended{ID: m.ID, Outcome: mail.Unknown, Err: failed}
	}
	if failed != nil {
		r.box.keep(octetsOf(m), id)
		return absent(failed)
	}
	return mail.Appended{ID: m.ID, Outcome: mail.Landed, UID: uids.FirstOwn + mail.UID(number), UIDValidity: mark.Validity}
}

// staged gives the message's id in the staging folder, with all that belongs to it. One that waits there is finished; if
// somebody took it away it is imported after all.
func (r *appending) staged(ctx context.Context, m mail.Outgoing, mark uids.Mark) (string, *mail.Error) {
	if id, waits := r.box.begin(octetsOf(m)); waits {
		failed := r.finish(ctx, id, m, mark)
		if failed == nil {
			return id, nil
		}
		if failed.Kind != mail.Gone {
			r.box.keep(octetsOf(m), id)
			return "", failed
		}
	}
	id, failed := r.imported(ctx, m)
	if failed != nil {
		return "", failed
	}
	if failed := r.finish(ctx, id, m, mark); failed != nil {
		r.box.keep(octetsOf(m), id)
		return "", failed
	}
	return id, nil
}

// imported makes the message in the staging folder.
func (r *appending) imported(ctx context.Context, m mail.Outgoing) (string, *mail.Error) {
	const op = "import message"
	it := item{Draft: true}
	failed := r.ask(ctx, call{op: op, at: atImport, method: http.MethodPost,
		path: []string{"mailFolders", r.staging, "importMime"}, mime: newEncoder(m)}, &it)
	switch {
	case failed != nil:
		if status, _ := statusOf(failed); status == http.StatusNotFound {
			r.box.setPlace("") // somebody took the staging folder away: it is made anew
		}
		return "", failed
	case it.ID == "":
		return "", strange(op, errors.New("the answer names no message"))
	case it.Draft:
		return "", &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeGraphImport, Err: errors.New("importMime made a draft, and should not")}
	}
	return it.ID, nil
}

// move brings a message to its folder. When it is not found, it is asked whether that is the folder. If it is the message,
// somebody took it away, or the move was carried out and its answer lost on the way, and a gateway has asked a second time:
// that is a doubt, and no proof that the message did not arrive.
func (r *appending) move(ctx context.Context, id string) *mail.Error {
	const op = "move message"
	var moved item
	failed := r.ask(ctx, call{op: op, at: atMove, method: http.MethodPost, path: []string{"messages", id, "move"},
		json: map[string]string{"DestinationId": r.id}}, &moved)
	if failed == nil || !failed.Code.FolderGone() {
		return failed
	}
	var f folder
	if gone := r.ask(ctx, get(op, atFolder, folderQuery(), "mailFolders", r.id), &f); gone != nil {
		return gone
	}
	return strange(op, fmt.Errorf("what was imported was not found when it was to be moved: %w", failed))
}
