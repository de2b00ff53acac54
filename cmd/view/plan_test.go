package view

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mailhaul/config"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

func counted(messages int64, size mail.Size) state.Count {
	return state.Count{Messages: messages, Bytes: size}
}

// folders makes n folders that keep their names, the first of them with all the mail.
func folders(n int, todo state.Count) []plan.Folder {
	all := make([]plan.Folder, n)
	for i := range all {
		name := fmt.Sprintf("Folder %d", i)
		all[i] = plan.Folder{Path: name, Target: name, Reason: "as it is"}
	}
	all[0].Todo = todo
	return all
}

// sum fills in a plan's totals as plan.Build does.
func sum(p *plan.Plan) *plan.Plan {
	t := &p.Total
	for i := range p.Mailboxes {
		m := &p.Mailboxes[i]
		switch m.Action {
		case plan.Start:
			t.Start++
		case plan.Continue:
			t.Continue++
		case plan.UpToDate:
			t.UpToDate++
		case plan.Blocked:
			t.Blocked++
		case plan.Skipped:
			t.Skipped++
		}
		if m.Action == plan.Start || m.Action == plan.Continue {
			t.Todo = t.Todo.Add(m.Todo)
		}
		t.LeftOut, t.Deleted = t.LeftOut.Add(m.LeftOut), t.Deleted.Add(m.Deleted)
		t.Failed = t.Failed.Add(m.Failed)
		for _, f := range m.Folders {
			if !f.Excluded {
				t.Folders++
			}
			if f.Surprise != "" {
				t.Surprises++
			}
		}
	}
	return p
}

func mailbox(action plan.Action, name string, n int, todo state.Count) plan.Mailbox {
	return plan.Mailbox{Action: action, Name: name, Destination: name, Via: "imap", Todo: todo, Folders: folders(n, todo),
		Settings: plan.Settings{MaxSize: 150 * mail.MB}}
}

// contoso is the plan of cli.md, with more mailboxes.
func contoso() *plan.Plan {
	older := time.Date(2026, 8, 24, 0, 0, 0, 0, time.UTC)
	p := &plan.Plan{Files: []string{"mailhaul.hcl", "users.csv"}, State: "contoso.state", Runs: 3,
		Pass:       plan.Pass{Name: "prestage", Kind: config.PassPrestage, OlderWritten: "90d", Older: &older, Why: "it is the next pass"},
		NeverMoved: "Contacts, calendars, tasks, rules, archive mailboxes and public folders are not moved."}
	p.Mailboxes = []plan.Mailbox{
		mailbox(plan.Start, "anna@contoso.example", 12, counted(18_204, 4_100*mail.MB)),
		mailbox(plan.Start, "bo@contoso.example", 9, counted(40_977, 11_800*mail.MB)),
		mailbox(plan.Continue, "carla@contoso.example", 31, counted(1_120, 312*mail.MB)),
		mailbox(plan.Start, "dan@contoso.example", 3, counted(77, 12*mail.MB)),
		mailbox(plan.Blocked, "eva@contoso.example", 1, counted(0, 0)),
		mailbox(plan.Blocked, "frank@contoso.example", 7, counted(902, 210*mail.MB)),
		{Action: plan.Skipped, Name: "test@contoso.example", Note: "never used, agreed with Anna"},
	}
	p.Estimate = &plan.Estimate{Seconds: 75_900, Measured: true, Openings: 2, Nights: true, Longest: "bo@contoso.example",
		LongestSeconds: 10_200}
	p.Mailboxes[2].Note = "8,190 done earlier"
	p.Mailboxes[2].Done = counted(8_190, mail.GB)
	p.Mailboxes[0].LeftOut = counted(14, 2_400*mail.MB)
	p.Mailboxes[3].Deleted = counted(5, 12_345)
	p.Mailboxes[4].Folders = nil
	p.Mailboxes[4].Problem = &plan.Problem{Side: "source", Code: mail.CodeIMAPLogin, Kind: "auth", Text: "NO " + nasty}
	p.Mailboxes[5].Note = "destination has 0.1 GB free"
	dan := p.Mailboxes[3].Folders
	dan[0].Path, dan[0].Target = "INBOX/Projects", "Projects"
	dan[1].Path, dan[1].Target, dan[1].Surprise = "INBOX/Archive", "Archive", `goes to "Archive" as "Archive" does`
	dan[2].Path, dan[2].Excluded = "Trash", true
	for i := range 205 {
		m := mailbox(plan.Start, fmt.Sprintf("user%03d@contoso.example", i), 11, counted(5_100, 1_400*mail.MB))
		m.Folders[0].Path, m.Folders[0].Target = "INBOX/Projects", "Projects"
		p.Mailboxes = append(p.Mailboxes, m)
	}
	for i := range 3 {
		p.Mailboxes = append(p.Mailboxes, mailbox(plan.UpToDate, fmt.Sprintf("done%d@contoso.example", i), 4, state.Count{}))
	}
	return sum(p)
}

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		plan func() *plan.Plan
		opt  PlanOptions
	}{
		"contoso": {func() *plan.Plan {
			p := contoso()
			opens, closes := at("2026-11-24 18:00:00"), at("2026-11-24 05:00:00")
			p.When = &plan.When{Open: 209, Closes: &closes, Until: []string{"nights"}, Waiting: 5, Opens: &opens, By: []string{"weekend", nasty}}
			return p
		}, PlanOptions{Counted: 72 * time.Second, File: "night 2.plan", Zone: time.FixedZone("CET", 3600)}},
		"small, all, offline": {func() *plan.Plan {
			p := contoso()
			p.Mailboxes, p.Offline, p.Total = append(p.Mailboxes[:7:7], p.Mailboxes[215:]...), true, plan.Total{}
			p.Pass.Why, p.Pass.Kind, p.Pass.Name, p.Pass.Older = "", config.PassFull, "full", nil
			return sum(p)
		}, PlanOptions{All: true, Of: 215, File: "full.plan"}},
		"quiet": {contoso, PlanOptions{Quiet: true, Counted: 72 * time.Second, File: "night 2.plan"}},
		"nothing to do": {func() *plan.Plan {
			p := contoso()
			p.Mailboxes, p.Total = p.Mailboxes[212:], plan.Total{}
			p.Mailboxes[0].Failed = counted(41, 62*mail.MB)
			return sum(p)
		}, PlanOptions{}},
		"errors and warnings": {func() *plan.Plan {
			p := contoso()
			p.Mailboxes, p.Total = p.Mailboxes[3:4], plan.Total{}
			p.Errors = []plan.Note{{Mailbox: "dan@contoso.example", Code: string(config.CodeMerge),
				Text: `"Archive" and "INBOX/Archive" both go to "Archive"`,
				Hint: "To allow it:\n  mailbox \"dan@contoso.example\" {\n    folders { merge = \"allow\" }\n  }"}}
			p.Warnings = []plan.Note{{Mailbox: "dan@contoso.example",
				Text: "may have been fetched away by POP: INBOX holds 2 messages, the other folders 8,100",
				Hint: "Ask whether a program fetches this mail by POP; what it fetched is on that computer only."}}
			return sum(p)
		}, PlanOptions{}},
		"hostile": {hostile, PlanOptions{All: true, File: "a.plan"}},
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, "plan "+strings.ReplaceAll(name, ",", ""), func(o Output) error { return Plan(o, c.plan(), c.opt) })
		})
	}
}

// hostile is a plan in which every text that a stranger writes is nasty.
func hostile() *plan.Plan {
	m := mailbox(plan.Start, nasty, 3, counted(1, 1))
	m.Note, m.LeftOut, m.Deleted = nasty, counted(1, 160*mail.MB), counted(6, 3*mail.MB)
	m.Folders[0] = plan.Folder{Path: nasty, Target: "x" + nasty, Surprise: nasty, Reason: nasty, LeftOut: counted(3, 200*mail.MB),
		TooLarge: []plan.LeftOut{{UID: 7, Size: 160 * mail.MB}, {UID: 9, Size: 161 * mail.MB, Date: at("2026-01-02 03:04:05")}}}
	m.Folders[1] = plan.Folder{Path: nasty, Excluded: true}
	m.Folders[2].Deleted = counted(6, 3*mail.MB)
	b := mailbox(plan.Blocked, "b"+nasty, 1, counted(0, 0))
	b.Problem = &plan.Problem{Side: "source", Code: "IMAP-NEW-CODE", Text: nasty}
	return sum(&plan.Plan{Files: []string{nasty}, State: nasty, Pass: plan.Pass{Name: nasty, Kind: nasty, Why: nasty},
		Mailboxes: []plan.Mailbox{m, b}, Warnings: []plan.Note{{Mailbox: nasty, Text: nasty, Code: nasty, Hint: nasty}},
		NeverMoved: nasty})
}

func TestLeftOut(t *testing.T) {
	everyWay(t, "leftout", func(o Output) error { return Plan(o, hostile(), PlanOptions{LeftOut: true}) })
	p := contoso()
	p.Total.LeftOut, p.Total.Deleted = state.Count{}, state.Count{}
	text := rendered(t, 80, nil, func(o Output) error { return Plan(o, p, PlanOptions{LeftOut: true}) })
	if want := "Pass \"prestage\" leaves no message behind.\n"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}

// TestPlanNeverHides: however many mailboxes there are, blocked and unusual ones are named first, and what is collapsed is
// counted.
// TestLeftOutOfMicrosoft365: a plan that leaves out what is too large for mailboxes of Microsoft 365 says how an administrator lets
// it in, for some of them; other destinations have their own ways.
func TestLeftOutOfMicrosoft365(t *testing.T) {
	p := hostile()
	p.Mailboxes = nil
	for _, to := range []string{"anna", "b'hara", "carl", "dora", "emil"} {
		m := plan.Mailbox{Name: to + "@old.example", Destination: to + "@new.example", DestinationEndpoint: "endpoint.microsoft365.new",
			LeftOut: state.Count{Messages: 1, Bytes: 40_000_000}, Settings: plan.Settings{MaxSize: 35_000_000}}
		m.Folders = []plan.Folder{{Path: "INBOX", LeftOut: m.LeftOut}}
		p.Mailboxes = append(p.Mailboxes, m)
	}
	p.Total.LeftOut = state.Count{Messages: 5, Bytes: 200_000_000}
	print := func() string {
		return rendered(t, 80, nil, func(o Output) error { return Plan(o, p, PlanOptions{LeftOut: true}) })
	}
	for _, want := range []string{"Set-Mailbox -Identity 'anna@new.example' `\n     -MaxReceiveSize 150MB -MaxSendSize 150MB\n", "'b''hara@new.example'",
		"so for 2 mailboxes more", "max_message"} {
		if text := print(); !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for i := range p.Mailboxes {
		p.Mailboxes[i].DestinationEndpoint = "endpoint.imap.new"
	}
	if text := print(); strings.Contains(text, "Set-Mailbox") {
		t.Errorf("an IMAP server is told of Exchange's limits:\n%s", text)
	}
}

func TestPlanNeverHides(t *testing.T) {
	p := contoso()
	for i := range 60 {
		m := mailbox(plan.Blocked, fmt.Sprintf("blocked%02d@contoso.example", i), 1, counted(0, 0))
		m.Problem = &plan.Problem{Side: "source", Code: mail.CodeIMAPLogin}
		p.Mailboxes = append(p.Mailboxes, m)
	}
	p.Mailboxes[150].Note = "stopped in pass \"full\""
	p.Total = plan.Total{}
	text := rendered(t, 100, nil, func(o Output) error { return Plan(o, sum(p), PlanOptions{}) })
	for _, want := range []string{p.Mailboxes[150].Name, "204 more to copy, nothing unusual", "42 more blocked (--all", "62 blocked"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	all := rendered(t, 100, nil, func(o Output) error { return Plan(o, p, PlanOptions{All: true}) })
	for _, m := range p.Mailboxes {
		if !strings.Contains(all, m.Name) {
			t.Errorf("--all does not list %s", m.Name)
		}
	}
}

// TestSecondNight: work that goes on everywhere is nothing unusual.
func TestSecondNight(t *testing.T) {
	p := contoso()
	for i := range p.Mailboxes {
		m := &p.Mailboxes[i]
		m.Action, m.Problem, m.Done = plan.Continue, nil, counted(1_234, mail.GB)
		m.Note = "1,234 done earlier"
	}
	p.Total, p.Estimate = plan.Total{}, nil
	text := rendered(t, 80, nil, func(o Output) error { return Plan(o, sum(p), PlanOptions{}) })
	if n := strings.Count(text, "done earlier"); n != sample {
		t.Errorf("%d mailboxes are listed, want %d:\n%s", n, sample, text)
	}
}

func TestQuestion(t *testing.T) {
	p := contoso()
	ask := func() string {
		return rendered(t, 80, nil, func(o Output) error { return Question(o, p, "Microsoft 365") })
	}
	p.Total.Todo = counted(1_204_118, 318*mail.GB)
	want := "Copy 1,204,118 messages to Microsoft 365 now?\nNothing is deleted on either side. You can stop at any time with " +
		"Ctrl-C.\nOnly \"yes\" is accepted: "
	if got := ask(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.Total.Todo, p.Total.FlagChanges = state.Count{}, 1
	if got := ask(); !strings.HasPrefix(got, "Carry 1 changed flag over to Microsoft 365 now?\n") {
		t.Errorf("got %q", got)
	}
}

func TestPassMeaning(t *testing.T) {
	older, newer := at("2026-08-24 07:30:00"), at("2025-01-01 00:00:00")
	for want, p := range map[string]plan.Pass{
		"all messages": {Kind: config.PassFull},
		"sign in on both sides and map the folders; nothing is copied":        {Kind: config.PassVerify},
		"what failed or was left unfinished by earlier passes":                {Kind: config.PassRetry},
		"messages older than 90 days (before 2026-08-24)":                     {Older: &older, OlderWritten: "90d"},
		"messages before 2026-08-24":                                          {Older: &older, OlderWritten: "2026-08-24"},
		"messages older than 1 year (before 2026-08-24) and since 2025-01-01": {Older: &older, OlderWritten: "1y", Newer: &newer, NewerWritten: "2025-01-01"},
		"messages newer than 2 weeks (since 2025-01-01)":                      {Newer: &newer, NewerWritten: "2w"},
	} {
		if got := passMeaning(p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"a.plan": "a.plan", "/tmp/x-1_y.plan": "/tmp/x-1_y.plan", "night 2.plan": "'night 2.plan'",
		"it's": `'it'\''s'`, "": "''", "$(rm)": "'$(rm)'"} {
		if got := ShellWord(in); got != want {
			t.Errorf("ShellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestHowLong(t *testing.T) {
	for want, e := range map[string]plan.Estimate{
		"Less than a minute of work.":            {Seconds: 12, Measured: true, Openings: 1},
		"":                                       {Seconds: 12},
		"At least 3m of work, as the limits go.": {Seconds: 180},
		"About 3m of work.":                      {Seconds: 180, Measured: true, Openings: 1},
		"About 3h of work: 1 night.":             {Seconds: 3 * 3600, Measured: true, Openings: 1, Nights: true},
		"About 21h of work: 2 nights.":           {Seconds: 21 * 3600, Measured: true, Openings: 2, Nights: true},
		"At least 30h of work, as the limits go: 4 days.": {Seconds: 30 * 3600, Openings: 4},
	} {
		if got := howLong(e); got != want {
			t.Errorf("%+v: %q, not %q", e, got, want)
		}
	}
}
