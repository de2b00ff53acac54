package endpointtest

import (
	"context"
	"slices"

	"mailhaul/executor"
	"mailhaul/state/mail"
)

// EraseFault is what goes wrong in one Erase or RemoveFolder.
type EraseFault uint8

// The faults of an undo. A folder is either there or not, so for RemoveFolder EraseMarked is EraseUnheard.
const (
	EraseUnheard EraseFault = iota + 1 // the connection breaks before the server does anything
	EraseMarked                        // it breaks when the messages are marked and not removed
	EraseUnsaid                        // all is done, and the answer is lost
	EraseRefused                       // the server marks and then says NO
	EraseDreamed                       // it says OK and removes nothing
)

// Eraser opens a session of an undo.
func (s *Store) Eraser() (executor.Eraser, error) {
	c, err := s.open("open eraser")
	if err != nil {
		return nil, err
	}
	return &eraser{newDestination(c)}, nil
}

// Eraser is like Source.
func (e *Endpoints) Eraser(_ context.Context, mailbox string) (executor.Eraser, error) {
	return open(e.Destinations, mailbox, (*Store).Eraser)
}

type eraser struct{ *destination }

// fault counts the removals and gives what goes wrong in this one. The lock is held.
func (s *Store) eraseFault() EraseFault {
	s.count.erased++
	return s.faults.Erase[s.count.erased]
}

// Erase marks and removes exactly these messages.
func (e *eraser) Erase(ctx context.Context, f mail.Folder, uids []mail.UID) error {
	leave, err := e.enter(ctx, Call{Op: "erase", Folder: f.Path.String(), UIDs: slices.Clone(uids)})
	defer leave()
	if err != nil {
		return err
	}
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b, gone := s.find("erase", f)
	if gone != nil {
		return e.kill(gone)
	}
	fault := s.eraseFault()
	if fault == EraseUnheard {
		return e.kill(lost("erase"))
	}
	for _, uid := range uids {
		if m := b.find(uid); m != nil {
			m.Flags.System |= mail.Deleted
		}
	}
	switch fault {
	case EraseMarked:
		return e.kill(lost("erase"))
	case EraseRefused:
		return &mail.Error{Op: "erase", Kind: mail.Refused, Code: mail.CodeIMAPDenied, Text: "Permission denied"}
	case EraseDreamed:
		return nil
	}
	b.messages = slices.DeleteFunc(b.messages, func(m Message) bool { return slices.Contains(uids, m.UID) })
	if fault == EraseUnsaid {
		return e.kill(lost("erase"))
	}
	return nil
}

// RemoveFolder removes an empty folder.
func (e *eraser) RemoveFolder(ctx context.Context, f mail.Folder) (bool, error) {
	leave, err := e.enter(ctx, Call{Op: "remove folder", Folder: f.Path.String()})
	defer leave()
	if err != nil {
		return false, err
	}
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.box(f.Raw)
	if b == nil {
		return false, &mail.Error{Op: "remove folder", Kind: mail.Refused, Code: mail.CodeIMAPFolderGone, Text: "no such folder"}
	}
	fault := s.eraseFault()
	switch {
	case len(b.messages) > 0:
		return false, nil
	case fault == EraseUnheard, fault == EraseMarked:
		return false, e.kill(lost("remove folder"))
	case fault == EraseRefused:
		return false, &mail.Error{Op: "remove folder", Kind: mail.Refused, Code: mail.CodeIMAPDenied, Text: "Permission denied"}
	case fault == EraseDreamed:
		return false, nil
	}
	s.boxes = slices.DeleteFunc(s.boxes, func(other *box) bool { return other == b })
	if fault == EraseUnsaid {
		return false, e.kill(lost("remove folder"))
	}
	return true, nil
}

// Replace puts another message under a UID, as a server does whose index was lost.
func (s *Store) Replace(folder string, uid mail.UID, m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.mustBox(folder).find(uid); old != nil {
		m.UID, m.ModSeq = uid, old.ModSeq
		*old = m
	}
}
