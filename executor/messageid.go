package executor

import (
	"bytes"
	"strings"
)

const (
	// headerWithin is where the header is looked for: what lies behind that is not worth the time.
	headerWithin = 16 << 10
	// longestID is the longest Message-ID told of, in octets; a longer one is cut. RFC 5322 has no limit but the line's.
	longestID = 250
)

// messageID gives the Message-ID in the header of a message in hand, as its sender wrote it; empty: none was found. It is
// for people who look for the message: nothing is decided by it, and it is kept nowhere.
func (sp *spool) messageID() string {
	head := sp.head()
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\n"))
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
			return ""
		}
		const name = "message-id:"
		if len(line) < len(name) || !strings.EqualFold(string(line[:len(name)]), name) {
			continue
		}
		id := bytes.TrimSpace(line[len(name):])
		if len(id) == 0 && len(head) > 0 && (head[0] == ' ' || head[0] == '\t') { // folded behind the name, as Exchange does
			line, _, _ = bytes.Cut(head, []byte("\n"))
			id = bytes.TrimSpace(line)
		}
		return strings.ToValidUTF8(string(id[:min(len(id), longestID)]), "")
	}
	return ""
}

// head gives the begin of the message.
func (sp *spool) head() []byte {
	if sp.file != nil {
		head := make([]byte, headerWithin)
		n, _ := sp.file.ReadAt(head, 0) // what can't be read is not told of
		return head[:n]
	}
	if len(sp.parts) == 0 {
		return nil
	}
	return sp.parts[0][:min(len(sp.parts[0]), headerWithin)]
}
