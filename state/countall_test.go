package state_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestCountAllIsCountOfEach holds the walks over the whole file against the questions for single folders.
func TestCountAllIsCountOfEach(t *testing.T) {
	l, rng := fresh(t), rand.New(rand.NewPCG(6, 6))
	day := func(n int) time.Time { return start.AddDate(0, 0, -n) }
	selections := []state.Selection{{}, {Older: day(90)}, {Newer: day(200), Older: day(90)}, {Older: day(90), MaxSize: 5000}, {MaxSize: 5000}}
	boxes := map[state.MailboxID]state.Selection{}
	for n := range 20 {
		m := mailbox(t, l, fmt.Sprintf("u%d@old.example", n))
		boxes[m.ID] = selections[n%len(selections)]
		for k := range rng.IntN(4) {
			f := folder(t, l, m, fmt.Sprint("F", k/2)) // the second of a name leaves the first one behind
			var rows []state.Message
			for u := range rng.IntN(40) {
				row := state.Message{Folder: f.ID, UID: mail.UID(u + 1), Size: mail.Size(rng.IntN(9000)),
					State: []state.State{state.StateSeen, state.StateLanded, state.StateAbsent, state.StateRefused, state.StateUnknown,
						state.StateLeftOut}[rng.IntN(4+2*(n%2))]}
				if rng.IntN(10) > 0 {
					row.InternalDate = day(rng.IntN(400))
				}
				rows = append(rows, row)
			}
			put(t, l, rows...)
		}
	}
	o := must[*state.Overview](t)(l.Overview(t.Context()))
	equal(t, "totals", o.Totals(), must[[]state.MailboxTotal](t)(l.Totals(t.Context())))
	must[map[state.MailboxID][]state.FolderCount](t)(o.CountAll(t.Context(), func(state.MailboxID) (state.Selection, bool) {
		return state.Selection{Older: day(200), MaxSize: 100, First: 2}, true // what it leaves must not count the next time
	}))
	all := must[map[state.MailboxID][]state.FolderCount](t)(o.CountAll(t.Context(), func(m state.MailboxID) (state.Selection, bool) {
		return boxes[m], m != 1
	}))
	for m, sel := range boxes {
		var want []state.FolderCount
		for _, f := range must[[]state.Folder](t)(l.Folders(t.Context(), m)) {
			want = append(want, must[state.FolderCount](t)(l.Count(t.Context(), f.ID, sel, 0)))
		}
		if m == 1 {
			want = nil
		}
		equal(t, fmt.Sprintf("mailbox %d, %+v", m, sel), all[m], want)
	}
}

// TestRate: what earlier runs have measured weighs half as much with each run that follows, and a reader sees it.
func TestRate(t *testing.T) {
	l := fresh(t)
	equal(t, "nothing measured", must[state.Rate](t)(l.Rate(t.Context())), state.Rate{})
	for range 2 {
		if err := l.AddRate(t.Context(), state.Rate{Messages: 100, Bytes: 1000, Seconds: 10}); err != nil {
			t.Fatal(err)
		}
	}
	r := must[*state.Reader](t)(state.OpenRead(t.Context(), l.Path()))
	equal(t, "two runs", must[state.Rate](t)(r.Rate(t.Context())), state.Rate{Messages: 150, Bytes: 1500, Seconds: 15})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.AddRate(t.Context(), state.Rate{Seconds: -1}); err == nil {
		t.Error("a negative rate was taken")
	}
}
