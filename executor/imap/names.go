package imap

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"mailhaul/state/mail"
)

// shifted is the base64 of modified UTF-7 (RFC 3501, 5.1.3): "," in place of "/", no padding.
var shifted = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// encodeName turns a name into modified UTF-7.
func encodeName(name string) string {
	var b strings.Builder
	var pending []rune
	flush := func() {
		if len(pending) == 0 {
			return
		}
		units := utf16.Encode(pending)
		octets := make([]byte, 0, 2*len(units))
		for _, u := range units {
			octets = append(octets, byte(u>>8), byte(u))
		}
		b.WriteString("&" + shifted.EncodeToString(octets) + "-")
		pending = pending[:0]
	}
	for _, r := range name {
		switch {
		case r < ' ' || r > '~':
			pending = append(pending, r)
		case r == '&':
			flush()
			b.WriteString("&-")
		default:
			flush()
			b.WriteRune(r)
		}
	}
	flush()
	return b.String()
}

// decodeName reads one level of a name. What is no modified UTF-7 is given as it stands, octets that are no text
// escaped; separate keeps the few apart that then look like another folder's.
func decodeName(raw string) string {
	name, err := decodeUTF7(raw)
	if err == nil && encodeName(name) == raw {
		return name
	}
	return escapeName(raw)
}

// properName tells whether raw is the one encoding of what it decodes to.
func properName(raw string) bool {
	name, err := decodeUTF7(raw)
	return err == nil && encodeName(name) == raw
}

var errUTF7 = errors.New("no modified UTF-7")

func decodeUTF7(raw string) (string, error) {
	var b strings.Builder
	for raw != "" {
		at := strings.IndexByte(raw, '&')
		if at < 0 {
			at = len(raw)
		}
		b.WriteString(raw[:at])
		if raw = raw[at:]; raw == "" {
			break
		}
		end := strings.IndexByte(raw, '-')
		if end < 0 {
			return "", errUTF7
		}
		if err := decodeShift(&b, raw[1:end]); err != nil {
			return "", err
		}
		raw = raw[end+1:]
	}
	return b.String(), nil
}

func decodeShift(b *strings.Builder, text string) error {
	if text == "" {
		b.WriteByte('&')
		return nil
	}
	octets, err := shifted.DecodeString(text)
	if err != nil || len(octets)%2 != 0 {
		return errUTF7
	}
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	for _, r := range utf16.Decode(units) {
		if r == utf8.RuneError {
			return errUTF7 // a lone surrogate
		}
		b.WriteRune(r)
	}
	return nil
}

// escapeName makes a malformed name readable: valid UTF-8 stays, other octets become =XX. A "=" before two hex digits
// is escaped itself, which keeps the form reversible.
func escapeName(raw string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRuneInString(raw[i:])
		escape := r == utf8.RuneError && n <= 1 || r < ' ' || r == 0x7f || r == '=' && hexAt(raw, i+1) && hexAt(raw, i+2)
		if !escape {
			b.WriteString(raw[i : i+n])
			i += n
			continue
		}
		b.WriteByte('=')
		b.WriteByte(hexDigits[raw[i]>>4])
		b.WriteByte(hexDigits[raw[i]&15])
		i++
	}
	return b.String()
}

// escapeAll escapes what means something in names, and all that is not plain.
func escapeAll(level string) string {
	var b strings.Builder
	for i := range len(level) {
		if c := level[i]; c == '&' || c == '=' || c < ' ' || c > '~' {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func hexAt(s string, i int) bool {
	return i < len(s) && strings.IndexByte("0123456789ABCDEF", s[i]) >= 0
}

// namespaces is what NAMESPACE says (RFC 2342).
type namespaces struct {
	known    bool
	prefix   string   // of the first personal namespace, as it stands on the wire, delimiter included
	delim    string   // empty: flat
	personal []string // all personal prefixes
	foreign  []string // prefixes of other users' and shared folders; an empty one is left out
}

// isForeign tells whether a raw name belongs to somebody else: such folders are their owner's to migrate.
func (n *namespaces) isForeign(raw string) bool {
	longest := -1
	for _, p := range n.personal {
		if strings.HasPrefix(raw, p) {
			longest = max(longest, len(p))
		}
	}
	for _, p := range n.foreign {
		bare := strings.TrimSuffix(p, n.delim)
		if len(p) > longest && (strings.HasPrefix(raw, p) || raw == bare) {
			return true
		}
	}
	return false
}

// path decodes a raw name. The personal prefix is stripped once; where that would leave INBOX or something below it,
// which INBOX itself occupies, the name stays whole.
func (n *namespaces) path(raw, delim string) mail.Path {
	if strings.EqualFold(raw, "INBOX") {
		return mail.Path{"INBOX"}
	}
	name := raw
	if n.prefix != "" && len(raw) > len(n.prefix) && strings.EqualFold(raw[:len(n.prefix)], n.prefix) {
		name = raw[len(n.prefix):]
	}
	p := splitLevels(name, delim)
	if name != raw && strings.EqualFold(p[0], "INBOX") {
		p = splitLevels(raw, delim)
	}
	if strings.EqualFold(p[0], "INBOX") {
		p[0] = "INBOX"
	}
	return p
}

func splitLevels(name, delim string) mail.Path {
	parts := []string{name}
	if delim != "" {
		parts = strings.Split(name, delim)
	}
	p := make(mail.Path, len(parts))
	for i, part := range parts {
		p[i] = decodeName(part)
	}
	return p
}

// raw encodes a path for a new folder.
func (n *namespaces) raw(p mail.Path) (string, error) {
	if p.IsInbox() {
		return "INBOX", nil
	}
	levels := make([]string, len(p))
	for i, level := range p {
		levels[i] = encodeName(level)
		if level == "" || n.delim != "" && strings.Contains(levels[i], n.delim) || strings.ContainsAny(level, "\r\n\x00") {
			return "", &mail.Error{Op: "name folder", Kind: mail.Refused, Code: mail.CodeIMAPFolder,
				Err: errors.New("a level of the name is empty or holds the server's delimiter")}
		}
	}
	if n.delim == "" && len(p) > 1 {
		return "", &mail.Error{Op: "name folder", Kind: mail.Refused, Code: mail.CodeIMAPFolder,
			Err: errors.New("the server has no folders inside folders")}
	}
	name := strings.Join(levels, n.delim)
	if strings.EqualFold(p[0], "INBOX") {
		return name, nil
	}
	return n.prefix + name, nil
}
