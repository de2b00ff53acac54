package state

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// formatNumber is the file format that this release writes. It stands in the SQLite header as user_version, which every
// release reads before anything else.
const formatNumber = 1

// upgrade brings a file from one format to the next, inside a transaction on a copy.
type upgrade func(ctx context.Context, tx *sql.Tx) error

// upgrades gives the steps; the first leads from format 1 to 2. None has been needed yet.
func upgrades() []upgrade { return nil }

const (
	getMeta = "SELECT value, sum FROM meta WHERE key = ?"
	putMeta = "INSERT INTO meta (key, value, sum) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, sum = excluded.sum"
)

// inspect looks at a file without SQLite, so that one which is not ours, or was cut, is not touched at all. A missing
// file's error satisfies errors.Is(err, fs.ErrNotExist).
func inspect(path string) error {
	hot := hasLog(path)
	f, err := os.Open(path)
	if err != nil {
		return &Error{Code: mail.CodeStateWrite, Path: path, Err: err}
	}
	header := make([]byte, 100)
	_, err = io.ReadFull(f, header)
	info, statErr := f.Stat()
	_ = f.Close() // it was only read
	if statErr != nil || (err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)) {
		return &Error{Code: mail.CodeStateWrite, Path: path, Err: errors.Join(err, statErr)}
	}
	if err != nil {
		return damaged(path, "it is cut short at %d octets", info.Size())
	}
	return inspectHeader(path, header, info.Size(), hot || hasLog(path))
}

// inspectHeader reads SQLite's header (Database File Format, 1.3). With a log the true size is known to SQLite alone.
func inspectHeader(path string, header []byte, size int64, hot bool) error {
	word := func(at int) int64 { return int64(binary.BigEndian.Uint32(header[at:])) }
	if string(header[:16]) != "SQLite format 3\x00" || word(68) != applicationID {
		return damaged(path, "it is not a state file")
	}
	page := int64(binary.BigEndian.Uint16(header[16:]))
	if page == 1 {
		page = 65536
	}
	// Journal modes, reserved space, fractions, schema format and encoding are as SQLite wrote them when we made the file.
	versions := max(header[18], header[19]) <= 2 && string(header[20:24]) == "\x00\x40\x20\x20"
	if page < 512 || page&(page-1) != 0 || !versions || word(44) != 4 || word(56) != 1 {
		return damaged(path, "its header makes no sense")
	}
	if hot {
		return nil
	}
	if word(24) != word(92) {
		return damaged(path, "its header makes no sense")
	}
	if want := word(28) * page; size < want {
		return damaged(path, "it is cut short at %d of %d octets", size, want)
	}
	return nil
}

// hasLog tells whether a write-ahead log holds something.
func hasLog(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0
}

// prepare refuses a file that can't be trusted and brings an old one to the present format. All is looked at through a
// connection that can't write, for SQLite mends and moves things on its own otherwise.
func prepare(ctx context.Context, path string, steps []upgrade) error {
	if err := inspect(path); err != nil {
		return err
	}
	format, err := examine(ctx, path, len(steps)+1)
	if err != nil {
		return wrapOpening(path, err)
	}
	if format == len(steps)+1 {
		return nil
	}
	return wrap(path, runUpgrades(ctx, path, steps[format-1:], format))
}

// examine checks a file's structure and gives its format.
func examine(ctx context.Context, path string, newest int) (int, error) {
	db, err := sql.Open("sqlite", readName(path))
	if err != nil {
		return 0, err
	}
	db.SetMaxOpenConns(1)
	format, err := readFormat(ctx, db, path, newest)
	if err == nil {
		err = checkPages(ctx, db, path)
	}
	return format, errors.Join(err, db.Close())
}

// readFormat gives the format number, or the sentence that names the release which wrote a newer one.
func readFormat(ctx context.Context, db *sql.DB, path string, newest int) (int, error) {
	var format int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&format); err != nil {
		return 0, err
	}
	switch {
	case format < 1:
		return 0, damaged(path, "it has no format number")
	case format > newest:
		version, err := metaText(ctx, db, "version")
		if err != nil {
			version = "of an unknown release" // the number alone is reason enough to keep off
		}
		return 0, &Error{Code: mail.CodeStateNewer, Path: path, Version: version, Format: format}
	case format == formatNumber:
		return format, checkSchema(ctx, db, path)
	}
	return format, nil
}

// checkSchema wants exactly the tables and indexes of this format; queries mean nothing on others.
func checkSchema(ctx context.Context, db *sql.DB, path string) error {
	rows, err := db.QueryContext(ctx, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
	found, err := collect(rows, err, scanText)
	if err != nil {
		return err
	}
	want := schema()
	slices.Sort(want)
	slices.Sort(found)
	if !slices.Equal(found, want) {
		return damaged(path, "its tables are not those of format %d", formatNumber)
	}
	return nil
}

// checkFormat wants the present format.
func checkFormat(ctx context.Context, db *sql.DB, path string) error {
	format, err := readFormat(ctx, db, path, formatNumber)
	if err != nil {
		return wrapOpening(path, err)
	}
	if format < formatNumber {
		return &Error{Code: mail.CodeInternal, Path: path,
			Err: fmt.Errorf("it is in format %d; the next plan or apply brings it to %d", format, formatNumber)}
	}
	return nil
}

func scanText(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}

// checkPages has SQLite read every page and hold every index against its table. That takes about a second for a million
// messages, but a claim that an index does not tell any more could cost a message; quick_check does not look there.
func checkPages(ctx context.Context, db *sql.DB, path string) error {
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(1)")
	said, err := collect(rows, err, scanText)
	if err != nil {
		return err
	}
	if !slices.Equal(said, []string{"ok"}) {
		return damaged(path, "%s", strings.Join(said, "; "))
	}
	return nil
}

// runUpgrades works on a copy, checks it and renames it into place; until then the file is as it was.
func runUpgrades(ctx context.Context, path string, steps []upgrade, from int) error {
	copied := path + ".upgrade-" + randomHex(4)
	defer removeFile(copied)
	if err := snapshot(ctx, path, copied); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	db, err := sql.Open("sqlite", writeName(copied))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	for i := 0; i < len(steps) && err == nil; i++ {
		err = runUpgrade(ctx, db, steps[i], from+i+1)
	}
	if err == nil {
		err = checkPages(ctx, db, path)
	}
	if err == nil {
		err = moveLog(ctx, db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	if err := emptyLog(ctx, path); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	return putInPlace(copied, path)
}

func runUpgrade(ctx context.Context, db *sql.DB, step upgrade, to int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := step(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", to)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// emptyLog moves the log into the file, so that none is left to be replayed over the copy that takes its place.
func emptyLog(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", writeName(path))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(moveLog(ctx, db), db.Close())
}

// moveLog moves the log into the file. Closing does so too, but says nothing if it fails.
func moveLog(ctx context.Context, db *sql.DB) error {
	var busy, frames, moved int
	err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		err = errors.New("another program reads the file; end it and try again")
	}
	return err
}

// metaText reads one entry of the file's own description.
func metaText(ctx context.Context, db *sql.DB, key string) (string, error) {
	var value []byte
	var stored int64
	err := db.QueryRowContext(ctx, getMeta, key).Scan(&value, &stored)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("%w: it does not say its %s", errSum, key)
	}
	if err == nil && stored != sum(key, value) {
		err = errSum
	}
	return string(value), err
}

func metaNumber(ctx context.Context, db *sql.DB, key string) (int64, error) {
	text, err := metaText(ctx, db, key)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}
