package executor_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// leftOpen are endpoints whose destination keeps everything appended in a command that stays open: nothing of it is stored
// or answered before it is flushed.
type leftOpen struct {
	executor.Endpoints
	flushed chan int // how many messages a Flush has ended
}

func (e leftOpen) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	d, err := e.Endpoints.Destination(ctx, mailbox)
	return &openDestination{Destination: d, flushed: e.flushed}, err
}

type openDestination struct {
	executor.Destination
	flushed chan int
	folder  mail.Folder
	open    []mail.Outgoing
	done    []func(mail.Appended)
}

func (d *openDestination) Append(_ context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	d.folder = f
	for _, m := range batch {
		octets, err := io.ReadAll(m.Body)
		if err != nil {
			return err
		}
		m.Body = bytes.NewReader(octets)
		d.open, d.done = append(d.open, m), append(d.done, done)
	}
	return nil
}

func (d *openDestination) Flush(ctx context.Context) error {
	if len(d.open) == 0 {
		return nil
	}
	told := map[int64]func(mail.Appended){}
	for i, m := range d.open {
		told[m.ID] = d.done[i]
	}
	batch := d.open
	d.open, d.done = nil, nil
	err := d.Destination.Append(ctx, d.folder, batch, func(a mail.Appended) { told[a.ID](a) })
	d.flushed <- len(batch)
	return err
}

func (d *openDestination) Drain(ctx context.Context) error {
	if err := d.Flush(ctx); err != nil {
		return err
	}
	return d.Destination.Drain(ctx)
}

// TestSlowSourceLeavesNothingOpen: where the source takes its time for the next message, the command that holds those before
// it is ended, and they land; nothing waits for the source or for the end of the folder.
func TestSlowSourceLeavesNothingOpen(t *testing.T) {
	const messages = 4
	r := newRig(t, "anna")
	r.fill("INBOX", messages)
	open := leftOpen{r.endpoints, make(chan int, 100)}
	r.open = open
	landed, waited := 0, sync.OnceFunc(func() { t.Error("the source waited in vain for a message to be flushed") })
	r.src().Set(endpointtest.Faults{VanishDuring: func(_ *endpointtest.Store, _ string, uid mail.UID) {
		for landed < int(uid)-1 {
			select {
			case n := <-open.flushed:
				landed += n
			case <-time.After(10 * time.Second):
				waited()
				return
			}
		}
	}})
	r.mustApply("full")
	r.sameMail()
	if landed != messages-1 {
		t.Errorf("%d messages had landed when the last one came", landed)
	}
}
