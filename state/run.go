package state

import (
	"context"
	"strconv"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

const (
	runColumns = "id, pass, started, ended, exitcode"
	addRun     = "INSERT INTO run (" + runColumns + ", sum) VALUES (?, ?, ?, ?, ?, ?)"
	setRun     = "UPDATE run SET pass = ?2, started = ?3, ended = ?4, exitcode = ?5, sum = ?6 WHERE id = ?1"
	selectRun  = "SELECT " + runColumns + ", sum FROM run"

	passColumns = "name, kind, older_written, newer_written, older, newer, approved"
	setPass     = "INSERT OR REPLACE INTO pass (" + passColumns + ", sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	selectPass  = "SELECT " + passColumns + ", sum FROM pass WHERE name = ?"

	mailboxPassColumns = "mailbox, pass, progress, run, started, ended, side, code, kind, text"
	setMailboxPass     = "INSERT OR REPLACE INTO mailbox_pass (" + mailboxPassColumns + ", sum) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
	selectMailboxPass  = "SELECT " + mailboxPassColumns + ", sum FROM mailbox_pass ORDER BY mailbox, started, pass"
)

func runValues(r Run) []any {
	return []any{r.ID, r.Pass, instant(r.Started), instant(r.Ended), int64(r.ExitCode)}
}

func scanRun(row scanner) (Run, error) {
	var r Run
	var started, ended *int64
	var stored int64
	if err := row.Scan(&r.ID, &r.Pass, &started, &ended, &r.ExitCode, &stored); err != nil {
		return Run{}, unreadable(err)
	}
	r.Started, r.Ended = instantOf(started), instantOf(ended)
	if sum(runValues(r)...) != stored {
		return Run{}, errSum
	}
	return r, nil
}

// BeginRun records the start of a run of apply and counts the serial up.
func (l *Ledger) BeginRun(ctx context.Context, pass string) (Run, error) {
	run := Run{Pass: pass, Started: l.now().Round(0).UTC()}
	serial := l.Serial() + 1
	err := l.writer.write(ctx, func(t *tx) error {
		var err error
		if run.ID, err = t.freeRunID(); err != nil {
			return err
		}
		if err := t.setMeta("serial", strconv.FormatInt(serial, 10)); err != nil {
			return err
		}
		if err := t.setMeta("version", l.opts.Version); err != nil {
			return err
		}
		return t.run(addRun, withSum(runValues(run))...)
	})
	if err != nil {
		return Run{}, err
	}
	fault.At(fault.AfterRunBegun)
	l.serial.Store(serial)
	return run, nil
}

// EndRun records the run's end, now unless it says when, and its exit code.
func (l *Ledger) EndRun(ctx context.Context, run Run) error {
	if run.Ended.IsZero() {
		run.Ended = l.now()
	}
	fault.At(fault.BeforeRunEnd)
	return l.writer.write(ctx, func(t *tx) error {
		res, err := t.exec(setRun, withSum(runValues(run))...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return firstError(err, func() error { return badRequest("there is no run %q", run.ID) })
		}
		return nil
	})
}

// freeRunID finds a short name that no run has; it grows when the short ones run out.
func (t *tx) freeRunID() (string, error) {
	for try := 0; ; try++ {
		id := randomHex(2 + try/32)
		n, err := t.number("SELECT count(*) FROM run WHERE id = ?", id)
		if err != nil || n == 0 {
			return id, err
		}
	}
}

func (t *tx) setMeta(key, value string) error {
	return t.run(putMeta, key, []byte(value), sum(key, value))
}

// Runs gives every run, the first one first.
func (r *Reader) Runs(ctx context.Context) ([]Run, error) {
	rows, err := r.rows(ctx, selectRun+" ORDER BY seq")
	all, err := collect(rows, err, scanRun)
	return all, wrap(r.path, err)
}

func passValues(p Pass) []any {
	return []any{p.Name, p.Kind, p.OlderWritten, p.NewerWritten, instant(p.Older), instant(p.Newer), instant(p.Approved)}
}

func scanPass(row scanner) (Pass, error) {
	var p Pass
	var older, newer, approved *int64
	var stored int64
	err := row.Scan(&p.Name, &p.Kind, &p.OlderWritten, &p.NewerWritten, &older, &newer, &approved, &stored)
	if err != nil {
		return Pass{}, unreadable(err)
	}
	p.Older, p.Newer, p.Approved = instantOf(older), instantOf(newer), instantOf(approved)
	if sum(passValues(p)...) != stored {
		return Pass{}, errSum
	}
	return p, nil
}

// Pass gives what is remembered of a pass; false if nothing is.
func (r *Reader) Pass(ctx context.Context, name string) (Pass, bool, error) {
	rows, err := r.rows(ctx, selectPass, name)
	found, err := collect(rows, err, scanPass)
	if err != nil || len(found) == 0 {
		return Pass{}, false, wrap(r.path, err)
	}
	return found[0], true, nil
}

// PutPass adds or replaces what is remembered of a pass.
func (l *Ledger) PutPass(ctx context.Context, p Pass) error {
	return l.writer.write(ctx, func(t *tx) error { return t.run(setPass, withSum(passValues(p))...) })
}

func mailboxPassValues(p MailboxPass) []any {
	return []any{int64(p.Mailbox), p.Pass, string(p.Progress), p.Run, instant(p.Started), instant(p.Ended), p.Side,
		string(p.Code), p.Kind.String(), []byte(p.Text)}
}

func scanMailboxPass(row scanner) (MailboxPass, error) {
	var p MailboxPass
	var started, ended *int64
	var kind string
	var text []byte
	var stored int64
	err := row.Scan(&p.Mailbox, &p.Pass, &p.Progress, &p.Run, &started, &ended, &p.Side, &p.Code, &kind, &text, &stored)
	if err != nil {
		return MailboxPass{}, unreadable(err)
	}
	p.Started, p.Ended, p.Kind, p.Text = instantOf(started), instantOf(ended), mail.ParseKind(kind), string(text)
	if sum(mailboxPassValues(p)...) != stored {
		return MailboxPass{}, errSum
	}
	return p, nil
}

// MailboxPasses gives how every mailbox fared in every pass, by mailbox, the earliest started first.
func (r *Reader) MailboxPasses(ctx context.Context) ([]MailboxPass, error) {
	rows, err := r.rows(ctx, selectMailboxPass)
	all, err := collect(rows, err, scanMailboxPass)
	return all, wrap(r.path, err)
}

// PutMailboxPass records how a mailbox fares in a pass.
func (l *Ledger) PutMailboxPass(ctx context.Context, p MailboxPass) error {
	return l.writer.write(ctx, func(t *tx) error {
		boxes, err := t.mailboxes("WHERE id = ?", int64(p.Mailbox))
		if err != nil {
			return err
		}
		if len(boxes) == 0 {
			return badRequest("there is no mailbox %d", p.Mailbox)
		}
		return t.run(setMailboxPass, withSum(mailboxPassValues(p))...)
	})
}
