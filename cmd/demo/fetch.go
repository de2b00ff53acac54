package demo

import (
	"bytes"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"mailhaul/state/mail"
)

// numbered is a message with its sequence number.
type numbered struct {
	seq uint32
	Message
}

// chosen gives the messages of a set. The lock is held.
func (c *session) chosen(set imap.NumSet) []numbered {
	var all []numbered
	last, lastUID := uint32(len(c.selected.messages)), c.selected.lastUID()
	for i, m := range c.selected.messages {
		seq := uint32(i) + 1
		in := false
		// "*" is the last of both (RFC 9051, 9, seq-number).
		switch set := set.(type) {
		case imap.SeqSet:
			for _, r := range set {
				in = in || within(seq, r.Start, r.Stop, last)
			}
		case imap.UIDSet:
			for _, r := range set {
				in = in || within(uint32(m.UID), uint32(r.Start), uint32(r.Stop), lastUID)
			}
		}
		if in {
			all = append(all, numbered{seq, m})
		}
	}
	return all
}

// within tells whether n is in a range whose ends are in any order and where zero stands for "*".
func within(n, start, stop, last uint32) bool {
	if start == 0 {
		start = last
	}
	if stop == 0 {
		stop = last
	}
	return min(start, stop) <= n && n <= max(start, stop)
}

// Fetch writes what is asked for. ENVELOPE, BODYSTRUCTURE and parts would need a MIME parser and are refused.
func (c *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	if options.Envelope || options.BodyStructure != nil || len(options.BinarySection)+len(options.BinarySectionSize) > 0 {
		return no(imap.ResponseCodeCannot, "This server does not look into messages")
	}
	touch := false
	for _, section := range options.BodySection {
		if len(section.Part) > 0 || section.Specifier == imap.PartSpecifierMIME {
			return no(imap.ResponseCodeCannot, "This server does not look into messages")
		}
		touch = touch || !section.Peek
	}
	c.server.mu.Lock()
	messages := c.chosen(set)
	if touch && !c.readOnly {
		c.markSeen(messages)
		options.Flags = true
	}
	c.server.mu.Unlock()
	for _, m := range messages {
		if err := c.write(w, m, options); err != nil {
			return err
		}
	}
	return nil
}

func (c *session) markSeen(messages []numbered) {
	for i := range messages {
		messages[i].Flags.System |= mail.Seen
		c.selected.messages[messages[i].seq-1].Flags.System |= mail.Seen
	}
}

func (c *session) write(w *imapserver.FetchWriter, m numbered, options *imap.FetchOptions) error {
	r := w.CreateMessage(m.seq)
	if options.UID {
		r.WriteUID(imap.UID(m.UID))
	}
	if options.Flags {
		r.WriteFlags(toIMAP(m.Flags))
	}
	if options.InternalDate {
		r.WriteInternalDate(m.Date)
	}
	if options.RFC822Size {
		r.WriteRFC822Size(int64(len(m.Octets)))
	}
	if len(options.BodySection) > 0 {
		c.server.fetched()
	}
	for _, section := range options.BodySection {
		octets := cut(m.Octets, section)
		body := r.WriteBodySection(section, int64(len(octets)))
		_, err := body.Write(octets)
		if closeErr := body.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return r.Close()
}

func (s *Server) fetched() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Fetched++
}

// cut gives the section's octets exactly as they stand in the message.
func cut(octets []byte, section *imap.FetchItemBodySection) []byte {
	header, text := split(octets)
	switch section.Specifier {
	case imap.PartSpecifierHeader:
		octets = header
		if len(section.HeaderFields)+len(section.HeaderFieldsNot) > 0 {
			octets = fields(header, section)
		}
	case imap.PartSpecifierText:
		octets = text
	}
	if p := section.Partial; p != nil {
		start := min(p.Offset, int64(len(octets)))
		octets = octets[start:min(start+p.Size, int64(len(octets)))]
	}
	return octets
}

// split parts a message behind its first empty line, whatever its line ends are.
func split(octets []byte) (header, text []byte) {
	for start := 0; start < len(octets); {
		end := bytes.IndexByte(octets[start:], '\n')
		if end < 0 {
			break
		}
		line := octets[start : start+end]
		start += end + 1
		if len(bytes.TrimRight(line, "\r")) == 0 {
			return octets[:start], octets[start:]
		}
	}
	return octets, nil
}

// fields keeps the header lines that HEADER.FIELDS or HEADER.FIELDS.NOT asks for, folded lines with them.
func fields(header []byte, section *imap.FetchItemBodySection) []byte {
	var kept []byte
	keep := false
	for line := range bytes.Lines(header) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			keep = wanted(strings.TrimSpace(string(name)), section)
		}
		if keep {
			kept = append(kept, line...)
		}
	}
	return append(kept, "\r\n"...)
}

func wanted(name string, section *imap.FetchItemBodySection) bool {
	is := func(other string) bool { return strings.EqualFold(name, other) }
	if len(section.HeaderFields) > 0 {
		return slices.ContainsFunc(section.HeaderFields, is)
	}
	return !slices.ContainsFunc(section.HeaderFieldsNot, is)
}
