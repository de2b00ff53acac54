package view

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// failures makes the failures of cli.md's night, and one of each kind with hostile text.
func failures() FailureList {
	var f FailureList
	add := func(n int, code mail.Code, s state.State, mailbox, folder, text string) {
		for i := range n {
			f.Messages = append(f.Messages, state.FailedMessage{
				Failure: state.Failure{UID: mail.UID(4711 + i), Code: code, Kind: mail.Refused, Text: text},
				Mailbox: mailbox, Destination: mailbox, SourceFolder: folder, TargetFolder: folder, Size: 48_211, State: s, Attempt: 1,
				InternalDate: at("2026-08-24 12:00:00")})
		}
	}
	add(29, mail.CodeQuotaFull, state.StateRefused, "ivan@contoso.example", "Projects/2019", "NO [OVERQUOTA] Quota exceeded")
	add(12, mail.CodeMessageMalformed, state.StateRefused, "hugo@contoso.example", "Sent", "BAD malformed message")
	add(1, mail.CodeMessageAmbiguous, state.StateAmbiguous, nasty, nasty, nasty)
	add(1, mail.CodeMessageAmbiguous, state.StateAmbiguous, "=HYPERLINK(\"http://x\")", "@SUM(A1)", "a \"quoted\", word")
	f.Messages[42].InternalDate = time.Time{}
	f.Messages[0].Run, f.Passes = "7f3a", map[string]string{"7f3a": "full"}
	f.Mailboxes = []state.FailedMailbox{{Name: "eva@contoso.example", Destination: "eva@contoso.example", MailboxPass: state.MailboxPass{
		Pass: "prestage", Progress: state.Failed, Side: "source", Code: mail.CodeIMAPLogin, Kind: mail.Auth, Text: nasty}}}
	return f
}

func TestPassSummary(t *testing.T) {
	f := failures()
	done := executor.PassDone{Stamp: executor.Stamp{Pass: "prestage"}, Planned: counted(1_204_118, 318*mail.GB),
		Copied: counted(1_204_077, 318_300*mail.MB), Failed: counted(41, 62_100_000), LeftOut: counted(14, 2_400*mail.MB),
		Complete: 206, Incomplete: 2, Blocked: 2, FlagsChanged: 311, Amended: 1204, Elapsed: 21*time.Hour + 6*time.Minute}
	everyWay(t, "summary", func(o Output) error {
		s := SummaryOf(done)
		s.MaxSize, s.Deleted, s.Messages, s.Mailboxes = 150*mail.MB, counted(5, 12_345), f.Messages, f.Mailboxes
		s.Report, s.Next = "reports/prestage.html", "mailhaul apply --pass full"
		return PassSummary(o, s)
	})
	everyWay(t, "summary clean", func(o Output) error {
		return PassSummary(o, SummaryOf(executor.PassDone{Stamp: executor.Stamp{Pass: "full"}, Copied: counted(1, 900), Complete: 1,
			Elapsed: 9 * time.Second}))
	})
	everyWay(t, "summary nights", func(o Output) error {
		s := SummaryOf(done)
		s.Elapsed, s.Worked = 9*time.Hour, Worked{Took: 21*time.Hour + 6*time.Minute, Openings: 2, Nights: true}
		return PassSummary(o, s)
	})
	everyWay(t, "summary interrupted", func(o Output) error {
		s := SummaryOf(done)
		s.Interrupted, s.Pass, s.Next, s.Copied = true, nasty, "mailhaul apply", counted(204_077, 18_300*mail.MB)
		return PassSummary(o, s)
	})
}

// TestDoubtIsNoFailure: messages whose answer was lost count as left, in the summary and in failures.
func TestDoubtIsNoFailure(t *testing.T) {
	lost := func(uid mail.UID, code mail.Code, s state.State) state.FailedMessage {
		return state.FailedMessage{Failure: state.Failure{UID: uid, Code: code, Run: "7f3a"}, Mailbox: "anna@contoso.example", State: s}
	}
	f := FailureList{Messages: []state.FailedMessage{lost(1, mail.CodeMessageUnknown, state.StateUnknown),
		lost(2, mail.CodeMessageUnknown, state.StateIntent)}}
	summary := func() string {
		return rendered(t, 80, nil, func(o Output) error {
			s := SummaryOf(executor.PassDone{Stamp: executor.Stamp{Pass: "full"}, Planned: counted(3, 30), Copied: counted(1, 10), Interrupted: true})
			s.Messages = f.Messages
			return PassSummary(o, s)
		})
	}
	list := func() string {
		return rendered(t, 80, func(o *Output) { o.IsTerminal = true }, func(o Output) error { return Failures(o, f) })
	}
	if text := summary(); strings.Contains(text, "failed") || !strings.Contains(text, "Messages in doubt\n    2  MESSAGE-UNKNOWN") {
		t.Errorf("the summary says\n%s", text)
	}
	if text := list(); !strings.HasPrefix(text, "2 messages in doubt.\n") {
		t.Errorf("failures says\n%s", text)
	}
	f.Messages = append(f.Messages, lost(3, mail.CodeMessageRefused, state.StateRefused))
	if text := summary(); !strings.Contains(text, "Why messages failed\n    1  MESSAGE-REFUSED") {
		t.Errorf("the summary says\n%s", text)
	}
	if text := list(); !strings.HasPrefix(text, "1 message failed, 2 messages in doubt.\n") {
		t.Errorf("failures says\n%s", text)
	}
}

func TestFailures(t *testing.T) {
	everyWay(t, "failures", func(o Output) error {
		o.IsTerminal = true
		return Failures(o, failures())
	})
	if text := rendered(t, 80, func(o *Output) { o.IsTerminal = true }, func(o Output) error { return Failures(o, FailureList{}) }); text != "Nothing failed.\n" {
		t.Errorf("got %q", text)
	}
	pipe := rendered(t, 80, nil, func(o Output) error { return Failures(o, failures()) })
	harmless(t, strings.ReplaceAll(pipe, "\t", ""))
	for i, line := range strings.Split(strings.TrimSuffix(pipe, "\n"), "\n") {
		if n := strings.Count(line, "\t"); n != 14 {
			t.Errorf("line %d has %d tabs: %q", i+1, n, line)
		}
	}
}

// TestFailuresCSV: the file reads back as a table of fifteen columns, no cell is a formula, none hides control characters.
func TestFailuresCSV(t *testing.T) {
	var buf bytes.Buffer
	if err := FailuresCSV(&buf, failures()); err != nil {
		t.Fatal(err)
	}
	harmless(t, strings.ReplaceAll(buf.String(), "\r\n", "\n"))
	rows, err := csv.NewReader(strings.NewReader(buf.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+1+43 || len(rows[0]) != 15 {
		t.Errorf("%d rows of %d columns", len(rows), len(rows[0]))
	}
	if got := strings.Join(rows[1][13:], " ") + ", " + strings.Join(rows[2][13:], " "); got != "source prestage, destination full" {
		t.Errorf("sides and passes: %s", got)
	}
	for _, r := range rows {
		for _, c := range r {
			if c != "" && strings.ContainsAny(c[:1], "=+-@\t") {
				t.Errorf("cell %q is a formula", c)
			}
		}
	}
	for _, line := range strings.Split(strings.TrimSuffix(buf.String(), "\r\n"), "\r\n") {
		if !strings.HasPrefix(line, `"`) || !strings.HasSuffix(line, `"`) || strings.Contains(line, `,,`) {
			t.Errorf("not every cell is quoted: %s", line)
		}
	}
}

func statusOf() StatusView {
	row := func(name, pass string, p state.Progress, copied, left, failed int64) StatusRow {
		return StatusRow{Mailbox: name, Destination: name, Pass: pass, Progress: p, Copied: counted(copied, mail.Size(copied)*250_000),
			Left: counted(left, mail.Size(left)*250_000), Failed: counted(failed, mail.Size(failed)*1000)}
	}
	s := StatusView{State: "contoso.state", Now: at("2026-11-23 21:00:00"), Rows: []StatusRow{
		row("anna@contoso.example", "prestage", state.Complete, 18_204, 0, 0),
		row("bo@contoso.example", "prestage", state.Pending, 31_206, 9_771, 0),
		row("eva@contoso.example", "prestage", state.Failed, 0, 0, 0),
		row("hugo@contoso.example", "prestage", state.Incomplete, 18_192, 0, 12),
		row(nasty, "", state.Pending, 0, 0, 0),
		row("ida@contoso.example", "verify", state.Pending, 0, 238, 0),
		row("jo@contoso.example", "prestage", state.Complete, 208, 30, 0),
		row("kim@contoso.example", "full", state.Pending, 7, 30, 0),
	}}
	s.Rows[5].Verified, s.Rows[6].More = true, true
	s.Rows[1].Running, s.Rows[2].Uncounted, s.Rows[4].Uncounted = true, true, true
	s.Rows[2].Code, s.Rows[2].Side, s.Rows[2].Text = string(mail.CodeIMAPLogin), "source", nasty
	s.Rows[3].LeftOut = counted(14, 2_400*mail.MB)
	return s
}

func TestStatus(t *testing.T) {
	run := state.Run{ID: "7f3a", Pass: "prestage", Started: at("2026-11-23 19:00:00")}
	ended := run
	ended.Ended = at("2026-11-23 20:58:00")
	undo, stopped := run, ended
	undo.Pass, stopped.Pass, stopped.ExitCode = "undo", "undo", interrupted
	everyWay(t, "status", func(o Output) error {
		s := statusOf()
		s.Run, s.Live = &run, true
		o.IsTerminal = true
		return Status(o, s)
	})
	golden(t, "status-pipe.txt", rendered(t, 80, nil, func(o Output) error { return Status(o, statusOf()) }))
	for want, s := range map[string]StatusView{
		"c.state: no run yet. Begin with:  mailhaul plan\n":                            {State: "c.state"},
		"c.state: last run 7f3a, pass \"prestage\", ended 20:58 today after 1h 58m.\n": {State: "c.state", Run: &ended, Now: at("2026-11-23 21:00:00")},
		"c.state: run 7f3a, pass \"prestage\", was interrupted: killed, or power lost.\nIt began 19:00 yesterday. Go on with:  " +
			"mailhaul apply --pass prestage\n": {State: "c.state", Run: &run, Next: "mailhaul apply --pass prestage", Now: at("2026-11-24 09:00:00")},
		"c.state: run 7f3a, an undo, was interrupted: killed, or power lost.\nIt began 19:00 yesterday.\n" +
			"Finish the undo with:  mailhaul undo anna@a.example bo@a.example\nOr bring back what it took:  mailhaul apply\n": {State: "c.state",
			Run: &undo, Undo: true, Next: "mailhaul apply", Undoing: []string{"anna@a.example", "bo@a.example"}, Now: at("2026-11-24 09:00:00")},
		"c.state: run 7f3a, an undo, was interrupted 20:58 today after 1h 58m.\n" +
			"Finish the undo with:  mailhaul undo MAILBOX...\nOr bring back what it took:  mailhaul apply\n": {State: "c.state",
			Run: &stopped, Undo: true, Next: "mailhaul apply", Now: at("2026-11-23 21:00:00")},
		"c.state: last run 7f3a, pass \"prestage\", ended 20:58 today after 1h 58m.\nAn undo of anna@a.example has stopped in the middle.\n" +
			"Finish the undo with:  mailhaul undo anna@a.example\nOr bring back what it took:  mailhaul apply\n": {State: "c.state",
			Run: &ended, Undoing: []string{"anna@a.example"}, Next: "mailhaul apply", Now: at("2026-11-23 21:00:00")},
	} {
		if got := rendered(t, 200, nil, func(o Output) error { o.IsTerminal = true; return Status(o, s) }); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestVerify(t *testing.T) {
	in := VerifySide{Asked: true, SignIn: "PLAIN"}
	everyWay(t, "verify", func(o Output) error {
		return Verify(o, []VerifyRow{
			{Mailbox: "anna@contoso.example", Destination: "anna@contoso.example", Source: in, Target: in, Folders: 12,
				Messages: counted(18_204, 4_100*mail.MB), QuotaKnown: true, QuotaLeft: 40 * mail.GB},
			{Mailbox: "bo@contoso.example", Destination: "bo.lind@new.example", Source: in, Target: in, Folders: 1,
				Messages: counted(1, 0), Notes: []string{`"INBOX/Archive" and "Archive" both go to "Archive"`, nasty}},
			{Mailbox: "eva@contoso.example", Destination: "eva@contoso.example", Target: in, Source: VerifySide{Asked: true,
				Problem: &plan.Problem{Side: "source", Code: mail.CodeIMAPLogin, Kind: "auth", Text: "[AUTHENTICATIONFAILED] " + nasty}}},
			{Mailbox: "ida@contoso.example", Destination: "ida@contoso.example", Source: in, Target: in, Folders: 2,
				Faults: []string{"QUOTA-FULL: destination is full, its mail needs 0.2 GB"}},
			{Mailbox: nasty, Skipped: nasty},
		})
	})
	everyWay(t, "verify alike", func(o Output) error {
		var rows []VerifyRow
		for _, name := range []string{"anna@contoso.example", "bo@contoso.example", nasty} {
			rows = append(rows, VerifyRow{Mailbox: name, Destination: name, Target: in, Source: VerifySide{Asked: true,
				Problem: &plan.Problem{Side: "source", Code: mail.CodeIMAPConnect, Kind: "transient", Text: "there is no host named mx"}}})
		}
		return Verify(o, rows)
	})
	everyWay(t, "verify transports", func(o Output) error {
		lost := []string{"Graph is a preview: nobody could try it with a tenant. Begin with one mailbox.",
			"Graph may not keep the date of arrival, and then every message shows the day of its copy.", nasty}
		graph := VerifySide{Asked: true, Transport: "graph", Lost: lost}
		byIMAP := VerifySide{Asked: true, Transport: "imap", Why: "not by ews: EWS-SWITCHED-OFF, not by graph: GRAPH-DENIED"}
		return Verify(o, []VerifyRow{
			{Mailbox: "anna@contoso.example", Destination: "anna@contoso.example", Source: in, Target: graph, Folders: 12, Messages: counted(18_204, 0)},
			{Mailbox: "bo@contoso.example", Destination: "bo@contoso.example", Source: in, Target: graph, Folders: 3, Messages: counted(7, 0)},
			{Mailbox: "carla@contoso.example", Destination: "carla@contoso.example", Source: in, Target: byIMAP, Folders: 4, Messages: counted(9, 0)},
		})
	})
}

func TestFolders(t *testing.T) {
	m := mailbox(plan.Start, "dan@contoso.example", 5, counted(1_204, mail.GB))
	m.Folders[0] = plan.Folder{Path: "INBOX/Projects", Target: "Projects", Source: []byte("INBOX/Projects"), Reason: `rename "^INBOX/"`}
	m.Folders[1] = plan.Folder{Path: "Sent", Target: "Sent Items", Exists: true, Source: []byte("Sent"), Reason: "special: Sent", Done: counted(7, mail.MB)}
	m.Folders[2] = plan.Folder{Path: "Trash", Source: []byte("Trash"), Excluded: true, Reason: `exclude "^Trash(/|$)"`}
	m.Folders[3] = plan.Folder{Path: nasty, Target: nasty, Reason: nasty, Surprise: nasty}
	m.Folders[4] = plan.Folder{Path: "Shared", Target: "Shared", NoSelect: true, Reason: "as it is"}
	held := map[string]int64{"INBOX/Projects": 1_204, "Sent": 9, "Trash": 31} // two of Sent were not copied yet
	everyWay(t, "folders", func(o Output) error { return Folders(o, m, held) })
}

func TestState(t *testing.T) {
	now := at("2026-11-23 21:00:00")
	row := StateRow{Copied: counted(18_204, mail.GB), Failed: counted(2, mail.MB), Mailbox: state.Mailbox{Name: "anna@contoso.example",
		SourceEndpoint: "endpoint.imap.old", Destination: "anna@new.example", DestinationEndpoint: "endpoint.imap.new"},
		Passes: []state.MailboxPass{{Pass: "verify", Progress: state.Complete, Started: at("2026-11-21 09:00:00"), Ended: at("2026-11-21 09:01:00")},
			{Pass: "prestage", Progress: state.Failed, Started: at("2026-11-23 19:00:00"), Side: "destination", Code: mail.CodeQuotaFull}}}
	hostile := StateRow{Mailbox: state.Mailbox{Name: nasty, SourceEndpoint: nasty}, Passes: []state.MailboxPass{{Pass: nasty, Progress: nasty}}}
	everyWay(t, "state", func(o Output) error {
		o.IsTerminal = true
		info := StateInfo{Path: "contoso.state", Format: 1, Lineage: "a1b2c3", Serial: 4711, Mailboxes: 214,
			Runs: []state.Run{{ID: "7f3a", Pass: "verify", Started: at("2026-11-21 09:00:00"), Ended: at("2026-11-21 09:10:00")},
				{ID: "7f3b", Pass: "prestage", Started: at("2026-11-23 19:00:00")}},
			Passes: []state.Pass{{Name: "prestage", Kind: config.PassPrestage, OlderWritten: "90d", Older: at("2026-08-24 00:00:00")}, {Name: nasty}},
			Lock:   &Holder{ID: "7f3b", User: nasty, Host: "mig01", PID: 4121, Started: at("2026-11-23 19:00:00")}}
		folders := []state.FolderCount{{Folder: state.Folder{Path: "INBOX", Target: "INBOX", Current: true}, Copied: counted(100, 1), Pending: counted(1, 1), Doubt: counted(1, 1)},
			{Folder: state.Folder{Path: nasty, Target: nasty}, Pending: counted(3, 1), LeftOut: counted(3, 1)}}
		for _, err := range []error{StateList(o, []StateRow{row, hostile}, time.UTC), o.put("----\n"), StateShow(o, info, now), o.put("----\n"),
			StateMailbox(o, row, folders, time.UTC), StateMailbox(o, hostile, nil, time.UTC), StateList(o, nil, time.UTC)} {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// TestStateListInAPipe: a line for each mailbox, with tabs, of which none comes from a name.
func TestStateListInAPipe(t *testing.T) {
	rows := []StateRow{{Copied: counted(18_204, mail.GB), Failed: counted(2, mail.MB), Mailbox: state.Mailbox{Name: "anna@contoso.example",
		SourceEndpoint: "endpoint.imap.old", Destination: "anna@new.example", DestinationEndpoint: "endpoint.imap.new"},
		Passes: []state.MailboxPass{{Pass: "full", Progress: state.Complete, Ended: at("2026-11-21 09:01:00")}}},
		{Mailbox: state.Mailbox{Name: "a\tb\n" + nasty}}}
	text := rendered(t, 80, nil, func(o Output) error { return StateList(o, rows, time.UTC) })
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	want := "anna@contoso.example\tanna@new.example\tendpoint.imap.old\tendpoint.imap.new\t18204\t1000000000\t2\t1000000\tfull: complete 2026-11-21"
	if len(lines) != 3 || lines[1] != want {
		t.Fatalf("got %q, want %q as the second of 3 lines", lines, want)
	}
	for _, l := range lines {
		if n := strings.Count(l, "\t"); n != 8 {
			t.Errorf("%d tabs, not 8: %q", n, l)
		}
	}
	harmless(t, strings.NewReplacer("\t", " ").Replace(text))
}

// TestDocuments: each --json is one document that reads back, and none steers a terminal.
func TestDocuments(t *testing.T) {
	run := state.Run{ID: "7f3a", Pass: "prestage", Started: at("2026-11-23 19:00:00"), Ended: at("2026-11-23 20:00:00"), ExitCode: 3}
	status := statusOf()
	status.Run = &run
	for name, write := range map[string]func(io.Writer) error{
		"plan":     func(w io.Writer) error { return PlanJSON(w, hostile()) },
		"status":   func(w io.Writer) error { return StatusJSON(w, status) },
		"failures": func(w io.Writer) error { f := failures(); f.Messages = f.Messages[28:]; return FailuresJSON(w, f) },
		"verify": func(w io.Writer) error {
			return VerifyJSON(w, []VerifyRow{{Mailbox: nasty, Source: VerifySide{Asked: true, SignIn: "PLAIN"}}},
				[]SignIn{{Endpoint: nasty, Method: nasty, Tenant: nasty, Application: nasty, Roles: []string{nasty}}})
		},
		"version": func(w io.Writer) error {
			return VersionJSON(w, Version{Version: "1.0.0", Go: "go1.26", System: "linux/amd64"})
		},
		"nothing failed": func(w io.Writer) error { return FailuresJSON(w, FailureList{}) },
	} {
		var buf bytes.Buffer
		if err := write(&buf); err != nil {
			t.Fatal(err)
		}
		harmless(t, buf.String())
		d := json.NewDecoder(&buf)
		text := buf.String()
		var got map[string]any
		if err := d.Decode(&got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Errorf("%s: more than one document", name)
		}
		kind := strings.Replace(name, "nothing failed", "failures", 1)
		if _, described := documents()[kind]; described {
			compile(t, kind, true).check(t, []byte(text))
		}
		golden(t, "doc-"+strings.ReplaceAll(name, " ", "-")+".json", text)
	}
}

// TestPlanJSONIsThePlan: what --json shows is what a plan file holds.
func TestPlanJSONIsThePlan(t *testing.T) {
	p := hostile()
	p.Mailboxes[0].Folders[0].Source = []byte(nasty)
	var buf bytes.Buffer
	if err := PlanJSON(&buf, p); err != nil {
		t.Fatal(err)
	}
	var got plan.Plan
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := strings.ToValidUTF8(nasty, "\ufffd"); got.Mailboxes[0].Name != want || string(got.Mailboxes[0].Folders[0].Source) != nasty {
		t.Errorf("read back %q and %q", got.Mailboxes[0].Name, got.Mailboxes[0].Folders[0].Source)
	}
}

func TestVersion(t *testing.T) {
	if got := rendered(t, 80, nil, func(o Output) error {
		return VersionText(o, Version{Version: "1.0.0", Commit: "abc", Go: "go1.26", System: "linux/amd64"})
	}); got != "mailhaul 1.0.0  abc  go1.26  linux/amd64\n" {
		t.Errorf("got %q", got)
	}
}
