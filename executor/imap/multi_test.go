package imap_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/state/mail"
)

// group reads one MULTIAPPEND whole: its first line is the peer's command. An answer follows.
func (p *peer) group() (bodies []string) {
	rest := p.rest
	for {
		m := literalEnd.FindStringSubmatch(rest)
		if m == nil {
			return bodies
		}
		bodies = append(bodies, p.take(m[1]))
		line, err := p.r.ReadString('\n')
		if err != nil {
			return bodies
		}
		rest = strings.TrimSuffix(line, "\r\n")
	}
}

func multiFake(t *testing.T) *fake {
	f := newFake(t)
	f.caps = rev1 + " MULTIAPPEND"
	return f
}

func TestGroupAnswers(t *testing.T) {
	for _, c := range []struct {
		answer  string
		outcome mail.Outcome
		uids    []mail.UID
	}{
		{"OK [APPENDUID 7 12:14] done", mail.Landed, []mail.UID{12, 13, 14}},
		{"OK [APPENDUID 7 12,15,18] done", mail.Landed, []mail.UID{12, 15, 18}},
		{"OK [APPENDUID 7 12:13,18] done", mail.Landed, []mail.UID{12, 13, 18}},
		{"OK done", mail.Landed, []mail.UID{0, 0, 0}},
		{"OK [APPENDUID 7 12] one too few", mail.Landed, []mail.UID{0, 0, 0}},
		{"OK [APPENDUID 7 12:4000000000] too many", mail.Landed, []mail.UID{0, 0, 0}},
		{"OK [APPENDUID 7 18,12,13] not ascending", mail.Landed, []mail.UID{0, 0, 0}},
		// A NO may come from a server that kept a part: nothing is known of any one message (I3).
		{"NO [OVERQUOTA] full", mail.Unknown, []mail.UID{0, 0, 0}},
		{"NO no", mail.Unknown, []mail.UID{0, 0, 0}},
		{"BAD no", mail.Absent, []mail.UID{0, 0, 0}},
	} {
		t.Run(c.answer, func(t *testing.T) {
			f := multiFake(t)
			var got []string
			f.on["APPEND"] = func(p *peer) {
				got = p.group()
				p.say("%s %s\r\n", p.tag, c.answer)
			}
			out, err := send(t, f.destination(t), "aaaa", "bb", "c")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, []string{"aaaa", "bb", "c"}) {
				t.Errorf("the server read %q", got)
			}
			for id, a := range out {
				if a.Outcome != c.outcome || a.UID != c.uids[id] {
					t.Errorf("%d: %+v", id, a)
				}
			}
		})
	}
}

// TestGroupCut: the server takes n octets of a group and resets. A message it took whole is never absent, none landed.
func TestGroupCut(t *testing.T) {
	f := multiFake(t)
	stop, whole := make(chan int, 1), make(chan int, 1)
	f.on["APPEND"] = func(p *peer) { whole <- p.cutAfter(<-stop) }
	length := len(`abcdef-12 APPEND "INBOX"`) + 3*(len(` "04-Mar-2020 05:06:07 +0545" {4+}`)+6) + 2
	for n := range length + 4 {
		d := f.destination(t)
		stop <- n
		got, err := send(t, d, "aaaa", "bbbb", "cccc")
		if mail.KindOf(err) != mail.Transient {
			t.Fatalf("cut at %d: %v", n, err)
		}
		took := <-whole
		for id, a := range got {
			if a.Outcome == mail.Landed || a.Outcome == mail.Absent && int(id) < took {
				t.Fatalf("cut at %d, server has %d: %+v", n, took, a)
			}
		}
	}
}

// TestGroupWithBrokenBody: a body that can't be read costs itself; those before it and behind it arrive.
func TestGroupWithBrokenBody(t *testing.T) {
	f := multiFake(t)
	var groups [][]string
	f.on["APPEND"] = func(p *peer) {
		groups = append(groups, p.group())
		p.ok()
	}
	batch := []mail.Outgoing{outgoing(0, "aaaa", mail.Flags{}), outgoing(1, "bbbb", mail.Flags{}),
		outgoing(2, "cccc", mail.Flags{}), outgoing(3, "dddd", mail.Flags{}), outgoing(4, "eeee", mail.Flags{})}
	batch[2].Size = 9
	got, err := sendBatch(t, f.destination(t), batch)
	if err != nil {
		t.Fatal(err)
	}
	for id, a := range got {
		if want := (id != 2); (a.Outcome == mail.Landed) != want {
			t.Errorf("%d: %+v", id, a)
		}
	}
	if fmt.Sprint(groups) != "[[aaaa bbbb dddd eeee]]" {
		t.Errorf("the server read %v", groups)
	}
}

// TestGroupAnsweredEarly: an answer before the command ends is not believed, whatever it says.
func TestGroupAnsweredEarly(t *testing.T) {
	f := multiFake(t)
	f.on["APPEND"] = func(p *peer) {
		p.say("%s OK [APPENDUID 7 1:2] so soon\r\n", p.tag)
		p.group()
	}
	var batch []mail.Outgoing
	for id := range int64(5) {
		m := outgoing(id, strings.Repeat("b", 60_000), mail.Flags{})
		m.Body = &slow{m.Body}
		batch = append(batch, m)
	}
	got, err := sendBatch(t, f.destination(t), batch)
	if err == nil {
		t.Error("the session went on")
	}
	for id, a := range got {
		if a.Outcome == mail.Landed {
			t.Errorf("%d: %+v", id, a)
		}
	}
}

// slow gives the server time to speak first.
type slow struct{ io.Reader }

func (s *slow) Read(b []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return s.Reader.Read(b)
}

// TestRefusedGroupIsFollowedBySingles: after a refusal the neighbours go alone, so that each has its own answer.
func TestRefusedGroupIsFollowedBySingles(t *testing.T) {
	f := multiFake(t)
	var sizes []int
	f.on["APPEND"] = func(p *peer) {
		n := len(p.group())
		sizes = append(sizes, n)
		if n > 1 {
			p.say("%s NO [LIMIT] one of them is bad\r\n", p.tag)
			return
		}
		p.ok()
	}
	d := f.destination(t)
	if _, err := send(t, d, "aaaa", "bbbb"); err != nil {
		t.Fatal(err)
	}
	got, err := send(t, d, "cccc", "dddd")
	if err != nil || got[0].Outcome != mail.Landed || got[1].Outcome != mail.Landed {
		t.Errorf("%v, %+v", err, got)
	}
	if !slices.Equal(sizes, []int{2, 1, 1}) {
		t.Errorf("groups of %v", sizes)
	}
}
