package imap_test

import (
	"context"
	"crypto/tls"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

var oneTwo = map[mail.UID]string{1: "one", 2: "two"}

// TestHardCase_P05_AppendUIDThatIsNone: servers announce UIDPLUS and name no UID, two at once, zero, more than 32 bits, or
// the two numbers the wrong way round (CVE-2021-3578). The message has landed, and a UID is told only where there is one.
func TestHardCase_P05_AppendUIDThatIsNone(t *testing.T) {
	appends(t,
		appendCase{answer: "%s OK [APPENDUID] none", outcome: mail.Landed},
		appendCase{answer: "%s OK [APPENDUID 7] one", outcome: mail.Landed},
		appendCase{answer: "%s OK [APPENDUID 7 0] zero", outcome: mail.Landed, v: 7},
		appendCase{answer: "%s OK [APPENDUID 7 99999999999] large", outcome: mail.Landed},
		appendCase{answer: "%s OK [APPENDUID 7 1:3] three", outcome: mail.Landed},
		appendCase{answer: "%s OK [APPENDUID 12 7] swapped: for the executor to see by the UIDVALIDITY", outcome: mail.Landed, uid: 7, v: 12})
}

// TestHardCase_P07_NoUIDNext: SELECT does not say which UID comes next, and some servers say it with STATUS, others never.
// Then the highest UID that is there tells it.
func TestHardCase_P07_NoUIDNext(t *testing.T) {
	for name, c := range map[string]struct {
		exists, status, fetch string
		want                  mail.UID
	}{
		"STATUS says":   {"3", "* STATUS INBOX (UIDNEXT 10 UIDVALIDITY 7)\r\n", "", 10},
		"nothing says":  {"3", "* STATUS INBOX ()\r\n", "* 3 FETCH (UID 41)\r\n", 42},
		"empty folder":  {"0", "* STATUS INBOX ()\r\n", "", 0},
		"STATUS is odd": {"3", "* STATUS INBOX (UIDNEXT 0)\r\n", "* 3 FETCH (FLAGS () UID 41)\r\n", 42},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on["SELECT"] = says("* " + c.exists + " EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n")
			f.on["EXAMINE"] = f.on["SELECT"]
			f.on["STATUS"], f.on["UID FETCH"] = says(c.status), says(c.fetch)
			o, err := f.destination(t).Open(context.Background(), inbox)
			if err != nil || o.Status.UIDNext != c.want || o.Status.UIDValidity != 7 {
				t.Errorf("%+v, %v, want UIDNEXT %d", o.Status, err, c.want)
			}
		})
	}
}

// TestHardCase_P10_UIDsOutOfOrder: servers list UIDs out of order, of more than 31 bits, and numbers that are no UID. What is
// listed comes in order, and a line that names no message does not make one.
func TestHardCase_P10_UIDsOutOfOrder(t *testing.T) {
	want := []mail.Message{sized(4, 1), sized(5, 2), sized(9, 3)}
	lines := strings.SplitAfter(three, "\r\n")
	lists(t,
		listCase{name: "out of order", answer: lines[2] + lines[0] + lines[1], want: want},
		listCase{name: "UID 0 and over 32 bits", answer: three + "* 4 FETCH (UID 0 RFC822.SIZE 1)\r\n* 5 FETCH (UID 4294967296 RFC822.SIZE 1)\r\n", want: want},
		listCase{name: "UID 0 in place of one", answer: strings.Replace(three, "UID 9", "UID 0", 1), code: mail.CodeIMAPProtocol},
		listCase{name: "over 31 bits", answer: strings.Replace(three, "UID 9", "UID 4294967295", 1), want: []mail.Message{want[0], want[1], sized(4294967295, 3)}})
}

// TestHardCase_P11_ExpungedInBetween: somebody deletes mail while it is read, and the numbers of what follows move down by
// one. Bodies go by the UID that stands beside them, never by number.
func TestHardCase_P11_ExpungedInBetween(t *testing.T) {
	fetches(t, bodyCase{name: "between bodies", answer: strings.Replace(two, "* 2 FETCH", "* 1 EXPUNGE\r\n* 2 EXISTS\r\n* 1 FETCH", 1), want: oneTwo},
		bodyCase{name: "numbers that say the opposite", answer: strings.NewReplacer("* 1 ", "* 2 ", "* 2 ", "* 1 ").Replace(two), want: oneTwo})
}

// TestHardCase_P12_NOAfterData: messages vanish while they are asked for, and the command fails for all of them though the
// others came. What came whole counts; a listing that ends so is not one.
func TestHardCase_P12_NOAfterData(t *testing.T) {
	fetches(t, bodyCase{name: "bodies", answer: two, tagged: "NO [EXPUNGEISSUED] gone", want: oneTwo},
		bodyCase{name: "no bodies", tagged: "NO broken", want: map[mail.UID]string{}, code: mail.CodeIMAPProtocol})
	lists(t, listCase{name: "a listing", answer: three, tagged: "NO [EXPUNGEISSUED] gone", code: mail.CodeIMAPProtocol})
}

// TestHardCase_P13_AnswersInPieces: news of flags comes between the parts of an answer, in lines of their own, for messages
// that nobody asked for, or a second time. Parts are put together by UID; a line without a body is no empty message.
func TestHardCase_P13_AnswersInPieces(t *testing.T) {
	flags := "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"
	fetches(t, bodyCase{name: "flags before the body", answer: flags + two, want: oneTwo},
		bodyCase{name: "flags after the body", answer: two + flags, want: oneTwo},
		bodyCase{name: "flags only", answer: flags, want: map[mail.UID]string{}},
		bodyCase{name: "second body of a UID", answer: two + "* 1 FETCH (UID 1 BODY[] {3}\r\nbad)\r\n", want: oneTwo},
		bodyCase{name: "body nobody asked for", answer: two + "* 9 FETCH (UID 9 BODY[] {3}\r\nbad)\r\n", want: oneTwo})
	lists(t, listCase{name: "a message in two lines", want: []mail.Message{sized(4, 1), sized(5, 2), sized(9, 3)},
		answer: "* 1 FETCH (UID 4)\r\n* 2 FETCH (UID 5 RFC822.SIZE 2)\r\n* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n"})
}

// TestHardCase_P14_LiteralThatLies: a server announces fewer octets than it sends. That message is not taken, and the next one
// is read as what it is.
func TestHardCase_P14_LiteralThatLies(t *testing.T) {
	fetches(t, bodyCase{name: "longer than told", answer: "* 1 FETCH (UID 1 BODY[] {2}\r\none)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n",
		want: map[mail.UID]string{2: "two"}},
		bodyCase{name: "shorter than told", answer: "* 1 FETCH (UID 1 BODY[] {30}\r\none)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n* BYE\r\n",
			want: map[mail.UID]string{}, code: mail.CodeIMAPLost})
}

// TestHardCase_P15_GiantLiterals: a server announces more octets than any message has, and clients make room for them all.
// Memory grows with what arrives; what can't be a message ends the session.
func TestHardCase_P15_GiantLiterals(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	none := map[mail.UID]string{}
	fetches(t, bodyCase{name: "ten digits", answer: "* 1 FETCH (UID 1 BODY[] {9999999999}\r\none)\r\n", want: none, code: mail.CodeIMAPProtocol},
		bodyCase{name: "63 bits", answer: "* 1 FETCH (UID 1 BODY[] {9223372036854775807}\r\none)\r\n", want: none, code: mail.CodeIMAPProtocol},
		bodyCase{name: "more than 64 bits", answer: "* 1 FETCH (UID 1 BODY[] {99999999999999999999999}\r\none)\r\n", want: none, code: mail.CodeIMAPProtocol})
	f := newFake(t)
	f.on["UID FETCH"] = func(p *peer) { p.say("* 1 FETCH (UID 1 BODY[] {2000000000}\r\none"); p.reset() }
	to := newSink()
	if err := f.source(t).Fetch(context.Background(), inbox, []mail.UID{1}, to); mail.KindOf(err) != mail.Transient || len(to.bodies) > 0 {
		t.Errorf("%v, %v", err, to.bodies)
	}
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 64 {
		t.Errorf("%d MiB were allocated for some octets", grown)
	}
}

// TestHardCase_P16_EndlessLines: lines without end, a hundred thousand small literals, a megabyte of capabilities, lists in
// lists without end. Each has a limit, and what a server may send is read in time that grows with its length only.
func TestHardCase_P16_EndlessLines(t *testing.T) {
	none := map[mail.UID]string{}
	fetches(t, bodyCase{name: "endless line", answer: two + "* 3 FETCH (" + strings.Repeat("x", 2<<20), want: oneTwo, code: mail.CodeIMAPProtocol},
		bodyCase{name: "many literals", answer: "* 3 FETCH (X " + strings.Repeat("{0}\r\n ", 200_000), want: none, code: mail.CodeIMAPProtocol},
		bodyCase{name: "deep nesting", answer: "* 3 FETCH (X " + strings.Repeat("(", 500_000) + "\r\n" + two, want: oneTwo})
	f := newFake(t)
	f.caps = rev1 + strings.Repeat(" X-CAPABILITY", 80_000) + " LAST"
	if _, err := f.source(t).Folders(context.Background()); err != nil {
		t.Errorf("a megabyte of capabilities: %v", err)
	}
}

// TestHardCase_P18_EndsInFetch: a server ends the connection with BYE, or answers with a BAD that belongs to no command, and
// clients wait for the tagged answer for ever. Both end the command, and what came before counts.
func TestHardCase_P18_EndsInFetch(t *testing.T) {
	fetches(t, bodyCase{name: "BYE", answer: two + "* BYE Too many errors\r\n", want: oneTwo, code: mail.CodeIMAPLost},
		bodyCase{name: "untagged BAD", answer: "* BAD [ALERT] no\r\n", want: map[mail.UID]string{}, code: mail.CodeIMAPProtocol})
}

// TestHardCase_P21_BackOffIsRead: Exchange says in milliseconds how long it wants to be left alone, and hangs up. That time is
// told with the error, in whatever it comes.
func TestHardCase_P21_BackOffIsRead(t *testing.T) {
	const words = "Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n"
	for _, tagged := range []bool{false, true} {
		f := newFake(t)
		f.on["UID FETCH"] = func(p *peer) {
			if tagged {
				p.say("%s BAD %s", p.tag, words)
				return
			}
			p.say("* BYE %s", words)
		}
		err := f.source(t).Fetch(context.Background(), inbox, []mail.UID{1}, newSink())
		var e *mail.Error
		if !errors.As(err, &e) || e.Kind != mail.Throttled || e.Code != mail.CodeIMAPThrottled || e.Wait != 299961*time.Millisecond {
			t.Errorf("tagged %v: %+v", tagged, err)
		}
	}
	appends(t, appendCase{answer: "%s NO Request is throttled. Suggested Backoff Time: 1000 milliseconds", outcome: mail.Absent,
		kind: mail.Throttled, code: mail.CodeIMAPThrottled})
}

// TestHardCase_P23_CapabilitiesAfterTLS: what a server announces in plain text anybody may have written. Before TLS it refuses
// to let anyone in and claims what it can't; what counts is what it says afterwards.
func TestHardCase_P23_CapabilitiesAfterTLS(t *testing.T) {
	cert := certificate(t, "mail.example", time.Now().Add(time.Hour))
	f, o := tlsFake(t, cert)
	o.TLS, f.caps = imap.TLSStart, "IMAP4rev1 STARTTLS LOGINDISABLED LIST-EXTENDED SPECIAL-USE"
	f.greeting = "* OK [CAPABILITY " + f.caps + "] ready\r\n"
	o.RootCAs.AddCert(cert.Leaf)
	config := f.tls
	f.tls = nil
	f.on["STARTTLS"] = func(p *peer) {
		p.ok()
		p.caps = "IMAP4rev1 AUTH=PLAIN SASL-IR"
		p.conn = tls.Server(p.conn, config)
		p.r.Reset(p)
	}
	s, err := imap.DialSource(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Folders(context.Background()); err != nil {
		t.Error(err)
	}
	got := strings.Join(f.commands(), "\n")
	if !strings.Contains(got, "CAPABILITY") || !strings.Contains(got, "AUTHENTICATE PLAIN "+plain("", "anna", canary)) || strings.Contains(got, "SPECIAL-USE") {
		t.Errorf("the server saw\n%s", got)
	}
}

// TestHardCase_P24_QuotaOrBandwidth: the same code says that a mailbox is full and that too much was sent in an hour. The
// words tell them apart: the one stops the mailbox, the other passes.
func TestHardCase_P24_QuotaOrBandwidth(t *testing.T) {
	full := appendCase{outcome: mail.Absent, kind: mail.Quota, code: mail.CodeQuotaFull}
	var cases []appendCase
	for _, answer := range []string{"%s NO [OVERQUOTA] full", "%s NO Mailbox full", "%s NO Not enough disk space", "%s NO Quota exceeded (mailbox for user is full)"} {
		full.answer = answer
		cases = append(cases, full)
	}
	appends(t, append(cases, appendCase{answer: "%s NO [OVERQUOTA] Bandwidth limit exceeded", outcome: mail.Absent, kind: mail.Throttled,
		code: mail.CodeIMAPThrottled})...)
}

// TestHardCase_P25_TryCreate: a folder that was there is gone when a message is sent. The refusal says so, and of this message
// nothing is in doubt.
func TestHardCase_P25_TryCreate(t *testing.T) {
	appends(t, appendCase{answer: "%s NO [TRYCREATE] x", outcome: mail.Absent, kind: mail.Refused, code: mail.CodeIMAPFolderGone},
		appendCase{answer: "%s NO Mailbox doesn't exist: INBOX", outcome: mail.Absent, kind: mail.Refused, code: mail.CodeIMAPFolderGone})
}

// TestHardCase_P26_StatusText: codes with brackets and quotes inside, no text at all, an alert beside OK, a sign-in that
// succeeds for a mailbox that is not there. Each is read for what it says.
func TestHardCase_P26_StatusText(t *testing.T) {
	const exchange = `[Error="Microsoft.Exchange.Data.Storage.WrongServerException: [x] y" Proxy="a.example:9933:SSL"]`
	for _, c := range []struct {
		signIn, examine string
		kind            mail.Kind
		code            mail.Code
	}{
		{"OK", "OK", 0, ""},
		{"OK [ALERT] the server is old", "OK [READ-ONLY]", 0, ""},
		{"OK " + exchange, "OK [", 0, ""},
		{"OK", "NO", mail.Refused, mail.CodeIMAPFolder},
		{"OK", "NO " + exchange + " failed", mail.Transient, mail.CodeIMAPUnavailable},
		{"OK", "BAD User is authenticated but not connected.", mail.Auth, mail.CodeIMAPDenied},
		{"OK", "NO [ALERT", mail.Refused, mail.CodeIMAPFolder},
	} {
		t.Run(c.signIn+", "+c.examine, func(t *testing.T) {
			f := newFake(t)
			f.on["AUTHENTICATE"] = func(p *peer) { p.say("%s %s\r\n", p.tag, c.signIn) }
			f.on["EXAMINE"] = answering(folderData, c.examine)
			f.on["UID FETCH"] = says(two)
			to := newSink()
			err := f.source(t).Fetch(context.Background(), inbox, []mail.UID{1, 2}, to)
			if (err == nil) != (c.code == "") || err != nil && (mail.KindOf(err) != c.kind || mail.CodeOf(err) != c.code) {
				t.Errorf("error %v (%v)", err, mail.CodeOf(err))
			}
			var e *mail.Error
			if errors.As(err, &e) && strings.Contains(e.Text, "Proxy") {
				t.Errorf("what the server says is %q", e.Text)
			}
			if err == nil && len(to.bodies) != 2 {
				t.Errorf("bodies %v", to.bodies)
			}
		})
	}
}
