package state

import (
	"context"
	"database/sql"
)

const (
	mailboxColumns = "id, name, sendpoint, destination, dendpoint, wave, sum"
	selectMailbox  = "SELECT " + mailboxColumns + " FROM mailbox"
	setMailbox     = "INSERT OR REPLACE INTO mailbox (" + mailboxColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?)"

	folderColumns = `f.id, f.mailbox, f.source, f.path, f.validity, f.uidnext, f.modseq, f.messages, f.listed, f.flagsmodseq,
 f.complete, f.current, f.destination, f.target, f.dvalidity, f.adopted, f.sum`
	selectFolder = "SELECT " + folderColumns + " FROM folder f"
	setFolder    = `INSERT INTO folder (id, mailbox, source, path, validity, uidnext, modseq, messages, listed, flagsmodseq,
 complete, current, destination, target, dvalidity, adopted, sum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
 ON CONFLICT (id) DO UPDATE SET mailbox = excluded.mailbox, source = excluded.source, path = excluded.path,
 validity = excluded.validity, uidnext = excluded.uidnext, modseq = excluded.modseq, messages = excluded.messages,
 listed = excluded.listed, flagsmodseq = excluded.flagsmodseq, complete = excluded.complete, current = excluded.current,
 destination = excluded.destination, target = excluded.target, dvalidity = excluded.dvalidity,
 adopted = excluded.adopted, sum = excluded.sum`
	nextFolderID  = "SELECT coalesce(max(id), 0) + 1 FROM folder"
	nextMailboxID = "SELECT coalesce(max(id), 0) + 1 FROM mailbox"
)

func mailboxValues(m Mailbox) []any {
	return []any{int64(m.ID), []byte(m.Name), m.SourceEndpoint, []byte(m.Destination), m.DestinationEndpoint, m.Wave}
}

func scanMailbox(row scanner) (Mailbox, error) {
	var m Mailbox
	var name, destination []byte
	var stored int64
	err := row.Scan(&m.ID, &name, &m.SourceEndpoint, &destination, &m.DestinationEndpoint, &m.Wave, &stored)
	if err != nil {
		return Mailbox{}, unreadable(err)
	}
	m.Name, m.Destination = string(name), string(destination)
	if sum(mailboxValues(m)...) != stored {
		return Mailbox{}, errSum
	}
	return m, nil
}

func folderValues(f Folder) []any {
	s := f.SourceStatus
	return []any{int64(f.ID), int64(f.Mailbox), []byte(f.Source), []byte(f.Path), int64(s.UIDValidity), int64(s.UIDNext),
		int64(s.HighestModSeq), int64(s.Messages), int64(f.Listed), int64(f.FlagsModSeq), number(f.Complete),
		number(f.Current), []byte(f.Destination), []byte(f.Target), int64(f.DestinationValidity), number(f.Adopted)}
}

// folderRow scans a folder's columns.
type folderRow struct {
	f                                 Folder
	source, path, destination, target []byte
	modseq, flagsmodseq, sum          int64
}

func (r *folderRow) into() []any {
	s := &r.f.SourceStatus
	return []any{&r.f.ID, &r.f.Mailbox, &r.source, &r.path, &s.UIDValidity, &s.UIDNext, &r.modseq, &s.Messages,
		&r.f.Listed, &r.flagsmodseq, &r.f.Complete, &r.f.Current, &r.destination, &r.target, &r.f.DestinationValidity,
		&r.f.Adopted, &r.sum}
}

func (r *folderRow) folder() (Folder, error) {
	f := r.f
	f.Source, f.Path = string(r.source), string(r.path)
	f.Destination, f.Target = string(r.destination), string(r.target)
	f.SourceStatus.HighestModSeq, f.FlagsModSeq = uint64(r.modseq), uint64(r.flagsmodseq)
	if sum(folderValues(f)...) != r.sum {
		return Folder{}, errSum
	}
	return f, nil
}

func scanFolder(row scanner) (Folder, error) {
	var r folderRow
	if err := row.Scan(r.into()...); err != nil {
		return Folder{}, unreadable(err)
	}
	return r.folder()
}

// Mailboxes lists every mailbox that mailhaul has ever worked with, by name.
func (r *Reader) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	rows, err := r.rows(ctx, selectMailbox+" ORDER BY name, sendpoint")
	all, err := collect(rows, err, scanMailbox)
	return all, wrap(r.path, err)
}

// FindMailbox gives the mailbox of that Name and SourceEndpoint, if the ledger knows it.
func (r *Reader) FindMailbox(ctx context.Context, name, sourceEndpoint string) (Mailbox, bool, error) {
	rows, err := r.rows(ctx, selectMailbox+" WHERE name = ? AND sendpoint = ?", []byte(name), sourceEndpoint)
	found, err := collect(rows, err, scanMailbox)
	if err != nil || len(found) == 0 {
		return Mailbox{}, false, wrap(r.path, err)
	}
	return found[0], true, nil
}

// Folders lists the folder pairs of a mailbox by source path, those of earlier UIDVALIDITYs too, the older first.
func (r *Reader) Folders(ctx context.Context, m MailboxID) ([]Folder, error) {
	rows, err := r.rows(ctx, selectFolder+" WHERE f.mailbox = ? ORDER BY f.path, f.source, f.id", int64(m))
	all, err := collect(rows, err, scanFolder)
	return all, wrap(r.path, err)
}

// PutMailbox finds the mailbox by Name and SourceEndpoint, octet for octet, or adds it, and updates the rest; ID is not
// looked at. It gives the row with its ID.
func (l *Ledger) PutMailbox(ctx context.Context, m Mailbox) (Mailbox, error) {
	err := l.writer.write(ctx, func(t *tx) error {
		old, err := t.mailboxes("WHERE name = ? AND sendpoint = ?", []byte(m.Name), m.SourceEndpoint)
		if err != nil {
			return err
		}
		if len(old) == 0 {
			id, err := t.number(nextMailboxID)
			m.ID = MailboxID(id)
			return firstError(err, func() error { return t.run(setMailbox, withSum(mailboxValues(m))...) })
		}
		m.ID = old[0].ID
		if m == old[0] {
			return nil
		}
		return t.run(setMailbox, withSum(mailboxValues(m))...)
	})
	return m, err
}

// PutFolder adds (ID zero) or updates a folder pair and gives it with its ID. It always adds for ID zero: a UIDVALIDITY
// that the source had before, or none that lasts, proves nothing about the UIDs of today. A folder put as Current takes
// the place of the one that was. The rows' destination UIDs are left as they are: who changes DestinationValidity
// replaces them before.
func (l *Ledger) PutFolder(ctx context.Context, f Folder) (Folder, error) {
	err := l.writer.write(ctx, func(t *tx) error {
		var err error
		f.ID, err = t.putFolder(f)
		return err
	})
	return f, err
}

func (t *tx) putFolder(f Folder) (FolderID, error) {
	boxes, err := t.mailboxes("WHERE id = ?", int64(f.Mailbox))
	if err == nil && len(boxes) == 0 {
		err = badRequest("there is no mailbox %d", f.Mailbox)
	}
	if err != nil {
		return 0, err
	}
	if f.ID == 0 {
		id, err := t.number(nextFolderID)
		if err != nil {
			return 0, err
		}
		f.ID = FolderID(id)
	} else if err := t.known(f.ID); err != nil {
		return 0, err
	}
	if f.Current {
		if err := t.demote(f); err != nil {
			return 0, err
		}
	}
	return f.ID, t.run(setFolder, withSum(folderValues(f))...)
}

// demote makes every other folder of f's source name one that the source has left behind.
func (t *tx) demote(f Folder) error {
	others, err := t.folders("WHERE f.mailbox = ? AND f.source = ? AND f.current AND f.id <> ?",
		int64(f.Mailbox), []byte(f.Source), int64(f.ID))
	if err != nil {
		return err
	}
	for _, o := range others {
		o.Current = false
		if err := t.run(setFolder, withSum(folderValues(o))...); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) mailboxes(where string, args ...any) ([]Mailbox, error) {
	rows, err := t.query(selectMailbox+" "+where, args...)
	return collect(rows, err, scanMailbox)
}

func (t *tx) folders(where string, args ...any) ([]Folder, error) {
	rows, err := t.query(selectFolder+" "+where, args...)
	return collect(rows, err, scanFolder)
}

// run executes a statement whose result says nothing.
func (t *tx) run(text string, args ...any) error {
	_, err := t.exec(text, args...)
	return err
}

// number reads one number.
func (t *tx) number(text string, args ...any) (int64, error) {
	rows, err := t.query(text, args...)
	found, err := collect(rows, err, func(row scanner) (int64, error) {
		var n int64
		err := row.Scan(&n)
		return n, err
	})
	if err != nil || len(found) == 0 {
		return 0, firstError(err, func() error { return sql.ErrNoRows })
	}
	return found[0], nil
}

// firstError gives err, or else what next gives.
func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}
