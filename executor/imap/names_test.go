package imap_test

import (
	"context"
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

func TestHardCase_Folders(t *testing.T) {
	one := func(raw string, path ...string) []mail.Folder { return []mail.Folder{{Raw: raw, Path: path}} }
	for _, c := range []folderCase{
		{name: "F01 quotes escaped", list: `* LIST () "/" "Say \"Hello\""`, want: one(`Say "Hello"`, `Say "Hello"`)},
		{name: "F01 quotes not escaped", list: `* LIST () "/" "Say "Hello" now"`, want: one(`Say "Hello" now`, `Say "Hello" now`)},
		{name: "F01 quote at the end", list: `* LIST () "/" "Hello""`, want: one(`Hello"`, `Hello"`)},
		{name: "F01 quote in an atom", list: `* LIST () "/" a"b`, want: one(`a"b`, `a"b`)},
		{name: "F02 backslash", list: `* LIST () "/" "a\\"`, want: one(`a\`, `a\`)},
		{name: "F02 unescaped backslash delimiter", list: `* LIST () "\" "a\\b"`, want: one(`a\b`, "a", "b")},
		{name: "F03 number", list: `* LIST () "/" 200`, want: one("200", "200")},
		{name: "F04 literal", list: "* LIST () \"/\" {5}\r\na (b)", want: one("a (b)", "a (b)")},
		{name: "F04 literal with line end", list: "* LIST () \"/\" {4}\r\na\r\nb", want: one("a\r\nb", "a=0D=0Ab")},
		{name: "F04 atom NIL", list: `* LIST () "/" NIL`, want: one("NIL", "NIL")},
		{name: "F04 bracket in an atom", list: `* LIST () "/" [old]x`, want: one("[old]x", "[old]x")},
		{name: "F04 atom with blanks", list: `* LIST () "/" my old mail`, want: one("my old mail", "my old mail")},
		{name: "F05 dot", list: `* LIST () "." A/B.C`, want: one("A/B.C", "A/B", "C")},
		{name: "F07 delimiter per line", list: "* LIST () NIL INBOX\r\n* LIST () \"/\" a/b\r\n* LIST () nil a.b",
			want: []mail.Folder{{Raw: "INBOX", Path: mail.Path{"INBOX"}, Role: mail.RoleInbox}, {Raw: "a/b", Path: mail.Path{"a", "b"}},
				{Raw: "a.b", Path: mail.Path{"a.b"}}}},
		{name: "F08 blanks at the ends", list: `* LIST () "/" " x "`, want: one(" x ", " x ")},
		{name: "F09 modified UTF-7", list: `* LIST () "/" "Entw&APw-rfe/&ZeVnLIqe-"`, want: one("Entw&APw-rfe/&ZeVnLIqe-", "Entwürfe", "日本語")},
		{name: "F10 lone ampersand", list: `* LIST () "/" "R&D"`, want: one("R&D", "R&D")},
		{name: "F10 two that look alike", list: "* LIST () \"/\" R&D\r\n* LIST () \"/\" R&-D",
			want: []mail.Folder{{Raw: "R&D", Path: mail.Path{"R=26D"}}, {Raw: "R&-D", Path: mail.Path{"R&D"}}}},
		{name: "F10 escaped ampersand", list: `* LIST () "/" "R&-D"`, want: one("R&-D", "R&D")},
		{name: "F10 slash for comma", list: `* LIST () "." "&4/A-"`, want: one("&4/A-", "&4/A-")},
		{name: "F10 base64 of ASCII", list: `* LIST () "/" "&AGE-"`, want: one("&AGE-", "&AGE-")},
		{name: "F10 null shift", list: `* LIST () "/" "&AOQ-&APY-"`, want: one("&AOQ-&APY-", "&AOQ-&APY-")},
		{name: "F10 lone surrogate", list: `* LIST () "/" "&2D0-"`, want: one("&2D0-", "&2D0-")},
		{name: "F11 UTF-8", list: "* LIST () \"/\" \"Entw\xc3\xbcrfe\"", want: one("Entw\xc3\xbcrfe", "Entwürfe")},
		{name: "F11 Latin-1", list: "* LIST () \"/\" \"Entw\xfcrfe\"", want: one("Entw\xfcrfe", "Entw=FCrfe")},
		{name: "F12 spelling of INBOX", list: "* LIST () \"/\" Inbox\r\n* LIST () \"/\" a/inbox",
			want: []mail.Folder{{Raw: "Inbox", Path: mail.Path{"INBOX"}, Role: mail.RoleInbox}, {Raw: "a/inbox", Path: mail.Path{"a", "inbox"}}}},
		{name: "F12 prefix", namespace: `(("INBOX." ".")) NIL NIL`,
			list: "* LIST () \".\" INBOX\r\n* LIST () \".\" INBOX.a.b\r\n* LIST () \".\" INBOX.INBOX\r\n* LIST () \".\" INBOX.INBOX.x",
			want: []mail.Folder{{Raw: "INBOX", Path: mail.Path{"INBOX"}, Role: mail.RoleInbox}, {Raw: "INBOX.a.b", Path: mail.Path{"a", "b"}},
				{Raw: "INBOX.INBOX", Path: mail.Path{"INBOX", "INBOX"}}, {Raw: "INBOX.INBOX.x", Path: mail.Path{"INBOX", "INBOX", "x"}}}},
		{name: "F13 containers", list: "* LIST (\\NoSelect \\HasChildren) \"/\" a\r\n* LIST (\\NonExistent) \"/\" b",
			want: []mail.Folder{{Raw: "a", Path: mail.Path{"a"}, NoSelect: true}, {Raw: "b", Path: mail.Path{"b"}, NoSelect: true}}},
		{name: "F17 special use", list: `* LIST (\HasNoChildren \Sent) "/" Skickat`,
			want: []mail.Folder{{Raw: "Skickat", Path: mail.Path{"Skickat"}, Role: mail.RoleSent}}},
		{name: "others' folders", namespace: `(("" "/")) (("user/" "/")) (("shared/" "/"))`,
			list: "* LIST () \"/\" a\r\n* LIST () \"/\" user/bo/x\r\n* LIST (\\Noselect) \"/\" shared\r\n* LIST () \"/\" shared2",
			want: []mail.Folder{{Raw: "a", Path: mail.Path{"a"}}, {Raw: "shared2", Path: mail.Path{"shared2"}}}},
		{name: "extended data", list: `* LIST () "/" "a" (CHILDINFO ("SUBSCRIBED"))`, want: one("a", "a")},
		{name: "listed twice, with noise", list: "* LIST () \"/\" a\r\n* 4 EXISTS\r\n\r\n* XYZZY (\r\n* LIST (\\Trash) \"/\" a",
			want: []mail.Folder{{Raw: "a", Path: mail.Path{"a"}, Role: mail.RoleTrash}}},
	} {
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

func TestHardCase_FolderListThatCannotBeRead(t *testing.T) {
	f := newFake(t)
	f.on["LIST"] = says("* LIST () \"/\" a\r\n* LIST nonsense\r\n")
	if _, err := f.source(t).Folders(context.Background()); err == nil {
		t.Error("a list with an unreadable line was taken for complete")
	}
}

func TestListStatus(t *testing.T) {
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
