package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mailhaul/state/mail"
)

// Violation is one thing in a state file that can't be as it is.
type Violation struct {
	Rule   string // a word: "structure", "checksum", "claimed-once", "intent", "undo", "digest", "counters", "failure", "orphan"
	Folder FolderID
	UID    mail.UID // zero: not about one message
	Text   string   // a sentence
}

// String gives the sentence with the place.
func (v Violation) String() string {
	switch {
	case v.UID != 0:
		return fmt.Sprintf("%s: folder %d, UID %d: %s", v.Rule, v.Folder, v.UID, v.Text)
	case v.Folder != 0:
		return fmt.Sprintf("%s: folder %d: %s", v.Rule, v.Folder, v.Text)
	}
	return v.Rule + ": " + v.Text
}

// checkMost bounds what one rule reports: a file that is wholly wrong needs no longer list.
const checkMost = 100

// Check reads the whole file and tells what is wrong with it, sorted. It works on a copy in a directory beside the file,
// because opening a file with SQLite may change it; while another process writes, the copy is a snapshot of what is
// committed. An error means that the file could not be looked at; a damaged structure is a Violation.
func Check(ctx context.Context, path string) ([]Violation, error) {
	if err := inspect(path); err != nil {
		return checkDamage(err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".mailhaul-check-")
	if err != nil {
		return nil, &Error{Code: mail.CodeStateWrite, Path: path, Err: err}
	}
	copied := filepath.Join(dir, "copy")
	err = copyQuiet(ctx, path, copied)
	var found []Violation
	if err == nil {
		found, err = checkCopy(ctx, path, copied)
	}
	if removed := os.RemoveAll(dir); err == nil && removed != nil {
		err = &Error{Code: mail.CodeStateWrite, Path: path, Err: removed}
	}
	return found, wrap(path, err)
}

// checkDamage makes a Violation of an error that says damage.
func checkDamage(err error) ([]Violation, error) {
	var e *Error
	if errors.As(err, &e) && e.Code == mail.CodeStateDamaged {
		return []Violation{{Rule: "structure", Text: e.Err.Error()}}, nil
	}
	return nil, err
}

// copyQuiet copies the file and its log octet for octet while nobody writes, or asks SQLite for a snapshot.
func copyQuiet(ctx context.Context, path, to string) error {
	lk, err := takeLock(ctx, path, Options{Command: "mailhaul state check", Now: time.Now})
	var locked *Error
	if errors.As(err, &locked) && locked.Code == mail.CodeStateLocked {
		return snapshot(ctx, path, to)
	}
	if err != nil {
		return err
	}
	err = copyFile(path, to)
	if err == nil && hasLog(path) {
		err = copyFile(path+"-wal", to+"-wal")
	}
	return errors.Join(err, lk.release())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), in.Close())
}

// checkCopy runs every rule. The structure comes first: where it is wrong the rest means nothing.
func checkCopy(ctx context.Context, path, copied string) ([]Violation, error) {
	db, err := sql.Open("sqlite", readName(copied))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	found, err := checkStructure(ctx, db, path)
	if err == nil && len(found) == 0 {
		found, err = checkRows(ctx, db)
	}
	if isDamage(err) {
		found, err = append(found, Violation{Rule: "structure", Text: err.Error()}), nil
	}
	return found, errors.Join(err, db.Close())
}

func checkStructure(ctx context.Context, db *sql.DB, path string) ([]Violation, error) {
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check")
	said, err := collect(rows, err, scanText)
	if err != nil {
		return nil, err
	}
	var found []Violation
	for _, s := range said {
		if s != "ok" {
			found = append(found, Violation{Rule: "structure", Text: s})
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	err = checkFormat(ctx, db, path)
	more, err := checkDamage(err)
	return more, err
}

// rules are the invariants that one query can tell: it gives folder and UID of each row that breaks the rule.
func rules() []struct{ rule, text, query string } {
	return []struct{ rule, text, query string }{
		{"claimed-once", "a destination message is claimed by more than one row (I5)",
			`SELECT m.folder, m.uid FROM message m JOIN folder f ON f.id = m.folder JOIN mailbox b ON b.id = f.mailbox
 WHERE m.duid IS NOT NULL AND f.current AND EXISTS (SELECT 1 FROM mailbox c CROSS JOIN folder g ON g.mailbox = c.id
 CROSS JOIN message o ON o.folder = g.id WHERE c.destination = b.destination AND c.dendpoint = b.dendpoint
 AND g.destination = f.destination AND g.dvalidity = f.dvalidity AND g.current AND o.duid = m.duid AND o.duid IS NOT NULL
 AND (o.folder <> m.folder OR o.uid <> m.uid))`},
		{"claim-place", "a row has a destination UID, but its folder names no UIDVALIDITY that it belongs to",
			`SELECT m.folder, m.uid FROM message m JOIN folder f ON f.id = m.folder WHERE m.duid IS NOT NULL AND f.dvalidity = 0`},
		{"intent", "an attempt in hand or unknown lacks the destination's UIDNEXT, its digest or its number",
			`SELECT folder, uid FROM message WHERE state IN (2, 3) AND ` + unfinished + `
 AND (u0 IS NULL OR h0 IS NULL OR attempt = 0)`},
		{"undo", "a copy that is being taken back lacks its UID at the destination or its digest",
			`SELECT folder, uid FROM message WHERE state = 4 AND ` + unfinished + ` AND (duid IS NULL OR h0 IS NULL)`},
		{"digest", "a copied row lacks its digest",
			`SELECT folder, uid FROM message WHERE state = 10 AND h0 IS NULL`},
		{"state", "a row has a state that does not exist",
			`SELECT folder, uid FROM message WHERE state NOT IN (0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22)`},
		{"orphan", "a row belongs to no folder",
			`SELECT folder, uid FROM message WHERE folder NOT IN (SELECT id FROM folder)`},
		{"orphan", "a folder belongs to no mailbox",
			`SELECT id, 0 FROM folder WHERE mailbox NOT IN (SELECT id FROM mailbox)`},
		{"failure", "a failure belongs to no row, or to one that is done",
			`SELECT x.folder, x.uid FROM failure x LEFT JOIN message m ON m.folder = x.folder AND m.uid = x.uid
 WHERE m.uid IS NULL OR ` + copied + ` OR state IN (12, 13)`},
	}
}

func checkRows(ctx context.Context, db *sql.DB) ([]Violation, error) {
	found, err := checkSums(ctx, db)
	if err != nil || len(found) > 0 {
		return found, err
	}
	for _, r := range rules() {
		rows, err := db.QueryContext(ctx, r.query+fmt.Sprintf(" LIMIT %d", checkMost))
		some, err := collect(rows, err, func(row scanner) (Violation, error) {
			v := Violation{Rule: r.rule, Text: r.text}
			err := row.Scan(&v.Folder, &v.UID)
			return v, err
		})
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	more, err := checkTallies(ctx, db)
	found = append(found, more...)
	slices.SortStableFunc(found, func(a, b Violation) int {
		return slices.Compare([]int64{int64(a.Folder), int64(a.UID)}, []int64{int64(b.Folder), int64(b.UID)})
	})
	return found, err
}

// checkSums reads every row of every table once.
func checkSums(ctx context.Context, db *sql.DB) ([]Violation, error) {
	message := scanMessage()
	none := func(err error) (struct{}, error) { return struct{}{}, err }
	tables := []struct {
		name, query string
		scan        func(scanner) (struct{}, error)
	}{
		{"mailbox", selectMailbox, func(r scanner) (struct{}, error) { _, err := scanMailbox(r); return none(err) }},
		{"folder", selectFolder, func(r scanner) (struct{}, error) { _, err := scanFolder(r); return none(err) }},
		{"message", selectMessage, func(r scanner) (struct{}, error) { _, err := message(r); return none(err) }},
		{"failure", "SELECT " + failureColumns + ", sum FROM failure",
			func(r scanner) (struct{}, error) { _, err := scanFailure(r); return none(err) }},
		{"run", selectRun, func(r scanner) (struct{}, error) { _, err := scanRun(r); return none(err) }},
		{"pass", "SELECT " + passColumns + ", sum FROM pass",
			func(r scanner) (struct{}, error) { _, err := scanPass(r); return none(err) }},
		{"created folder", selectCreated, func(r scanner) (struct{}, error) { _, err := scanCreated(r); return none(err) }},
		{"mailbox pass", selectMailboxPass,
			func(r scanner) (struct{}, error) { _, err := scanMailboxPass(r); return none(err) }},
	}
	var found []Violation
	for _, t := range tables {
		rows, err := db.QueryContext(ctx, t.query)
		if err := each(rows, err, t.scan); isDamage(err) {
			found = append(found, Violation{Rule: "checksum", Text: "a " + t.name + " row is not what was written"})
		} else if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// each scans row after row and keeps none.
func each(rows *sql.Rows, err error, scan func(scanner) (struct{}, error)) error {
	if err != nil {
		return err
	}
	for rows.Next() {
		if _, err := scan(rows); err != nil {
			_ = rows.Close() // the error in hand is the one to tell
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

const countAnew = `SELECT folder, state, count(*), sum(size), min(date), max(date), sum(date IS NULL), max(size), max(uid)
 FROM message GROUP BY folder, state`

// checkTallies counts anew and compares.
func checkTallies(ctx context.Context, db *sql.DB) ([]Violation, error) {
	r := &Reader{db: db, statements: map[string]*sql.Stmt{}}
	kept, err := r.folderTallies(ctx, "")
	if err != nil {
		return nil, err
	}
	counted := map[FolderID]*tally{}
	rows, err := db.QueryContext(ctx, countAnew)
	err = each(rows, err, func(row scanner) (struct{}, error) { return struct{}{}, addGroup(counted, row) })
	var found []Violation
	for _, ft := range kept {
		c := counted[ft.folder.ID]
		if c == nil {
			c = &tally{}
		}
		if !ft.tally.covers(c) && len(found) < checkMost {
			found = append(found, Violation{Rule: "counters", Folder: ft.folder.ID,
				Text: fmt.Sprintf("the counters of %q do not agree with its rows", ft.folder.Path)})
		}
	}
	return found, err
}

// addGroup adds the rows of one folder in one state.
func addGroup(counted map[FolderID]*tally, row scanner) error {
	var f FolderID
	var s State
	var n Count
	var one tally
	err := row.Scan(&f, &s, &n.Messages, &n.Bytes, &one.oldest, &one.newest, &one.undated, &one.biggest, &one.highest)
	if err != nil {
		return unreadable(err)
	}
	c := counted[f]
	if c == nil {
		c = &tally{}
		counted[f] = c
	}
	if int(s) < len(c.counts) {
		c.counts[s] = n
	}
	c.undated += one.undated
	c.biggest, c.highest = max(c.biggest, one.biggest), max(c.highest, one.highest)
	for _, date := range []*int64{one.oldest, one.newest} {
		c.widen(date)
	}
	return nil
}

// covers tells whether the tally counts what was counted anew and its bounds hold for it.
func (c *tally) covers(anew *tally) bool {
	bounds := anew.oldest == nil || c.oldest != nil && c.newest != nil && *c.oldest <= *anew.oldest && *c.newest >= *anew.newest
	return bounds && c.counts == anew.counts && c.undated == anew.undated && c.biggest >= anew.biggest && c.highest >= anew.highest
}
