package state

import (
	"context"
	"encoding/json"

	"mailhaul/state/mail"
)

// sameDestination finds the folder pairs f whose destination folder is that of the mailbox me, whatever mailbox they
// belong to: a merge brings several mailboxes into one.
const sameDestination = ` FROM mailbox me JOIN mailbox b ON b.destination = me.destination AND b.dendpoint = me.dendpoint
 JOIN folder f ON f.mailbox = b.id`

const (
	selectClaimed = "SELECT DISTINCT m.duid" + sameDestination + ` CROSS JOIN message m ON m.folder = f.id
 WHERE me.id = ? AND f.destination = ? AND f.dvalidity = ? AND m.duid IS NOT NULL AND m.duid >= ? ORDER BY m.duid`
	selectSiblings = "SELECT f.id" + sameDestination + ` JOIN folder mine ON mine.mailbox = me.id
 WHERE mine.id = ? AND f.destination = mine.destination AND f.dvalidity = mine.dvalidity AND (f.current OR f.id = mine.id)`
	countClaims = `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM json_each(?) s CROSS JOIN json_each(?) u
 CROSS JOIN message m ON m.folder = s.value AND m.duid = u.value AND m.duid IS NOT NULL GROUP BY m.duid)`
)

// Claimed tells which UIDs of a destination folder, from one to the end, are claimed by a row, ascending. All folder
// pairs that share the destination folder count, those of other mailboxes with the same destination and of earlier
// UIDVALIDITYs too.
func (r *Reader) Claimed(
	ctx context.Context, m MailboxID, destination string, v mail.UIDValidity, from mail.UID,
) ([]mail.UID, error) {
	rows, err := r.rows(ctx, selectClaimed, int64(m), []byte(destination), int64(v), int64(from))
	all, err := collect(rows, err, func(row scanner) (mail.UID, error) {
		var u mail.UID
		err := row.Scan(&u)
		return u, err
	})
	return all, wrap(r.path, err)
}

// siblings gives the Current folder pairs that share f's destination folder, and f itself.
func (t *tx) siblings(f FolderID) ([]FolderID, error) {
	rows, err := t.query(selectSiblings, int64(f))
	return collect(rows, err, func(row scanner) (FolderID, error) {
		var id FolderID
		err := row.Scan(&id)
		return id, err
	})
}

func (t *tx) claimedOnce(folders []FolderID, uids []mail.UID) error {
	names, err := json.Marshal(folders)
	if err != nil {
		return err
	}
	list, err := json.Marshal(distinct(uids))
	if err != nil {
		return err
	}
	most, err := t.number(countClaims, string(names), string(list))
	if err == nil && most > 1 {
		return badRequest("a destination message is claimed twice in folder %d", folders[0])
	}
	return err
}

func distinct(uids []mail.UID) []mail.UID {
	seen := make(map[mail.UID]bool, len(uids))
	var once []mail.UID
	for _, u := range uids {
		if !seen[u] {
			seen[u] = true
			once = append(once, u)
		}
	}
	return once
}
