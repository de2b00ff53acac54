package state_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// model is the ledger said in the plainest way: maps and loops over everything.
type model struct {
	rows     map[state.FolderID]map[mail.UID]state.Message
	failures map[state.FolderID]map[mail.UID]state.Failure
}

func (m *model) see(rows []state.Message) {
	for _, r := range rows {
		old, ok := m.rows[r.Folder][r.UID]
		switch {
		case !ok:
			m.rows[r.Folder][r.UID] = r
		case !old.State.Copied():
			old.Flags = r.Flags
			m.rows[r.Folder][r.UID] = old
		}
	}
}

func (m *model) put(rows []state.Message, failures []state.Failure) {
	for _, f := range failures {
		m.failures[f.Folder][f.UID] = f
	}
	for _, r := range rows {
		if r.State.Copied() && r.DestinationUID != 0 {
			r.U0, r.V0 = 0, 0
		}
		m.rows[r.Folder][r.UID] = r
		if r.State.Copied() || r.State == state.StateGone || r.State == state.StateSkipped {
			delete(m.failures[r.Folder], r.UID)
		}
	}
}

// inside tells whether a row's date is inside the bounds.
func inside(r state.Message, s state.Selection) bool {
	if s.Older.IsZero() && s.Newer.IsZero() {
		return true
	}
	return !r.InternalDate.IsZero() && (s.Older.IsZero() || r.InternalDate.Before(s.Older)) &&
		(s.Newer.IsZero() || !r.InternalDate.Before(s.Newer))
}

func fits(r state.Message, s state.Selection) bool { return s.MaxSize == 0 || r.Size <= s.MaxSize }

func (m *model) selected(q state.Query) []state.Message {
	var all []state.Message
	for _, r := range m.rows[q.Folder] {
		if slices.Contains(q.States, r.State) && inside(r, q.Selection) && fits(r, q.Selection) &&
			(q.Below == 0 || r.UID < q.Below) && (!q.NoDestinationUID || r.DestinationUID == 0) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b state.Message) int {
		if !q.NewestFirst {
			return cmp.Compare(a.UID, b.UID)
		}
		if a.InternalDate.IsZero() != b.InternalDate.IsZero() {
			return map[bool]int{true: 1, false: -1}[a.InternalDate.IsZero()]
		}
		return cmp.Or(b.InternalDate.Compare(a.InternalDate), cmp.Compare(b.UID, a.UID))
	})
	return all
}

func (m *model) count(f state.Folder, s state.Selection, below mail.UID) state.FolderCount {
	c := state.FolderCount{Folder: f}
	bump := func(to *state.Count, r state.Message, when bool) {
		if when {
			*to = to.Add(state.Count{Messages: 1, Bytes: r.Size})
		}
	}
	for _, r := range m.rows[f.ID] {
		under := below == 0 || r.UID < below
		open, again := r.State.Open(), r.State.Open() || r.State == state.StateLeftOut
		bump(&c.Pending, r, again && under && inside(r, s) && fits(r, s))
		bump(&c.TooLarge, r, again && under && inside(r, s) && !fits(r, s))
		if again && under && inside(r, s) && !fits(r, s) {
			c.TooLargeList = append(c.TooLargeList, r)
		}
		bump(&c.Later, r, open && under && !inside(r, s))
		bump(&c.Doubt, r, r.State.Doubt())
		bump(&c.Copied, r, r.State.Copied())
		bump(&c.Failed, r, r.State.Failed())
		bump(&c.Ambiguous, r, r.State == state.StateAmbiguous)
		bump(&c.Absent, r, r.State == state.StateAbsent)
		bump(&c.Skipped, r, r.State == state.StateSkipped)
		bump(&c.Gone, r, r.State == state.StateGone)
		bump(&c.LeftOut, r, r.State == state.StateLeftOut)
		if d := r.InternalDate; !d.IsZero() {
			if c.Oldest.IsZero() || d.Before(c.Oldest) {
				c.Oldest = d.UTC()
			}
			if c.Newest.IsZero() || d.After(c.Newest) {
				c.Newest = d.UTC()
			}
		}
	}
	slices.SortFunc(c.TooLargeList, func(a, b state.Message) int { return cmp.Compare(a.UID, b.UID) })
	return c
}

func (m *model) claimed(f state.FolderID, from mail.UID) []state.Claim {
	var all []state.Claim
	for _, r := range m.rows[f] {
		if r.DestinationUID != 0 && r.DestinationUID >= from {
			c := state.Claim{UID: r.DestinationUID}
			if !r.InternalDate.IsZero() {
				c.InternalDate = r.InternalDate.UTC()
			}
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b state.Claim) int { return cmp.Compare(a.UID, b.UID) })
	return all
}

func uids(claims []state.Claim) []mail.UID {
	var all []mail.UID
	for _, c := range claims {
		all = append(all, c.UID)
	}
	return all
}

// failed names the rows that FailedMessages must give, in its order.
func (m *model) failed(folders []state.Folder) []string {
	var all []string
	for _, f := range folders {
		for uid := range mail.UID(200) {
			r, ok := m.rows[f.ID][uid]
			why, recorded := m.failures[f.ID][uid]
			if ok && (recorded || r.State.Failed() || r.State == state.StateUnknown) {
				all = append(all, fmt.Sprintf("%s %d %d %q", f.Path, uid, r.State, why.Text))
			}
		}
	}
	return all
}

var everyState = []state.State{state.StateSeen, state.StateAbsent, state.StateIntent, state.StateUnknown,
	state.StateLanded, state.StateAdopted, state.StateSkipped, state.StateGone, state.StateLeftOut, state.StateRefused,
	state.StateAmbiguous, state.StateDamaged}

// dice makes random rows and questions. A UID's date depends on the UID alone, as on a server.
type dice struct{ *rand.Rand }

func (d dice) date(f state.FolderID, uid mail.UID) time.Time {
	n := int64(uid)*7919%23 + int64(f)
	if n%5 == 0 {
		return time.Time{}
	}
	return time.Unix(1_700_000_000+n*3600, 0).In(time.FixedZone("", int(n%3)*3600))
}

func (d dice) row(f state.FolderID) state.Message {
	uid := mail.UID(1 + d.IntN(150))
	r := state.Message{Folder: f, UID: uid, Size: mail.Size(d.IntN(100)), InternalDate: d.date(f, uid),
		State: everyState[d.IntN(len(everyState))], Attempt: d.IntN(3), H0: mail.Digest{byte(1 + d.IntN(200))},
		Flags: mail.Flags{System: mail.System(d.IntN(32))}}
	if d.IntN(3) == 0 {
		r.Flags.Keywords = []string{"$Junk", "Work"}[d.IntN(2):]
	}
	if r.State.Copied() && d.IntN(2) == 0 {
		r.DestinationUID = uid + 1000
	}
	if r.State.Doubt() || r.State.Copied() {
		r.Attempt, r.U0, r.V0 = 1+r.Attempt, mail.UID(900+d.IntN(50)), 70
	}
	return r
}

func (d dice) batch(f state.FolderID) []state.Message {
	rows := make([]state.Message, 1+d.IntN(40))
	for i := range rows {
		rows[i] = d.row(f)
	}
	return rows
}

func (d dice) selection() state.Selection {
	var s state.Selection
	if d.IntN(2) == 0 {
		s.Older = time.Unix(1_700_000_000+int64(d.IntN(30))*3600, int64(d.IntN(2)))
	}
	if d.IntN(3) == 0 {
		s.Newer = time.Unix(1_700_000_000+int64(d.IntN(30))*3600, int64(d.IntN(2)))
	}
	if d.IntN(2) == 0 {
		s.MaxSize = mail.Size(1 + d.IntN(120))
	}
	return s
}

func (d dice) below() mail.UID { return mail.UID(d.IntN(2) * d.IntN(170)) }

func (d dice) query(f state.FolderID) state.Query {
	q := state.Query{Folder: f, Selection: d.selection(), Below: d.below(), NewestFirst: d.IntN(2) == 0,
		NoDestinationUID: d.IntN(4) == 0}
	sets := [][]state.State{{state.StateSeen, state.StateAbsent, state.StateLeftOut}, {state.StateIntent, state.StateUnknown},
		{state.StateLanded, state.StateAdopted}, everyState, {everyState[d.IntN(len(everyState))]}}
	q.States = sets[d.IntN(len(sets))]
	return q
}

// TestAgainstModel does random work on the ledger and on the model and asks both the same questions.
func TestAgainstModel(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(20261123, 1))}
	l := fresh(t)
	box := mailbox(t, l, "anna@contoso.example")
	folders := []state.Folder{folder(t, l, box, "A"), folder(t, l, box, "B")}
	m := &model{map[state.FolderID]map[mail.UID]state.Message{}, map[state.FolderID]map[mail.UID]state.Failure{}}
	for _, f := range folders {
		m.rows[f.ID], m.failures[f.ID] = map[mail.UID]state.Message{}, map[mail.UID]state.Failure{}
	}
	for step := range 250 / slow {
		f := folders[d.IntN(2)]
		rows := d.batch(f.ID)
		if step%3 == 0 {
			m.see(rows)
			if err := l.See(t.Context(), rows); err != nil {
				t.Fatal(err)
			}
		} else {
			failures := someFailures(d, rows)
			m.put(rows, failures)
			if err := l.Put(t.Context(), rows, failures); err != nil {
				t.Fatal(err)
			}
		}
		compare(t, d, l, m, f)
		if t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
	compareTotals(t, l, m, folders)
	for _, v := range must[[]state.Violation](t)(state.Check(t.Context(), l.Path())) {
		t.Errorf("check: %s", v)
	}
}

// TestCountAtTheBounds asks at, below and above each bound, where the tally's shortcut begins and ends.
func TestCountAtTheBounds(t *testing.T) {
	l := fresh(t)
	f := folder(t, l, mailbox(t, l, "anna@contoso.example"), "A")
	early, late := time.Unix(1_700_000_000, 0), time.Unix(1_700_009_000, 0)
	rows := []state.Message{{Folder: f.ID, UID: 5, Size: 10, InternalDate: early}, {Folder: f.ID, UID: 9, Size: 20, InternalDate: late}}
	m := &model{map[state.FolderID]map[mail.UID]state.Message{f.ID: {}}, nil}
	m.put(rows, nil)
	put(t, l, rows...)
	for off := -1; off <= 1; off++ {
		by := time.Duration(off) * time.Second
		for _, s := range []state.Selection{{MaxSize: mail.Size(10 + off)}, {MaxSize: mail.Size(20 + off)}, {Older: late.Add(by)},
			{Older: early.Add(by)}, {Newer: early.Add(by)}, {Newer: late.Add(by)}, {}} {
			for _, below := range []mail.UID{0, 5, 9, 10} {
				equal(t, fmt.Sprintf("count %+v below %d", s, below),
					must[state.FolderCount](t)(l.Count(t.Context(), f.ID, s, below)), m.count(f, s, below))
			}
		}
	}
}

func someFailures(d dice, rows []state.Message) []state.Failure {
	var all []state.Failure
	for _, r := range rows {
		if r.State >= state.StateRefused && d.IntN(2) == 0 {
			all = append(all, state.Failure{Folder: r.Folder, UID: r.UID, Code: mail.CodeMessageRefused, Kind: mail.Refused,
				Text: fmt.Sprint("no ", d.IntN(9)), Time: start, Run: "7f3a"})
		}
	}
	return all
}

func compare(t *testing.T, d dice, l *state.Ledger, m *model, f state.Folder) {
	t.Helper()
	q := d.query(f.ID)
	want := m.selected(q)
	var got []state.Message
	for len(got) <= len(want) {
		q.Limit = 1 + d.IntN(40)
		some := must[[]state.Message](t)(l.Select(t.Context(), q))
		if len(some) == 0 || len(some) > q.Limit {
			break
		}
		got = append(got, some...)
		q.After = &some[len(some)-1]
	}
	equal(t, fmt.Sprintf("select %+v", q), got, want)
	s, below := d.selection(), d.below()
	equal(t, fmt.Sprintf("count %+v below %d", s, below),
		must[state.FolderCount](t)(l.Count(t.Context(), f.ID, s, below)), m.count(f, s, below))
	from := mail.UID(1000 + d.IntN(150))
	equal(t, "claimed", must[[]state.Claim](t)(l.Claimed(t.Context(), f.Mailbox, f.Destination, f.DestinationValidity, from)),
		m.claimed(f.ID, from))
}

func compareTotals(t *testing.T, l *state.Ledger, m *model, folders []state.Folder) {
	t.Helper()
	s := state.Selection{MaxSize: 50}
	var want []state.FolderCount
	total := state.MailboxTotal{Mailbox: must[[]state.Mailbox](t)(l.Mailboxes(t.Context()))[0], Folders: len(folders)}
	for _, f := range folders {
		want = append(want, m.count(f, s, 0))
		c := m.count(f, state.Selection{}, 0)
		total.Copied, total.Doubt, total.Failed = total.Copied.Add(c.Copied), total.Doubt.Add(c.Doubt), total.Failed.Add(c.Failed)
		total.Skipped, total.Gone, total.LeftOut = total.Skipped.Add(c.Skipped), total.Gone.Add(c.Gone), total.LeftOut.Add(c.LeftOut)
		total.Open = total.Open.Add(c.Pending).Add(state.Count{Messages: -c.LeftOut.Messages, Bytes: -c.LeftOut.Bytes})
	}
	equal(t, "counts", must[[]state.FolderCount](t)(l.Counts(t.Context(), folders[0].Mailbox, s)), want)
	equal(t, "totals", must[[]state.MailboxTotal](t)(l.Totals(t.Context())), []state.MailboxTotal{total})
	var failed []string
	for _, f := range must[[]state.FailedMessage](t)(l.FailedMessages(t.Context())) {
		failed = append(failed, fmt.Sprintf("%s %d %d %q", f.SourceFolder, f.UID, f.State, f.Text))
	}
	equal(t, "failed messages", failed, m.failed(folders))
}
