package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"mailhaul/state/mail"
)

// messageColumns are the columns of a message row in the order of its checksum, without the checksum.
const messageColumns = "folder, uid, size, date, zone, system, keywords, state, attempt, h0, h1, duid, u0, v0, degraded"

const (
	insertMessage = "INSERT INTO message (" + messageColumns + ", sum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
	addMessage    = insertMessage + " ON CONFLICT DO NOTHING"
	putMessage    = insertMessage + ` ON CONFLICT DO UPDATE SET size = excluded.size, date = excluded.date,
 zone = excluded.zone, system = excluded.system, keywords = excluded.keywords, state = excluded.state,
 attempt = excluded.attempt, h0 = excluded.h0, h1 = excluded.h1, duid = excluded.duid, u0 = excluded.u0,
 v0 = excluded.v0, degraded = excluded.degraded, sum = excluded.sum`
	selectMessage = "SELECT " + messageColumns + ", sum FROM message"
	// Names of UIDs come as one JSON array, so that one prepared statement serves any number.
	selectUIDs = selectMessage + " WHERE folder = ? AND uid IN (SELECT value FROM json_each(?)) ORDER BY uid"
)

// withSum gives a row's values followed by their checksum.
func withSum(values []any) []any { return append(values, sum(values...)) }

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// Rows gives the rows of the UIDs that exist, UIDs ascending.
func (r *Reader) Rows(ctx context.Context, f FolderID, uids []mail.UID) ([]Message, error) {
	names, err := json.Marshal(uids)
	if err != nil {
		return nil, wrap(r.path, err)
	}
	rows, err := r.rows(ctx, selectUIDs, int64(f), string(names))
	all, err := collect(rows, err, scanMessage())
	return all, wrap(r.path, err)
}

// See adds rows of a listing. Rows that exist keep all but their flags, which are replaced as long as the message is not
// copied: once copied they are the flags as carried over.
func (l *Ledger) See(ctx context.Context, rows []Message) error {
	return l.writer.write(ctx, func(t *tx) error { return t.see(rows) })
}

// Put replaces rows whole, or adds them, and records failures, in one transaction. A row that becomes Copied, Gone or
// Skipped loses its failure, even one given here; one that is Copied under a known UID loses U0 and V0. Rows that claim
// a destination UID which another row of the same folder pair has are refused (I5).
func (l *Ledger) Put(ctx context.Context, rows []Message, failures []Failure) error {
	return l.writer.write(ctx, func(t *tx) error { return t.put(rows, failures) })
}

func (t *tx) see(rows []Message) error {
	return eachFolder(rows, func(f FolderID, rows []Message) error {
		count, err := t.tally(f)
		if err != nil {
			return err
		}
		for i := range rows {
			added, err := t.writeMessage(addMessage, &rows[i])
			if err != nil {
				return err
			}
			if added {
				count.add(rows[i])
			} else if err := t.seeAgain(rows[i]); err != nil {
				return err
			}
		}
		return t.putTally(f, count)
	})
}

// seeAgain carries changed flags into a row that is not copied yet.
func (t *tx) seeAgain(m Message) error {
	rows, err := t.messages(m.Folder, []Message{m})
	if err != nil {
		return err
	}
	old, ok := rows[m.UID]
	if !ok || old.State.Copied() || old.Flags.Equal(m.Flags) {
		return nil
	}
	old.Flags = m.Flags
	_, err = t.writeMessage(putMessage, &old)
	return err
}

func (t *tx) put(rows []Message, failures []Failure) error {
	for _, f := range failures {
		if err := t.putFailure(f, rows); err != nil {
			return err
		}
	}
	if err := eachFolder(rows, t.putFolderRows); err != nil {
		return err
	}
	return eachFolder(rows, t.checkClaims)
}

// putFolderRows replaces rows of one folder.
func (t *tx) putFolderRows(f FolderID, rows []Message) error {
	count, err := t.tally(f)
	if err != nil {
		return err
	}
	before, err := t.messages(f, rows)
	if err != nil {
		return err
	}
	for _, m := range rows {
		if m.State.Copied() && m.DestinationUID != 0 {
			m.U0, m.V0 = 0, 0
		}
		if old, ok := before[m.UID]; ok {
			count.remove(old)
		}
		count.add(m)
		before[m.UID] = m
		if _, err := t.writeMessage(putMessage, &m); err != nil {
			return err
		}
		if settled(m.State) {
			if err := t.settleFailure(f, m.UID); err != nil {
				return err
			}
		}
	}
	return t.putTally(f, count)
}

// settled tells whether a state ends every failure before it.
func settled(s State) bool { return s.Copied() || s == StateGone || s == StateSkipped }

// messages gives the rows as they stand, by UID.
func (t *tx) messages(f FolderID, like []Message) (map[mail.UID]Message, error) {
	uids := make([]mail.UID, len(like))
	for i, m := range like {
		uids[i] = m.UID
	}
	names, err := json.Marshal(uids)
	if err != nil {
		return nil, err
	}
	rows, err := t.query(selectUIDs, int64(f), string(names))
	all, err := collect(rows, err, scanMessage())
	found := make(map[mail.UID]Message, len(all))
	for _, m := range all {
		found[m.UID] = m
	}
	return found, err
}

// eachFolder hands on the rows folder by folder, in the order in which the folders come.
func eachFolder(rows []Message, do func(FolderID, []Message) error) error {
	if len(rows) > 0 && !slices.ContainsFunc(rows, func(m Message) bool { return m.Folder != rows[0].Folder }) {
		return do(rows[0].Folder, rows)
	}
	var order []FolderID
	groups := map[FolderID][]Message{}
	for _, m := range rows {
		if _, ok := groups[m.Folder]; !ok {
			order = append(order, m.Folder)
		}
		groups[m.Folder] = append(groups[m.Folder], m)
	}
	for _, f := range order {
		if err := do(f, groups[f]); err != nil {
			return err
		}
	}
	return nil
}

// unreadable marks what database/sql can't convert as damage: the file holds a value of a kind that nobody wrote.
func unreadable(err error) error {
	if err == nil || sqliteCode(err) != 0 {
		return err
	}
	return &damageError{err}
}

// damageError is a value that can't be what was written.
type damageError struct{ err error }

func (e *damageError) Error() string        { return e.err.Error() }
func (e *damageError) Unwrap() error        { return e.err }
func (e *damageError) Is(target error) bool { return target == errSum }

var _ scanner = (*sql.Rows)(nil)
