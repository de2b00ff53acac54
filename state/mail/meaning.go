package mail

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"slices"
	"strings"
)

// Meaning digests what a message says and not how it is written: Message-ID, Date, From, To and Subject, unfolded and
// decoded (h2), and the decoded leaf parts in sorted order (h3). It is for destinations that render MIME anew, as Exchange
// does: the order of the header, boundaries, encodings and white space of texts do not count. It reads r to its end; its
// error is r's. What is no MIME is one leaf.
func Meaning(r io.Reader) (Digest, error) {
	in := &sticky{r: r}
	m := &meaning{}
	m.message(in, 0)
	_, err := io.Copy(io.Discard, in)
	slices.SortFunc(m.leaves, func(a, b Digest) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	for _, line := range append(m.head, "") {
		_, _ = io.WriteString(h, line+"\n") // hash.Hash never fails
	}
	for _, leaf := range m.leaves {
		_, _ = h.Write(leaf[:])
	}
	return cut(h), cmp.Or(in.err, err)
}

// sticky remembers the reader's error, which a parser above may swallow.
type sticky struct {
	r   io.Reader
	err error
}

func (s *sticky) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// meaning gathers what counts. A hostile message costs no more than these bounds.
type meaning struct {
	head   []string
	leaves []Digest
}

const (
	deepestPart   = 50
	mostLeaves    = 10_000
	longestHeader = 1 << 20
)

// meaningFields are what h2 is made of.
var meaningFields = []string{"message-id", "date", "from", "to", "subject"}

// message reads a header and the body below it.
func (m *meaning) message(r io.Reader, depth int) {
	in := bufio.NewReader(r)
	fields := readFields(in)
	if depth == 0 {
		for _, name := range meaningFields {
			m.head = append(m.head, name+":"+plainField(fields[name]))
		}
	}
	m.body(fields["content-type"], fields["content-transfer-encoding"], in, depth)
}

// readFields reads a header up to the empty line and gives the first field of each name that counts, unfolded.
func readFields(in *bufio.Reader) map[string]string {
	fields, name, read := map[string]string{}, "", 0
	for {
		line, n, err := readLine(in, longestHeader-read)
		read += n
		text := strings.TrimRight(line, "\r\n")
		if text == "" || read > longestHeader {
			return fields
		}
		if text[0] == ' ' || text[0] == '\t' {
			if name != "" {
				fields[name] += " " + text
			}
		} else if n, value, found := strings.Cut(text, ":"); found {
			name = strings.ToLower(strings.TrimRight(n, " \t"))
			if _, again := fields[name]; again || !counts(name) {
				name = ""
			} else {
				fields[name] = value
			}
		}
		if err != nil {
			return fields
		}
	}
}

// readLine reads a line to its end and gives what of it is within a bound, and how many octets it had: a line may be as
// long as the message.
func readLine(in *bufio.Reader, within int) (line string, n int, err error) {
	var kept []byte
	for {
		piece, err := in.ReadSlice('\n')
		if n += len(piece); n <= within {
			kept = append(kept, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(kept), n, err
		}
	}
}

func counts(name string) bool {
	return slices.Contains(meaningFields, name) || name == "content-type" || name == "content-transfer-encoding"
}

// plainField decodes words (RFC 2047) and makes all white space the same.
func plainField(value string) string {
	value = strings.ReplaceAll(value, "\x00", "")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		value = decoded
	}
	return strings.Join(strings.Fields(value), " ")
}

// body reads a body of a type: the parts of a multipart, a message within the message, or a leaf.
func (m *meaning) body(kind, encoding string, r io.Reader, depth int) {
	media, params, err := mime.ParseMediaType(strings.TrimSpace(kind))
	if err != nil || media == "" {
		media = "text/plain"
	}
	switch boundary := params["boundary"]; {
	case depth >= deepestPart:
	case strings.HasPrefix(media, "multipart/") && boundary != "":
		m.parts(multipart.NewReader(r, boundary), depth)
		return
	case media == "message/rfc822":
		m.message(decode(encoding, r), depth+1)
		return
	}
	m.leaf(decode(encoding, r), strings.HasPrefix(media, "text/"))
}

func (m *meaning) parts(r *multipart.Reader, depth int) {
	for len(m.leaves) < mostLeaves {
		part, err := r.NextRawPart()
		if err != nil {
			return // the end, or what can't be understood
		}
		m.body(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, depth+1)
	}
}

func decode(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

// leaf digests one part. One that can't be decoded to its end counts as far as it can.
func (m *meaning) leaf(r io.Reader, text bool) {
	h := sha256.New()
	var w io.Writer = h
	if text {
		w = &words{h: h}
	}
	_, _ = io.Copy(w, r) // the connection's error is kept by sticky; another one only ends the leaf
	var full [sha256.Size]byte
	h.Sum(full[:0])
	m.leaves = append(m.leaves, Digest(full[:len(Digest{})]))
}

// words digests a text with every run of white space as one blank, and none at the ends.
type words struct {
	h     hash.Hash
	begun bool
	gap   bool
}

func (w *words) Write(p []byte) (int, error) {
	n := len(p)
	p = bytes.ReplaceAll(p, []byte{0}, nil) // nobody reads them, and servers drop them
	for len(p) > 0 {
		at := bytes.IndexAny(p, " \t\r\n")
		if at != 0 {
			word := p
			if at > 0 {
				word = p[:at]
			}
			if w.gap && w.begun {
				_, _ = io.WriteString(w.h, " ") // hash.Hash never fails
			}
			_, _ = w.h.Write(word) // likewise
			w.begun, w.gap = true, false
			p = p[len(word):]
			continue
		}
		w.gap = true
		p = p[1:]
	}
	return n, nil
}
