package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// exchangeNames are rules as Exchange has them.
func exchangeNames() mail.NameRules {
	return mail.NameRules{Delimiter: "/", Forbidden: `\*%`, Reserved: []string{"Files", "Calendar"}, FoldCase: true,
		TrimSpaces: true, MaxLevel: 250}
}

// odd is a folder with mail whose levels need not be what a name with slashes says.
func odd(levels ...string) mail.Folder {
	return mail.Folder{Raw: strings.Join(levels, "\x01"), Path: levels, Status: mail.Status{Messages: 1}}
}

// TestHardCase_F02_BackslashIsReplaced: a destination that refuses a backslash gets a character that looks like one, and
// the plan shows it.
func TestHardCase_F02_BackslashIsReplaced(t *testing.T) {
	holdMap(t, []mapCase{{
		name: "within and at the end", source: []mail.Folder{odd(`R\D`), odd(`a\`)}, rules: exchangeNames(),
		want: []string{`R\D -> R∖D [as it is] ? the destination can't hold the name "R\\D": it becomes "R∖D"`,
			`a\ -> a∖ [as it is] ? the destination can't hold the name "a\\": it becomes "a∖"`},
	}})
}

// TestHardCase_F05_DelimiterWithinALevel: what divides levels at one side stands within a level at the other, in both
// directions. Names are mapped level by level and stay different ones.
func TestHardCase_F05_DelimiterWithinALevel(t *testing.T) {
	holdMap(t, []mapCase{
		{
			name: "a slash from a server with dots", source: []mail.Folder{odd("A/B", "c"), odd("A", "B", "c"), odd("A∕B", "c")},
			rules: mail.NameRules{Delimiter: "/"},
			want: []string{`A/B/c -> A/B/c [as it is]`,
				`A∕B/c -> A∕B/c-b30f67c9 [as it is] ? the destination can't tell "A∕B/c" from another folder: it becomes "A∕B/c-b30f67c9"`,
				`A∕B/c -> A∕B/c [as it is]`},
		},
		{
			name: "a dot to a server with dots", source: boxes("v1.2/a"), rules: mail.NameRules{Delimiter: ".", MaxLevel: 99},
			want: []string{"v1.2/a -> v1․2/a [as it is] ? the destination can't hold the name \"v1.2/a\": it becomes \"v1․2/a\""},
		},
	})
}

// TestHardCase_F06_FoldersThatAreNotListed: Exchange leaves folders with a slash in their name out of what it lists over
// IMAP. No client can know of them, so the plan says so once, however many mailboxes there are.
func TestHardCase_F06_FoldersThatAreNotListed(t *testing.T) {
	s := newSite(t, "full", "anna bo").look("anna", box("INBOX")).look("bo", box("INBOX"))
	for _, m := range s.in.Config.Mailboxes {
		m.From = &config.Endpoint{Type: "microsoft365", Name: "old", Microsoft365: &config.Microsoft365{}}
	}
	if got := notes(s.plan().Warnings); strings.Count(got, "slash") != 1 {
		t.Errorf("the plan of a Microsoft 365 source says:\n%s", got)
	}
	if got := notes(newSite(t, "full", "anna").look("anna", box("INBOX")).plan().Warnings); got != "" {
		t.Errorf("the plan of an IMAP source says:\n%s", got)
	}
}

// TestHardCase_F07_FlatDestination: a destination without a hierarchy has no place for a tree; the levels become one name.
func TestHardCase_F07_FlatDestination(t *testing.T) {
	holdMap(t, []mapCase{{
		name: "a server without a hierarchy", source: boxes("INBOX", "Work/a"), rules: mail.NameRules{MaxLevel: 99},
		want: []string{"INBOX -> INBOX [as it is]", "Work/a -> Work∕a [as it is] ? the destination has fewer levels: the last ones become one"},
	}})
}

// TestHardCase_F08_BlanksAreTrimmed: Exchange makes another folder of a name with blanks at its ends than it finds by that
// name later. They are cut for it, level by level, and names that become equal stay apart.
func TestHardCase_F08_BlanksAreTrimmed(t *testing.T) {
	holdMap(t, []mapCase{{
		name: "blanks", source: []mail.Folder{odd("x "), odd("x"), odd(" y ", " z")}, rules: exchangeNames(),
		want: []string{` y / z -> y/z [as it is] ? the destination can't hold the name " y / z": it becomes "y/z"`,
			`x -> x [as it is]`,
			`x  -> x -2ac3e029 [as it is] ? the destination can't tell "x " from another folder: it becomes "x -2ac3e029"`},
	}})
}

// TestHardCase_F13_NameWithoutMail: what stands in a list for its children only is made at the destination, not copied,
// and merges with nothing. The destination's own such name is no folder to copy into.
func TestHardCase_F13_NameWithoutMail(t *testing.T) {
	slash := mail.NameRules{Delimiter: "/"}
	holdMap(t, []mapCase{
		{name: "at the source", source: []mail.Folder{container("Work"), box("Work/a")}, rules: slash,
			want: []string{"Work -> Work [as it is]", "Work/a -> Work/a [as it is]"}},
		{name: "at the destination", source: boxes("Work"), dest: []mail.Folder{container("Work")}, rules: slash,
			want: []string{"Work -> Work [as it is]"}},
	})
}

// TestHardCase_F14_NamesThatDifferInCase: where trash and Trash are one folder, mail of two folders would meet in it
// silently. Names that the destination can't tell apart, by case or by how an accent is composed, stay two, unless merging
// is allowed; a folder that is there is found by either.
func TestHardCase_F14_NamesThatDifferInCase(t *testing.T) {
	holdMap(t, []mapCase{
		{
			name: "case", source: boxes("Work", "work", "work/sub", "WORK/sub"), dest: boxes("work"), rules: exchangeNames(),
			want: []string{`WORK/sub -> work/sub [as it is]`,
				`Work -> Work-104ab921 [as it is] ? the destination can't tell "Work" from another folder: it becomes "Work-104ab921"`,
				`work -> work (there) [as it is]`,
				`work/sub -> work/sub-56f6d4d9 [as it is] ? the destination can't tell "work/sub" from another folder: it becomes "work/sub-56f6d4d9"`},
		},
		{
			name: "composition", source: boxes("Bu\u0308cher", "Bücher"), rules: exchangeNames(),
			want: []string{"Bu\u0308cher -> Bu\u0308cher [as it is]",
				`Bücher -> Bücher-a74462df [as it is] ? the destination can't tell "Bücher" from another folder: it becomes "Bücher-a74462df"`},
		},
		{
			name: "merging is allowed", folders: func(f *config.Folders) { f.Merge = config.MergeAllow },
			source: boxes("Work", "work"), rules: exchangeNames(),
			want: []string{`Work -> Work [as it is] ? goes to one folder together with "work"`,
				`work -> Work [as it is] ? goes to one folder together with "Work"`},
		},
		{
			name: "there already", source: boxes("projekte", "Entwu\u0308rfe alt"), dest: boxes("Projekte", "Entwürfe alt"),
			rules: exchangeNames(),
			want:  []string{"Entwu\u0308rfe alt -> Entwürfe alt (there) [as it is]", "projekte -> Projekte (there) [as it is]"},
		},
	})
}

// TestHardCase_F16_ReservedNames: Exchange keeps some names for itself, and refuses a folder called so or hides it. Such a
// folder gets another name, what is below goes along, and the plan shows it.
func TestHardCase_F16_ReservedNames(t *testing.T) {
	holdMap(t, []mapCase{{
		name: "reserved", source: []mail.Folder{box("Files"), box("files/2019"), box("Work/Files"), box("CALENDAR")}, rules: exchangeNames(),
		want: []string{`CALENDAR -> CALENDAR (mail) [as it is] ? the destination can't hold the name "CALENDAR": it becomes "CALENDAR (mail)"`,
			`Files -> Files (mail) [as it is] ? the destination can't hold the name "Files": it becomes "Files (mail)"`,
			`Work/Files -> Work/Files [as it is]`,
			`files/2019 -> Files (mail)/2019 [as it is] ? the destination can't hold the name "files/2019": it becomes "Files (mail)/2019"`},
	}})
}

// TestHardCase_F18_LongNames: names that differ only behind the longest that the destination takes would become one. They
// are cut and keep different ends.
func TestHardCase_F18_LongNames(t *testing.T) {
	holdMap(t, []mapCase{{
		name: "long", source: boxes("Annual reports of 2019", "Annual reports of 2020"), rules: mail.NameRules{Delimiter: "/", MaxLevel: 16},
		want: []string{`Annual reports of 2019 -> Annual-efa4f566 [as it is] ? the destination can't hold the name "Annual reports of 2019": it becomes "Annual-efa4f566"`,
			`Annual reports of 2020 -> Annual-fa75a7ac [as it is] ? the destination can't hold the name "Annual reports of 2020": it becomes "Annual-fa75a7ac"`},
	}})
}

// TestHardCase_F18_TwelveThousandFolders: a mailbox with more folders below one than people think possible, some of them
// 310 levels deep and with levels of 300 characters. Each has a place of its own that the destination can hold.
func TestHardCase_F18_TwelveThousandFolders(t *testing.T) {
	var source []mail.Folder
	for i := range 12_000 {
		source = append(source, odd("Lists", fmt.Sprintf("List %d", i)))
	}
	deep := slices.Repeat([]string{"deep"}, 310)
	source = append(source, odd(deep...), odd(append(slices.Clone(deep), "and one")...))
	for i := range 20 {
		source = append(source, odd("Long", strings.Repeat("ö", 300)+fmt.Sprint(i)))
	}
	places := map[string]string{}
	for _, m := range Map(rules(nil), source, nil, exchangeNames()) {
		key := strings.ToUpper(spelling(m.Target))
		if other, taken := places[key]; taken {
			t.Fatalf("%q goes to %s, and so does %q", m.Source.Raw, m.Target, other)
		}
		places[key] = m.Source.Raw
		tooLong := slices.ContainsFunc(m.Target, func(l string) bool { return utf8.RuneCountInString(l) > 250 })
		if tooLong || len(m.Target) > 300 {
			t.Errorf("%.80q has %d levels, or one that is too long", m.Target, len(m.Target))
		}
	}
	if len(places) != len(source) {
		t.Errorf("%d places for %d folders", len(places), len(source))
	}
}

// TestHardCase_S05_GmailShowsAPart: a user of Gmail can limit how much of a folder is shown over IMAP; what is beyond is
// left behind, and nobody can tell. A folder of exactly such a number is pointed out, at Gmail only.
func TestHardCase_S05_GmailShowsAPart(t *testing.T) {
	status := func(f mail.Folder, n uint32) mail.Folder { f.Status.Messages = n; return f }
	for n, said := range map[uint32]string{1000: "1,000", 2000: "2,000", 5000: "5,000", 10_000: "10,000", 999: "", 5001: ""} {
		want := ""
		if said != "" {
			want = `anna@contoso.example: "INBOX" shows exactly ` + said + ` messages: Gmail may be set to show no more of a folder over IMAP`
		}
		gmail := newSite(t, "full", "anna").look("anna", status(box("INBOX"), n), status(box("Work"), 999), container("[Gmail]"))
		if got := notes(gmail.plan().Warnings); got != want {
			t.Errorf("%d messages: %q", n, got)
		}
		if got := notes(newSite(t, "full", "anna").look("anna", status(box("INBOX"), n)).plan().Warnings); got != "" {
			t.Errorf("%d messages elsewhere: %q", n, got)
		}
	}
}

// TestHardCase_S06_DestinationTooSmall: a destination that fills up in the middle of the night is found full by its users.
// The plan compares what is to be copied with the room that is left, and holds the mailbox back to the octet.
func TestHardCase_S06_DestinationTooSmall(t *testing.T) {
	for _, c := range []struct {
		pass  string
		known bool
		left  mail.Size
		want  string
	}{
		{"full", true, 99 * mail.MB, "! anna 100/0.1 GB: destination has 99.0 MB free"},
		{"full", true, 100*mail.MB - 1, "! anna 100/0.1 GB: destination has 100.0 MB free"},
		{"full", true, 100 * mail.MB, "+ anna 100/0.1 GB"},
		{"full", true, 0, "! anna 100/0.1 GB: destination is full"},
		{"full", false, 1, "+ anna 100/0.1 GB"},
		{"verify", true, mail.MB, "+ anna 0/0.0 kB: destination has 1.0 MB free"},
	} {
		s := newSite(t, c.pass, "anna").look("anna", box("INBOX")) // 100 messages of 1 MB
		s.inventory("anna", func(i *Inventory) { i.Limits.QuotaKnown, i.Limits.QuotaLeft = c.known, c.left })
		if got := lineOf(s.plan().Mailboxes[0]); got != c.want {
			t.Errorf("%d octets left, pass %s: %s, want %s", c.left, c.pass, got, c.want)
		}
	}
}
