package imap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailhaul/state/mail"
)

// fetched gives the bodies that an answer hands over for UIDs 1 to 3; the session must go on.
func fetched(t *testing.T, answer string) map[mail.UID]string {
	t.Helper()
	f := newFake(t)
	f.on["UID FETCH"] = says(answer)
	s, to := f.source(t), newSink()
	if err := s.Fetch(t.Context(), inbox, []mail.UID{1, 2, 3}, to); err != nil {
		t.Errorf("%q: %v", answer, err)
	}
	if _, err := s.Folders(t.Context()); err != nil {
		t.Errorf("%q: the session does not go on: %v", answer, err)
	}
	return to.bodies
}

// TestHardCase_M05_TooManyCopies: Cyrus refuses one equal message too many with the code LIMIT. That is the refusal of one
// message, not of the connection, and the next one is taken.
func TestHardCase_M05_TooManyCopies(t *testing.T) {
	f := newFake(t)
	f.on["APPEND"] = answers("%s NO [LIMIT] Too many copies of this message\r\n", "%s OK\r\n")
	got, err := send(t, f.destination(t), "equal", "other")
	if a := got[0]; err != nil || a.Outcome != mail.Absent || mail.CodeOf(a.Err) != mail.CodeMessageRefused || got[1].Outcome != mail.Landed {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestHardCase_M07_EmptyBody: servers answer with a body of no octets, in either form. It is handed over as that, for the
// executor to judge, and the next answer is read as what it is.
func TestHardCase_M07_EmptyBody(t *testing.T) {
	for _, form := range []string{"{0}\r\n", `""`} {
		got := fetched(t, "* 1 FETCH (UID 1 BODY[] "+form+")\r\n* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n")
		if body, there := got[1]; !there || body != "" || got[2] != "two" || len(got) != 2 {
			t.Errorf("%q gives %v", form, got)
		}
	}
}

// TestHardCase_M07_EmptyMessageGoesAlone: many servers refuse a message of no octets, and with it the whole group that it stands
// in, whose messages are all in doubt then. It is sent alone; its neighbours go together.
func TestHardCase_M07_EmptyMessageGoesAlone(t *testing.T) {
	f := multiFake(t)
	var groups [][]string
	f.on["APPEND"] = func(p *peer) {
		bodies := p.group()
		groups = append(groups, bodies)
		if slices.Contains(bodies, "") {
			p.say("%s NO a message of zero octets\r\n", p.tag)
			return
		}
		p.ok()
	}
	got, err := send(t, f.destination(t), "a", "b", "", "c", "d")
	if want := "[[a b] [] [c d]]"; err != nil || fmt.Sprint(groups) != want || got[2].Outcome != mail.Absent || got[3].Outcome != mail.Landed {
		t.Errorf("groups of %v, want %s; %+v, %v", groups, want, got, err)
	}
}

// TestHardCase_M16_UntaggedBAD: servers answer a message that is too large with a BAD that belongs to no command, and clients
// wait for ever for the one that does. The session ends at once; what was under way is in doubt, what was answered is not.
func TestHardCase_M16_UntaggedBAD(t *testing.T) {
	f := newFake(t)
	f.on["APPEND"] = answers("%s OK\r\n", "* BAD too large\r\n")
	d := f.destination(t)
	got, err := send(t, d, "a", "b")
	if mail.CodeOf(err) != mail.CodeIMAPProtocol || got[0].Outcome != mail.Landed || got[1].Outcome != mail.Unknown {
		t.Errorf("%+v, %v (%v)", got, err, mail.CodeOf(err))
	}
	if got, err := send(t, d, "c"); err == nil || got[0].Outcome != mail.Absent {
		t.Errorf("a dead session took a message: %+v", got)
	}
}

// TestHardCase_M17_SizesLie: RFC822.SIZE is a third of the message, or more than it, and strict clients threw good mail
// away. The length of the literal counts.
func TestHardCase_M17_SizesLie(t *testing.T) {
	body := strings.Repeat("a line of mail\r\n", 100)
	for _, size := range []int{0, 1, len(body) / 3, len(body) - 1, len(body) * 11 / 10, 1 << 40} {
		got := fetched(t, fmt.Sprintf("* 1 FETCH (UID 1 RFC822.SIZE %d BODY[] {%d}\r\n%s)\r\n", size, len(body), body))
		if got[1] != body {
			t.Errorf("with a size of %d the body has %d octets, want %d", size, len(got[1]), len(body))
		}
	}
}

// TestHardCase_M23_OKWithoutData: a server answers OK and sends no body, or NIL for it. Nothing is handed over, above all no
// empty message.
func TestHardCase_M23_OKWithoutData(t *testing.T) {
	for _, answer := range []string{"", "* 1 FETCH (UID 1 BODY[] NIL)\r\n", "* 1 FETCH (UID 1 FLAGS ())\r\n"} {
		if got := fetched(t, answer); len(got) != 0 {
			t.Errorf("%q gives %v", answer, got)
		}
	}
}
