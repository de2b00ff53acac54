package imap

import (
	"time"

	"mailhaul/state/mail"
)

// What the writer of appends waits for. All of it ends when the session dies.

// state gives the reason why the session is dead.
func (f *flight) state() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// refuse settles a message that was never sent.
func (f *flight) refuse(id int64, done func(mail.Appended), err error) {
	f.telling.Lock()
	defer f.telling.Unlock()
	done(mail.Appended{ID: id, Outcome: mail.Absent, Err: err})
}

// room tells whether a message may be written at once.
func (f *flight) room() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead == nil && !f.halted && !f.full()
}

// awaitRoom waits for the window, and after a BAD until all is answered. A window that had to be waited for is too small
// for the line and doubles.
func (f *flight) awaitRoom() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	short := f.octets >= f.window
	for f.dead == nil && (f.full() || f.halted && len(f.queue) > 0) {
		f.change.Wait()
	}
	if f.halted = false; short {
		f.window = min(2*f.window, windowLargest)
	}
	return f.dead
}

// setEnd files where the literal of the attempt's last message ends, which is about to be written.
func (f *flight) setEnd(a *attempt, end int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a.parts[len(a.parts)-1].end, a.written = end, time.Now()
}

// wrote files that the literal of the attempt's last message took its time to be written.
func (f *flight) wrote(a *attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a.written = time.Now()
}

// finish files that nothing more belongs to the attempt.
func (f *flight) finish(a *attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a.unfinished = false
}

// alone tells whether the next message is to be sent by itself, and counts it.
func (f *flight) alone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.single == 0 {
		return false
	}
	f.single--
	return true
}

// awaitConsent waits for "+" or an answer in its place.
func (f *flight) awaitConsent(a *attempt) (answered bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.dead == nil && a.consents == 0 && !a.answered {
		f.change.Wait()
	}
	if f.dead != nil {
		return false, f.dead
	}
	if a.answered {
		return true, nil
	}
	a.consents--
	return false, nil
}

// heed keeps the writer from going on with a message after a BAD to an earlier one, until all those passed on whole are
// answered: if the server reads mail as commands, it gives itself away meanwhile. What is still buffered can't be
// answered and is not waited for.
func (f *flight) heed(a *attempt) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.dead == nil && f.halted {
		passed := f.c.link.passed()
		if len(f.queue) == 0 || f.queue[0] == a || f.queue[0].end()+crlf > passed {
			f.halted = false
			break
		}
		f.change.Wait()
	}
	return f.dead
}

// crlf is the length of the line end that completes an APPEND after its literal.
const crlf = 2

// hasten settles everything if nobody reads answers: then none will come.
func (f *flight) hasten() {
	f.mu.Lock()
	running, err := f.running, f.dead
	f.mu.Unlock()
	if !running && err == nil {
		f.fail(errStalled)
	}
}
