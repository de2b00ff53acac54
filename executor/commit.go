package executor

import (
	"context"
	"strings"
	"time"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// commit makes intents durable, together with the answers that came since, and only then lets their messages go (I1).
func (p *pipeline) commit(ctx, pctx context.Context) error {
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	for {
		select {
		case <-pctx.Done():
			return context.Cause(pctx)
		case it, ok := <-p.ready:
			if !ok {
				p.noMore()
				return p.commitAnswers(ctx, pctx, flush.C)
			}
			if p.stopping() {
				it.msg.free()
				continue
			}
			batch, err := p.gather(ctx, pctx, it, flush.C)
			if err == nil {
				batch, err = p.commitBatch(ctx, batch)
			}
			if err == nil && len(batch) > 0 {
				err = p.handOver(ctx, pctx, batch, flush.C)
			}
			if err != nil {
				return err
			}
		case <-flush.C:
			if _, err := p.commitBatch(ctx, nil); err != nil {
				return err
			}
		}
	}
}

// handOver gives a batch to be sent. The one before may take long at a server that throttles; its answers are committed
// meanwhile.
func (p *pipeline) handOver(ctx, pctx context.Context, batch []item, flush <-chan time.Time) error {
	for {
		select {
		case p.toSend <- batch:
			return nil
		case <-pctx.Done():
			freeAll(batch)
			return context.Cause(pctx)
		case <-flush:
			if _, err := p.commitBatch(ctx, nil); err != nil {
				freeAll(batch)
				return err
			}
		}
	}
}

// commitAnswers goes on with the answers to the last batches until all is sent.
func (p *pipeline) commitAnswers(ctx, pctx context.Context, flush <-chan time.Time) error {
	for {
		select {
		case <-p.sent:
			return nil
		case <-pctx.Done():
			return context.Cause(pctx)
		case <-flush:
			if _, err := p.commitBatch(ctx, nil); err != nil {
				return err
			}
		}
	}
}

// gather takes what arrives within a few milliseconds, within the bounds of a batch. While the batch before still waits to
// be sent there is no hurry: a larger one costs fewer commits and makes larger groups. Answers that come meanwhile are
// committed without it.
func (p *pipeline) gather(ctx, pctx context.Context, it item, flush <-chan time.Time) ([]item, error) {
	batch, bytes := []item{it}, it.msg.size
	wait := time.NewTimer(batchWait)
	defer wait.Stop()
	for len(batch) < p.most && bytes < batchBytes {
		select {
		case <-pctx.Done():
			return batch, nil
		case <-wait.C:
			if len(p.toSend) == 0 {
				return batch, nil
			}
			wait.Reset(batchWait)
		case <-flush:
			if _, err := p.commitBatch(ctx, nil); err != nil {
				freeAll(batch)
				return nil, err
			}
		case next, ok := <-p.ready:
			if !ok {
				return batch, nil
			}
			batch, bytes = append(batch, next), bytes+next.msg.size
		}
	}
	return batch, nil
}

// commitBatch puts intents and answers in one transaction and gives what of the batch may go now.
func (p *pipeline) commitBatch(ctx context.Context, batch []item) ([]item, error) {
	if err := p.amend(batch); err != nil {
		freeAll(batch)
		return nil, err
	}
	rows, failures, err := p.takeAnswers()
	answered := len(rows) > 0
	batch = p.intend(batch, &rows, &failures)
	fault.AtIf(answered, fault.BeforeOutcomeCommit)
	fault.AtIf(len(batch) > 0, fault.BeforeIntentCommit)
	if putErr := p.put(ctx, rows, failures); putErr != nil {
		freeAll(batch)
		p.forget(batch)
		return nil, putErr
	}
	fault.AtIf(answered, fault.AfterOutcomeCommit)
	fault.AtIf(len(batch) > 0, fault.AfterIntentCommit)
	if len(rows) > 0 {
		p.step()
	}
	if err != nil {
		freeAll(batch)
		return nil, err
	}
	return batch, nil
}

// forget takes back intents that did not become durable: nothing of them has left.
func (p *pipeline) forget(batch []item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, it := range batch {
		it.msg.rest()
		delete(p.inFlight, int64(it.row.UID))
	}
}

// intend turns messages into attempts. What policy keeps back is decided here and leaves the batch.
func (p *pipeline) intend(batch []item, rows *[]state.Message, failures *[]state.Failure) []item {
	var going []item
	for _, it := range batch {
		row := &it.row
		row.H0 = it.msg.digest
		if f, kept := p.keepBack(row, it.msg); kept {
			*rows, *failures = append(*rows, *row), append(*failures, f...)
			it.msg.free()
			continue
		}
		if row.State == state.StateAbsent {
			p.again(row.UID)
		}
		row.State, row.Attempt = state.StateIntent, row.Attempt+1
		row.U0, row.V0, row.DestinationUID = p.u0, p.opened.Status.UIDValidity, 0
		p.mu.Lock()
		it.msg.flying = true
		p.inFlight[int64(row.UID)] = flight{row: *row, messageID: it.msg.messageID(), msg: it.msg}
		p.mu.Unlock()
		going = append(going, it)
		if !fault.Off(fault.WriteAhead) {
			*rows = append(*rows, *row)
		}
	}
	return going
}

// keepBack applies the policies that can only be decided with the message in hand.
func (p *pipeline) keepBack(row *state.Message, msg *spool) ([]state.Failure, bool) {
	limit := p.mailbox.Settings.MaxSize
	_, lost := p.holds(row.Flags)
	switch {
	case row.Flags.System&mail.Deleted != 0:
		row.State = state.StateSkipped
		return nil, true
	case limit > 0 && row.Size > limit:
		return p.tooLarge(row), true
	case p.refusals[row.UID] != nil && changesOf(row.Degraded)&repairs == 0 && mail.KindOf(p.refusals[row.UID]) == mail.Malformed:
		return []state.Failure{p.refusedForGood(row, p.refusals[row.UID], msg.messageID())}, true // there is nothing to repair
	case lost&state.LostKeywords != 0 && p.mailbox.Settings.Keywords == "fail":
		return []state.Failure{p.refuse(row, msg.messageID(), &mail.Error{Op: "append message", Kind: mail.Refused,
			Code: mail.CodeMessageKeywords, Text: "the destination can't hold the keywords: " + row.Flags.String()})}, true
	}
	row.Degraded |= lost
	return nil, false
}

// holds gives the part of the flags that the destination folder can keep, and what that loses. \Deleted is never
// carried over.
func (fr *folderRun) holds(flags mail.Flags) (mail.Flags, state.Degradation) {
	flags.System &^= mail.Deleted
	if !fr.opened.Known {
		return flags, 0
	}
	var lost state.Degradation
	kept := mail.Flags{System: flags.System & fr.opened.Permanent.System}
	if kept.System != flags.System {
		lost |= state.LostFlags
	}
	for _, k := range flags.Keywords {
		if fr.opened.NoDollar && strings.HasPrefix(k, "$") {
			continue
		}
		if fr.opened.AnyKeyword || fr.opened.Permanent.Has(k) {
			kept.Keywords = append(kept.Keywords, k)
		} else {
			lost |= state.LostKeywords
		}
	}
	return kept, lost
}
