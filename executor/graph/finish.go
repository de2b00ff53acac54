package graph

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// change is what is set of a message. These properties Graph lets change at any time, of a message that is no draft too.
type change struct {
	Read       bool     `json:"isRead"`
	Flag       flag     `json:"flag"`
	Categories []string `json:"categories"`
	// Extended are properties that Graph has no name for.
	Extended []property `json:"singleValueExtendedProperties,omitempty"`
}

type flag struct {
	Status string `json:"flagStatus"`
}

// changeTo sets flags; a message that was never answered says nothing about that unless it is told to.
func (d *Destination) changeTo(f mail.Flags) change {
	c := change{Read: f.System&mail.Seen != 0, Flag: flag{notFlagged}, Categories: d.categories(f)}
	if f.System&mail.Flagged != 0 {
		c.Flag.Status = flagged
	}
	return c
}

// categories are the keywords that become categories; none is an empty list, which takes away those that are there.
func (d *Destination) categories(f mail.Flags) []string {
	list := append([]string{}, f.Keywords...)
	if d.s.opts.KeepDollar {
		return list
	}
	return slices.DeleteFunc(list, func(k string) bool { return strings.HasPrefix(k, "$") })
}

// extra is a property of which nobody knows yet whether Graph lets it be set.
type extra struct {
	property
	loss loss
}

// extras are those of a message, without what Graph has refused before.
func (d *Destination) extras(m mail.Outgoing) []extra {
	var list []extra
	if date := m.InternalDate; !date.IsZero() {
		list = append(list, extra{property{propDelivered, date.UTC().Format(timeFormat)}, dates})
	}
	if m.Flags.System&mail.Answered != 0 {
		list = append(list, extra{property{propVerb, strconv.Itoa(uids.VerbReplied)}, verbs})
	}
	return slices.DeleteFunc(list, func(e extra) bool { return d.s.lost.is(e.loss) })
}

// finish gives a message in the staging folder its flags, its date and our id. What Graph refuses to set beside flags and
// id is left out, and from then on.
func (d *Destination) finish(ctx context.Context, id string, m mail.Outgoing, mark uids.Mark) *mail.Error {
	c := d.changeTo(m.Flags)
	sure := []property{{propMark, mark.String()}, {propNumber, strconv.FormatInt(mark.Number, 10)}}
	if date := m.InternalDate; !date.IsZero() {
		sure = append(sure, property{propDate, date.UTC().Format(timeFormat)})
	}
	for extras := d.extras(m); ; extras = extras[1:] {
		c.Extended = slices.Clone(sure)
		for _, e := range extras {
			c.Extended = append(c.Extended, e.property)
		}
		now, failed := d.patch(ctx, atFinish, id, c)
		switch {
		case failed == nil:
			d.compare(m, extras, now)
			return nil
		case failed.Kind != mail.Refused || len(extras) == 0:
			return failed
		}
	}
}

// compare notes what was left out or was not kept.
func (d *Destination) compare(m mail.Outgoing, set []extra, now item) {
	for _, e := range d.extras(m) {
		if !slices.Contains(set, e) {
			d.s.lost.note(e.loss)
		}
	}
	if !m.InternalDate.IsZero() && (d.s.lost.is(dates) || another(now.Received, m.InternalDate)) && d.s.lost.note(datesTold) && d.s.opts.Tell != nil {
		d.s.opts.Tell(lostDates)
	}
}

// another tells whether an answer names another date than the one that was set.
func another(received string, set time.Time) bool {
	t, err := time.Parse(time.RFC3339, received)
	return err == nil && t.Unix() != set.Unix()
}

func (d *Destination) patch(ctx context.Context, at place, id string, c change) (now item, failed *mail.Error) {
	const op = "set flags, date and id"
	failed = d.ask(ctx, call{op: op, at: at, method: http.MethodPatch, path: []string{"messages", id}, json: c}, &now)
	return now, failed
}

// SetFlags sets flags. Messages that are gone are passed over; a refusal does not keep the others from being set, the
// first one comes back.
func (d *Destination) SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error {
	if _, err := d.usable(ctx, "set flags", f); err != nil {
		return err
	}
	var want []mail.UID
	for _, c := range changes {
		want = append(want, c.UID)
	}
	if err := d.locate(ctx, f.Raw, want); err != nil {
		return err
	}
	var first error
	for _, c := range changes {
		e, known := d.index.Items[c.UID]
		if !known {
			continue
		}
		failed := d.setFlags(ctx, e.ID, c.Flags)
		if failed == nil || failed.Kind == mail.Gone {
			continue
		}
		err := d.fail(failed)
		if d.Over() {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (d *Destination) setFlags(ctx context.Context, id string, f mail.Flags) *mail.Error {
	c := d.changeTo(f)
	if !d.s.lost.is(verbs) {
		verb := 0 // a property can't be taken away by a change
		if f.System&mail.Answered != 0 {
			verb = uids.VerbReplied
		}
		c.Extended = []property{{propVerb, strconv.Itoa(verb)}}
	}
	_, failed := d.patch(ctx, atFinish, id, c)
	if failed == nil || failed.Kind != mail.Refused || len(c.Extended) == 0 {
		return failed
	}
	c.Extended = nil // it may be "answered" that is refused
	if _, failed = d.patch(ctx, atFinish, id, c); failed == nil {
		d.s.lost.note(verbs)
	}
	return failed
}

// loss is something that Graph turned out not to do.
type loss uint8

const (
	filters   loss = iota // to search by a number
	dates                 // to set the date of arrival
	verbs                 // to set "answered"
	datesTold             // to keep the date: it was told
)

// lostDates is what is told, once.
const lostDates = "Microsoft Graph does not keep the date of arrival: mail that is copied shows the day of its copy in the " +
	"new mailbox. Stop with Ctrl-C and use the transport \"imap\" if that matters."

// losses remember them.
type losses struct {
	mu  sync.Mutex
	all map[loss]bool
}

func (l *losses) is(what loss) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[what]
}

// note remembers a loss and tells whether it is news.
func (l *losses) note(what loss) (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[loss]bool{}
	}
	news = !l.all[what]
	l.all[what] = true
	return news
}
