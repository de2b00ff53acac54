package endpointtest

import (
	"errors"
	"io"
	"slices"

	"mailhaul/state/mail"
)

// testList: UIDs ascending, no more than asked for, the whole of it.
func testList(x *fixture) {
	x.put("INBOX", letter(1, ""), letter(2, "longer"), letter(3, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	if f.Status.Messages != 3 || f.Status.UIDValidity == 0 {
		x.Errorf("status is %+v, want three messages", f.Status)
	}
	all := x.listed(s, f, mail.Query{})
	uids := uidsOf(all)
	if len(uids) != 3 || !slices.IsSorted(uids) || slices.Contains(uids, 0) {
		x.Fatalf("UIDs are %v, want three, ascending", uids)
	}
	if all[1].Size <= all[0].Size {
		x.Errorf("sizes are %d and %d, want the second larger", all[0].Size, all[1].Size)
	}
	if got := uidsOf(x.listed(s, f, mail.Query{From: uids[1]})); !slices.Equal(got, uids[1:]) {
		x.Errorf("from %d: %v, want %v", uids[1], got, uids[1:])
	}
	if got := uidsOf(x.listed(s, f, mail.Query{From: uids[1], To: uids[1]})); !slices.Equal(got, uids[1:2]) {
		x.Errorf("from %d to %d: %v", uids[1], uids[1], got)
	}
	// RFC 9051, 6.4.8: "n:*" matches the last message even if its UID is below n.
	if got := x.listed(s, f, mail.Query{From: uids[2] + 1}); len(got) != 0 {
		x.Errorf("above the last UID there is %v", got)
	}
	for _, err := range s.List(x.ctx, f, mail.Query{}) {
		x.must(err)
		break // a listing may be left early
	}
}

// testChangedSince: with CONDSTORE a listing can be bounded by MODSEQ.
func testChangedSince(x *fixture) {
	x.put("INBOX", letter(1, ""), letter(2, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	if f.Status.HighestModSeq == 0 {
		x.Skip("the endpoint has no CONDSTORE")
	}
	uids := uidsOf(x.listed(s, f, mail.Query{}))
	d := x.destination()
	_, err := d.Open(x.ctx, f)
	x.must(err)
	x.must(d.SetFlags(x.ctx, f, []mail.FlagChange{{UID: uids[1], Flags: mail.ParseFlags([]string{`\Flagged`})}}))
	x.must(d.Close())
	got := x.listed(s, x.folder(s, "INBOX"), mail.Query{ChangedSince: f.Status.HighestModSeq})
	if !slices.Equal(uidsOf(got), uids[1:]) {
		x.Errorf("changed is %v, want %v", uidsOf(got), uids[1:])
	}
}

// testStale: another UIDVALIDITY is an error before the first message.
func testStale(x *fixture) {
	uid := x.put("INBOX", letter(1, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	any := f
	any.Status.UIDValidity = 0
	if got := x.listed(s, any, mail.Query{}); len(got) != 1 {
		x.Errorf("without UIDVALIDITY: %d messages, want 1", len(got))
	}
	f.Status.UIDValidity += 7
	n := 0
	for _, err := range s.List(x.ctx, f, mail.Query{}) {
		n++
		x.kind(err, mail.Stale)
	}
	if n != 1 {
		x.Errorf("the listing yielded %d times, want one error", n)
	}
	x.kind(s.Fetch(x.ctx, f, []mail.UID{max(1, uid[0])}, &collector{}), mail.Stale)
}

// testFetchMissing: a UID that is not there gets no body, and no error. The server may still have news of it.
func testFetchMissing(x *fixture) {
	x.put("INBOX", letter(1, ""), letter(2, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	uids := uidsOf(x.listed(s, f, mail.Query{}))
	ask, want := []mail.UID{uids[1], uids[1] + 5}, uids[1]
	if x.pair.Remove != nil {
		x.pair.Remove(x.T, "INBOX", uids[0])
		ask = append([]mail.UID{uids[0]}, ask...)
	}
	var bodies []mail.UID
	for _, r := range x.fetched(s, f, ask...) {
		if r.hasBody {
			bodies = append(bodies, r.UID)
		}
	}
	if !slices.Equal(bodies, []mail.UID{want}) {
		x.Errorf("bodies came of %v, want of %d alone", bodies, want)
	}
	if got := x.fetched(s, f, 4000000); len(got) != 0 {
		x.Errorf("a UID that never was gave %+v", got)
	}
}

// lazy reads one octet of each body, or fails at a body.
type lazy struct {
	first string
	uids  []mail.UID
	fail  error
}

func (l *lazy) Body(_ mail.Size, r io.Reader) error {
	if l.fail != nil {
		return l.fail
	}
	octet := make([]byte, 1)
	_, err := io.ReadFull(r, octet)
	l.first += string(octet)
	return err
}

func (l *lazy) Message(m mail.Message, _ bool) error {
	l.uids = append(l.uids, m.UID)
	return nil
}

// testFetchUnread: what Body leaves unread is skipped.
func testFetchUnread(x *fixture) {
	x.put("INBOX", letter(1, ""), letter(2, ""), letter(3, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	uids := uidsOf(x.listed(s, f, mail.Query{}))
	var l lazy
	x.must(s.Fetch(x.ctx, f, uids, &l))
	if len(l.first) != 3 || x.limits().KeepsBytes && l.first != "FFF" || !slices.Equal(l.uids, uids) {
		x.Errorf("got %q of %v, want the first octets of %v", l.first, l.uids, uids)
	}
}

// testSinkError: the sink's error ends Fetch and comes back as it is.
func testSinkError(x *fixture) {
	x.put("INBOX", letter(1, ""), letter(2, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	full := errors.New("no room")
	l := lazy{fail: full}
	err := s.Fetch(x.ctx, f, uidsOf(x.listed(s, f, mail.Query{})), &l)
	if err != full { //nolint:errorlint // as it is, says the contract
		x.Errorf("Fetch gave %v, want the sink's own error", err)
	}
	if len(l.uids) != 0 {
		x.Errorf("after the error came messages %v", l.uids)
	}
}

// testExists: asked independently of Fetch, for those that are there.
func testExists(x *fixture) {
	x.put("INBOX", letter(1, ""), letter(2, ""), letter(3, ""))
	s := x.source()
	f := x.folder(s, "INBOX")
	uids := uidsOf(x.listed(s, f, mail.Query{}))
	got, err := s.Exists(x.ctx, f, []mail.UID{uids[0], uids[2], uids[2] + 9})
	x.must(err)
	if !slices.Equal(got, []mail.UID{uids[0], uids[2]}) {
		x.Errorf("there are %v of %v", got, uids)
	}
	got, err = s.Exists(x.ctx, f, []mail.UID{uids[2] + 9})
	x.must(err)
	if len(got) != 0 {
		x.Errorf("of what never was there are %v", got)
	}
}

// testReadOnly: reading leaves flags and everything else as they are.
func testReadOnly(x *fixture) {
	unread := letter(1, "")
	unread.Flags = mail.ParseFlags([]string{`\Flagged`})
	x.put("INBOX", unread)
	s := x.source()
	f := x.folder(s, "INBOX")
	before := x.listed(s, f, mail.Query{})
	x.fetched(s, f, before[0].UID)
	x.must(s.Close())
	s = x.source()
	after := x.listed(s, x.folder(s, "INBOX"), mail.Query{})
	if !after[0].Flags.Equal(unread.Flags) || after[0].ModSeq != before[0].ModSeq {
		x.Errorf("after reading the message is %+v, before it was %+v", after[0], before[0])
	}
}

// testClose: Close may be called twice, and a closed session answers with errors.
func testClose(x *fixture) {
	s := x.source()
	f := x.folder(s, "INBOX")
	x.must(s.Close())
	x.must(s.Close())
	if _, err := s.Folders(x.ctx); err == nil {
		x.Error("a closed session lists folders")
	} else {
		var e *mail.Error
		if !errors.As(err, &e) {
			x.Errorf("a closed session gives %T %v, want a *mail.Error", err, err)
		}
	}
	yields := 0
	for _, err := range s.List(x.ctx, f, mail.Query{}) {
		yields++
		if err == nil {
			x.Error("a closed session lists messages")
		}
	}
	if yields != 1 {
		x.Errorf("the listing of a closed session yielded %d times, want one error", yields)
	}
	d := x.destination()
	x.must(d.Close())
	x.must(d.Close())
}
