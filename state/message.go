package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"mailhaul/state/fault"
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

// messageValues gives the columns' values.
func messageValues(m Message) []any {
	date, zone := dateValues(m.InternalDate)
	values := make([]any, 0, 16) // room for the checksum
	return append(values, int64(m.Folder), int64(m.UID), int64(m.Size), date, zone, int64(m.Flags.System),
		keywordsValue(m.Flags.Keywords), int64(m.State), int64(m.Attempt), digestValue(m.H0), digestValue(m.H1),
		nonZero(int64(m.DestinationUID)), nonZero(int64(m.U0)), nonZero(int64(m.V0)), int64(m.Degraded))
}

// withSum gives a row's values followed by their checksum.
func withSum(values []any) []any { return append(values, sum(values...)) }

func scanMessage(row scanner) (Message, error) {
	var m Message
	var date, duid, u0, v0 *int64
	var zone, stored int64
	var keywords, h0, h1 []byte
	err := row.Scan(&m.Folder, &m.UID, &m.Size, &date, &zone, &m.Flags.System, &keywords, &m.State, &m.Attempt, &h0, &h1,
		&duid, &u0, &v0, &m.Degraded, &stored)
	if err != nil {
		return Message{}, unreadable(err)
	}
	m.InternalDate = dateOf(date, zone)
	if keywords != nil {
		m.Flags.Keywords = strings.Split(string(keywords), " ")
	}
	copy(m.H0[:], h0)
	copy(m.H1[:], h1)
	m.DestinationUID, m.U0, m.V0 = mail.UID(value(duid)), mail.UID(value(u0)), mail.UIDValidity(value(v0))
	if sum(messageValues(m)...) != stored && !fault.Off(fault.RowSum) {
		return Message{}, errSum
	}
	return m, nil
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// dateValues gives an INTERNALDATE as seconds and minutes east of UTC, which is all that IMAP can say.
func dateValues(t time.Time) (any, int64) {
	if t.IsZero() {
		return nil, 0
	}
	_, offset := t.Zone()
	return t.Unix(), int64(offset / 60)
}

func dateOf(seconds *int64, zone int64) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	t := time.Unix(*seconds, 0).UTC()
	if zone == 0 {
		return t
	}
	return t.In(time.FixedZone("", int(zone)*60))
}

// keywordsValue joins keywords by blanks, which no atom can hold (RFC 9051, 9).
func keywordsValue(keywords []string) any {
	if len(keywords) == 0 {
		return nil
	}
	return []byte(strings.Join(keywords, " "))
}

func digestValue(d mail.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// Rows gives the rows of the UIDs that exist, UIDs ascending.
func (r *Reader) Rows(ctx context.Context, f FolderID, uids []mail.UID) ([]Message, error) {
	names, err := json.Marshal(uids)
	if err != nil {
		return nil, wrap(r.path, err)
	}
	rows, err := r.rows(ctx, selectUIDs, int64(f), string(names))
	all, err := collect(rows, err, scanMessage)
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
		for _, m := range rows {
			res, err := t.exec(addMessage, withSum(messageValues(m))...)
			if err != nil {
				return err
			}
			added, err := res.RowsAffected()
			if err != nil {
				return err
			}
			if added == 0 {
				err = t.seeAgain(m)
			} else {
				count.add(m)
			}
			if err != nil {
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
	_, err = t.exec(putMessage, withSum(messageValues(old))...)
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
		if _, err := t.exec(putMessage, withSum(messageValues(m))...); err != nil {
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
	all, err := collect(rows, err, scanMessage)
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
