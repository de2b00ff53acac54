package main

import (
	"encoding/json"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"mailhaul/state"
)

// told is as much of an event or a document as numbers looks at.
type told struct {
	Event, Mailbox                   string
	Planned, Copied, Failed, LeftOut state.Count
	ExitCode                         int `json:"exit_code"`
	Mailboxes                        []struct {
		Mailbox, State       string
		Copied, Left, Failed state.Count
	}
	Messages []json.RawMessage
}

// numbers CODE COMMAND... runs an apply that writes events, and fails where its numbers do not agree with each other, with
// the status before and after it, with failures, or with what the destination holds. CODE may be any.
func numbers(ts *testscript.TestScript, _ bool, args []string) {
	before := asked(ts, "status")
	var plan, started, done told
	var sums told
	code := args[0]
	text := piped(ts, code, append([]string{"mailhaul"}, args[1:]...))
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		var e told
		ts.Check(json.Unmarshal([]byte(line), &e))
		switch e.Event {
		case "plan":
			plan = e
		case "pass_started":
			started = e
		case "pass_done":
			done = e
		case "mailbox_done", "mailbox_failed":
			sums.Copied, sums.Failed = sums.Copied.Add(e.Copied), sums.Failed.Add(e.Failed)
		case "mailbox_started":
			sums.Planned = sums.Planned.Add(e.Planned)
		}
	}
	after, failed := asked(ts, "status"), asked(ts, "failures")
	same := func(what string, a, b state.Count) {
		if a != b {
			ts.Fatalf("%s: %+v and %+v\n%s", what, a, b, text)
		}
	}
	same("the plan and what began", plan.Planned, started.Planned)
	same("the plan and its mailboxes", plan.Planned, sums.Planned)
	same("the end and its mailboxes, copied", done.Copied, sums.Copied)
	same("the end and its mailboxes, failed", done.Failed, sums.Failed)
	same("copied and failed, and the plan", done.Copied.Add(done.Failed), plan.Planned)
	same("the ledger before and after", copiedOf(before).Add(done.Copied), copiedOf(after))
	if got := failedOf(after).Messages; got != int64(len(failed.Messages)) {
		ts.Fatalf("status counts %d failed messages, failures names %d", got, len(failed.Messages))
	}
	if got := server(ts, "destination").Stats().Appended; int64(got) != copiedOf(after).Messages {
		ts.Fatalf("the destination took %d messages, status counts %d", got, copiedOf(after).Messages)
	}
}

// asked gives a document of a command.
func asked(ts *testscript.TestScript, command string) told {
	var doc told
	ts.Check(json.Unmarshal([]byte(piped(ts, "0", []string{"mailhaul", command, "--json"})), &doc))
	return doc
}

func copiedOf(status told) (sum state.Count) {
	for _, m := range status.Mailboxes {
		sum = sum.Add(m.Copied)
	}
	return sum
}

func failedOf(status told) (sum state.Count) {
	for _, m := range status.Mailboxes {
		sum = sum.Add(m.Failed)
	}
	return sum
}
