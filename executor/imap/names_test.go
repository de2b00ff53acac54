package imap_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/state/mail"
)

// folderCase is what a server lists and what is made of it.
type folderCase struct {
	name      string
	namespace string // NAMESPACE answer; empty: no prefix, "/"
	list      string
	want      []mail.Folder // Raw, Path, Role and NoSelect
}

// one is a folder without status or use.
func one(raw string, path ...string) []mail.Folder { return []mail.Folder{{Raw: raw, Path: path}} }

// holdFolders lists each case, and opens the first folder by the name that it was listed with.
func holdFolders(t *testing.T, cases ...folderCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			if c.namespace != "" {
				f.on["NAMESPACE"] = says("* NAMESPACE " + c.namespace + "\r\n")
			}
			f.on["LIST"] = says(c.list + "\r\n")
			f.on["STATUS"] = func(p *peer) { p.say("%s NO not now\r\n", p.tag) }
			var selected string
			f.on["EXAMINE"] = func(p *peer) { selected = p.rest; says(folderData)(p) }
			s := f.source(t)
			got, err := s.Folders(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			roundTripName(t, c, s.Fetch(context.Background(), c.want[0], nil, newSink()), selected)
		})
	}
}

// roundTripName checks that the name goes back as it came.
func roundTripName(t *testing.T, c folderCase, err error, sent string) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	raw := c.want[0].Raw
	if sent != "<"+raw+">" && unquote(sent) != raw {
		t.Errorf("name %q went back as %s", raw, sent)
	}
}

func unquote(s string) string {
	var out []byte
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}

// TestHardCase_F01_QuoteInAName: a folder called Say "Hello" splits what reads a quoted name up to the next quote.
// The name is read by the grammar where the server keeps to it and by the end of the line where it does not, and goes
// back as it came.
func TestHardCase_F01_QuoteInAName(t *testing.T) {
	holdFolders(t,
		folderCase{name: "quotes escaped", list: `* LIST () "/" "Say \"Hello\""`, want: one(`Say "Hello"`, `Say "Hello"`)},
		folderCase{name: "quotes not escaped", list: `* LIST () "/" "Say "Hello" now"`, want: one(`Say "Hello" now`, `Say "Hello" now`)},
		folderCase{name: "quote at the end", list: `* LIST () "/" "Hello""`, want: one(`Hello"`, `Hello"`)},
		folderCase{name: "quote in an atom", list: `* LIST () "/" a"b`, want: one(`a"b`, `a"b`)},
		folderCase{name: "quote at the start", list: `* LIST () "/" "\"Hello"`, want: one(`"Hello`, `"Hello`)},
		folderCase{name: "quotes in a literal", list: "* LIST () \"/\" {5}\r\nS \"H\"", want: one(`S "H"`, `S "H"`)},
	)
}

// TestHardCase_F02_BackslashInAName: a backslash is an escape in a quoted name and a letter in a literal; some
// servers have it as a delimiter and do not escape it. At the end of a name it must not swallow the closing quote.
func TestHardCase_F02_BackslashInAName(t *testing.T) {
	holdFolders(t,
		folderCase{name: "backslash", list: `* LIST () "/" "a\\"`, want: one(`a\`, `a\`)},
		folderCase{name: "unescaped backslash delimiter", list: `* LIST () "\" "a\\b"`, want: one(`a\b`, "a", "b")},
		folderCase{name: "backslashes everywhere", list: `* LIST () "/" "\\a\\\\b\\"`, want: one(`\a\\b\`, `\a\\b\`)},
	)
}

// TestHardCase_F03_NumberAsName: a folder called 200 is sent without quotes and looks like a number: readers that go
// by looks lose the whole list. A name is a name whatever it looks like.
func TestHardCase_F03_NumberAsName(t *testing.T) {
	holdFolders(t,
		folderCase{name: "number", list: `* LIST () "/" 200`, want: one("200", "200")},
		folderCase{name: "number below a number", list: `* LIST () "/" 2019/04`, want: one("2019/04", "2019", "04")},
	)
}

// TestHardCase_F04_AtomLiteralNil: a name comes as a literal, which may hold anything, or bare: then NIL is a folder
// called so, and brackets and even blanks belong to it.
func TestHardCase_F04_AtomLiteralNil(t *testing.T) {
	holdFolders(t,
		folderCase{name: "literal", list: "* LIST () \"/\" {5}\r\na (b)", want: one("a (b)", "a (b)")},
		folderCase{name: "literal with line end", list: "* LIST () \"/\" {4}\r\na\r\nb", want: one("a\r\nb", "a=0D=0Ab")},
		folderCase{name: "atom NIL", list: `* LIST () "/" NIL`, want: one("NIL", "NIL")},
		folderCase{name: "bracket in an atom", list: `* LIST () "/" [old]x`, want: one("[old]x", "[old]x")},
		folderCase{name: "atom with blanks", list: `* LIST () "/" my old mail`, want: one("my old mail", "my old mail")},
	)
}

// TestHardCase_F05_DelimiterOfTheOtherSide: a server with dots between its levels may have a slash within one. It is
// part of that level and divides nothing.
func TestHardCase_F05_DelimiterOfTheOtherSide(t *testing.T) {
	holdFolders(t,
		folderCase{name: "dot", list: `* LIST () "." A/B.C`, want: one("A/B.C", "A/B", "C")},
	)
}

// TestHardCase_F07_DelimiterPerLine: a server without a hierarchy says NIL for the delimiter, some say it for INBOX
// alone. To split at nothing puts every letter into a folder of its own, and one delimiter for all lines splits flat
// names.
func TestHardCase_F07_DelimiterPerLine(t *testing.T) {
	holdFolders(t,
		folderCase{name: "delimiter per line", list: "* LIST () NIL INBOX\r\n* LIST () \"/\" a/b\r\n* LIST () nil a.b",
			want: []mail.Folder{{Raw: "INBOX", Path: mail.Path{"INBOX"}, Role: mail.RoleInbox}, {Raw: "a/b", Path: mail.Path{"a", "b"}},
				{Raw: "a.b", Path: mail.Path{"a.b"}}}},
		folderCase{name: "no delimiter at all", list: `* LIST () NIL "a/b.c"`, want: one("a/b.c", "a/b.c")},
	)
}

// TestHardCase_F08_BlanksAtTheEnds: blanks at the ends of a name belong to it: opened without them the folder is not
// there.
func TestHardCase_F08_BlanksAtTheEnds(t *testing.T) {
	holdFolders(t,
		folderCase{name: "blanks at the ends", list: `* LIST () "/" " x "`, want: one(" x ", " x ")},
	)
}

// TestHardCase_F09_ModifiedUTF7: a server knows a folder by the octets that it listed, in modified UTF-7; the
// readable form is for people and for the other side. Whoever selects the readable form never reads a folder with an
// umlaut.
func TestHardCase_F09_ModifiedUTF7(t *testing.T) {
	holdFolders(t,
		folderCase{name: "modified UTF-7", list: `* LIST () "/" "Entw&APw-rfe/&ZeVnLIqe-"`, want: one("Entw&APw-rfe/&ZeVnLIqe-", "Entwürfe", "日本語")},
	)
}

// TestHardCase_F10_MalformedUTF7: names that no encoder should have made: a bare ampersand, a slash in the base64,
// surrogates alone, bits left over. Such a name stands for itself; it is opened by its octets, and
// never taken for another that reads alike.
func TestHardCase_F10_MalformedUTF7(t *testing.T) {
	holdFolders(t,
		folderCase{name: "lone ampersand", list: `* LIST () "/" "R&D"`, want: one("R&D", "R&D")},
		folderCase{name: "two that look alike", list: "* LIST () \"/\" R&D\r\n* LIST () \"/\" R&-D",
			want: []mail.Folder{{Raw: "R&D", Path: mail.Path{"R=26D"}}, {Raw: "R&-D", Path: mail.Path{"R&D"}}}},
		folderCase{name: "escaped ampersand", list: `* LIST () "/" "R&-D"`, want: one("R&-D", "R&D")},
		folderCase{name: "slash for comma", list: `* LIST () "." "&4/A-"`, want: one("&4/A-", "&4/A-")},
		folderCase{name: "base64 of ASCII", list: `* LIST () "/" "&AGE-"`, want: one("&AGE-", "&AGE-")},
		folderCase{name: "null shift", list: `* LIST () "/" "&AOQ-&APY-"`, want: one("&AOQ-&APY-", "&AOQ-&APY-")},
		folderCase{name: "lone surrogate", list: `* LIST () "/" "&2D0-"`, want: one("&2D0-", "&2D0-")},
		folderCase{name: "not ended", list: `* LIST () "/" "Entw&APw"`, want: one("Entw&APw", "Entw&APw")},
		folderCase{name: "ampersand at the end", list: `* LIST () "/" "A&"`, want: one("A&", "A&")},
		folderCase{name: "no base64", list: `* LIST () "/" "&A!Q-"`, want: one("&A!Q-", "&A!Q-")},
		folderCase{name: "padding", list: `* LIST () "/" "&AOQ=-"`, want: one("&AOQ=-", "&AOQ=-")},
		folderCase{name: "half a character", list: `* LIST () "/" "&AO-"`, want: one("&AO-", "&AO-")},
		folderCase{name: "bits left over", list: `* LIST () "/" "&AOR-"`, want: one("&AOR-", "&AOR-")},
		folderCase{name: "low surrogate first", list: `* LIST () "/" "&3QDYPQ-"`, want: one("&3QDYPQ-", "&3QDYPQ-")},
	)
}

// TestHardCase_F11_RawOctets: servers list UTF-8 and even Latin-1 that nobody asked for. The line is not dropped,
// octets that are no text are shown as such, and the folder is opened by what the server sent.
func TestHardCase_F11_RawOctets(t *testing.T) {
	holdFolders(t,
		folderCase{name: "UTF-8", list: "* LIST () \"/\" \"Entw\xc3\xbcrfe\"", want: one("Entw\xc3\xbcrfe", "Entwürfe")},
		folderCase{name: "Latin-1", list: "* LIST () \"/\" \"Entw\xfcrfe\"", want: one("Entw\xfcrfe", "Entw=FCrfe")},
	)
}

// TestHardCase_F12_Inbox: INBOX is one folder in any spelling, but at the top only; a prefix INBOX. is taken off
// once, so that a folder INBOX below it stays one.
func TestHardCase_F12_Inbox(t *testing.T) {
	holdFolders(t,
		folderCase{name: "spelling of INBOX", list: "* LIST () \"/\" Inbox\r\n* LIST () \"/\" a/inbox",
			want: []mail.Folder{{Raw: "Inbox", Path: mail.Path{"INBOX"}, Role: mail.RoleInbox}, {Raw: "a/inbox", Path: mail.Path{"a", "inbox"}}}},
		folderCase{name: "prefix", namespace: `(("INBOX." ".")) NIL NIL`,
			list: "* LIST () \".\" INBOX\r\n* LIST () \".\" INBOX.a.b\r\n* LIST () \".\" INBOX.INBOX\r\n* LIST () \".\" INBOX.INBOX.x",
			want: []mail.Folder{{Raw: "INBOX", Path: mail.Path{"INBOX"}, Role: mail.RoleInbox}, {Raw: "INBOX.a.b", Path: mail.Path{"a", "b"}},
				{Raw: "INBOX.INBOX", Path: mail.Path{"INBOX", "INBOX"}}, {Raw: "INBOX.INBOX.x", Path: mail.Path{"INBOX", "INBOX", "x"}}}},
		folderCase{name: "INBOX without a prefix below itself", list: "* LIST () \"/\" INBOX\r\n* LIST () \"/\" inbox/INBOX",
			want: []mail.Folder{{Raw: "INBOX", Path: mail.Path{"INBOX"}, Role: mail.RoleInbox}, {Raw: "inbox/INBOX", Path: mail.Path{"INBOX", "INBOX"}}}},
	)
}

// TestHardCase_F13_NameWithoutMail: a parent that can't be selected stands in the list for its children. It holds no
// mail, and is no error.
func TestHardCase_F13_NameWithoutMail(t *testing.T) {
	holdFolders(t,
		folderCase{name: "containers", list: "* LIST (\\NoSelect \\HasChildren) \"/\" a\r\n* LIST (\\NonExistent) \"/\" b",
			want: []mail.Folder{{Raw: "a", Path: mail.Path{"a"}, NoSelect: true}, {Raw: "b", Path: mail.Path{"b"}, NoSelect: true}}},
	)
}

// TestHardCase_F17_SpecialUse: where the server says what a folder is for, its name, which is in any language, does
// not matter.
func TestHardCase_F17_SpecialUse(t *testing.T) {
	holdFolders(t,
		folderCase{name: "special use", list: `* LIST (\HasNoChildren \Sent) "/" Skickat`,
			want: []mail.Folder{{Raw: "Skickat", Path: mail.Path{"Skickat"}, Role: mail.RoleSent}}},
	)
}

// TestListedFolders: what else a list may hold, and what is left out of it.
func TestListedFolders(t *testing.T) {
	holdFolders(t,
		folderCase{name: "others' folders", namespace: `(("" "/")) (("user/" "/")) (("shared/" "/"))`,
			list: "* LIST () \"/\" a\r\n* LIST () \"/\" user/bo/x\r\n* LIST (\\Noselect) \"/\" shared\r\n* LIST () \"/\" shared2",
			want: []mail.Folder{{Raw: "a", Path: mail.Path{"a"}}, {Raw: "shared2", Path: mail.Path{"shared2"}}}},
		folderCase{name: "extended data", list: `* LIST () "/" "a" (CHILDINFO ("SUBSCRIBED"))`, want: one("a", "a")},
		folderCase{name: "listed twice, with noise", list: "* LIST () \"/\" a\r\n* 4 EXISTS\r\n\r\n* XYZZY (\r\n* LIST (\\Trash) \"/\" a",
			want: []mail.Folder{{Raw: "a", Path: mail.Path{"a"}, Role: mail.RoleTrash}}},
	)
}

func TestHardCase_FolderListThatCannotBeRead(t *testing.T) {
	f := newFake(t)
	f.on["LIST"] = says("* LIST () \"/\" a\r\n* LIST nonsense\r\n")
	if _, err := f.source(t).Folders(context.Background()); err == nil {
		t.Error("a list with an unreadable line was taken for complete")
	}
}

// TestHardCase_S03_ListStatus: ten thousand folders cost minutes where each is opened to be counted. One LIST brings
// the counters; those that it leaves out are asked for together, and the answers are theirs by name.
func TestHardCase_S03_ListStatus(t *testing.T) {
	f := newFake(t)
	f.caps += " LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE"
	f.on["LIST"] = says("* LIST () \"/\" a\r\n* STATUS a (MESSAGES 3 UIDVALIDITY 7 UIDNEXT 10 HIGHESTMODSEQ 99999999999)\r\n" +
		"* LIST () \"/\" \"b (c)\"\r\n")
	f.on["STATUS"] = says("* STATUS \"b (c)\" (MESSAGES 1 UIDNEXT 4294967296 UIDVALIDITY 4294967295)\r\n")
	got, err := f.source(t).Folders(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []mail.Folder{
		{Raw: "a", Path: mail.Path{"a"}, Status: mail.Status{UIDValidity: 7, UIDNext: 10, HighestModSeq: 99999999999, Messages: 3}},
		{Raw: "b (c)", Path: mail.Path{"b (c)"}, Status: mail.Status{UIDValidity: 4294967295, Messages: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestHardCase_S03_StatusInOneFlight: where LIST brings no counters, folders are not opened to be counted, and nobody waits
// for one answer before the next folder is asked for.
func TestHardCase_S03_StatusInOneFlight(t *testing.T) {
	f := newFake(t)
	var names strings.Builder
	for i := range 200 {
		fmt.Fprintf(&names, "* LIST () \"/\" f%d\r\n", i)
	}
	f.on["LIST"] = says(names.String())
	first := true
	f.on["STATUS"] = func(p *peer) {
		if first {
			first = false
			if _, err := p.r.Peek(1); err != nil { // the answer comes once the next one was asked for
				t.Errorf("nothing more was asked for: %v", err)
			}
		}
		name, _, _ := strings.Cut(p.rest, " ")
		p.say("* STATUS %s (MESSAGES 3 UIDNEXT 10 UIDVALIDITY 7)\r\n%s OK\r\n", name, p.tag)
	}
	folders, err := f.source(t).Folders(context.Background())
	if err != nil || len(folders) != 200 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, c := range folders {
		if c.Status.Messages != 3 {
			t.Errorf("%s: %+v", c.Raw, c.Status)
		}
	}
	if slices.ContainsFunc(f.commands(), func(c string) bool { return strings.HasPrefix(c, "EXAMINE") }) {
		t.Error("folders were opened to be counted")
	}
}
