package imap

import (
	"context"
	"iter"

	"mailhaul/state/mail"
)

// Source is a mailbox that is read. It has no method that writes, and its session refuses to send what could.
type Source struct{ c *client }

// DialSource connects and signs in.
func DialSource(ctx context.Context, opts Options) (*Source, error) {
	c, err := connect(ctx, opts, true)
	if err != nil {
		return nil, err
	}
	return &Source{c: c}, nil
}

// SignIn names the sign-in method in use.
func (s *Source) SignIn() string { return s.c.method }

// Folders lists the personal folders with their status.
func (s *Source) Folders(ctx context.Context) ([]mail.Folder, error) {
	leave, err := s.c.enter(ctx, "list folders")
	if err != nil {
		return nil, err
	}
	defer leave()
	// STATUS is for folders that are not open (RFC 9051, 6.3.11).
	if err := s.c.unselect(); err != nil {
		return nil, s.c.reason(ctx, err)
	}
	return s.c.Folders(ctx)
}

// List yields a folder's messages, UIDs ascending, while they arrive.
func (s *Source) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return s.c.List(ctx, f, q)
}

// Fetch streams bodies to the sink. An error of the sink ends the session.
func (s *Source) Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	return s.c.Fetch(ctx, f, uids, to)
}

// Exists asks which of the UIDs are there.
func (s *Source) Exists(ctx context.Context, f mail.Folder, uids []mail.UID) ([]mail.UID, error) {
	return s.c.Exists(ctx, f, uids)
}

// Close signs out.
func (s *Source) Close() error { return s.c.close() }
