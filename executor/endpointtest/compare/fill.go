package compare

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// Mail says what Fill makes.
type Mail struct {
	Messages int       // how many, the big one not counted
	Seed     uint64    // another seed makes other mail
	Big      int       // size of one message more, in the last folder; zero: none
	Now      time.Time // the newest date; the zero Time is 2026-11-23 12:00 UTC
	// Samples come first, before the awkward messages that Fill knows itself. Those with CR CR LF are left out: Dovecot
	// shortens it at each storing, so that a copy can't be equal.
	Samples [][]byte
	// Flat is for servers on which "." can't stand in a name.
	Flat bool
}

// FolderNames are the folders that Fill makes, decoded with "/" between levels.
func FolderNames(flat bool) []string {
	names := []string{"INBOX", "Sent", "Archive/2023/Q1", "Projekte/Über & unter", "お客様/日本支社", `Say "Hello"`, "Lists"}
	if !flat {
		names = append(names, "v1.2 of the plan")
	}
	return names
}

// Fill fills a mailbox with plain APPEND: nested folders with names in several scripts, flags and keywords, dates over
// five years with zones, awkward messages, equal messages in one folder and in two. The same Mail makes the same
// messages.
func Fill(ctx context.Context, a Account, m Mail) error {
	c, err := dial(ctx, a)
	if err != nil {
		return err
	}
	defer c.close()
	if m.Now.IsZero() {
		m.Now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	}
	f := &filler{conn: c, mail: m, first: m.awkward(), folders: FolderNames(m.Flat), rand: rand.New(rand.NewPCG(m.Seed, 1))} //nolint:gosec // mail that is the same each time, no secret
	if err := f.makeFolders(); err != nil {
		return err
	}
	for n := range m.Messages {
		if err := f.put(f.folders[n%len(f.folders)], f.octets(n)); err != nil {
			return err
		}
	}
	if m.Big > 0 {
		return f.put(f.folders[len(f.folders)-1], big(m.Big, m.Seed))
	}
	return nil
}

// Add appends one message, as mail that arrives.
func Add(ctx context.Context, a Account, folder string, octets []byte, date time.Time, flags ...string) error {
	c, err := dial(ctx, a)
	if err != nil {
		return err
	}
	defer c.close()
	delimiter, err := c.delimiter()
	if err != nil {
		return err
	}
	return c.put(c.encode(folder, delimiter), octets, date, flags)
}

type filler struct {
	conn      *conn
	mail      Mail
	first     [][]byte
	folders   []string
	rand      *rand.Rand
	delimiter string
	last      []byte
	lastDate  time.Time
	lastFlags []string
}

func (f *filler) makeFolders() error {
	var err error
	if f.delimiter, err = f.conn.delimiter(); err != nil {
		return err
	}
	for _, name := range f.folders {
		if name == "INBOX" {
			continue
		}
		if _, err := f.conn.do("CREATE " + quote(f.conn.encode(name, f.delimiter))); err != nil &&
			!strings.Contains(err.Error(), "ALREADYEXISTS") {
			return fmt.Errorf("create %s: %w", name, err)
		}
	}
	return nil
}

// delimiter asks for the hierarchy delimiter (RFC 9051, 6.3.9).
func (c *conn) delimiter() (string, error) {
	responses, err := c.do(`LIST "" ""`)
	if err != nil {
		return "", err
	}
	for _, r := range responses {
		if m := listLine.FindStringSubmatch(r.text); m != nil {
			return strings.TrimPrefix(strings.Trim(m[2], `"`), `\`), nil
		}
	}
	return "", fmt.Errorf("the server names no delimiter")
}

func (c *conn) encode(name, delimiter string) string {
	if name == "INBOX" {
		return name
	}
	return c.prefix + encodeUTF7(strings.ReplaceAll(name, "/", delimiter))
}

// octets makes the n-th message: awkward ones first, every seventh one equal to the one before, every eleventh without
// Message-ID.
func (f *filler) octets(n int) []byte {
	if n < len(f.first) {
		return f.first[n]
	}
	if n%7 == 0 && n > 0 {
		return nil // the one before once more
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <sender%d@partner.example>\r\nTo: <someone@old.example>\r\nSubject: Message %d\r\n", f.rand.IntN(50), n)
	if n%11 != 0 {
		fmt.Fprintf(&b, "Message-ID: <%d.%016x@partner.example>\r\n", n, f.rand.Uint64())
	}
	b.WriteString("\r\n")
	for range 1 + f.rand.IntN(60) {
		fmt.Fprintf(&b, "%016x A line of text that is of no importance.\r\n", f.rand.Uint64())
	}
	return b.Bytes()
}

// awkward are the messages that come first in every mailbox.
func (m Mail) awkward() [][]byte {
	var all [][]byte
	for _, s := range m.Samples {
		if !bytes.Contains(s, []byte("\r\r\n")) {
			all = append(all, s)
		}
	}
	const head = "From: <a@old.example>\r\nDate: Tue, 14 Mar 2023 09:26:53 +0100\r\n"
	for _, text := range []string{
		head + "Subject: no Message-ID\r\n\r\nText.\r\n",
		head + "Message-ID: <empty@old.example>\r\n\r\n",
		head + "Message-ID: <headers-only@old.example>\r\n",
		head + "Subject: Gr\xfc\xdfe\r\nMessage-ID: <latin1@old.example>\r\n\r\nRaw Latin-1 above.\r\n",
		head + "Subject: Grüße, 你好\r\nMessage-ID: <utf8@old.example>\r\n\r\nRaw UTF-8 above.\r\n",
		strings.ReplaceAll(head, "\r", "") + "Subject: bare LF\n\nLine ends\nare bare.\n",
		head + "Message-ID: <same@old.example>\r\n\r\nThe first of two.\r\n",
		head + "Message-ID: <same@old.example>\r\n\r\nThe second of two.\r\n",
		"\r\n" + head + "\r\nAll of it is body.\r\n",
		"No header at all.\r\n",
		">From old@old.example Tue Mar 14 09:26:53 2023\r\n" + head + "\r\nmbox.\r\n",
		head + "Subject: blanks\r\n\r\nTrailing blanks  \r\nand tabs\t\r\nno line end",
		head + "Subject: long line\r\n\r\n" + strings.Repeat("0123456789", 1200) + "\r\n",
	} {
		all = append(all, []byte(text))
	}
	return all
}

// put appends octets, or the message before once more if there are none: every other time with its date and flags too.
func (f *filler) put(folder string, octets []byte) error {
	again := octets == nil
	if again {
		octets = f.last
	}
	if !again || f.rand.IntN(2) == 0 {
		f.lastDate, f.lastFlags = f.date(), f.flags()
	}
	f.last = octets
	if err := f.conn.put(f.conn.encode(folder, f.delimiter), octets, f.lastDate, f.lastFlags); err != nil {
		return fmt.Errorf("append to %s: %w", folder, err)
	}
	if again {
		// And a third time in the same folder.
		return f.conn.put(f.conn.encode(folder, f.delimiter), octets, f.lastDate, f.lastFlags)
	}
	return nil
}

func (f *filler) date() time.Time {
	back := time.Duration(f.rand.Int64N(int64(5 * 365 * 24 * time.Hour)))
	minutes := []int{0, 60, 120, -300, 330, 345, 840, -720}[f.rand.IntN(8)]
	return f.mail.Now.Add(-back).Truncate(time.Second).In(time.FixedZone("", minutes*60))
}

func (f *filler) flags() []string {
	var flags []string
	for _, name := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, "$Forwarded", "Projekt-X", "NonJunk"} {
		if f.rand.IntN(3) == 0 {
			flags = append(flags, name)
		}
	}
	return flags
}

// put appends one message and waits for the answer.
func (c *conn) put(raw string, octets []byte, date time.Time, flags []string) error {
	tag, err := c.send(fmt.Sprintf("APPEND %s (%s) %q {%d}", quote(raw), strings.Join(flags, " "),
		date.Format("02-Jan-2006 15:04:05 -0700"), len(octets)))
	if err != nil {
		return err
	}
	r, err := c.response()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(r.text, "+") {
		return fmt.Errorf("the literal is refused: %s", r.text)
	}
	if _, err := io.Copy(c.net, io.MultiReader(bytes.NewReader(octets), strings.NewReader("\r\n"))); err != nil {
		return err
	}
	_, err = c.until(tag)
	return err
}

// big makes a message of about size octets.
func big(size int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // mail that is the same each time, no secret
	var b bytes.Buffer
	b.Grow(size + 100)
	b.WriteString("From: <big@partner.example>\r\nSubject: Big\r\nMessage-ID: <big@partner.example>\r\n\r\n")
	for b.Len() < size {
		fmt.Fprintf(&b, "%016x%016x%016x%016x\r\n", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	return b.Bytes()
}
