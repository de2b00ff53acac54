package imap_test

import (
	"slices"
	"strings"
	"testing"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// listedFlags gives the flags of a message as a listing has them.
func listedFlags(t *testing.T, flags string) mail.Flags {
	t.Helper()
	f := newFake(t)
	f.on["EXAMINE"] = says("* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n")
	f.on["UID FETCH"] = says("* 1 FETCH (FLAGS (" + flags + ") UID 1)\r\n")
	got, err := list(t, f.source(t), mail.Query{})
	if err != nil || len(got) != 1 {
		t.Fatalf("%s: %v, %v", flags, got, err)
	}
	return got[0].Flags
}

// appendedFlags gives the flags that APPEND says for a message, at a folder that announces what it keeps; empty: nothing.
func appendedFlags(t *testing.T, permanent, flags string) string {
	t.Helper()
	f := newFake(t)
	data := "* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n"
	if permanent != "" {
		data += "* OK [PERMANENTFLAGS " + permanent + "] x\r\n"
	}
	f.on["SELECT"] = says(data)
	d := f.destination(t)
	if _, err := d.Open(t.Context(), inbox); err != nil {
		t.Fatal(err)
	}
	if got, err := sendBatch(t, d, []mail.Outgoing{outgoing(0, "x", mail.ParseFlags(strings.Fields(flags)))}); err != nil || got[0].Outcome != mail.Landed {
		t.Errorf("%s: %+v, %v", flags, got, err)
	}
	all := f.commands()
	said, _, _ := strings.Cut(strings.TrimPrefix(all[len(all)-1], `APPEND "INBOX" `), ` "`)
	return said
}

// TestHardCase_K01_FlagsThatNobodyKnows: servers invent flags with a backslash, and another one refuses the whole mail for
// one that it does not know. The five of the standard and the keywords that the folder keeps are sent, no others.
func TestHardCase_K01_FlagsThatNobodyKnows(t *testing.T) {
	got := listedFlags(t, `\Indexed \Seen \X-EON-HAS-ATTACHMENT \$NOTJUNK Label \Flagged`)
	if want := (mail.Flags{System: mail.Seen | mail.Flagged, Keywords: []string{"Label"}}); !got.Equal(want) {
		t.Errorf("listed are %v, want %v", got, want)
	}
	if got := appendedFlags(t, `(\Seen \Flagged \*)`, `\Indexed \Seen \X-EON-HAS-ATTACHMENT Label bad] sp%`); got != `(\Seen Label)` {
		t.Errorf("APPEND says %s", got)
	}
}

// TestHardCase_K02_Recent: no client can set \Recent, and a server refuses a mail that comes with it. It is never sent.
func TestHardCase_K02_Recent(t *testing.T) {
	if got := listedFlags(t, `\Recent \Answered`); !got.Equal(mail.Flags{System: mail.Answered}) {
		t.Errorf("listed are %v", got)
	}
	if got := appendedFlags(t, `(\Recent \Seen \*)`, `\Recent \Seen`); got != `(\Seen)` {
		t.Errorf("APPEND says %s", got)
	}
}

// TestHardCase_K03_KeywordsThatTheFolderDoesNotKeep: Exchange answers a keyword such as $Forwarded with an error that looks
// like a broken message. Where the folder does not say that it takes new keywords, only those that it names are sent.
func TestHardCase_K03_KeywordsThatTheFolderDoesNotKeep(t *testing.T) {
	for permanent, want := range map[string]string{`(\Seen $MDNSent)`: `(\Seen)`, `(\Seen $forwarded)`: `(\Seen $Forwarded)`, `(\Seen \*)`: `(\Seen $Forwarded)`} {
		if got := appendedFlags(t, permanent, `\Seen $Forwarded`); got != want {
			t.Errorf("to a folder that keeps %s APPEND says %s, want %s", permanent, got, want)
		}
	}
}

// TestHardCase_K04_KeywordsBecomeCategories: at Microsoft 365 a keyword shows as a coloured category on every mail of its
// users. None is sent there, though the folder names some.
func TestHardCase_K04_KeywordsBecomeCategories(t *testing.T) {
	f := newFake(t)
	o := f.options()
	o.Habits = imap.Microsoft365()
	d, err := imap.DialDestination(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f.on["SELECT"] = says("* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [PERMANENTFLAGS (\\Seen $MDNSent $Label \\*)] x\r\n")
	if _, err := d.Open(t.Context(), inbox); err != nil {
		t.Fatal(err)
	}
	if _, err := sendBatch(t, d, []mail.Outgoing{outgoing(0, "x", mail.ParseFlags([]string{`\Seen`, "$MDNSent", "$Label"}))}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.commands(), "\n"); !strings.Contains(got, `APPEND "INBOX" (\Seen) "`) {
		t.Errorf("the commands are\n%s", got)
	}
}

// TestHardCase_K06_ControlCharacterInFlags: one flipped bit in the list of flags has kept clients from opening a folder for
// ever. The token is dropped or kept as it is; the line, its other flags and the body behind it survive.
func TestHardCase_K06_ControlCharacterInFlags(t *testing.T) {
	got := listedFlags(t, "\\Seen a]b \x01 \xe4 \\Deleted")
	if want := (mail.Flags{System: mail.Seen | mail.Deleted, Keywords: []string{"a]b", "\xe4"}}); !got.Equal(want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
	f := newFake(t)
	f.on["EXAMINE"] = says("* 3 EXISTS\r\n* FLAGS (\\Seen a\x01b)\r\n* OK [PERMANENTFLAGS (\\Seen \x02)] x\r\n* OK [UIDVALIDITY 7]\r\n")
	f.on["UID FETCH"] = says("* 1 FETCH (FLAGS (\\Seen a\x01b ] \\) UID 1 BODY[] {3}\r\none)\r\n")
	to := newSink()
	if err := f.source(t).Fetch(t.Context(), inbox, []mail.UID{1}, to); err != nil || to.bodies[1] != "one" {
		t.Errorf("%v, %v", err, to.bodies)
	}
}

// TestHardCase_K07_FlagsTwiceOrUnannounced: a server lists a flag twice, another does not say which it keeps, a third says
// that it keeps none. Flags are a set; without a word about them all are tried, and none where none is kept.
func TestHardCase_K07_FlagsTwiceOrUnannounced(t *testing.T) {
	got := listedFlags(t, `\Seen \SEEN $MDNSent \Seen $MDNSent`)
	if want := []string{`\Seen`, "$MDNSent"}; !slices.Equal(got.Names(), want) {
		t.Errorf("listed are %v, want %v", got, want)
	}
	for permanent, want := range map[string]string{"": `(\Seen Label)`, `(\Seen \Seen Label label)`: `(\Seen Label)`, "()": `"04-Mar-2020 05:06:07 +0545" {1+}`} {
		if got := appendedFlags(t, permanent, `\Seen Label`); got != want {
			t.Errorf("to a folder that announces %q APPEND says %s, want %s", permanent, got, want)
		}
	}
}
