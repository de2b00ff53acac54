package state_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// listed makes rows as a listing gives them: UIDs from first on, sizes and dates as in a real mailbox.
func listed(f state.FolderID, first, n int) []state.Message {
	rng := rand.New(rand.NewPCG(1, uint64(first)))
	rows := make([]state.Message, n)
	for i := range rows {
		rows[i] = state.Message{Folder: f, UID: mail.UID(first + i), Size: mail.Size(500 + rng.IntN(1<<18)),
			InternalDate: time.Unix(1_400_000_000+int64(first+i)*977, 0).In(time.FixedZone("", 3600)),
			Flags:        mail.Flags{System: mail.System(rng.IntN(4))}}
	}
	return rows
}

// landed gives the rows as they are once copied.
func landed(rows []state.Message) []state.Message {
	for i := range rows {
		rows[i].State, rows[i].Attempt, rows[i].DestinationUID = state.StateLanded, 1, rows[i].UID+100_000
	}
	return rows
}

// intended gives the rows as they are while they are sent.
func intended(rows []state.Message) []state.Message {
	for i := range rows {
		rows[i].State, rows[i].Attempt, rows[i].U0, rows[i].V0 = state.StateIntent, 1, 100_001, 1_700_000_000
		for k := range rows[i].H0 {
			rows[i].H0[k] = byte(uint64(rows[i].UID) * 0x9e3779b97f4a7c15 >> (k % 8 * 8))
		}
	}
	return rows
}

// BenchmarkPut takes every message through its whole life: seen, intended, landed. The target is 50,000 rows a second
// in each step.
func BenchmarkPut(b *testing.B) {
	const batch = 300
	l := fresh(b)
	f := folder(b, l, mailbox(b, l, "anna@contoso.example"), "INBOX").ID
	steps := []struct {
		name string
		do   func(rows []state.Message) error
	}{
		{"see", func(rows []state.Message) error { return l.See(b.Context(), rows) }},
		{"intent", func(rows []state.Message) error { return l.Put(b.Context(), intended(rows), nil) }},
		{"landed", func(rows []state.Message) error { return l.Put(b.Context(), landed(intended(rows)), nil) }},
	}
	spent := make([]time.Duration, len(steps))
	total := 0
	for b.Loop() {
		rows := listed(f, 1+total, batch)
		for i, s := range steps {
			begun := time.Now()
			if err := s.do(rows); err != nil {
				b.Fatal(err)
			}
			spent[i] += time.Since(begun)
		}
		total += batch
	}
	for i, s := range steps {
		b.ReportMetric(float64(total)/spent[i].Seconds(), s.name+"-rows/s")
	}
}

// BenchmarkPutFew is the commit of a copy of large messages: a few outcomes and a few intents.
func BenchmarkPutFew(b *testing.B) {
	const few = 3
	l := fresh(b)
	f := folder(b, l, mailbox(b, l, "anna@contoso.example"), "INBOX").ID
	const most = 60_000
	if err := l.See(b.Context(), listed(f, 1, most)); err != nil {
		b.Fatal(err)
	}
	at := 1
	before := intended(listed(f, at, few))
	for b.Loop() {
		at = (at+few)%(most-few) + 1
		next := intended(listed(f, at, few))
		if err := l.Put(b.Context(), append(landed(before), next...), nil); err != nil {
			b.Fatal(err)
		}
		before = next
	}
}

func TestBytesPerMessage(t *testing.T) {
	const most, n, batch = 150, 100_000 / slow, 500
	path := filepath.Join(t.TempDir(), "size.state")
	l, err := state.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	f := folder(t, l, mailbox(t, l, "anna@contoso.example"), "INBOX").ID
	for first := 1; first <= n; first += batch {
		rows := listed(f, first, batch)
		if err := l.See(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		put(t, l, landed(intended(rows))...)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	per := info.Size() / n
	t.Logf("%d octets a copied message", per)
	if per > most {
		t.Errorf("a copied message takes %d octets on disk, at most %d are allowed", per, most)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
}
