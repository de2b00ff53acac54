package state

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"mailhaul/state/mail"

	sqlite "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Holder is who has a state file open for writing, as it stands in the lock file.
type Holder struct {
	ID      string    `json:"id"` // four hex digits, for `state unlock --force ID`
	User    string    `json:"user"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Command string    `json:"command"`
	// Boot names this start of the machine where the system tells it. It knows one machine under two host names.
	Boot string `json:"boot,omitempty"`
	// Alive tells that the operating system's lock is held: the process still runs.
	Alive bool `json:"-"`
}

// Error is how a state file fails. errors.As finds a *mail.Error of kind Internal and this Code in it.
type Error struct {
	Code mail.Code // CodeStateLocked, CodeStateDamaged, CodeStateNewer, CodeStateWrite or CodeInternal
	Path string
	// Holder is set for CodeStateLocked where the lock file says who it is.
	Holder *Holder
	// Backup is the last good copy beside a damaged file; empty where there is none.
	Backup string
	// Version is the release that wrote a newer file, and Format its format number.
	Version string
	Format  int
	Err     error
}

// Error gives one sentence that names the file.
func (e *Error) Error() string {
	name := filepath.Base(e.Path)
	switch e.Code {
	case mail.CodeStateLocked:
		return "another mailhaul is working with " + name + because(e.Err)
	case mail.CodeStateDamaged:
		if e.Backup != "" {
			return fmt.Sprintf("%s is damaged%s; the last good copy is %s", name, because(e.Err), filepath.Base(e.Backup))
		}
		return name + " is damaged" + because(e.Err)
	case mail.CodeStateNewer:
		return fmt.Sprintf("%s was written by mailhaul %s in format %d; this release knows formats up to %d",
			name, e.Version, e.Format, formatNumber)
	case mail.CodeStateWrite:
		return name + " can't be written" + because(e.Err)
	default:
		return name + because(e.Err)
	}
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// As lets errors.As find the *mail.Error that the executor decides by.
func (e *Error) As(target any) bool {
	t, ok := target.(**mail.Error)
	if !ok {
		return false
	}
	*t = &mail.Error{Op: "use state file", Kind: mail.Internal, Code: e.Code, Err: e}
	return true
}

// damaged makes the error of a file that must not be trusted, naming the backup if there is one.
func damaged(path, format string, args ...any) *Error {
	e := &Error{Code: mail.CodeStateDamaged, Path: path, Err: fmt.Errorf(format, args...)}
	if exists(path + backupSuffix) {
		e.Backup = path + backupSuffix
	}
	return e
}

// errSum is a row whose values are not those that were written.
var errSum = errors.New("a row does not match its checksum")

// wrap makes an *Error of what SQLite or the file system said. A cancelled context stays what it is.
func wrap(path string, err error) error {
	var own *Error
	switch {
	case err == nil, errors.As(err, &own), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case isDamage(err):
		return damaged(path, "%w", err)
	case isRequest(err):
		return &Error{Code: mail.CodeInternal, Path: path, Err: err}
	default:
		return &Error{Code: mail.CodeStateWrite, Path: path, Err: err}
	}
}

// wrapOpening is wrap for the first look at a file: what SQLite finds no sense in then is damage, since the questions are
// always the same.
func wrapOpening(path string, err error) error {
	if sqliteCode(err) == lib.SQLITE_ERROR {
		return damaged(path, "%w", err)
	}
	return wrap(path, err)
}

func isDamage(err error) bool {
	code := sqliteCode(err)
	return errors.Is(err, errSum) || code == lib.SQLITE_CORRUPT || code == lib.SQLITE_NOTADB
}

// isRequest tells whether only the request is wrong; SQLite has then undone the one statement and can go on.
func isRequest(err error) bool {
	var bad *requestError
	code := sqliteCode(err)
	return errors.As(err, &bad) || code == lib.SQLITE_CONSTRAINT || code == lib.SQLITE_TOOBIG
}

// sqliteCode gives SQLite's primary result code, or zero.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
