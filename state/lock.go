package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"mailhaul/state/fault"
	"mailhaul/state/mail"

	"github.com/gofrs/flock"
)

// lockSuffix names the lock file. It is a file of its own because SQLite's locks come and go with its transactions. It
// stays when the lock is given back: removing it would let two processes lock two files of one name.
const lockSuffix = ".lock"

// lockPatience is how long Open tries, so that somebody who only looks who holds the lock does not make it fail.
const lockPatience = 250 * time.Millisecond

// errTakenAway is said by a writer whose lock file was replaced by `state unlock --force`.
var errTakenAway = errors.New("the lock was taken away by force")

type lock struct {
	path  string
	flock *flock.Flock
}

// takeLock gets the lock and writes who holds it. A holder on another machine counts even where the operating system
// grants the lock, since some network file systems grant it to everybody; only Unlock removes such a note.
func takeLock(ctx context.Context, path string, opts Options) (*lock, error) {
	lk := &lock{path: path + lockSuffix, flock: flock.New(path+lockSuffix, flock.SetFlag(os.O_CREATE|os.O_RDWR|noFollow))}
	held, err := tryFor(ctx, lockPatience, lk.flock.TryLock)
	if err != nil {
		return nil, &Error{Code: mail.CodeStateWrite, Path: path, Err: fmt.Errorf("take lock: %w", err)}
	}
	before, noted := readNote(lk.path)
	if !held && !fault.Off(fault.OneWriter) {
		return nil, lockedBy(path, before, noted, true)
	}
	if noted && !sameMachine(before) {
		_ = lk.flock.Unlock() // the error in hand is the one to tell
		return nil, lockedBy(path, before, noted, false)
	}
	if !lk.mine() { // replaced by force between opening and locking
		_ = lk.flock.Unlock() // the error in hand is the one to tell
		return nil, lockedBy(path, before, noted, true)
	}
	if err := writeNote(lk.path, newHolder(opts)); err != nil {
		_ = lk.flock.Unlock() // the error in hand is the one to tell
		return nil, &Error{Code: mail.CodeStateWrite, Path: path, Err: fmt.Errorf("write lock: %w", err)}
	}
	return lk, nil
}

func lockedBy(path string, h Holder, noted, alive bool) *Error {
	e := &Error{Code: mail.CodeStateLocked, Path: path}
	if noted {
		h.Alive = alive
		e.Holder = &h
	}
	return e
}

// release empties the lock file and gives the lock back.
func (lk *lock) release() error {
	if !lk.flock.Locked() {
		return nil
	}
	var err error
	if lk.mine() {
		err = os.Truncate(lk.path, 0)
	}
	return errors.Join(err, lk.flock.Unlock())
}

// mine tells whether the file of that name is still the one that is locked.
func (lk *lock) mine() bool {
	ours, err := lk.flock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(lk.path)
	return err == nil && os.SameFile(ours, there)
}

// ReadHolder tells who has the state file open for writing. False means nobody.
func ReadHolder(path string) (Holder, bool, error) {
	name := path + lockSuffix
	h, noted := readNote(name)
	alive, err := isHeld(name)
	if err != nil {
		return Holder{}, false, &Error{Code: mail.CodeStateWrite, Path: path, Err: fmt.Errorf("look at lock: %w", err)}
	}
	h.Alive = alive
	return h, alive || (noted && !sameMachine(h)), nil
}

// Unlock removes the note of a holder that is gone for good; id is the holder's, so that nobody removes another one than
// the one he was told of. It refuses while a process of this machine holds the lock. If the holder was on another
// machine and is alive after all, it notices and stops before its next write.
func Unlock(path, id string) error {
	h, there, err := ReadHolder(path)
	switch {
	case err != nil:
		return err
	case !there:
		return &Error{Code: mail.CodeInternal, Path: path, Err: errors.New("nobody holds the lock")}
	case h.Alive && (h.ID == "" || sameMachine(h)):
		return lockedBy(path, h, h.ID != "", true)
	case h.ID != id:
		return &Error{Code: mail.CodeInternal, Path: path, Err: fmt.Errorf("the lock is %s, not %s", h.ID, id)}
	}
	// A new file in its place, not the same one emptied: the lock of a dead machine may hang on the old one.
	fresh := path + lockSuffix + "-" + randomHex(4)
	if err := os.WriteFile(fresh, nil, 0o600); err != nil {
		return &Error{Code: mail.CodeStateWrite, Path: path, Err: err}
	}
	if err := os.Rename(fresh, path+lockSuffix); err != nil {
		return &Error{Code: mail.CodeStateWrite, Path: path, Err: errors.Join(err, os.Remove(fresh))}
	}
	return nil
}

// isHeld tells whether some process has the operating system's lock.
func isHeld(name string) (bool, error) {
	fl := flock.New(name, flock.SetFlag(os.O_RDWR|noFollow))
	free, err := fl.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return !free, fl.Unlock()
}

// tryFor asks again for a while.
func tryFor(ctx context.Context, patience time.Duration, try func() (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if held, err := try(); held || err != nil {
			return held, err
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-tick.C:
		}
	}
}

func newHolder(opts Options) Holder {
	h := Holder{ID: randomHex(2), PID: os.Getpid(), Started: opts.Now().Round(0), Command: opts.Command, Boot: bootID()}
	h.Host, _ = os.Hostname() // unknown is empty: the note is for people
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

// sameMachine tells whether the operating system's word about the lock counts: a process of this machine wrote it.
func sameMachine(h Holder) bool {
	host, err := os.Hostname()
	return (err == nil && h.Host == host) || (h.Boot != "" && h.Boot == bootID())
}

// bootID is Linux's name for this start of the machine; containers share their machine's.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// readNote reads the holder; what can't be read counts as no note, for the lock itself is the operating system's.
func readNote(name string) (Holder, bool) {
	var h Holder
	f, err := os.OpenFile(name, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return h, false
	}
	err = json.NewDecoder(f).Decode(&h)
	_ = f.Close() // it was only read
	return h, err == nil && h.ID != ""
}

func writeNote(name string, h Holder) error {
	f, err := os.OpenFile(filepath.Clean(name), os.O_WRONLY|os.O_TRUNC|noFollow, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(h), f.Close())
}
