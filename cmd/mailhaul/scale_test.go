package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/state"
	"mailhaul/state/mail"
)

var (
	scaleMailboxes = flag.Int("mailboxes", 100, "BenchmarkScale: how many mailboxes, with a thousand messages each")
	scaleDir       = flag.String("scaledir", "", "BenchmarkScale: where the state file is built; empty: where temporary files go")
)

// BenchmarkScale measures whole commands over a large ledger that asks nobody: the time from the start of the process to
// its end. A third of the mailboxes is copied, a third has mail on both sides of the pass's bound left, and a third is
// only listed: such a ledger is what the planning of a second night finds.
func BenchmarkScale(b *testing.B) {
	dir, err := os.MkdirTemp(*scaleDir, "scale-*")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) }) // the system clears it some day
	large(b, dir, *scaleMailboxes)
	for _, command := range []string{"plan --offline --pass prestage", "plan --offline --pass full",
		"plan --offline --pass full --json", "status", "status --json", "failures"} {
		b.Run(strings.ReplaceAll(command, " ", "_"), func(b *testing.B) {
			var took, busy time.Duration
			for b.Loop() {
				c := exec.Command(built(b), append([]string{"--chdir", dir}, strings.Fields(command)...)...)
				c.Env = append(os.Environ(), "HOME="+dir)
				began := time.Now()
				out, err := c.CombinedOutput()
				if err != nil {
					b.Fatalf("%s: %v\n%s", command, err, out)
				}
				took += time.Since(began)
				busy += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
			}
			b.ReportMetric(took.Seconds()/float64(b.N), "s/command")
			b.ReportMetric(busy.Seconds()/float64(b.N), "cpu-s/command")
		})
	}
}

const (
	scaleFolders  = 10  // of each mailbox
	scaleMessages = 100 // of each folder
)

// large writes a project of so many mailboxes and its state file.
func large(b *testing.B, dir string, mailboxes int) {
	b.Helper()
	csv := "source,password,destination,destination_password\n"
	for n := range mailboxes {
		csv += fmt.Sprintf("u%05d@old.example,secret,u%05d@new.example,secret\n", n, n)
	}
	for name, text := range map[string]string{"mailhaul.hcl": scaleProject, "users.csv": csv} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	l, err := state.Open(b.Context(), filepath.Join(dir, "mailhaul.state"), state.Options{Version: "test", Command: "test"})
	if err != nil {
		b.Fatal(err)
	}
	run, err := l.BeginRun(b.Context(), "prestage")
	if err != nil {
		b.Fatal(err)
	}
	var g errgroup.Group
	g.SetLimit(64) // they share commits
	for n := range mailboxes {
		g.Go(func() error { return largeMailbox(b, l, run, n) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	run.ExitCode = 130
	if err := l.EndRun(b.Context(), run); err != nil {
		b.Fatal(err)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

const scaleProject = `endpoint "imap" "old" { host = "imap.old.example" }
endpoint "imap" "new" { host = "imap.new.example" }
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
pass "prestage" { older_than = "90d" }
pass "full" {}
`

// largeMailbox writes one mailbox with its folders and messages.
func largeMailbox(b *testing.B, l *state.Ledger, run state.Run, n int) error {
	box, err := l.PutMailbox(b.Context(), state.Mailbox{Name: fmt.Sprintf("u%05d@old.example", n), SourceEndpoint: "endpoint.imap.old",
		Destination: fmt.Sprintf("u%05d@new.example", n), DestinationEndpoint: "endpoint.imap.new"})
	if err != nil {
		return err
	}
	var rows []state.Message
	for k := range scaleFolders {
		name := fmt.Sprintf("Projects/%02d", k)
		f, err := l.PutFolder(b.Context(), state.Folder{Mailbox: box.ID, Source: name, Path: name, Current: true, Complete: true,
			SourceStatus: mail.Status{UIDValidity: 1, UIDNext: scaleMessages + 1, Messages: scaleMessages}, Listed: scaleMessages + 1,
			Destination: name, Target: name})
		if err != nil {
			return err
		}
		for u := range scaleMessages {
			m := state.Message{Folder: f.ID, UID: mail.UID(u + 1), Size: mail.Size(1000 + (n*7919+k*104729+u*1299709)%200_000),
				InternalDate: time.Now().AddDate(0, 0, -u*5/2).Truncate(time.Second)}
			if n%3 == 0 || n%3 == 1 && u >= 18 {
				m.State, m.DestinationUID = state.StateLanded, mail.UID(u+1)
			}
			rows = append(rows, m)
		}
	}
	if err := l.See(b.Context(), rows); err != nil || n%3 != 0 {
		return err
	}
	return l.PutMailboxPass(b.Context(), state.MailboxPass{Mailbox: box.ID, Pass: "prestage", Progress: state.Complete, Run: run.ID,
		Started: run.Started, Ended: run.Started})
}
