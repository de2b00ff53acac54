package executor

import (
	"bytes"
	netmail "net/mail"
	"strconv"
	"strings"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// Exchange puts a note in the place of a message that it can't write out for IMAP: one that is broken, or that is still
// being scanned. The note is whole and well-formed, so that nothing but its words tells. Copied, it would stand where the
// mail should be, and nobody would know. It names the UID that was asked for, which a note that somebody kept, moved or
// sent on does not: such a one is mail like any other.

// substituteLargest is more than a note ever has.
const substituteLargest = 16 << 10

const (
	substituteFrom    = "Microsoft Exchange Server"
	substituteSubject = "Retrieval using the IMAP4 protocol failed for the following message: "
)

// substituteMark is that part of the subject which stands on one line however it is folded.
var substituteMark = []byte("Retrieval using the IMAP4")

var errSubstitute = &mail.Error{Op: "fetch message", Kind: mail.Malformed, Code: mail.CodeMessageDamaged,
	Text: "the source hands over a note of Exchange that it could not retrieve the message, in its place"}

// isSubstitute tells whether the octets are such a note for the message with that UID.
func isSubstitute(octets []byte, uid mail.UID) bool {
	if len(octets) > substituteLargest || !bytes.Contains(octets, substituteMark) {
		return false
	}
	m, err := netmail.ReadMessage(bytes.NewReader(octets))
	if err != nil {
		return false
	}
	number, found := strings.CutPrefix(m.Header.Get("Subject"), substituteSubject)
	return found && strings.TrimSpace(number) == strconv.FormatUint(uint64(uid), 10) &&
		strings.HasPrefix(strings.TrimLeft(m.Header.Get("From"), `"`), substituteFrom)
}

// substituted tells whether the message held back is a note in place of the row's, and records that the row's is damaged.
func (s *takeSink) substituted(row *state.Message) (bool, error) {
	if s.held == nil || len(s.held.parts) != 1 || !isSubstitute(s.held.parts[0], row.UID) {
		return false, nil
	}
	s.held.free()
	s.held = nil
	failure := s.fail(row, state.StateDamaged, errSubstitute)
	return true, s.put(s.ctx, []state.Message{*row}, []state.Failure{failure})
}
