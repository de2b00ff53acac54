package imapserver

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
	"strings"
)

// Render is what a server does that takes a message apart and makes it anew when it is read: the header in another order,
// with fields of its own and without those that delivery added; parts between other boundaries and in other encodings.
// What the message says stays. The same octets are always rendered the same.
func Render(octets []byte) []byte {
	header, body := split(octets)
	var out bytes.Buffer
	boundary := fmt.Sprintf("_000_%x_", sum(octets))
	fmt.Fprintf(&out, "Received: from client by server with IMAP; now\r\n")
	for _, f := range ordered(header) {
		out.WriteString(f + "\r\n")
	}
	kind, encoding, inner := renderBody(textproto.MIMEHeader{"Content-Type": {value(header, "Content-Type")},
		"Content-Transfer-Encoding": {value(header, "Content-Transfer-Encoding")}}, body, boundary, 0)
	fmt.Fprintf(&out, "X-MS-Exchange-Organization-AuthAs: Internal\r\nContent-Type: %s\r\n", kind)
	if encoding != "" {
		fmt.Fprintf(&out, "Content-Transfer-Encoding: %s\r\n", encoding)
	}
	out.WriteString("MIME-Version: 1.0\r\n\r\n")
	out.Write(inner)
	return out.Bytes()
}

func sum(octets []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(octets) // never fails
	return h.Sum64()
}

// split gives the fields of the header, unfolded, and the body.
func split(octets []byte) (fields []string, body []byte) {
	text := strings.ReplaceAll(string(octets), "\r\n", "\n")
	head, rest, _ := strings.Cut(text, "\n\n")
	if strings.HasPrefix(text, "\n") {
		head, rest = "", text[1:]
	}
	for line := range strings.SplitSeq(head, "\n") {
		if n := len(fields); n > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			fields[n-1] += " " + strings.TrimSpace(line)
		} else if line != "" {
			fields = append(fields, line)
		}
	}
	return fields, []byte(strings.ReplaceAll(rest, "\n", "\r\n"))
}

func value(fields []string, name string) string {
	for _, f := range fields {
		if n, v, found := strings.Cut(f, ":"); found && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// ordered are the fields that are kept, by name.
func ordered(fields []string) []string {
	var kept []string
	for _, f := range fields {
		switch name, _, _ := strings.Cut(strings.ToLower(f), ":"); strings.TrimSpace(name) {
		case "received", "return-path", "content-type", "content-transfer-encoding", "mime-version":
		default:
			kept = append(kept, f)
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int {
		return strings.Compare(strings.ToLower(strings.SplitN(a, ":", 2)[0]), strings.ToLower(strings.SplitN(b, ":", 2)[0]))
	})
	return kept
}

// deepest bounds how far parts within parts are taken apart.
const deepest = 20

// renderBody renders a body with the type, and gives its new type and encoding.
func renderBody(h textproto.MIMEHeader, body []byte, boundary string, depth int) (kind, encoding string, out []byte) {
	kind = h.Get("Content-Type")
	if kind == "" {
		kind = `text/plain; charset="us-ascii"`
	}
	media, params, err := mime.ParseMediaType(kind)
	if err == nil && strings.HasPrefix(media, "multipart/") && params["boundary"] != "" && depth < deepest {
		if out, ok := renderParts(body, params["boundary"], boundary, depth); ok {
			params["boundary"] = boundary
			return mime.FormatMediaType(media, params), "", out
		}
	}
	plain, known := decoded(h.Get("Content-Transfer-Encoding"), body)
	if err != nil || !known || strings.HasPrefix(media, "message/") || strings.HasPrefix(media, "multipart/") {
		return kind, h.Get("Content-Transfer-Encoding"), body
	}
	return kind, "base64", encoded(plain)
}

func renderParts(body []byte, was, now string, depth int) (out []byte, ok bool) {
	var b bytes.Buffer
	r := multipart.NewReader(bytes.NewReader(body), was)
	n := 0
	for ; ; n++ {
		part, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, false
		}
		inner, err := io.ReadAll(part)
		if err != nil {
			return nil, false
		}
		kind, encoding, rendered := renderBody(part.Header, inner, fmt.Sprintf("%s%d_", now, n), depth+1)
		fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\n", now, kind)
		for _, name := range []string{"Content-Disposition", "Content-Id"} {
			if v := part.Header.Get(name); v != "" {
				fmt.Fprintf(&b, "%s: %s\r\n", name, v)
			}
		}
		if encoding != "" {
			fmt.Fprintf(&b, "Content-Transfer-Encoding: %s\r\n", encoding)
		}
		b.WriteString("\r\n")
		b.Write(rendered)
		b.WriteString("\r\n")
	}
	fmt.Fprintf(&b, "--%s--\r\n", now)
	return b.Bytes(), n > 0
}

func decoded(encoding string, body []byte) (plain []byte, known bool) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "7bit", "8bit", "binary":
		return body, true
	case "base64":
		plain, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
		return plain, err == nil
	case "quoted-printable":
		plain, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		return plain, err == nil
	}
	return nil, false
}

func encoded(plain []byte) []byte {
	text := base64.StdEncoding.EncodeToString(plain)
	var b bytes.Buffer
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}
