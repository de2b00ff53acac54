package view

import (
	"testing"

	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestUndo shows what goes and what stays before the question and after it, in the cases there are.
func TestUndo(t *testing.T) {
	n := func(messages int64, size mail.Size) state.Count { return state.Count{Messages: messages, Bytes: size} }
	box := func(name string) state.Mailbox { return state.Mailbox{Name: name, Destination: name} }
	every := map[executor.Kept]state.Count{}
	for i, why := range executor.Reasons() {
		every[why] = n(int64(1+i*i*i*i*i), 1)
	}
	list := []executor.UndoMailbox{
		{Mailbox: box("anna@contoso.example"), Remove: n(1204, 41e6), Folders: 12, Kept: every},
		{Mailbox: box("bo@contoso.example"), Remove: n(1, 900), Open: 2},
		{Mailbox: box(nasty), Problem: &plan.Problem{Side: "destination", Code: mail.CodeIMAPNoUIDPlus, Kind: "refused",
			Text: "the server lacks UIDPLUS"}},
		{Mailbox: box("dan@contoso.example"), Problem: &plan.Problem{Side: "source", Code: mail.CodeIMAPLogin, Kind: "auth",
			Text: nasty}},
	}
	everyWay(t, "undo-plan", func(o Output) error { return UndoPlan(o, list) })
	everyWay(t, "undo-question", func(o Output) error { return UndoQuestion(o, list, "Microsoft 365") })
	everyWay(t, "undo-done", func(o Output) error { return Undone(o, list[:2], false, "mailhaul apply") })
	everyWay(t, "undo-interrupted", func(o Output) error { return Undone(o, list[1:], true, "mailhaul apply") })
	everyWay(t, "undo-nothing", func(o Output) error {
		return NothingUndone(o, []executor.UndoMailbox{{Mailbox: box("anna@contoso.example"),
			Kept: map[executor.Kept]state.Count{executor.KeptAdopted: n(3, 900)}}})
	})
}
