package imap_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// TestOpenGroupEnds: before another folder or another command has its turn the group has ended, and with a command its
// messages are told of.
func TestOpenGroupEnds(t *testing.T) {
	other := mail.Folder{Raw: "Other", Path: mail.Path{"Other"}}
	for name, then := range map[string]func(context.Context, *imap.Destination) error{
		"folders": func(ctx context.Context, d *imap.Destination) error { _, err := d.Folders(ctx); return err },
		"open":    func(ctx context.Context, d *imap.Destination) error { _, err := d.Open(ctx, inbox); return err },
		"exists": func(ctx context.Context, d *imap.Destination) error {
			_, err := d.Exists(ctx, inbox, []mail.UID{1})
			return err
		},
		"fetch": func(ctx context.Context, d *imap.Destination) error { return d.Fetch(ctx, inbox, nil, nil) },
		"list": func(ctx context.Context, d *imap.Destination) error {
			for _, err := range d.List(ctx, inbox, mail.Query{}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"create": func(ctx context.Context, d *imap.Destination) error {
			_, err := d.Create(ctx, mail.Path{"INBOX"}, mail.RoleNone)
			return err
		},
		"flags": func(ctx context.Context, d *imap.Destination) error { return d.SetFlags(ctx, inbox, nil) },
		"other folder": func(ctx context.Context, d *imap.Destination) error {
			err := d.Append(ctx, other, []mail.Outgoing{outgoing(9, "z", mail.Flags{})}, func(mail.Appended) {})
			if err == nil {
				err = d.Flush(ctx)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := multiFake(t)
			var groups []string
			f.on["APPEND"] = func(p *peer) {
				folder, _, _ := strings.Cut(p.rest, " ")
				groups = append(groups, folder+fmt.Sprint(p.group()))
				p.ok()
			}
			o := newOpen(t, f.destination(t))
			o.must(o.append(inbox, "aaaa"))
			o.must(o.append(inbox, "bbbb"))
			_ = then(t.Context(), o.d) // how the fake likes it does not matter
			if name != "other folder" && len(o.told) != 2 {
				t.Errorf("%d messages are told of", len(o.told))
			}
			o.want(mail.Landed, mail.Landed)
			o.must(o.d.Drain(t.Context()))
			want := `"INBOX"[aaaa bbbb]`
			if name == "other folder" {
				want += ` "Other"[z]`
			}
			if got := strings.Join(groups, " "); got != want {
				t.Errorf("the server read %s, want %s", got, want)
			}
		})
	}
}

// TestCloseWithOpenGroup: what has left is in doubt then, and told of once; whoever goes on using the session changes nothing.
func TestCloseWithOpenGroup(t *testing.T) {
	f := multiFake(t)
	f.on["APPEND"] = func(p *peer) { p.group() }
	o := newOpen(t, f.destination(t))
	o.must(o.append(inbox, "aaaa"))
	o.must(o.append(inbox, "bbbb"))
	o.must(o.d.Close())
	o.want(mail.Unknown, mail.Unknown)
	if err := o.d.Flush(t.Context()); err == nil {
		t.Error("a closed session was flushed")
	}
	if err := o.append(inbox, "cccc"); err == nil {
		t.Error("a closed session took a message")
	}
	if a := <-o.told; a.ID != 2 || a.Outcome != mail.Absent {
		t.Errorf("%+v", a)
	}
	_ = o.d.Drain(t.Context()) // it is dead
	o.must(o.d.Close())
	o.over()
}

// TestCancelWithOpenGroup: the end of the context settles an open group, whatever the session is asked for next.
func TestCancelWithOpenGroup(t *testing.T) {
	for name, then := range map[string]func(context.Context, *imap.Destination) error{
		"flush": func(ctx context.Context, d *imap.Destination) error { return d.Flush(ctx) },
		"drain": func(ctx context.Context, d *imap.Destination) error { return d.Drain(ctx) },
	} {
		f := multiFake(t)
		f.on["APPEND"] = func(p *peer) { p.group() }
		o := newOpen(t, f.destination(t))
		o.must(o.append(inbox, "aaaa", "bbbb"))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := then(ended, o.d); name == "drain" && err == nil {
			t.Errorf("%s: no error", name)
		}
		o.must(o.d.Close())
		o.want(mail.Unknown, mail.Unknown)
		o.over()
	}
}

// TestTokenEndsWithOpenGroup: the session that ends for its token ends the group first, so that nothing is in doubt.
func TestTokenEndsWithOpenGroup(t *testing.T) {
	const ends = 200 * time.Millisecond
	f := newFake(t)
	f.caps = exchangeBefore + " MULTIAPPEND"
	f.on["APPEND"] = func(p *peer) { p.group(); p.ok() }
	opts := withToken(f)
	opts.Login.Tokens = &tokens{all: []string{canaryToken}, left: time.Minute + ends}
	d, err := imap.DialDestination(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	o := newOpen(t, d)
	o.must(o.append(inbox, "aaaa"))
	time.Sleep(ends) // that is the token's clock
	if err := o.append(inbox, "bbbb"); mail.KindOf(err) != mail.Transient {
		t.Error(err)
	}
	o.want(mail.Landed, mail.Absent)
	_ = d.Close() // it is dead
	o.over()
}

// TestOpenGroupWithFailingBody: a body that fails behind its announcement ends the session; the message is absent, and those
// of the group before it are in doubt.
func TestOpenGroupWithFailingBody(t *testing.T) {
	f := multiFake(t)
	whole := make(chan []string, 1)
	f.on["APPEND"] = func(p *peer) { whole <- p.group() }
	o := newOpen(t, f.destination(t))
	o.must(o.append(inbox, "aaaa"))
	broken := &mail.Error{Op: "read", Kind: mail.Gone}
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", 150_000)), &failing{broken})
	batch := []mail.Outgoing{outgoing(1, "bbbb", mail.Flags{}), {ID: 2, Size: 200_000, Body: body}, outgoing(3, "dddd", mail.Flags{})}
	o.next = 4
	if err := o.d.Append(t.Context(), inbox, batch, func(a mail.Appended) { o.told <- a }); err == nil {
		t.Error("the session goes on")
	}
	fates := o.fates()
	for i, want := range []mail.Outcome{mail.Unknown, mail.Unknown, mail.Absent, mail.Absent} {
		if i != 1 && fates[i].Outcome != want || fates[1].Outcome == mail.Landed {
			t.Errorf("message %d: %+v, want outcome %d", i, fates[i], want)
		}
	}
	if mail.KindOf(fates[2].Err) != mail.Gone {
		t.Errorf("%+v", fates[2])
	}
	if got := <-whole; len(got) > 2 && got[2] != "" {
		t.Error("the server has a whole message")
	}
	_ = o.d.Close() // it is dead
	o.over()
}

// TestGroupBounds: how many messages and octets go together, and what goes alone.
func TestGroupBounds(t *testing.T) {
	const kib, mib = 1 << 10, 1 << 20
	for name, c := range map[string]struct {
		sizes []int
		want  string
	}{
		"count":      {slices.Repeat([]int{1}, 130), "[64 64 2]"},
		"octets":     {slices.Repeat([]int{mib}, 6), "[4 2]"},
		"fits":       {[]int{mib, mib, mib, mib - 1, 1, 1}, "[5 1]"},
		"share":      {[]int{10, 20, mib + 1, 30, 40}, "[2 1 2]"},
		"no octets":  {[]int{10, 20, 0, 30}, "[2 1 1]"},
		"over":       {[]int{10, 9 * mib, 20, 30}, "[1 1 2]"},
		"small last": {[]int{900 * kib, 900 * kib, 900 * kib, 900 * kib, 900 * kib, 10}, "[4 2]"},
	} {
		t.Run(name, func(t *testing.T) {
			f := multiFake(t)
			var groups []int
			f.on["APPEND"] = func(p *peer) {
				groups = append(groups, len(p.group()))
				p.ok()
			}
			o := newOpen(t, f.destination(t))
			for _, size := range c.sizes {
				o.must(o.append(inbox, strings.Repeat("x", size)))
			}
			o.must(o.d.Drain(t.Context()))
			o.want(slices.Repeat([]mail.Outcome{mail.Landed}, len(c.sizes))...)
			if got := fmt.Sprint(groups); got != c.want {
				t.Errorf("groups of %s, want %s", got, c.want)
			}
		})
	}
}

// TestOpenGroupAtSilentServer: a server that takes a group and says nothing is noticed, before its end and after it.
func TestOpenGroupAtSilentServer(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		f := multiFake(t)
		f.on["APPEND"] = func(p *peer) { p.group() }
		opts := f.options()
		opts.Timeouts.Progress = 150 * time.Millisecond
		d, err := imap.DialDestination(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		o := newOpen(t, d)
		o.must(o.append(inbox, "a", "b"))
		if flushed {
			o.must(d.Flush(t.Context()))
		}
		o.want(mail.Unknown, mail.Unknown)
		if err := d.Flush(t.Context()); mail.CodeOf(err) != mail.CodeIMAPTimeout {
			t.Errorf("flushed %v: %v", flushed, err)
		}
		_ = d.Close() // it is dead
		o.over()
	}
}

// TestByeWhileGroupIsWritten: the server says goodbye and takes nothing more while the writer is held up inside a group.
func TestByeWhileGroupIsWritten(t *testing.T) {
	f := multiFake(t)
	over := make(chan bool)
	defer close(over)
	f.on["APPEND"] = func(p *peer) {
		_, _ = p.member()
		p.say("* BYE enough\r\n")
		<-over
	}
	o := newOpen(t, f.destination(t))
	body := strings.Repeat("x", 60_000)
	if err := o.append(inbox, slices.Repeat([]string{body}, 400)...); mail.KindOf(err) != mail.Transient {
		t.Errorf("%v", err)
	}
	for i, a := range o.fates() {
		if a.Outcome == mail.Landed || i == 0 && a.Outcome != mail.Unknown || i == 399 && a.Outcome != mail.Absent {
			t.Errorf("message %d: %+v", i, a)
		}
	}
	_ = o.d.Close() // it is dead
	o.over()
}
