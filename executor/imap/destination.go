package imap

import (
	"context"
	"iter"
	"strconv"

	"mailhaul/state/mail"
)

// Destination is a mailbox that mail is written to.
type Destination struct {
	c      *client
	flight *flight
	opened map[string]mail.Opened // by raw name
	buffer []byte
	late   *LateFlags
}

// DialDestination connects and signs in.
func DialDestination(ctx context.Context, opts Options) (*Destination, error) {
	c, err := connect(ctx, opts, false)
	if err != nil {
		return nil, err
	}
	late := opts.Late
	if late == nil {
		late = &LateFlags{}
	}
	return &Destination{c: c, flight: newFlight(c), opened: map[string]mail.Opened{}, buffer: make([]byte, chunk), late: late}, nil
}

// settled begins a call that reads answers itself: appends in flight are waited for.
func (d *Destination) settled(ctx context.Context, op string) (leave func(), err error) {
	leave, err = d.c.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	if err := d.idle(); err != nil {
		leave()
		return nil, d.c.reason(ctx, err)
	}
	return leave, nil
}

// Folders lists the personal folders with their status.
func (d *Destination) Folders(ctx context.Context) ([]mail.Folder, error) {
	leave, err := d.settled(ctx, "list folders")
	if err != nil {
		return nil, err
	}
	defer leave()
	// STATUS is for folders that are not open (RFC 9051, 6.3.11).
	if err := d.c.unselect(); err != nil {
		return nil, d.c.reason(ctx, err)
	}
	return d.c.Folders(ctx)
}

// List yields a folder's messages, UIDs ascending, while they arrive.
func (d *Destination) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		leave, err := d.settled(ctx, "list messages")
		if err != nil {
			yield(mail.Message{}, err)
			return
		}
		defer leave()
		d.c.List(ctx, f, q)(yield)
	}
}

// Fetch streams bodies to the sink. An error of the sink ends the session.
func (d *Destination) Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	leave, err := d.settled(ctx, "fetch messages")
	if err != nil {
		return err
	}
	defer leave()
	return d.c.Fetch(ctx, f, uids, to)
}

// Exists asks which of the UIDs are there.
func (d *Destination) Exists(ctx context.Context, f mail.Folder, uids []mail.UID) ([]mail.UID, error) {
	leave, err := d.settled(ctx, "look for messages")
	if err != nil {
		return nil, err
	}
	defer leave()
	return d.c.Exists(ctx, f, uids)
}

// idle waits until every append is settled.
func (d *Destination) idle() error {
	d.endGroup()
	return d.flight.idle()
}

// endGroup ends the command that is open for more messages, if there is one. An error ends the session and is told with
// each message.
func (d *Destination) endGroup() {
	if d.flight.group == nil {
		return
	}
	d.flight.endGroup()
	if err := d.c.out.flush(); err != nil {
		_ = (&appender{c: d.c, flight: d.flight}).broken(err)
	}
}

// Flush ends the command that Append has left open.
func (d *Destination) Flush(ctx context.Context) error {
	stop := d.c.guard(ctx)
	defer stop()
	d.endGroup()
	return d.c.reason(ctx, d.flight.state())
}

// Append sends the batch; done hears of each message. Where the server takes several messages in one command
// (MULTIAPPEND), that of the last ones stays open for the next batch.
func (d *Destination) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	if d.c.opts.Habits.FlagAfter {
		done = d.late.watch(f, batch, done)
	}
	w := &appender{c: d.c, flight: d.flight, folder: f, opened: d.opened[f.Raw], done: done, buffer: d.buffer}
	leave, err := d.c.enter(ctx, "append messages")
	if err != nil {
		w.never(batch, err)
		return err
	}
	defer leave()
	if err := d.c.ending(); err != nil {
		_ = d.idle() // its error was told with each message
		w.never(batch, d.c.fatal(err))
		return err
	}
	if g := d.flight.group; g != nil && g.folder != f.Raw {
		d.endGroup()
	}
	if sel := &d.c.selected; sel.open && !(sel.write && sel.raw == f.Raw) {
		err = d.idle()
		if err == nil {
			// Courier refuses APPEND to a folder that the session has open for reading. One that is open for writing
			// stays so: Dovecot would open it for each message, at less than half the pace.
			err = d.c.unselect()
		}
		if err != nil {
			err = d.c.reason(ctx, err)
			w.never(batch, err)
			return err
		}
	}
	return d.c.reason(ctx, w.send(batch))
}

// Drain waits for the answers to everything appended.
func (d *Destination) Drain(ctx context.Context) error {
	stop := d.c.guard(ctx)
	defer stop()
	err := d.idle()
	if err == nil {
		err = d.c.flagNow(d.late)
	}
	return d.c.reason(ctx, err)
}

// Close signs out. What is not answered by then is unknown.
func (d *Destination) Close() error {
	d.flight.mu.Lock()
	waiting := len(d.flight.queue) > 0
	d.flight.mu.Unlock()
	if waiting {
		d.flight.fail(&mail.Error{Op: "append message", Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: errClosed})
	}
	_ = d.flight.idle() // its error was told with each message
	d.flight.endGroup() // one that was refused early, or the goodbye would be a part of it
	return d.c.close()
}

// Open tells the folder's counters and the flags it keeps. The folder stays selected for the APPENDs that follow; it is
// left without CLOSE, which would expunge.
func (d *Destination) Open(ctx context.Context, f mail.Folder) (mail.Opened, error) {
	const op = "open folder"
	leave, err := d.settled(ctx, op)
	if err != nil {
		return mail.Opened{}, err
	}
	defer leave()
	o, err := d.c.look(op, f)
	if err != nil {
		return mail.Opened{}, d.c.reason(ctx, err)
	}
	d.opened[f.Raw] = o
	return o, nil
}

// look selects a folder.
func (c *client) look(op string, f mail.Folder) (mail.Opened, error) {
	if err := c.choose(op, "SELECT", f); err != nil {
		return mail.Opened{}, err
	}
	o := c.selected.opened
	if o.Status.UIDNext != 0 && o.Status.UIDValidity != 0 {
		return o, nil
	}
	if err := c.unselect(); err != nil {
		return o, err
	}
	return c.askNext(op, f, o)
}

// askNext fills in what SELECT left out: Courier gives UIDNEXT with STATUS only, others not at all; then the highest
// UID tells it.
func (c *client) askNext(op string, f mail.Folder, o mail.Opened) (mail.Opened, error) {
	st, err := c.run(op, newCommand("STATUS").astring(f.Raw).raw("(UIDNEXT UIDVALIDITY)"), func(r *response) error {
		if r.verb == "STATUS" {
			if _, got, ok := parseStatusData(r.data); ok {
				o.Status.UIDNext = max(o.Status.UIDNext, got.UIDNext)
				o.Status.UIDValidity = max(o.Status.UIDValidity, got.UIDValidity)
			}
		}
		return nil
	})
	if err != nil || st.verb == "OK" && o.Status.UIDNext != 0 || o.Status.Messages == 0 {
		return o, err
	}
	if err := c.examine(op, mail.Folder{Raw: f.Raw}, true); err != nil {
		return o, err
	}
	_, err = c.run(op, newCommand("UID FETCH").raw("* (UID)"), func(r *response) error {
		if r.verb != "FETCH" {
			return nil
		}
		it, ok, err := parseFetch(r.data, nil)
		if ok {
			o.Status.UIDNext = max(o.Status.UIDNext, it.msg.UID+1)
		}
		return err
	})
	if err != nil {
		return o, err
	}
	return o, c.unselect()
}

// SetFlags sets flags, pipelined. A refusal does not keep the others from being set; the first one comes back.
func (d *Destination) SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error {
	const op = "set flags"
	leave, err := d.settled(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	return d.c.reason(ctx, d.c.setFlags(op, f, changes))
}

func (c *client) setFlags(op string, f mail.Folder, changes []mail.FlagChange) error {
	if err := c.choose(op, "SELECT", f); err != nil {
		return err
	}
	if err := c.valid(op, f); err != nil {
		return err
	}
	var cmds []*command
	for _, ch := range changes {
		flags := keepable(ch.Flags, c.selected.opened)
		cmds = append(cmds, newCommand("UID STORE").raw(strconv.FormatUint(uint64(ch.UID), 10)+" FLAGS.SILENT ("+join(flags)+")"))
	}
	answers, err := c.runWindow(op, cmds, storeWindow, nil)
	if err != nil {
		return err
	}
	if err := c.unselect(); err != nil {
		return err
	}
	for _, st := range answers {
		if st.verb != "OK" {
			return c.fatalUnlessRefused(c.classify(op, st, atStore))
		}
	}
	return nil
}

// storeWindow is how many STORE are on the wire at once.
const storeWindow = 256
