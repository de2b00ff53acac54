package endpointtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// testFolders: complete, decoded, with their parents; making a folder that is there is no error.
func testFolders(x *fixture) {
	d := x.destination()
	names := []string{"INBOX", "Süd/日本/Übergabe & mehr", "Plain", `Say "Hi"`, "A/b", "A/B c"}
	for _, name := range names[1:] {
		for range 2 {
			f, err := d.Create(x.ctx, mail.ParsePath(name), mail.RoleNone)
			x.must(err)
			if f.Path.String() != name || f.Raw == "" || f.Status.UIDValidity == 0 {
				x.Errorf("created %q: %+v", name, f)
			}
		}
	}
	s := x.source()
	for _, name := range append(names, "Süd/日本") {
		if f := x.folder(s, name); !f.NoSelect && f.Status.Messages != 0 {
			x.Errorf("folder %q holds %d messages", name, f.Status.Messages)
		}
	}
	all, err := s.Folders(x.ctx)
	x.must(err)
	seen := make(map[string]bool)
	for _, f := range all {
		if seen[f.Raw] {
			x.Errorf("folder %q is listed twice", f.Raw)
		}
		seen[f.Raw] = true
	}
}

// testRoundTrip: octets, date to the second and flags come back as they were written.
func testRoundTrip(x *fixture) {
	limits := x.limits()
	half := time.FixedZone("", 5*3600+45*60)
	messages := []Message{
		letter(1, ""),
		{Date: time.Date(1999, 12, 31, 23, 59, 59, 0, half), Octets: []byte("Subject: ends without line end\r\n\r\nx")},
		{Date: time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC), Flags: mail.ParseFlags([]string{`\Answered`, `\Draft`, "$Forwarded", "MixedCase"}),
			Octets: []byte("Subject: bare\n\nLF\n")},
		{Date: time.Date(2026, 1, 9, 0, 0, 0, 0, time.FixedZone("", -12*3600)), Octets: []byte("Subject: raw \xe4\xff\r\n\r\n" +
			") OK {5}\r\n* 1 FETCH (FLAGS ())\r\na1 OK done\r\n")},
		{Date: time.Date(2025, 7, 7, 7, 7, 7, 0, time.UTC), Octets: []byte("no header, no line end")},
		{Date: time.Date(2025, 7, 7, 7, 7, 7, 0, time.UTC), Octets: bytes.Repeat([]byte("A line that is longer than any buffer. "), 4000)},
	}
	x.put("INBOX", messages...)
	s := x.source()
	f := x.folder(s, "INBOX")
	list := x.listed(s, f, mail.Query{})
	got := x.fetched(s, f, uidsOf(list)...)
	if len(got) != len(messages) {
		x.Fatalf("fetched %d messages, want %d", len(got), len(messages))
	}
	for i, want := range messages {
		if !got[i].hasBody || got[i].size != mail.Size(len(got[i].octets)) || !sameOctets(limits, want.Octets, got[i].octets) {
			x.Errorf("message %d: announced %d, got %d octets %.80q, want %.80q", i, got[i].size, len(got[i].octets), got[i].octets, want.Octets)
		}
		for _, m := range []mail.Message{list[i], got[i].Message} {
			if flags := x.kept(want.Flags); !m.InternalDate.Equal(want.Date) || !m.Flags.Equal(flags) {
				x.Errorf("message %d has %s (%s), want %s (%s)", i, m.InternalDate, m.Flags, want.Date, flags)
			}
		}
	}
}

// testOpen: UIDNEXT is the U0 of what follows, and the flags are known.
func testOpen(x *fixture) {
	x.put("INBOX", letter(1, ""))
	d := x.destination()
	f := x.folder(d, "INBOX")
	o, err := d.Open(x.ctx, f)
	x.must(err)
	if o.Status.UIDValidity != f.Status.UIDValidity || o.Status.Messages != 1 || o.Status.UIDNext == 0 {
		x.Errorf("opened with %+v, listed with %+v", o.Status, f.Status)
	}
	if o.Known && o.Permanent.System&mail.Seen == 0 {
		x.Errorf("the folder keeps %s, want \\Seen at least", o.Permanent)
	}
	x.must(d.Close())
	uid := x.put("INBOX", letter(2, ""))
	s := x.source()
	all := uidsOf(x.listed(s, x.folder(s, "INBOX"), mail.Query{From: o.Status.UIDNext}))
	if len(all) != 1 || uid[0] != 0 && all[0] != uid[0] {
		x.Errorf("at or above UIDNEXT %d are %v, the answer said %d", o.Status.UIDNext, all, uid[0])
	}
}

// testPipeline: done is called exactly once for each message, at the latest when Drain returns; bodies are not touched
// after Append.
func testPipeline(x *fixture) {
	d := x.destination()
	f := x.folder(d, "INBOX")
	_, err := d.Open(x.ctx, f)
	x.must(err)
	var mu sync.Mutex
	calls, uids := make(map[int64]int), make(map[mail.UID]bool)
	done := func(a mail.Appended) {
		mu.Lock()
		defer mu.Unlock()
		calls[a.ID]++
		uids[a.UID] = true
		if a.Outcome != mail.Landed || a.UID != 0 && a.UIDValidity != f.Status.UIDValidity {
			x.Errorf("message %d: %+v", a.ID, a)
		}
	}
	const all, each = 200, 40
	for first := 0; first < all; first += each {
		batch, bodies := watched(first, each)
		x.must(d.Append(x.ctx, f, batch, done))
		for _, l := range bodies {
			l.returned(x)
		}
	}
	x.must(d.Drain(x.ctx))
	mu.Lock()
	defer mu.Unlock()
	for id := range int64(all) {
		if calls[id] != 1 {
			x.Errorf("message %d was answered %d times", id, calls[id])
		}
	}
	if len(uids) != all && !uids[0] {
		x.Errorf("there are %d UIDs for %d messages", len(uids), all)
	}
	s := x.source()
	if got := x.folder(s, "INBOX").Status.Messages; got != all {
		x.Errorf("the folder holds %d messages, want %d", got, all)
	}
}

// testFlush: after Flush every message is answered without another call, also where nothing is open or the session is new.
func testFlush(x *fixture) {
	d := x.destination()
	x.must(d.Flush(x.ctx))
	f := x.folder(d, "INBOX")
	_, err := d.Open(x.ctx, f)
	x.must(err)
	answers := make(chan mail.Appended, 20)
	next := 0
	for range 2 {
		for _, n := range []int{1, 3} {
			batch, bodies := watched(next, n)
			next += n
			x.must(d.Append(x.ctx, f, batch, func(a mail.Appended) { answers <- a }))
			for _, l := range bodies {
				l.returned(x)
			}
		}
		x.must(d.Flush(x.ctx))
		for range 4 {
			select {
			case a := <-answers:
				if a.Outcome != mail.Landed {
					x.Errorf("message %d: %+v", a.ID, a)
				}
			case <-x.ctx.Done():
				x.Fatal("a message that was flushed is not answered")
			}
		}
	}
	x.must(d.Flush(x.ctx))
	x.must(d.Drain(x.ctx))
	x.must(d.Close())
	if len(answers) > 0 {
		x.Errorf("%d messages were answered twice", len(answers))
	}
}

// watched makes a batch whose bodies notice when they are read.
func watched(first, n int) ([]mail.Outgoing, []*late) {
	var batch []mail.Outgoing
	var bodies []*late
	for id := first; id < first+n; id++ {
		o := outgoing(int64(id), letter(id, ""))
		l := &late{r: o.Body}
		o.Body = l
		bodies, batch = append(bodies, l), append(batch, o)
	}
	return batch, bodies
}

// late notices a Read after Append has returned.
type late struct {
	mu   sync.Mutex
	r    io.Reader
	over bool
	bad  bool
}

func (l *late) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad = l.bad || l.over
	return l.r.Read(p)
}

func (l *late) returned(x *fixture) {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	x.Cleanup(func() {
		if l.bad {
			x.Error("a body was read after Append returned")
		}
	})
}

// testBrokenBody: a body that ends early, or fails, is never stored and its message is absent. Whether the session
// survives that is the endpoint's own business, but what it says of the next message must be true.
func testBrokenBody(x *fixture) {
	text := bytes.Repeat([]byte("some text to fill more than a buffer\r\n"), 10000)
	landed := 0
	for _, size := range []int{60, len(text)} {
		for _, end := range []io.Reader{bytes.NewReader(nil), failing{errors.New("disk")}} {
			d := x.destination()
			f := x.folder(d, "INBOX")
			_, err := d.Open(x.ctx, f)
			x.must(err)
			broken := mail.Outgoing{ID: 1, Size: mail.Size(size), Body: io.MultiReader(bytes.NewReader(text[:size-20]), end)}
			outcomes := make(map[int64]mail.Outcome)
			_ = d.Append(x.ctx, f, []mail.Outgoing{broken, outgoing(2, letter(2, ""))}, // the fates come through done
				func(a mail.Appended) { outcomes[a.ID] = a.Outcome })
			_ = d.Drain(x.ctx) // the session may be dead; done has been called either way
			_ = d.Close()      // likewise
			if outcomes[1] != mail.Absent || len(outcomes) != 2 || outcomes[2] == mail.Unknown {
				x.Errorf("%d octets announced: outcomes are %v, want the first absent", size, outcomes)
			}
			if outcomes[2] == mail.Landed {
				landed++
			}
		}
	}
	s := x.source()
	if n := x.folder(s, "INBOX").Status.Messages; int(n) != landed {
		x.Errorf("%d messages are stored, and %d were said to have landed", n, landed)
	}
}

// testMissingFolder: an append to a folder that is gone leaves nothing behind and says so.
func testMissingFolder(x *fixture) {
	d := x.destination()
	var got []mail.Appended
	f := mail.Folder{Raw: "Nowhere", Path: mail.Path{"Nowhere"}}
	_, err := d.Open(x.ctx, f)
	x.kind(err, mail.Refused)
	_ = d.Append(x.ctx, f, []mail.Outgoing{outgoing(1, letter(1, ""))}, func(a mail.Appended) { got = append(got, a) }) // the fate comes through done
	_ = d.Drain(x.ctx)                                                                                                  // likewise
	x.must(d.Close())
	if len(got) != 1 || got[0].Outcome != mail.Absent {
		x.Fatalf("answers are %+v, want one absent", got)
	}
	x.kind(got[0].Err, mail.Refused)
}

// testBig: a message of some megabytes passes whole.
func testBig(x *fixture) {
	limits := x.limits()
	m := letter(1, "")
	m.Octets = append(m.Octets, bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), 80000)...)
	x.put("INBOX", m, letter(2, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	got := x.fetched(s, f, uidsOf(x.listed(s, f, mail.Query{}))...)
	if len(got) != 2 || !sameOctets(limits, m.Octets, got[0].octets) || !sameOctets(limits, letter(2, "").Octets, got[1].octets) ||
		len(got[0].octets) < len(m.Octets) {
		x.Errorf("the messages are not what was written")
	}
}

// testSetFlags: to exactly the flags given.
func testSetFlags(x *fixture) {
	x.put("INBOX", letter(1, ""), letter(2, ""), letter(3, ""))
	d := x.destination()
	f := x.folder(d, "INBOX")
	uids := uidsOf(x.listed(d, f, mail.Query{}))
	_, err := d.Open(x.ctx, f)
	x.must(err)
	flags := mail.ParseFlags([]string{`\Flagged`, "Word"})
	x.must(d.SetFlags(x.ctx, f, []mail.FlagChange{{UID: uids[0], Flags: flags}, {UID: uids[2]}}))
	x.must(d.Close())
	s := x.source()
	got := x.listed(s, x.folder(s, "INBOX"), mail.Query{})
	want := []mail.Flags{x.kept(flags), letter(2, "").Flags, {}}
	if !slices.EqualFunc(want, got, func(f mail.Flags, m mail.Message) bool { return f.Equal(m.Flags) }) {
		x.Errorf("flags are %v, %v, %v; want %v", got[0].Flags, got[1].Flags, got[2].Flags, want)
	}
}

// testCancelled: a context that ends ends the call with a *mail.Error, and every message still has an answer.
func testCancelled(x *fixture) {
	ended, cancel := context.WithCancel(x.ctx)
	cancel()
	s := x.source()
	_, err := s.Folders(ended)
	x.kind(err, mail.Transient)
	d := x.destination()
	f := x.folder(d, "INBOX")
	_, err = d.Open(x.ctx, f)
	x.must(err)
	var got []mail.Appended
	err = d.Append(ended, f, []mail.Outgoing{outgoing(1, letter(1, ""))}, func(a mail.Appended) { got = append(got, a) })
	x.kind(err, mail.Transient)
	_ = d.Drain(ended) // the session may be dead; done has been called either way
	_ = d.Close()      // likewise
	if len(got) != 1 || got[0].Outcome == mail.Landed {
		x.Errorf("answers are %+v, want one that is not landed", got)
	}
}
