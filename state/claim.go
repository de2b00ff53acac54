package state

import (
	"context"
	"encoding/json"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// sameDestination finds the folder pairs f whose destination folder is that of the mailbox me, whatever mailbox they
// belong to: a merge brings several mailboxes into one.
const sameDestination = ` FROM mailbox me JOIN mailbox b ON b.destination = me.destination AND b.dendpoint = me.dendpoint
 JOIN folder f ON f.mailbox = b.id`

const (
	selectSharing = "SELECT " + folderColumns + sameDestination + " WHERE me.id = ? AND f.destination = ? ORDER BY f.id"
	selectClaimed = "SELECT m.duid, min(m.date)" + sameDestination + ` CROSS JOIN message m ON m.folder = f.id
 WHERE me.id = ? AND f.destination = ? AND f.dvalidity = ? AND m.duid IS NOT NULL AND m.duid >= ? GROUP BY m.duid ORDER BY m.duid`
	countClaims = `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM message
 WHERE folder = ? AND duid IN (SELECT value FROM json_each(?)) AND duid IS NOT NULL GROUP BY duid)`
)

// Claimed tells which UIDs of a destination folder, from one to the end, are claimed by a row, ascending. All folder
// pairs that share the destination folder count, those of other mailboxes with the same destination and of earlier
// UIDVALIDITYs too.
func (r *Reader) Claimed(
	ctx context.Context, m MailboxID, destination string, v mail.UIDValidity, from mail.UID,
) ([]Claim, error) {
	rows, err := r.rows(ctx, selectClaimed, int64(m), []byte(destination), int64(v), int64(from))
	all, err := collect(rows, err, func(row scanner) (Claim, error) {
		var c Claim
		var date *int64
		err := row.Scan(&c.UID, &date)
		c.InternalDate = dateOf(date, 0)
		return c, err
	})
	return all, wrap(r.path, err)
}

// Sharing lists the folder pairs that share a destination folder of the mailbox, those of other mailboxes with the same
// destination and of earlier UIDVALIDITYs too, the oldest first.
func (r *Reader) Sharing(ctx context.Context, m MailboxID, destination string) ([]Folder, error) {
	rows, err := r.rows(ctx, selectSharing, int64(m), []byte(destination))
	all, err := collect(rows, err, scanFolder)
	return all, wrap(r.path, err)
}

// checkClaims holds I5 inside a folder pair: none of the rows just put claims a destination UID that another row has.
// Across folder pairs that share a destination Claimed is what keeps it and Check what proves it: while a destination's
// UIDVALIDITY changes, the pairs change over one after the other, and equal numbers mean nothing.
func (t *tx) checkClaims(f FolderID, rows []Message) error {
	uids := make([]mail.UID, 0, len(rows))
	for _, m := range rows {
		if m.DestinationUID != 0 {
			uids = append(uids, m.DestinationUID)
		}
	}
	if len(uids) == 0 {
		return nil
	}
	list, err := json.Marshal(uids)
	if err != nil {
		return err
	}
	most, err := t.number(countClaims, int64(f), string(list))
	if err == nil && most > 1 && !fault.Off(fault.ClaimedOnce) {
		return badRequest("a destination message is claimed twice in folder %d", f)
	}
	return err
}
