package executor

import (
	"context"
	"errors"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// errFolderGone asks for the destination folder to be made again.
var errFolderGone = errors.New("the destination folder vanished")

// busyError is an answer that asks to come again later: the session lives, the message is absent.
type busyError struct{ error }

// Unwrap gives the answer.
func (b *busyError) Unwrap() error { return b.error }

// takeAnswers turns the answers that came into rows to be put. The error is one that stops the mailbox; the rows are
// to be put all the same.
func (p *pipeline) takeAnswers() (rows []state.Message, failures []state.Failure, stop error) {
	p.mu.Lock()
	answers := p.answers
	p.answers = nil
	flights := make([]flight, len(answers))
	for i, a := range answers {
		flights[i] = p.inFlight[a.ID]
		delete(p.inFlight, a.ID)
	}
	p.mu.Unlock()
	for i, a := range answers {
		f := &flights[i]
		if f.row.UID == 0 {
			continue // answered before: a Destination that calls done twice changes nothing
		}
		failure, err := p.outcome(f, a)
		f.msg.rest()
		rows, failures = append(rows, f.row), append(failures, failure...)
		if stop == nil {
			stop = err
		}
	}
	return rows, failures, stop
}

// outcome gives the row the state that the answer proves (I3, I4).
func (p *pipeline) outcome(f *flight, a answer) ([]state.Failure, error) {
	row := &f.row
	if a.Outcome != mail.Landed && mail.KindOf(a.Err) == mail.Throttled && (a.Outcome == mail.Absent || p.excused(row.UID)) {
		p.blameless(row.UID)
	}
	switch a.Outcome {
	case mail.Landed:
		row.State, row.DestinationUID = state.StateLanded, p.trusted(row, a.Appended)
		p.timed(a)
		p.count(row, false)
		p.mu.Lock()
		p.failures = 0
		p.mu.Unlock()
		return nil, nil
	case mail.Absent:
		return p.absent(f, a.Err)
	default:
		row.State = state.StateUnknown
		if fault.Off(fault.DoubtIsDoubt) {
			row.State = state.StateAbsent
		}
		p.quote(row, a.Err)
		return []state.Failure{p.failure(row, unknown(a.Err))}, p.stops(a.Err)
	}
}

// blameless takes back that the next attempt is a further one: the server broke the connection because of how much it was
// sent, and not because of this message.
func (fr *folderRun) blameless(uid mail.UID) {
	if fr.tries == nil {
		fr.tries = map[mail.UID]int{}
	}
	fr.tries[uid]--
}

// excused tells whether a doubt may still be put down to throttling: a server that throttles each time it is sent one message
// would be sent it without end.
func (fr *folderRun) excused(uid mail.UID) bool {
	if fr.excuses == nil {
		fr.excuses = map[mail.UID]int{}
	}
	fr.excuses[uid]++
	return fr.excuses[uid] <= fr.Patience.filled().Tries
}

// quote keeps an answer that leaves a doubt (a server's error of its own may come after the commit): where the message
// never arrives, it says why.
func (fr *folderRun) quote(row *state.Message, err error) {
	if row.Folder != fr.rec.ID || mail.CodeOf(err).Lost() || mail.KindOf(err) == mail.Throttled {
		return
	}
	if fr.said == nil {
		fr.said = map[mail.UID]error{}
	}
	fr.said[row.UID] = &mail.Error{Op: "append message", Kind: mail.Refused, Code: mail.CodeOf(err), Text: textOf(err)}
}

// stops gives the error of an answer after which the next message would get the same one.
func (p *pipeline) stops(err error) error {
	switch kind := mail.KindOf(err); {
	case mail.CodeOf(err).FolderGone():
		return errFolderGone
	case kind == mail.Quota, kind == mail.Auth, kind == mail.Stale:
		return at(SideDestination, "append message", err)
	default:
		return nil
	}
}

// timed measures one APPEND: what stands in the queue before it is not its time, neither here nor at the server.
func (p *pipeline) timed(a answer) {
	from := a.came.Add(-a.Took)
	if p.answered.After(from) {
		from = p.answered
	}
	p.took(a.came.Sub(from))
	p.answered = a.came
}

// unknown keeps the cause of a doubt under the code that explains doubts.
func unknown(err error) error {
	return &mail.Error{Op: "append message", Kind: mail.Transient, Code: mail.CodeMessageUnknown, Text: textOf(err)}
}

// trusted takes APPENDUID only where it can be true: under the UIDVALIDITY we know, above the UIDNEXT we saw, and above
// every other one of this run, so that no two rows claim one message (I5).
func (p *pipeline) trusted(row *state.Message, a mail.Appended) mail.UID {
	if fault.Off(fault.TrustedUID) {
		return a.UID
	}
	_, taken := p.claimed[a.UID]
	if a.UID == 0 || row.V0 == 0 || a.UIDValidity != row.V0 || a.UID < row.U0 || a.UID <= p.lastUID || taken {
		return 0
	}
	p.lastUID = a.UID
	return a.UID
}

// absent decides about a message that is proven not to be there.
func (p *pipeline) absent(f *flight, err error) ([]state.Failure, error) {
	row := &f.row
	row.State = state.StateAbsent
	if stop := p.stops(err); stop != nil {
		return nil, stop
	}
	kind := mail.KindOf(err)
	switch {
	case passing(kind) && !mail.CodeOf(err).Lost():
		return nil, &busyError{err}
	case kind != mail.TooLarge && kind != mail.Malformed && !p.final, p.repairable(row, err):
		return nil, nil
	default:
		return []state.Failure{p.refusedForGood(row, err, f.messageID)}, nil
	}
}

// begun records that the mailbox is being worked on: status tells it from those that wait for their turn and, where the
// run is killed, from those that it had not come to.
func (m *mailboxRun) begun(ctx context.Context) error {
	return m.Ledger.PutMailboxPass(ctx, state.MailboxPass{Mailbox: m.row.ID, Pass: m.plan.Pass.Name, Progress: state.Pending,
		Run: m.Run.ID, Started: m.started})
}
