package executor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/state/mail"
)

// patientOpen is a destination that notes how long it is left with an open command.
type patientOpen struct {
	Destination
	since   time.Time // zero: nothing is open
	longest time.Duration
	landed  int
}

func (d *patientOpen) Append(_ context.Context, _ mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	d.close()
	d.since = time.Now()
	for _, m := range batch {
		d.landed++
		done(mail.Appended{ID: m.ID, Outcome: mail.Landed})
	}
	return nil
}

func (d *patientOpen) close() {
	if !d.since.IsZero() {
		d.longest = max(d.longest, time.Since(d.since))
	}
}

func (d *patientOpen) Flush(context.Context) error {
	d.close()
	d.since = time.Time{}
	return nil
}

// TestNothingIsOpenInLine: who waits for its turn to send leaves no command open meanwhile, within a batch and between two: a
// server waits for the rest of a command for a minute, and the next turn may come later.
func TestNothingIsOpenInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, messages = 2, 20
		l := newLimits(nil, nil, time.Now, time.Second)
		whole, err := l.flow(t.Context(), "endpoint", perSecond)
		own, err2 := l.flow(t.Context(), "endpoint anna", 0)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		to, began := &patientOpen{}, time.Now()
		d := &paced{to, &gauge{limits: l, scope: "endpoint", mailbox: "anna", whole: whole, own: own}}
		for range 2 {
			batch := make([]mail.Outgoing, messages/2)
			if err := d.Append(t.Context(), mail.Folder{}, batch, func(mail.Appended) {}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); to.landed != messages || took < (messages-2*perSecond)*time.Second/perSecond {
			t.Fatalf("%d messages went in %s", to.landed, took)
		}
		if to.longest > sendWait {
			t.Errorf("a command was left open for %s", to.longest)
		}
	})
}
