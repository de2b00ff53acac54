package imap

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"

	"mailhaul/state/mail"
)

// fuzzSink checks what every sink relies on.
type fuzzSink struct {
	t     *testing.T
	whole bool
}

func (s *fuzzSink) Body(size mail.Size, r io.Reader) error {
	n, err := io.Copy(io.Discard, r)
	if err == nil && mail.Size(n) != size {
		s.t.Errorf("%d octets without an error, announced %d", n, size)
	}
	if err == io.EOF {
		s.t.Error("a cut is told as io.EOF")
	}
	s.whole = err == nil
	return err
}

func (s *fuzzSink) Message(_ mail.Message, hasBody bool) error {
	if hasBody && !s.whole {
		s.t.Error("a message with half a body")
	}
	return nil
}

// FuzzResponse reads any octets to their end: no panic, no endless loop, errors of the connection only at its end or at
// a limit.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{"* OK [CAPABILITY IMAP4rev1] hi\r\n", "+ go\r\n", "a1 NO [Error=\"]\" x] t\r\n", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n",
		"* LIST (\\X) \"\\\" a\"b\r\n", "* STATUS {1}\r\na (UIDNEXT 1)\r\n", "* NAMESPACE ((\"\" \"/\" X (\"a\"))) NIL NIL\r\n", "* SEARCH 1 2\r\n",
		"* ESEARCH UID ALL 1:*,2:9\r\n", "* QUOTA \"r\" (STORAGE 1 2)\r\n", "* X {99999999999999999999}\r\n", "* VANISHED {0}\r\n{0}\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, octets string) {
		in := newReader(strings.NewReader(octets), nil)
		for range len(octets) + 2 {
			r, err := in.next()
			if err != nil {
				return
			}
			consume(r)
		}
		t.Error("more responses than octets")
	})
}

// consume reads a response as each of its readers would.
func consume(r *response) {
	if r.kind != untagged {
		return
	}
	switch r.verb {
	case "LIST":
		e, _ := parseList(r.data)
		(&namespaces{}).path(e.raw, e.delim)
	case "STATUS":
		parseStatusData(r.data)
	case "NAMESPACE":
		parseNamespaces(r.data)
	case "SEARCH", "ESEARCH":
		takeSearch(r, 1000, func(mail.UID) {})
	case "QUOTA":
		takeQuota(r.data, &mail.Limits{})
	case "FETCH":
		_, _, _ = parseFetch(r.data, nil)
	default:
		(&selection{}).code(r.status)
		_ = classify("x", r.status, atAppend)
	}
}

// FuzzFetch puts any octets between two honest messages' worth of framing.
func FuzzFetch(f *testing.F) {
	f.Add("(UID 1 BODY[] {3}\r\nabc FLAGS (\\Seen) MODSEQ (5) INTERNALDATE \"01-Jan-2020 00:00:00 +0000\")\r\n")
	f.Add("(BODY[] \"a\\\"\" UID 4294967295)\r\n* 2 FETCH (BODY[] NIL RFC822.SIZE -1)\r\n")
	f.Add("(BODY[HEADER.FIELDS (A)]<0> ~{1}\r\nx X-GM-LABELS (a \"b\" {1}\r\nc))\r\n")
	f.Fuzz(func(t *testing.T, octets string) {
		in := newReader(strings.NewReader("* 1 FETCH "+octets), nil)
		sink := &fuzzSink{t: t}
		for {
			r, err := in.next()
			if err != nil {
				return
			}
			if r.verb != "FETCH" {
				continue
			}
			it, ok, err := parseFetch(r.data, sink)
			if err != nil {
				return
			}
			if ok && it.msg.UID == 0 {
				t.Error("a message without UID")
			}
			if ok && r.data.finish() == nil {
				_ = sink.Message(it.msg, it.hasBody)
			}
		}
	})
}

// FuzzMUTF7: names survive both ways, those that no encoder would have made too, decoding never fails, and what is sent is one command with the name's octets.
func FuzzMUTF7(f *testing.F) {
	for _, seed := range []string{"Entwürfe", "R&D", "&AOQ-", "a\r\nb", "{5}", "\xff", "日本語", "&-", "=41", `"\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		decoded := decodeName(name)
		if strings.ContainsAny(decoded, "\r\n\x00") && decodedCleanly(name) != decoded {
			t.Errorf("%q decodes to %q", name, decoded)
		}
		if properName(name) && encodeName(decoded) != name {
			t.Errorf("%q, as a server gave it, comes back as %q", name, encodeName(decoded))
		}
		if !properName(name) && unescapeName(decoded) != name {
			t.Errorf("%q, which is no modified UTF-7, is shown as %q and can't be told from %q", name, decoded, unescapeName(decoded))
		}
		if valid := strings.ToValidUTF8(name, "?"); decodeName(encodeName(valid)) != valid && !strings.ContainsRune(valid, '\uFFFD') {
			t.Errorf("%q comes back as %q", valid, decodeName(encodeName(valid)))
		}
		var wire bytes.Buffer
		c := &client{out: newWriter(&wire, nil), caps: capabilities{"LITERAL+": true}, tags: newTagger()}
		if _, err := c.send(newCommand("EXAMINE").astring(name)); err != nil {
			t.Fatal(err)
		}
		if got := readCommand(t, wire.Bytes()); got != name {
			t.Errorf("%q was sent as %q: %q", name, wire.String(), got)
		}
	})
}

// unescapeName is the way back from escapeName.
func unescapeName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '=' && hexAt(name, i+1) && hexAt(name, i+2) {
			octet, _ := strconv.ParseUint(name[i+1:i+3], 16, 8) // two hex digits
			b.WriteByte(byte(octet))
			i += 2
			continue
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

func decodedCleanly(name string) string {
	s, err := decodeUTF7(name)
	if err != nil {
		return ""
	}
	return s
}

// readCommand reads the one argument of the one command as a server does.
func readCommand(t *testing.T, wire []byte) string {
	t.Helper()
	in := newReader(bytes.NewReader(wire), nil)
	line, err := in.line()
	if err != nil {
		t.Fatal(err)
	}
	in.scan.start(line, true)
	in.scan.next()
	in.scan.next()
	arg := string(in.scan.text(in.scan.next()))
	if in.scan.next().kind != tokEnd || in.scan.finish() != nil || in.buffered() > 0 {
		t.Errorf("more than one command: %q", wire)
	}
	return arg
}
