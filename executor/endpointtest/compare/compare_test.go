package compare_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/cmd/demo"
	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/state/mail"
	samplemail "mailhaul/testdata/mail"
)

// TestFillIsTheSameEverywhere: the same mail filled into three kinds of servers compares equal, which shows that the
// reader misreads none of them.
func TestFillIsTheSameEverywhere(t *testing.T) {
	ctx := context.Background()
	users := map[string]string{"anna": `se"c\ret`}
	plain := dovecot.Start(t, dovecot.Options{Users: users})
	dotted := dovecot.Start(t, dovecot.Options{Users: users, Layout: "maildir++", Prefix: "INBOX."})
	d, err := demo.NewServer(demo.Options{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	a := compare.Account{Addr: plain.Addr(), User: "anna", Password: users["anna"]}
	b := compare.Account{Addr: dotted.Addr(), User: "anna", Password: users["anna"], Prefix: "INBOX."}
	c := compare.Account{Addr: d.Addr(), User: "anna", Password: users["anna"]}
	var samples [][]byte
	for _, m := range samplemail.All() {
		samples = append(samples, m.Octets)
	}
	for _, account := range []compare.Account{a, b, c} {
		m := compare.Mail{Messages: 120, Seed: 7, Big: 1 << 20, Samples: samples, Flat: true}
		if err := compare.Fill(ctx, account, m); err != nil {
			t.Fatalf("fill %s: %v", account.Addr, err)
		}
	}
	report, err := compare.Mailboxes(ctx, a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Same() || report.Equal < 121 {
		t.Errorf("Dovecot with two layouts: %s", report)
	}
	all, err := compare.Read(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range compare.FolderNames(true) {
		if len(all[name]) == 0 {
			t.Errorf("folder %s is empty or missing at the demo's server", name)
		}
	}
	// The demo's server keeps bare LF and Dovecot answers CRLF, so these messages alone may differ.
	report, err = compare.Mailboxes(ctx, c, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Missing) == 0 || len(report.Missing) > 6 || len(report.Missing) != len(report.Extra) ||
		len(report.Differs)+len(report.Doubled) > 0 {
		t.Errorf("the demo's server and Dovecot: %s", report)
	}
}

func TestReport(t *testing.T) {
	ctx := context.Background()
	users := map[string]string{"a": "x", "b": "x"}
	s, err := demo.NewServer(demo.Options{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	a := compare.Account{Addr: s.Addr(), User: "a", Password: "x"}
	b := compare.Account{Addr: s.Addr(), User: "b", Password: "x"}
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	put := func(to compare.Account, folder, octets string, date time.Time, flags ...string) {
		t.Helper()
		if err := s.AddFolder(to.User, folder, mail.RoleNone); err != nil {
			t.Fatal(err)
		}
		if err := compare.Add(ctx, to, folder, []byte(octets), date, flags...); err != nil {
			t.Fatal(err)
		}
	}
	put(a, "Süd/Old", "same", day, `\Seen`, "KeyWord")
	put(b, "Süd/New", "same", day.In(time.FixedZone("", 7200)), "keyword", `\Seen`)
	put(a, "Süd/Old", "twice here", day)
	put(a, "Süd/Old", "twice here", day)
	put(b, "Süd/New", "twice here", day)
	put(b, "Süd/New", "twice here", day)
	put(b, "Süd/New", "twice here", day)
	put(a, "Süd/Old", "lost", day)
	put(b, "Süd/New", "new", day)
	put(a, "Süd/Old", "date", day)
	put(b, "Süd/New", "date", day.Add(time.Second))
	put(a, "Süd/Old", "flags", day, `\Seen`)
	put(b, "Süd/New", "flags", day)
	put(a, "INBOX", "elsewhere", day)
	put(b, "Süd/New", "elsewhere", day)
	put(a, "Left out", "ignored", day)
	if err := s.AddFolder("a", "Empty", mail.RoleNone); err != nil {
		t.Fatal(err)
	}
	r, err := compare.Mailboxes(ctx, a, b, func(f string) string {
		switch f {
		case "Süd/Old":
			return "Süd/New"
		case "Left out":
			return ""
		}
		return f
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{"equal": r.Equal, "missing": len(r.Missing), "extra": len(r.Extra), "doubled": len(r.Doubled),
		"differs": len(r.Differs)}
	want := map[string]int{"equal": 3, "missing": 2, "extra": 2, "doubled": 1, "differs": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s\n%s", diff, r)
	}
	if !slices.Contains(r.MissingFolders, "Empty") || r.Same() {
		t.Errorf("missing folders are %v", r.MissingFolders)
	}
}
