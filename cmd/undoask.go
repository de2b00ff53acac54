package cmd

import (
	"fmt"

	"mailhaul/cmd/view"
	"mailhaul/executor"
	"mailhaul/state/mail"
)

// askUndo asks twice: whether, and how many or whose, so that nobody says yes to another mailbox than he means.
func (w *work) askUndo(list []executor.UndoMailbox) error {
	a := w.app
	blank(a.term.Err)
	if !a.canAsk() {
		return usage("nobody is there to say whether this is to be removed",
			"Without a terminal, or with --no-input, the answer is given by the flag --auto-approve.")
	}
	if err := view.UndoQuestion(a.term.Err, list, w.destination()); err != nil {
		return err
	}
	again, text := list[0].Mailbox.Name, "Type the address to remove them: "
	if len(list) > 1 {
		again, text = fmt.Sprint(view.TotalOf(list).Remove.Messages), "Type the number of messages to remove them: "
	}
	for _, one := range []struct{ text, want string }{{"", "yes"}, {text, again}} {
		answer, err := a.ask(one.text)
		if err != nil {
			return err
		}
		if answer != one.want {
			return fail("", fmt.Sprintf("you did not type %q; nothing was removed", one.want))
		}
	}
	return nil
}

// interrupted tells whether the first interrupt came.
func (w *work) interrupted() bool {
	select {
	case <-w.app.io.Stop:
		return true
	default:
		return false
	}
}

// undoVerdict is the exit code of an undo.
func undoVerdict(list []executor.UndoMailbox, interrupted bool) error {
	refused := map[string]int{}
	problems := 0
	for i := range list {
		if p := list[i].Problem; p != nil {
			problems++
			if p.Kind == mail.Auth.String() {
				refused[p.Side]++
			}
		}
	}
	switch {
	case interrupted:
		return outcome(exitInterrupted)
	case problems == 0:
		return nil
	case refused[executor.SideSource] == len(list), refused[executor.SideDestination] == len(list):
		return outcome(exitSignIn)
	}
	return outcome(exitIncomplete)
}
