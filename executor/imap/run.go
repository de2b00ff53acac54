package imap

import (
	"errors"
	"net"

	"mailhaul/state/mail"
)

// byeError is the server's goodbye in the middle of a session.
type byeError struct{ status status }

func (e *byeError) Error() string { return "the server ends the session" }

// badError is an untagged BAD: the server did not understand something and will not say what (RFC 9051, 7.1.3).
type badError struct{ status status }

func (e *badError) Error() string { return "the server does not understand what it was sent" }

// run sends one command and reads to its answer.
func (c *client) run(op string, cmd *command, on func(*response) error) (status, error) {
	all, err := c.runAll(op, []*command{cmd}, on)
	if err != nil {
		return status{}, err
	}
	return all[0], nil
}

// depth is how many commands are on the wire at once: enough for one to be under way while the server works on the
// other; the answers of all together may be long, so nothing waits for them.
const depth = 2

// runAll sends the commands, a few ahead of their answers, and gives the answers in the order of the commands. on sees
// every untagged response; its error ends the session. An error of runAll means that the session is over.
func (c *client) runAll(op string, cmds []*command, on func(*response) error) ([]status, error) {
	return c.runWindow(op, cmds, depth, on)
}

func (c *client) runWindow(op string, cmds []*command, window int, on func(*response) error) ([]status, error) {
	return c.runSteps(op, cmds, window, steps{untagged: on})
}

// steps are what a run of commands does with what comes. An error of one ends the session.
type steps struct {
	untagged func(*response) error         // nil: nothing
	answered func(at int, st status) error // hears of each tagged answer when it comes; nil: nobody
}

func (c *client) runSteps(op string, cmds []*command, window int, on steps) ([]status, error) {
	answers := make([]status, len(cmds))
	waiting := map[string]int{}
	for sent := 0; sent < len(cmds) || len(waiting) > 0; {
		if sent < len(cmds) && len(waiting) < window && (len(waiting) == 0 || c.pipelines(cmds[sent])) {
			if err := c.sendTo(cmds[sent], sent, waiting, answers, on); err != nil {
				return nil, c.over(op, err)
			}
			sent++
			continue
		}
		if err := c.take(waiting, answers, on); err != nil {
			return nil, c.over(op, err)
		}
	}
	return answers, nil
}

// sendTo sends a command and files its tag, or its answer if it was refused before its literal.
func (c *client) sendTo(cmd *command, at int, waiting map[string]int, answers []status, on steps) error {
	tag, err := c.send(cmd)
	var refused *refusedError
	if errors.As(err, &refused) {
		answers[at] = refused.status
		return on.hear(at, refused.status)
	}
	if err == nil {
		waiting[tag] = at
	}
	return err
}

func (on steps) hear(at int, st status) error {
	if on.answered == nil {
		return nil
	}
	return on.answered(at, st)
}

// take reads one response.
func (c *client) take(waiting map[string]int, answers []status, on steps) error {
	r, err := c.in.next()
	if err != nil {
		return err
	}
	switch {
	case r.kind == tagged:
		at, known := waiting[r.tag]
		if !known {
			return errForeignTag
		}
		delete(waiting, r.tag)
		answers[at] = r.status
		return on.hear(at, r.status)
	case r.kind != untagged:
		return nil
	case r.verb == "BYE":
		return &byeError{status: r.status}
	case r.verb == "BAD":
		return &badError{status: r.status}
	case on.untagged != nil:
		return on.untagged(r)
	}
	return nil
}

var errForeignTag = errors.New("the server answers a command that nobody sent")

// over ends the session and says why. Errors of callers pass as they are.
func (c *client) over(op string, err error) error {
	return c.fatal(c.explain(op, err))
}

func (c *client) explain(op string, err error) error {
	var (
		bye *byeError
		bad *badError
		own *mail.Error
		snk *sinkError
	)
	switch {
	case errors.As(err, &snk):
		return snk.err
	case errors.As(err, &own):
		return err
	case errors.As(err, &bye):
		return c.classify(op, bye.status, atBye)
	case errors.As(err, &bad):
		e := c.classify(op, bad.status, atBye)
		if e.Kind == mail.Transient {
			e.Code = mail.CodeIMAPProtocol
		}
		return e
	}
	return lost(op, c.link.cause(err))
}

// sinkError carries a sink's error through runAll, so that it comes back as it is.
type sinkError struct{ err error }

func (e *sinkError) Error() string { return e.err.Error() }

// isConnectionError tells trouble of the network from nonsense of the server.
func isConnectionError(err error) bool {
	return !errors.Is(err, errLineTooLong) && !errors.Is(err, errLiteral) && !errors.Is(err, net.ErrClosed)
}
