package main

import (
	"encoding/csv"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"mailhaul/state"
)

// told is as much of an event or a document as numbers looks at.
type told struct {
	Event, Mailbox          string
	Planned, Copied, Failed state.Count
	LeftOut                 state.Count `json:"left_out"`
	ExitCode                int         `json:"exit_code"`
	Mailboxes               []struct {
		Mailbox, State, Code string
		Copied, Left, Failed state.Count
		LeftOut              state.Count `json:"left_out"`
	}
	Messages []json.RawMessage
}

// numbers CODE COMMAND... runs an apply that writes events, and fails where its numbers do not agree with each other, with
// the status before and after it, with failures, or with what the destination holds. CODE may be any.
func numbers(ts *testscript.TestScript, _ bool, args []string) {
	before := asked(ts, "status")
	var plan, started, done, sums, last told
	code, progressed := args[0], 0
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
		case "progress":
			progressed++
			if e.Planned != started.Planned || !within(e.Copied.Add(e.Failed), e.Planned) || !within(sums.Copied, e.Copied) ||
				!within(sums.Failed, e.Failed) || !within(last.Copied, e.Copied) || e.LeftOut != plan.LeftOut {
				ts.Fatalf("progress says %+v after %+v, with %+v from mailboxes that are done\n%s", e, last, sums, text)
			}
			last = e
		case "mailbox_done", "mailbox_failed":
			sums.Copied, sums.Failed, sums.LeftOut = sums.Copied.Add(e.Copied), sums.Failed.Add(e.Failed), sums.LeftOut.Add(e.LeftOut)
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
	same("the end and its mailboxes, left out", done.LeftOut, sums.LeftOut)
	same("the plan and the end, left out", plan.LeftOut, done.LeftOut)
	same("copied and failed, and the plan", done.Copied.Add(done.Failed), plan.Planned)
	same("the ledger before and after", copiedOf(before).Add(done.Copied), copiedOf(after))
	if got := failedOf(after).Messages; got != int64(len(failed.Messages)) {
		ts.Fatalf("status counts %d failed messages, failures names %d", got, len(failed.Messages))
	}
	if ts.Getenv("PROGRESS") != "" && progressed == 0 {
		ts.Fatalf("no progress was told")
	}
	stateAgrees(ts, after)
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

// within tells whether a part is not more than the whole.
func within(part, whole state.Count) bool {
	return part.Messages <= whole.Messages && part.Bytes <= whole.Bytes
}

// sumOf adds one number of each mailbox.
func sumOf(status told, of func(int) state.Count) (sum state.Count) {
	for i := range status.Mailboxes {
		sum = sum.Add(of(i))
	}
	return sum
}

// stateAgrees holds what state show says of each mailbox, folder by folder, and the rows of failures --csv against the
// status.
func stateAgrees(ts *testscript.TestScript, status told) {
	rows, err := csv.NewReader(strings.NewReader(piped(ts, "0", []string{"mailhaul", "failures", "--csv"}))).ReadAll()
	ts.Check(err)
	listed := map[string]int64{}
	for _, row := range rows {
		if row[7] != "" { // it has a UID: it is no mailbox
			listed[row[3]]++
		}
	}
	for _, m := range status.Mailboxes {
		if m.State == "" || m.State == "not started" {
			continue // the state file does not know it yet
		}
		var sums [4]int64
		for _, row := range folderRow.FindAllStringSubmatch(piped(ts, "any", []string{"mailhaul", "state", "show", m.Mailbox}), -1) {
			for i := range sums {
				sums[i] += figure(ts, row[i+1])
			}
		}
		want := [4]int64{m.Copied.Messages, m.Left.Messages, m.Failed.Messages, m.LeftOut.Messages}
		if m.Code == "" && sums != want { // of one that is blocked nobody knows what is left
			ts.Fatalf("state show says of %s %v, status %v", m.Mailbox, sums, want)
		}
		if listed[m.Mailbox] != m.Failed.Messages {
			ts.Fatalf("failures --csv has %d messages of %s, status %d", listed[m.Mailbox], m.Mailbox, m.Failed.Messages)
		}
	}
}

// folderRow is a row of state show: copied, left, failed, left out.
var folderRow = regexp.MustCompile(`(?m)^   \S+ +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)\b`)

func figure(ts *testscript.TestScript, digits string) int64 {
	n, err := strconv.ParseInt(strings.ReplaceAll(digits, ",", ""), 10, 64)
	ts.Check(err)
	return n
}

// summed CODE COMMAND... runs an apply as people see it, and fails where the numbers of its plan, of its lines and of its
// summary do not agree with each other and with the status.
func summed(ts *testscript.TestScript, _ bool, args []string) {
	before := asked(ts, "status")
	text := piped(ts, args[0], append([]string{"mailhaul"}, args[1:]...))
	after := asked(ts, "status")
	number := func(pattern string) (n int64) {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
			n = figure(ts, m[1])
		}
		return n
	}
	planned := number(`Plan: [^.]*\.\n +([\d,]+) messages?,`)
	copied, failed := number(`\n   copied +([\d,]+) messages?`), number(`\n   failed +([\d,]+) messages?`)
	outstanding := failedOf(before).Messages + failed
	if strings.Contains(text, `Pass "retry": `) {
		outstanding = failedOf(before).Messages - copied // what failed before is what it tried
	}
	var blocked int64
	for _, m := range after.Mailboxes {
		if m.Code != "" {
			blocked++
		}
	}
	all := number(`\n   left out +([\d,]+) messages?`)
	if !regexp.MustCompile(`users.csv: \d+ of \d+ mailboxes`).MatchString(text) { // else the others have theirs
		all = sumOf(after, func(i int) state.Count { return after.Mailboxes[i].LeftOut }).Messages
	}
	for _, c := range []struct {
		what     string
		one, two int64
	}{
		{"the plan, and copied with failed", planned, copied + failed},
		{"the line that begins it", planned, number(`pass \w+ started: [^,]*, ([\d,]+) messages?,`)},
		{"the line that ends it", copied, number(`pass \w+ finished: ([\d,]+) messages?,`)},
		{"copied, and the ledger before and after", copied, copiedOf(after).Messages - copiedOf(before).Messages},
		{"failed, and why", failed, number(`Why messages failed\n +([\d,]+) `)},
		{"failed, and the ledger before and after", outstanding, failedOf(after).Messages},
		{"left out, and the ledger", number(`\n   left out +([\d,]+) messages?`), all},
		{"left out, and the plan", number(`\n   left out +([\d,]+) messages?`), number(`Left behind: ([\d,]+) messages? over`)},
		{"blocked, and the status", number(`\n   blocked +([\d,]+) mailbox`), blocked},
		{"blocked, and the plan", number(`Plan: .*, ([\d,]+) blocked`), blocked},
	} {
		if c.one != c.two {
			ts.Fatalf("%s: %d and %d\n%s", c.what, c.one, c.two, text)
		}
	}
	stateAgrees(ts, after)
}
