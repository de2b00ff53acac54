package imap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// send appends the bodies with IDs from 0 and gives the results by ID. done must have been called once for each.
func send(t *testing.T, d *imap.Destination, bodies ...string) (map[int64]mail.Appended, error) {
	t.Helper()
	var batch []mail.Outgoing
	for i, b := range bodies {
		batch = append(batch, outgoing(int64(i), b, mail.Flags{}))
	}
	return sendBatch(t, d, batch)
}

func sendBatch(t *testing.T, d *imap.Destination, batch []mail.Outgoing) (map[int64]mail.Appended, error) {
	t.Helper()
	res := &results{}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	err := d.Append(ctx, inbox, batch, res.done)
	if drained := d.Drain(ctx); err == nil {
		err = drained
	}
	got := map[int64]mail.Appended{}
	res.mu.Lock()
	defer res.mu.Unlock()
	for _, a := range res.all {
		if _, twice := got[a.ID]; twice {
			t.Errorf("done twice for %d", a.ID)
		}
		if (a.Outcome == mail.Landed) != (a.Err == nil) {
			t.Errorf("%+v", a)
		}
		got[a.ID] = a
	}
	if len(got) != len(batch) {
		t.Errorf("%d results for %d messages", len(got), len(batch))
	}
	return got, err
}

// answers replies to each APPEND with the next of the answers; "%s" is its tag.
func answers(list ...string) func(*peer) {
	return func(p *peer) {
		if _, whole := p.message(); whole && len(list) > 0 {
			p.say("%s", strings.ReplaceAll(list[0], "%s", p.tag))
			list = list[1:]
		}
	}
}

// appendCase is the answer to one APPEND and what is made of it.
type appendCase struct {
	answer  string
	outcome mail.Outcome
	uid     mail.UID
	v       mail.UIDValidity
	kind    mail.Kind
	code    mail.Code
}

func (c *appendCase) run(t *testing.T) {
	f := newFake(t)
	f.on["APPEND"] = answers(c.answer+"\r\n", "%s OK [APPENDUID 7 99] fine\r\n")
	d := f.destination(t)
	got, err := send(t, d, "a")
	if a := got[0]; err != nil || a.Outcome != c.outcome || a.UID != c.uid || a.UIDValidity != c.v ||
		a.Err != nil && (mail.KindOf(a.Err) != c.kind || mail.CodeOf(a.Err) != c.code) {
		t.Errorf("%+v, %v", a, err)
	}
	if got, err := send(t, d, "b"); err != nil || got[0].Outcome != mail.Landed {
		t.Errorf("the session does not go on: %+v, %v", got, err)
	}
}

func appends(t *testing.T, cases ...appendCase) {
	for _, c := range cases {
		t.Run(c.answer, c.run)
	}
}

func TestAppendAnswers(t *testing.T) {
	appends(t,
		appendCase{answer: "%s OK [APPENDUID 7 12] done", outcome: mail.Landed, uid: 12, v: 7},
		appendCase{answer: "%s OK", outcome: mail.Landed},
		appendCase{answer: "* OK [APPENDUID 7 3] unasked\r\n* 4 EXISTS\r\n* 1 FETCH (UID 1 FLAGS () X {2}\r\nab)\r\n%s OK", outcome: mail.Landed},
		appendCase{answer: "%s NO no", outcome: mail.Absent, kind: mail.Refused, code: mail.CodeMessageRefused},
		appendCase{answer: "%s NO [TOOBIG] x", outcome: mail.Absent, kind: mail.TooLarge, code: mail.CodeMessageTooLarge},
		appendCase{answer: "%s NO Message contains NUL characters", outcome: mail.Absent, kind: mail.Malformed, code: mail.CodeMessageMalformed},
		appendCase{answer: "%s NO [UNAVAILABLE] x", outcome: mail.Unknown, kind: mail.Transient, code: mail.CodeIMAPUnavailable},
		appendCase{answer: "%s NO [SERVERBUG] x", outcome: mail.Unknown, kind: mail.Transient, code: mail.CodeIMAPUnavailable},
		appendCase{answer: "%s NO [INUSE] x", outcome: mail.Unknown, kind: mail.Transient, code: mail.CodeIMAPUnavailable},
		appendCase{answer: "%s BAD Command Error. 11", outcome: mail.Absent, kind: mail.Malformed, code: mail.CodeMessageMalformed},
	)
}

// TestAppendTook holds that the time that the octets take to come and to leave is none of the server's.
func TestAppendTook(t *testing.T) {
	f := newFake(t)
	f.on["APPEND"] = answers("%s OK\r\n", "%s OK\r\n")
	d := f.destination(t)
	whole, slow := strings.Repeat("a", 300<<10), 300*time.Millisecond
	m := outgoing(0, whole, mail.Flags{})
	m.Body = &late{Reader: strings.NewReader(whole), after: 250 << 10, by: slow}
	got, err := sendBatch(t, d, []mail.Outgoing{m, outgoing(1, "b", mail.Flags{})})
	for id, a := range got {
		if err != nil || a.Outcome != mail.Landed || a.Took <= 0 || a.Took >= slow {
			t.Errorf("message %d: %+v, %v", id, a, err)
		}
	}
}

// late is a body that stops for a while on its way.
type late struct {
	io.Reader
	after int
	by    time.Duration
}

func (l *late) Read(b []byte) (int, error) {
	if l.after -= len(b); l.after < 0 && l.by > 0 {
		time.Sleep(l.by)
		l.by = 0
	}
	return l.Reader.Read(b)
}

// TestHardCase_P18_P21_AppendEnds: a BYE, or a line that answers no command, comes in place of an answer, and clients wait for it
// for ever. The session ends; what was answered counts, what was under way is in doubt, and what comes later is not sent.
func TestHardCase_P18_P21_AppendEnds(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		code         mail.Code
	}{
		{"BYE", "* BYE Session invalidated - AccessTokenExpired\r\n", mail.CodeIMAPLost},
		{"foreign tag", "Subject: BAD unknown command\r\n", mail.CodeIMAPProtocol},
		{"throttled", "* BYE Request is throttled. Suggested Backoff Time: 5 seconds\r\n", mail.CodeIMAPThrottled},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.on["APPEND"] = answers("%s OK\r\n", c.answer)
			d := f.destination(t)
			got, err := send(t, d, "a", "b", "c")
			if mail.CodeOf(err) != c.code || got[0].Outcome != mail.Landed || got[1].Outcome != mail.Unknown || got[2].Outcome != mail.Unknown {
				t.Errorf("%+v, %v (%v)", got, err, mail.CodeOf(err))
			}
			if got, err := send(t, d, "d"); err == nil || got[0].Outcome != mail.Absent {
				t.Errorf("a dead session took a message: %+v", got)
			}
		})
	}
}

// TestHardCase_P19_AppendSilence: a server takes messages and says nothing more. The wait ends, and what it took is in doubt.
func TestHardCase_P19_AppendSilence(t *testing.T) {
	f := newFake(t)
	f.on["APPEND"] = func(p *peer) { p.message() }
	o := f.options()
	o.Timeouts.Progress = 150 * time.Millisecond
	d, err := imap.DialDestination(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := send(t, d, "a", "b")
	if mail.CodeOf(err) != mail.CodeIMAPTimeout || got[0].Outcome != mail.Unknown || got[1].Outcome != mail.Unknown {
		t.Errorf("%+v, %v", got, err)
	}
	_ = d.Close()
}

// TestSyncLiterals goes without LITERAL+: each literal waits for "+", and a NO in its place costs nothing.
func TestSyncLiterals(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1 AUTH=PLAIN SASL-IR", "IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL-"} {
		f := newFake(t)
		f.caps = caps
		n := 0
		f.on["APPEND"] = func(p *peer) {
			if n++; n == 2 && strings.HasSuffix(p.rest, "}") && !strings.HasSuffix(p.rest, "+}") {
				p.say("%s NO [OVERQUOTA] full\r\n", p.tag)
				return
			}
			answers("%s OK\r\n")(p)
		}
		got, err := send(t, f.destination(t), "small", strings.Repeat("x", 5000), strings.Repeat("y", 200_000))
		if err != nil || got[0].Outcome != mail.Landed || got[2].Outcome != mail.Landed || got[1].Outcome != mail.Absent || mail.KindOf(got[1].Err) != mail.Quota {
			t.Errorf("%s: %+v, %v", caps, got, err)
		}
		small := strings.Contains(strings.Join(f.commands(), "\n"), "{5+}")
		if small != strings.Contains(caps, "LITERAL-") || strings.Contains(strings.Join(f.commands(), "\n"), "000+}") {
			t.Errorf("%s: %v", caps, f.commands())
		}
	}
}

// TestAppendCommand compares what is sent, octet by octet.
func TestAppendCommand(t *testing.T) {
	for _, c := range []struct {
		permanent string
		flags     string
		date      time.Time
		want      string
	}{
		{`(\Seen \Flagged $Label \*)`, `\Seen \Draft \Recent $Label $new bad] sp%`, date, `(\Seen $Label $new) "04-Mar-2020 05:06:07 +0545" {1+}`},
		{`(\Seen $label)`, `\Seen $Label $new`, time.Time{}, `(\Seen $Label) {1+}`},
		{`()`, `\Seen $Label`, time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), `"01-Jan-0001 00:00:00 +0000" {1+}`},
		{``, `\Seen \Deleted a(b`, time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), `(\Seen \Deleted) "31-Dec-9999 23:59:59 +0000" {1+}`},
	} {
		f := newFake(t)
		data := "* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n"
		if c.permanent != "" {
			data += "* OK [PERMANENTFLAGS " + c.permanent + "] x\r\n"
		}
		f.on["SELECT"] = says(data)
		d := f.destination(t)
		if o, err := d.Open(context.Background(), inbox); err != nil || o.Known != (c.permanent != "") || o.Status.UIDNext != 1 {
			t.Errorf("%+v, %v", o, err)
		}
		m := outgoing(1, "x", mail.ParseFlags(strings.Fields(c.flags)))
		m.InternalDate = c.date
		if _, err := sendBatch(t, d, []mail.Outgoing{m}); err != nil {
			t.Error(err)
		}
		got := f.commands()
		if last := got[len(got)-1]; last != `APPEND "INBOX" `+c.want {
			t.Errorf("sent %s, want %s", last, c.want)
		}
	}
}

// TestHardCase_D04_D05_DateForm: a day of one digit is refused by many servers, and a zone of four hours was once written
// "--400". The form holds for all days and quarter hours.
func TestHardCase_D04_D05_DateForm(t *testing.T) {
	f := newFake(t)
	d := f.destination(t)
	var batch []mail.Outgoing
	var want []string
	for minutes := -14 * 60; minutes <= 14*60; minutes += 15 {
		day := (minutes+14*60)/15%28 + 1
		m := outgoing(int64(minutes), "x", mail.Flags{})
		m.InternalDate = time.Date(1999, 12, day, 23, 0, 1, 0, time.FixedZone("x", minutes*60))
		sign, abs := '+', minutes
		if minutes < 0 {
			sign, abs = '-', -minutes
		}
		batch = append(batch, m)
		want = append(want, fmt.Sprintf(`APPEND "INBOX" "%02d-Dec-1999 23:00:01 %c%02d%02d" {1+}`, day, sign, abs/60, abs%60))
	}
	if _, err := sendBatch(t, d, batch); err != nil {
		t.Fatal(err)
	}
	got := f.commands()
	for i, w := range want {
		if g := got[len(got)-len(want)+i]; g != w {
			t.Errorf("sent %s, want %s", g, w)
		}
	}
}

// TestBadHalts: after a BAD nothing more is begun until all that is under way is answered.
func TestBadHalts(t *testing.T) {
	f := newFake(t)
	var begun []string
	f.on["APPEND"] = func(p *peer) {
		begun = append(begun, p.tag)
		body, _ := p.message()
		switch body {
		case "bad":
			p.say("%s BAD what\r\n", p.tag)
		default:
			p.say("%s OK\r\n", p.tag)
		}
	}
	got, err := send(t, f.destination(t), "a", "bad", "c", "bad", "e")
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int64]mail.Outcome{0: mail.Landed, 1: mail.Absent, 2: mail.Landed, 3: mail.Absent, 4: mail.Landed} {
		if got[id].Outcome != want {
			t.Errorf("%d: %+v", id, got[id])
		}
	}
}

// TestBadThenOutOfOrder: a server that lost its place answers out of order.
func TestBadThenOutOfOrder(t *testing.T) {
	f := newFake(t)
	var tags []string
	f.on["APPEND"] = func(p *peer) {
		p.message()
		if tags = append(tags, p.tag); len(tags) == 3 {
			p.say("%s BAD x\r\n%s OK\r\n%s OK\r\n", tags[0], tags[2], tags[1])
		}
	}
	got, err := send(t, f.destination(t), "a", "b", "c")
	if err == nil || got[0].Outcome != mail.Absent || got[1].Outcome != mail.Unknown || got[2].Outcome != mail.Unknown {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestEarlyOK: an OK before the server can have the message is nonsense.
func TestEarlyOK(t *testing.T) {
	f := newFake(t)
	f.on["APPEND"] = func(p *peer) { p.say("%s OK done\r\n", p.tag) }
	d := f.destination(t)
	// The rest of the body comes when the answer has been judged, and not before.
	told := make(chan bool)
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", 300_000)), &waiting{on: told}, strings.NewReader("y"))
	var got mail.Appended
	err := d.Append(context.Background(), inbox, []mail.Outgoing{{Size: 400_000, Body: body}}, func(a mail.Appended) {
		got = a
		close(told)
	})
	if drained := d.Drain(context.Background()); err == nil || drained == nil || got.Outcome == mail.Landed {
		t.Errorf("%+v, %v, %v", got, err, drained)
	}
}

// waiting is a reader that ends once something happened.
type waiting struct{ on <-chan bool }

func (w *waiting) Read([]byte) (int, error) {
	<-w.on
	return 0, io.EOF
}

// silent answers APPENDs only once the client has stopped writing, and tells how much there was before each answer.
func silent(f *fake, held func(messages int)) {
	var tags []string
	f.on["APPEND"] = func(p *peer) {
		p.message()
		tags = append(tags, p.tag)
		if p.r.Buffered() > 0 {
			return
		}
		_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := p.r.Peek(1)
		_ = p.conn.SetReadDeadline(time.Time{})
		if err == nil {
			return
		}
		held(len(tags))
		for _, tag := range tags {
			p.say("%s OK\r\n", tag)
		}
		tags = nil
	}
}

// TestWindow: the writer stops at the window and goes on with the answers.
func TestWindow(t *testing.T) {
	f := newFake(t)
	most := 0
	silent(f, func(messages int) { most = max(most, messages) })
	bodies := make([]string, 5000)
	for i := range bodies {
		bodies[i] = "x"
	}
	if _, err := send(t, f.destination(t), bodies...); err != nil {
		t.Fatal(err)
	}
	if most > 4096 || most < 1000 {
		t.Errorf("%d messages in flight", most)
	}
}

// TestWindowGrows: each time that the window is what the writer waits for it doubles, so that it comes to cover any line.
func TestWindowGrows(t *testing.T) {
	const each = 512 << 10
	f := newFake(t)
	var held []int
	silent(f, func(messages int) { held = append(held, messages*each>>20) })
	bodies := make([]string, 40<<20/each)
	for i := range bodies {
		bodies[i] = strings.Repeat("x", each)
	}
	if _, err := send(t, f.destination(t), bodies...); err != nil {
		t.Fatal(err)
	}
	if held[0] > 8 || slices.Max(held) <= 8 {
		t.Errorf("%v MiB were in flight at a time, want 8 at first and more later", held)
	}
}

// TestCancelAppend and its kin: the end of the context settles everything.
func TestCancelAppend(t *testing.T) {
	for _, where := range []string{"drain", "append", "close"} {
		f := newFake(t)
		began := make(chan bool, 1)
		f.on["APPEND"] = func(p *peer) { p.message(); began <- true }
		d := f.destination(t)
		ctx, cancel := context.WithCancel(context.Background())
		res := &results{}
		batch := []mail.Outgoing{outgoing(0, "a", mail.Flags{})}
		if where == "append" {
			batch = append(batch, mail.Outgoing{ID: 1, Size: 1 << 30, Body: &endless{}})
		}
		var err error
		go func() { <-began; cancel() }()
		if err = d.Append(ctx, inbox, batch, res.done); where == "drain" && err == nil {
			err = d.Drain(ctx)
		}
		_ = d.Close()
		if where != "close" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", where, err)
		}
		for _, a := range res.all {
			if a.ID == 0 && a.Outcome != mail.Unknown || a.ID == 1 && a.Outcome != mail.Absent {
				t.Errorf("%s: %+v", where, a)
			}
		}
		if len(res.all) != len(batch) {
			t.Errorf("%s: %d results", where, len(res.all))
		}
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// TestAppendLeavesFolder: Courier refuses APPEND to a folder that is open for reading.
func TestAppendLeavesFolder(t *testing.T) {
	for caps, want := range map[string]string{rev1: "UNSELECT ", strings.Replace(rev1, "UNSELECT ", "", 1): `EXAMINE "mailhaul-`} {
		f := newFake(t)
		f.caps = caps
		d := f.destination(t)
		if _, err := d.Exists(context.Background(), inbox, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := send(t, d, "x"); err != nil {
			t.Fatal(err)
		}
		got := f.commands()
		if before := got[len(got)-2]; !strings.HasPrefix(before, want) {
			t.Errorf("%s before APPEND", before)
		}
		if strings.Contains(strings.Join(got, "\n"), "CLOSE") {
			t.Error("CLOSE would expunge")
		}
	}
}

// TestAppendStaysInFolder: a folder open for writing stays open from one APPEND to the next, and only so long.
func TestAppendStaysInFolder(t *testing.T) {
	f := newFake(t)
	d := f.destination(t)
	ctx := context.Background()
	other := mail.Folder{Raw: "Other", Path: mail.Path{"Other"}}
	for _, step := range []func() error{
		func() error { _, err := d.Open(ctx, inbox); return err },
		func() error { _, err := send(t, d, "x"); return err },
		func() error { _, err := send(t, d, "y"); return err },
		func() error { return d.Append(ctx, other, nil, func(mail.Appended) {}) },
		func() error { _, err := d.Open(ctx, inbox); return err },
		func() error { _, err := d.Exists(ctx, inbox, nil); return err },
		func() error { _, err := d.Open(ctx, inbox); return err },
		func() error { _, err := d.Folders(ctx); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	var verbs []string
	for _, c := range f.commands() {
		verb, _, _ := strings.Cut(c, " ")
		verbs = append(verbs, verb)
	}
	got := strings.Join(verbs[slices.Index(verbs, "SELECT"):], " ")
	want := "SELECT APPEND APPEND UNSELECT SELECT EXAMINE SELECT UNSELECT NAMESPACE LIST"
	if !strings.HasPrefix(got, want) {
		t.Errorf("the server saw %s, want %s", got, want)
	}
}
