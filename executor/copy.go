package executor

import (
	"context"
	"errors"
	"sync"
	"time"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// The shape of a batch: what arrives within a few milliseconds, but not more than this.
const (
	batchMessages = 256
	batchBytes    = 4 << 20
	batchWait     = 3 * time.Millisecond
	// sendWait is how long a command is kept open for the next batch.
	sendWait = 50 * time.Millisecond
	// flushEvery is how often answers are committed where no batch takes them along.
	flushEvery = 250 * time.Millisecond
	// rounds is how often a message is tried in one run before its refusal is final.
	rounds = 3
)

// copyAll copies what the pass chose, then tries again, one at a time, what proved absent. One at a time, because a
// message that makes the server drop the connection must not drag its neighbours into doubt again.
func (fr *folderRun) copyAll(ctx context.Context) error {
	states := []state.State{state.StateSeen, state.StateAbsent, state.StateLeftOut}
	if fr.kind() == kindRetry {
		states = []state.State{state.StateAbsent, state.StateRefused, state.StateDamaged}
		if fault.Off(fault.RetryOfFailures) {
			states = append(states, state.StateLanded)
		}
		if fr.mailboxRun.plan.Pass.ResendAmbiguous {
			states = append(states, state.StateAmbiguous)
		}
		if fr.selects() {
			states = append(states, state.StateSeen, state.StateLeftOut)
		}
	}
	if _, err := fr.copyPatiently(ctx, func() *pipeline { return fr.newPipeline(states, batchMessages) }); err != nil {
		return err
	}
	return fr.copyAbsent(ctx)
}

// copyPatiently runs a pipeline, and again after a server asked to wait; waiting is not counted as a round.
func (fr *folderRun) copyPatiently(ctx context.Context, next func() *pipeline) (taken int, err error) {
	for tries := 0; ; tries++ {
		p, before := next(), fr.moved
		err := p.run(ctx)
		var busy *busyError
		if !errors.As(err, &busy) {
			return p.taken, err
		}
		if fr.stopping() {
			return p.taken, errStopped // the wait has ended, whoever asked for it
		}
		if fr.moved > before {
			tries = 0
		}
		if fr.further || tries >= fr.Patience.filled().Tries {
			return p.taken, at(SideDestination, "append messages", busy.error)
		}
		if err := fr.mailboxRun.dst.pause(ctx, busy.error); err != nil {
			return p.taken, err
		}
	}
}

// copyAbsent tries the absent ones again. One round more is for repairs of what the last one refused.
func (fr *folderRun) copyAbsent(ctx context.Context) error {
	for round := 2; round <= rounds || round == rounds+1 && len(fr.refusals) > 0; round++ {
		taken, err := fr.copyPatiently(ctx, func() *pipeline {
			p := fr.newPipeline([]state.State{state.StateAbsent}, 1)
			p.final = round >= rounds
			return p
		})
		if err != nil || taken == 0 {
			return err
		}
	}
	return nil
}

// item is a message on its way: its row and its octets.
type item struct {
	row state.Message
	msg *spool
}

// pipeline copies rows of one folder. Three goroutines, each with one thing to do, so that fetching, committing and
// sending overlap: read fetches, commit writes intents and outcomes, send appends.
type pipeline struct {
	*folderRun
	states []state.State
	most   int  // messages in a batch; 1: one at a time, each answered before the next
	final  bool // what proves absent now is refused

	taken  int
	ready  chan item     // read to commit
	toSend chan []item   // commit to send
	noMore func()        // closes toSend, once
	sent   chan struct{} // closed when send has ended
	wake   chan struct{} // an answer came
	cancel context.CancelCauseFunc

	moving moving // large messages that are under way

	mu       sync.Mutex
	answers  []answer
	inFlight map[int64]flight
	failures int // lost connections in a row without a landed message between
}

// answer is one that came, and when: it may wait to be committed.
type answer struct {
	mail.Appended
	came time.Time
}

// flight is an attempt whose answer has not come.
type flight struct {
	row       state.Message
	sent      time.Time // zero: not yet given to the connection
	messageID string
	msg       *spool
}

func (fr *folderRun) newPipeline(states []state.State, most int) *pipeline {
	p := &pipeline{folderRun: fr, states: states, most: most, ready: make(chan item, batchMessages), toSend: make(chan []item, 1),
		wake: make(chan struct{}, 1), sent: make(chan struct{}), inFlight: map[int64]flight{}}
	p.noMore = sync.OnceFunc(func() { close(p.toSend) })
	p.moving.now, p.moving.tell = p.Now, p.step
	return p
}

// run copies until the rows are used up, somebody stops it, or a side fails for good. Whatever happens, the answers
// that came are in the ledger when it returns.
func (p *pipeline) run(ctx context.Context) error {
	pctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.cancel = cancel
	var work sync.WaitGroup
	var errs [3]error
	for i, stage := range []func() error{
		func() error { defer close(p.ready); return p.read(pctx) },
		func() error { defer p.noMore(); return p.commit(ctx, pctx) },
		func() error { defer close(p.sent); return p.send(ctx, pctx) },
	} {
		work.Go(func() {
			if errs[i] = stage(); errs[i] != nil {
				cancel(errs[i])
			}
		})
	}
	work.Wait()
	cause := first(errs)
	if cause != nil && ctx.Err() == nil {
		cause = context.Cause(pctx) // that of the stage which failed first: the others were cut off because of it
	}
	err := p.settleAccounts(ctx, cause)
	if err == nil && p.stopping() {
		err = errStopped
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// first gives the error that says most: a stage that only followed another's end says nothing.
func first(errs [3]error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return nil
}

// settleAccounts commits the answers that came after the last batch. What was committed but never given to a
// connection is absent, and we know it. It is done even after the second interrupt, in bounded time: it only makes the
// next start shorter.
func (p *pipeline) settleAccounts(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	p.free()
	rows, failures, err := p.takeAnswers()
	for _, f := range p.inFlight {
		f.msg.rest()
		f.row.State = state.StateAbsent
		if !f.sent.IsZero() {
			f.row.State = state.StateUnknown
			failures = append(failures, p.failure(&f.row, errDoubt))
		}
		rows = append(rows, f.row)
	}
	clear(p.inFlight)
	fault.AtIf(len(rows) > 0, fault.BeforeOutcomeCommit)
	if putErr := p.put(ctx, rows, failures); putErr != nil {
		return putErr
	}
	fault.AtIf(len(rows) > 0, fault.AfterOutcomeCommit)
	p.step()
	if cause == nil {
		cause = err
	}
	return cause
}

// free gives back what is left in the channels.
func (p *pipeline) free() {
	for it := range p.ready {
		it.msg.free()
	}
	for batch := range p.toSend {
		freeAll(batch)
	}
}

func freeAll(batch []item) {
	for _, it := range batch {
		it.msg.free()
	}
}

// send appends batch after batch, and opens a new session after a lost one. It is the only user of the destination's
// session while the pipeline runs.
func (p *pipeline) send(ctx, pctx context.Context) error {
	for {
		batch, ok := p.batchAtHand()
		if !ok {
			if err := p.survive(ctx, p.dst().Flush(ctx)); err != nil {
				return err
			}
			if batch, ok = <-p.toSend; !ok {
				break
			}
		}
		if pctx.Err() != nil || p.stopping() {
			freeAll(batch) // nothing of it has left: settleAccounts says so
			continue
		}
		err := p.append(ctx, batch)
		freeAll(batch)
		if err == nil && p.most == 1 {
			err = p.dst().Drain(ctx)
		}
		if err := p.survive(ctx, err); err != nil {
			return err
		}
	}
	return p.survive(ctx, p.dst().Drain(ctx))
}

// batchAtHand gives the next batch if it is there, or will be in a moment.
func (p *pipeline) batchAtHand() (batch []item, ok bool) {
	moment := time.NewTimer(sendWait)
	defer moment.Stop()
	select {
	case batch, ok = <-p.toSend:
	case <-moment.C:
	}
	return batch, ok
}

func (p *pipeline) dst() retryingDestination { return p.mailboxRun.dst }

// survive decides after a lost session: open the next one, or give the mailbox up.
func (p *pipeline) survive(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || !passing(mail.KindOf(err)) || p.further {
		return at(SideDestination, "append messages", err)
	}
	p.mu.Lock()
	p.failures++
	n := p.failures
	p.mu.Unlock()
	if n > p.Patience.filled().Tries {
		return at(SideDestination, "append messages", err)
	}
	fault.At(fault.AfterLostConnection)
	if err := p.dst().pause(ctx, err); err != nil {
		return err
	}
	err = p.reopen(ctx)
	fault.At(fault.AfterReopen)
	return err
}

// append hands one batch to the destination.
func (p *pipeline) append(ctx context.Context, batch []item) error {
	out := make([]mail.Outgoing, len(batch))
	p.mu.Lock()
	for i := range batch {
		row := &batch[i].row
		f := p.inFlight[int64(row.UID)]
		f.sent = p.Now()
		p.inFlight[int64(row.UID)] = f
		flags, _ := p.holds(row.Flags)
		out[i] = mail.Outgoing{ID: int64(row.UID), Size: batch[i].msg.sentSize(), InternalDate: row.InternalDate,
			Flags: flags, Digest: row.H0, Body: batch[i].msg.leaving()}
	}
	p.mu.Unlock()
	fault.At(fault.BeforeAppend)
	return p.dst().Append(ctx, p.folderRun.dst, out, p.answer)
}

// answer takes one answer, on whatever goroutine it comes.
func (p *pipeline) answer(a mail.Appended) {
	fault.At(fault.AfterAnswer)
	p.mu.Lock()
	p.answers = append(p.answers, answer{a, p.Now()})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
