package imap_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// open is a session with a group left open, and what was told of its messages.
type open struct {
	*testing.T
	d    *imap.Destination
	told chan mail.Appended
	next int64
}

func newOpen(t *testing.T, d *imap.Destination) *open {
	return &open{T: t, d: d, told: make(chan mail.Appended, 10_000)}
}

// append appends the bodies in one call; the IDs go on from the call before.
func (o *open) append(f mail.Folder, bodies ...string) error {
	var batch []mail.Outgoing
	for _, b := range bodies {
		batch = append(batch, outgoing(o.next, b, mail.Flags{}))
		o.next++
	}
	return o.d.Append(o.Context(), f, batch, func(a mail.Appended) { o.told <- a })
}

func (o *open) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// fates waits for all that was appended to be told of, each once.
func (o *open) fates() []mail.Appended {
	o.Helper()
	all := make([]mail.Appended, o.next)
	seen := map[int64]bool{}
	for range o.next {
		select {
		case a := <-o.told:
			if seen[a.ID] || (a.Outcome == mail.Landed) != (a.Err == nil) {
				o.Errorf("told %+v, twice: %v", a, seen[a.ID])
			}
			all[a.ID], seen[a.ID] = a, true
		case <-time.After(20 * time.Second):
			o.Fatalf("of %d messages only %v are told of", o.next, seen)
		}
	}
	return all
}

// over tells whether more was told than was appended. Close has returned before.
func (o *open) over() {
	o.Helper()
	if n := len(o.told); n > 0 {
		o.Errorf("%d messages were told of more than once", n)
	}
}

func (o *open) want(outcomes ...mail.Outcome) {
	o.Helper()
	for i, a := range o.fates() {
		if a.Outcome != outcomes[i] {
			o.Errorf("message %d: %+v, want outcome %d", i, a, outcomes[i])
		}
	}
}

// member reads the next message of a group.
func (p *peer) member() (body string, there bool) {
	m := literalEnd.FindStringSubmatch(p.rest)
	if m == nil {
		return "", false
	}
	return p.take(m[1]), true
}

// line reads the line behind a member, which ends the group or announces the next one.
func (p *peer) line() {
	line, _ := p.r.ReadString('\n') // a client that is gone shows in the next read
	p.rest = strings.TrimSuffix(line, "\r\n")
}

// TestGroupStaysOpen: the messages of two calls go in one command, which has no end until Flush; after it nothing else is
// needed for the answer.
func TestGroupStaysOpen(t *testing.T) {
	f := multiFake(t)
	came := make(chan string, 10)
	f.on["APPEND"] = func(p *peer) {
		for body, there := p.member(); there; body, there = p.member() {
			came <- body
			p.line()
		}
		came <- "end"
		p.say("%s OK [APPENDUID 7 11:13] done\r\n", p.tag)
	}
	o := newOpen(t, f.destination(t))
	o.must(o.append(inbox, "aaaa"))
	if got := <-came; got != "aaaa" {
		t.Fatalf("the server read %q", got)
	}
	o.must(o.append(inbox, "bbbb", "c"))
	if got := []string{<-came, <-came}; !slices.Equal(got, []string{"bbbb", "c"}) || len(o.told) > 0 {
		t.Fatalf("the server read %q, %d were told", got, len(o.told))
	}
	o.must(o.d.Flush(t.Context()))
	o.want(mail.Landed, mail.Landed, mail.Landed)
	if got := <-came; got != "end" {
		t.Errorf("the server read %q behind the group", got)
	}
	o.must(o.d.Flush(t.Context())) // nothing is open
	o.must(o.append(inbox))        // no more than nothing
	o.must(o.d.Close())
	o.over()
}

// TestOpenGroupCut: the server takes n octets of a group that two calls fill, and resets. However the session ends then,
// each message is told of once; what the server took whole is never absent, and nothing landed.
func TestOpenGroupCut(t *testing.T) {
	length := len(`abcdef-12 APPEND "INBOX"`) + 3*(len(` "04-Mar-2020 05:06:07 +0545" {4+}`)+6) + 2
	for _, end := range []string{"flush", "drain", "close"} {
		f := multiFake(t)
		stop, whole := make(chan int, 1), make(chan int, 1)
		f.on["APPEND"] = func(p *peer) { whole <- p.cutAfter(<-stop) }
		for n := 1; n < length; n += 3 {
			o := newOpen(t, f.destination(t))
			stop <- n
			err := o.append(inbox, "aaaa")
			if again := o.append(inbox, "bbbb", "cccc"); err == nil {
				err = again
			}
			switch end {
			case "flush":
				_ = o.d.Flush(t.Context()) // the fates tell
			case "drain":
				if err = o.d.Drain(t.Context()); mail.KindOf(err) != mail.Transient {
					t.Errorf("cut at %d: %v", n, err)
				}
			}
			if end != "flush" {
				_ = o.d.Close() // likewise
			}
			fates, took := o.fates(), <-whole
			for id, a := range fates {
				if a.Outcome == mail.Landed || a.Outcome == mail.Absent && id < took {
					t.Fatalf("%s, cut at %d, server has %d: %+v (%v)", end, n, took, a, err)
				}
			}
			_ = o.d.Close() // likewise
			o.over()
		}
	}
}

// TestOpenGroupRefused: a group of two calls is refused; the session goes on, after NO with single messages.
func TestOpenGroupRefused(t *testing.T) {
	for answer, want := range map[string]mail.Outcome{"NO [OVERQUOTA] full": mail.Unknown, "BAD what": mail.Absent} {
		f := multiFake(t)
		var sizes []int
		f.on["APPEND"] = func(p *peer) {
			sizes = append(sizes, len(p.group()))
			if len(sizes) == 1 {
				p.say("%s %s\r\n", p.tag, answer)
				return
			}
			p.ok()
		}
		o := newOpen(t, f.destination(t))
		o.must(o.append(inbox, "aaaa"))
		o.must(o.append(inbox, "bbbb"))
		o.must(o.d.Drain(t.Context()))
		o.must(o.append(inbox, "cccc"))
		o.must(o.append(inbox, "dddd"))
		o.must(o.d.Drain(t.Context()))
		o.want(want, want, mail.Landed, mail.Landed)
		if !slices.Equal(sizes, []int{2, 1, 1}) {
			t.Errorf("%s: groups of %v", answer, sizes)
		}
	}
}

// TestBadWithOpenGroup: a BAD to an earlier command comes while a group is open. Before anything else is written the group is
// ended, or the answer that is waited for would never come.
func TestBadWithOpenGroup(t *testing.T) {
	f := multiFake(t)
	var groups []string
	f.on["APPEND"] = func(p *peer) {
		first := p.tag
		groups = append(groups, fmt.Sprint(p.group()))
		p.command()
		body, _ := p.member()
		p.say("%s BAD what\r\n", first)
		p.line()
		groups = append(groups, fmt.Sprint(append([]string{body}, p.group()...)))
		p.ok()
		p.command()
		groups = append(groups, fmt.Sprint(p.group()))
		p.ok()
	}
	o := newOpen(t, f.destination(t))
	o.must(o.append(inbox, "a", "b"))
	o.must(o.d.Flush(t.Context()))
	o.must(o.append(inbox, "cccc"))
	for range 2 {
		if a := <-o.told; a.Outcome != mail.Absent {
			t.Errorf("%+v", a)
		}
	}
	o.must(o.append(inbox, "dddd"))
	o.must(o.d.Drain(t.Context()))
	for range 2 {
		if a := <-o.told; a.Outcome != mail.Landed {
			t.Errorf("%+v", a)
		}
	}
	if got := strings.Join(groups, " "); got != "[a b] [cccc] [dddd]" {
		t.Errorf("the server read %s", got)
	}
}

// TestFirstOfGroupRefusedEarly: the only message of an open group is refused before the command ends, in the middle of its
// literal or behind it. That is its answer, and the next message begins a command of its own.
func TestFirstOfGroupRefusedEarly(t *testing.T) {
	for _, when := range []string{"inside", "behind"} {
		for _, answer := range []string{"NO [TOOBIG] no", "BAD no"} {
			t.Run(when+" "+answer, func(t *testing.T) {
				f := multiFake(t)
				refused := false
				f.on["APPEND"] = func(p *peer) {
					if refused {
						p.group()
						p.ok()
						return
					}
					refused = true
					if when == "inside" {
						p.say("%s %s\r\n", p.tag, answer)
						p.group()
						return
					}
					_, _ = p.member()
					p.say("%s %s\r\n", p.tag, answer)
					p.line()
				}
				o := newOpen(t, f.destination(t))
				large, told := strings.Repeat("x", 300_000), make(chan bool)
				m := outgoing(0, large, mail.Flags{})
				if when == "inside" { // the rest comes when the answer has been judged
					m.Body = io.MultiReader(strings.NewReader(large[:290_000]), &waiting{on: told}, strings.NewReader(large[290_000:]))
				}
				var first mail.Appended
				o.must(o.d.Append(t.Context(), inbox, []mail.Outgoing{m}, func(a mail.Appended) { first = a; close(told) }))
				<-told
				o.must(o.append(inbox, "bbbb"))
				o.must(o.d.Drain(t.Context()))
				if o.want(mail.Landed); first.Outcome != mail.Absent {
					t.Errorf("%+v", first)
				}
			})
		}
	}
}

// TestWindowFullWithOpenGroup: who waits for the window has ended its group, whose answer makes the room.
func TestWindowFullWithOpenGroup(t *testing.T) {
	f := multiFake(t)
	var tags []string
	f.on["APPEND"] = func(p *peer) {
		p.group()
		if tags = append(tags, p.tag); len(tags) == 3 { // that is the window: 4 of 950 KiB, as many again, and one
			for _, tag := range tags {
				p.say("%s OK\r\n", tag)
			}
		} else if len(tags) > 3 {
			p.ok()
		}
	}
	o := newOpen(t, f.destination(t))
	body := strings.Repeat("x", 950<<10)
	for range 10 {
		o.must(o.append(inbox, body))
	}
	o.must(o.d.Drain(t.Context()))
	o.want(slices.Repeat([]mail.Outcome{mail.Landed}, 10)...)
	if len(tags) != 4 {
		t.Errorf("%d groups", len(tags))
	}
}
