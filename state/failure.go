package state

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"mailhaul/state/mail"
)

const (
	failureColumns = "folder, uid, code, kind, text, time, run"
	setFailure     = "INSERT OR REPLACE INTO failure (" + failureColumns + ", sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	// selectFailures joins by hand: few failures, each with one look into every other table.
	selectFailures = "SELECT x.folder, x.uid, x.code, x.kind, x.text, x.time, x.run, x.sum" +
		" FROM failure x CROSS JOIN folder f ON f.id = x.folder WHERE f.current"
	selectFailed = selectMessage + " INDEXED BY message_todo WHERE folder = ? AND " + unfinished + " AND (state > 14 OR state = 3)"
)

func failureValues(f Failure) []any {
	return []any{int64(f.Folder), int64(f.UID), string(f.Code), f.Kind.String(), []byte(f.Text), instant(f.Time), f.Run}
}

func scanFailure(row scanner) (Failure, error) {
	var f Failure
	var kind string
	var text []byte
	var at *int64
	var stored int64
	if err := row.Scan(&f.Folder, &f.UID, &f.Code, &kind, &text, &at, &f.Run, &stored); err != nil {
		return Failure{}, unreadable(err)
	}
	f.Kind, f.Text, f.Time = mail.ParseKind(kind), string(text), instantOf(at)
	if sum(failureValues(f)...) != stored {
		return Failure{}, errSum
	}
	return f, nil
}

// putFailure records a failure of a row that exists or is being put.
func (t *tx) putFailure(f Failure, rows []Message) error {
	put := func(m Message) bool { return m.Folder == f.Folder && m.UID == f.UID }
	if !slices.ContainsFunc(rows, put) {
		n, err := t.number("SELECT count(*) FROM message WHERE folder = ? AND uid = ?", int64(f.Folder), int64(f.UID))
		if err != nil {
			return err
		}
		if n == 0 {
			return badRequest("a failure without a row: folder %d, UID %d", f.Folder, f.UID)
		}
	}
	t.cached.fails(f.Folder)
	return t.run(setFailure, withSum(failureValues(f))...)
}

// settleFailure ends the failure of a message, if it has one.
func (t *tx) settleFailure(f FolderID, uid mail.UID) error {
	failing, known := t.cached.failing[f]
	if !known {
		n, err := t.number("SELECT EXISTS (SELECT 1 FROM failure WHERE folder = ?)", int64(f))
		if err != nil {
			return err
		}
		failing = n != 0
		t.cached.failing[f] = failing
	}
	if !failing {
		return nil
	}
	return t.run("DELETE FROM failure WHERE folder = ? AND uid = ?", int64(f), int64(uid))
}

// FailedMessages gives the messages of Current folders that are refused, damaged, ambiguous or unknown, and every other
// that has a failure on record, such as one that is to be tried again; by mailbox, source folder and UID.
func (r *Reader) FailedMessages(ctx context.Context) ([]FailedMessage, error) {
	return r.FailedMessagesOf(ctx, func(Mailbox) bool { return true })
}

// FailedMessagesOf is FailedMessages of the mailboxes that want holds for.
func (r *Reader) FailedMessagesOf(ctx context.Context, want func(Mailbox) bool) ([]FailedMessage, error) {
	boxes, err := r.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[MailboxID]Mailbox, len(boxes))
	for _, m := range boxes {
		if want(m) {
			names[m.ID] = m
		}
	}
	recorded, err := r.failures(ctx)
	if err != nil {
		return nil, err
	}
	found, err := r.failedFolders(ctx, recorded)
	if err != nil {
		return nil, wrap(r.path, err)
	}
	var all []FailedMessage
	for _, ft := range found {
		box, wanted := names[ft.folder.Mailbox]
		if !wanted {
			continue
		}
		some, err := r.failedOf(ctx, ft, recorded[ft.folder.ID])
		if err != nil {
			return nil, wrap(r.path, err)
		}
		for i := range some {
			some[i].Mailbox, some[i].Destination = box.Name, box.Destination
			some[i].SourceFolder, some[i].TargetFolder = ft.folder.Path, ft.folder.Target
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b FailedMessage) int {
		return cmp.Or(strings.Compare(a.Mailbox, b.Mailbox), strings.Compare(a.SourceFolder, b.SourceFolder),
			cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.UID, b.UID))
	})
	return all, nil
}

// failedFolders gives the Current folders with a failure; mostly they are few among many.
func (r *Reader) failedFolders(ctx context.Context, recorded map[FolderID][]Failure) ([]folderTally, error) {
	parts := make([][]FolderID, parts())
	err := r.inParts(ctx, lastFolder, func(part int, from, to int64) error {
		var reading sums
		return r.walk(ctx, walkTallies, []any{from, to}, func(c cells) error {
			id := FolderID(c.number(1))
			one, err := reading.read(c[2:], id)
			if err != nil {
				return err
			}
			if len(recorded[id]) > 0 || one.of(failing).Messages > 0 {
				parts[part] = append(parts[part], id)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	var all []folderTally
	for _, id := range slices.Concat(parts...) {
		ft, err := r.folderTallies(ctx, " WHERE f.id = ?", int64(id))
		if err != nil {
			return nil, err
		}
		all = append(all, ft...)
	}
	return all, nil
}

// failing tells whether rows of the state are named as failed.
func failing(s State) bool { return s.Failed() || s == StateUnknown }

// failures gives the recorded failures of Current folders, folder by folder.
func (r *Reader) failures(ctx context.Context) (map[FolderID][]Failure, error) {
	rows, err := r.rows(ctx, selectFailures)
	all, err := collect(rows, err, scanFailure)
	if err != nil {
		return nil, wrap(r.path, err)
	}
	by := map[FolderID][]Failure{}
	for _, f := range all {
		by[f.Folder] = append(by[f.Folder], f)
	}
	return by, nil
}

// failedOf joins one folder's failed rows with their failures; the tally tells whether it is worth looking.
func (r *Reader) failedOf(ctx context.Context, ft folderTally, recorded []Failure) ([]FailedMessage, error) {
	if failed := ft.tally.of(failing); failed.Messages == 0 && len(recorded) == 0 {
		return nil, nil
	}
	rows, err := r.rows(ctx, selectFailed, int64(ft.folder.ID))
	messages, err := collect(rows, err, scanMessage())
	if err != nil {
		return nil, err
	}
	why := make(map[mail.UID]Failure, len(recorded))
	uids := make([]mail.UID, len(recorded))
	for i, f := range recorded {
		why[f.UID], uids[i] = f, f.UID
	}
	others, err := r.Rows(ctx, ft.folder.ID, uids)
	if err != nil {
		return nil, err
	}
	named := map[mail.UID]bool{}
	var all []FailedMessage
	for _, m := range append(messages, others...) {
		if named[m.UID] {
			continue
		}
		named[m.UID] = true
		f, ok := why[m.UID]
		if !ok {
			f = unrecorded(m)
		}
		all = append(all, FailedMessage{Failure: f, Size: m.Size, InternalDate: m.InternalDate, State: m.State,
			Attempt: m.Attempt})
	}
	return all, nil
}

// unrecorded is the failure of a row that was left without one, as a killed run leaves it.
func unrecorded(m Message) Failure {
	f := Failure{Folder: m.Folder, UID: m.UID, Code: mail.CodeMessageUnknown, Kind: mail.Transient}
	switch m.State {
	case StateRefused:
		f.Code, f.Kind = mail.CodeMessageRefused, mail.Refused
	case StateAmbiguous:
		f.Code, f.Kind = mail.CodeMessageAmbiguous, mail.Refused
	case StateDamaged:
		f.Code, f.Kind = mail.CodeMessageDamaged, mail.Malformed
	}
	return f
}

// FailedMailboxes gives the mailboxes that stopped as a whole in the pass they ran last, by name.
func (r *Reader) FailedMailboxes(ctx context.Context) ([]FailedMailbox, error) {
	totals, err := r.Totals(ctx)
	if err != nil {
		return nil, err
	}
	var all []FailedMailbox
	for _, t := range totals {
		for _, p := range t.Passes {
			if p.Progress == Failed {
				all = append(all, FailedMailbox{MailboxPass: p, Name: t.Mailbox.Name, Destination: t.Mailbox.Destination})
			}
		}
	}
	return all, nil
}
