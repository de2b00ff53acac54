package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func pow(base, exponent float64) float64 { return math.Pow(base, exponent) }

// contender is a program that copies. prepare writes its files; run is measured.
type contender struct {
	name    string
	prepare func(b *testing.B, a *arena, s *stage, dir string)
	run     func(b *testing.B, a *arena, s *stage, dir string) (peak int64)
}

func contenders(s *stage) []contender {
	all := []contender{{"mailhaul", prepareMailhaul, runMailhaul}}
	if s.alone {
		return all
	}
	if _, err := exec.LookPath("mbsync"); err == nil {
		all = append(all, contender{"mbsync", prepareMbsync, runMbsync})
	}
	if s.unchanged || s.mail.folders > 1 {
		return all // the bound keeps no memory of what it copied, and knows one folder only
	}
	return append(all, contender{"raw single", nil, raw(1)}, contender{"raw multi", nil, raw(50)})
}

// measure lets all programs do the work, in turns. A first turn that does not count warms caches; where nothing has
// changed it is what brings the mail over. Memory is measured in a turn of its own, for looking at it a hundred times a
// second takes time from whoever is looked at.
func (a *arena) measure(b *testing.B, w work, r *report) {
	s := a.stage(b, w)
	all := contenders(s)
	dirs := make([]string, len(all))
	turns := *rounds + 2
	if w.alone {
		turns = 2
	}
	for turn := range turns {
		a.watching = turn == turns-1
		for i, c := range all {
			if !w.unchanged {
				a.empty(b, w.mail)
				dirs[i] = ""
			}
			if dirs[i] == "" {
				dirs[i] = a.project(b, c, s)
			}
			if w.unchanged && turn > 0 {
				a.move(b, w.mail, dirs[i], a.homes())
			}
			f := a.once(b, c, s, dirs[i])
			if w.unchanged {
				a.move(b, w.mail, a.homes(), dirs[i])
			}
			switch {
			case a.watching && !w.alone:
				r.remember(w, c.name, f.peak)
			case turn > 0:
				r.add(w, c.name, f)
				r.remember(w, c.name, f.peak)
			}
		}
	}
	a.empty(b, w.mail)
	r.metrics(b, w)
}

// move moves the destination's mailboxes between the server and the directory of the program that filled them: where
// nothing has changed each finds its own copy.
func (a *arena) move(b *testing.B, k mailKind, from, to string) {
	b.Helper()
	for i := range k.mailboxes {
		if err := os.Rename(filepath.Join(from, k.user(i)), filepath.Join(to, k.user(i))); err != nil {
			b.Fatal(err)
		}
	}
}

func (a *arena) project(b *testing.B, c contender, s *stage) string {
	b.Helper()
	a.runs++
	dir := filepath.Join(a.dir, fmt.Sprintf("run%d", a.runs))
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	if c.prepare != nil {
		c.prepare(b, a, s, dir)
	}
	return dir
}

// once is one run: figures, and the proof that it did the work.
func (a *arena) once(b *testing.B, c contender, s *stage, dir string) figures {
	b.Helper()
	f := figures{busy: awaitQuiet()}
	before := s.turns()
	start := time.Now()
	f.peak = c.run(b, a, s, dir)
	f.wall = time.Since(start)
	for i, n := range s.turns() {
		f.turns[i] = n - before[i]
	}
	a.arrived(b, s, c.name)
	return f
}

func (s *stage) turns() (n [2]int) {
	if s.old.proxy != nil {
		n = [2]int{s.old.proxy.Turns(), s.new.proxy.Turns()}
	}
	return n
}

// raw runs the bound of the protocol, a program as the others are.
func raw(group int) func(*testing.B, *arena, *stage, string) int64 {
	return func(b *testing.B, a *arena, s *stage, dir string) int64 {
		b.Helper()
		users := make([]string, s.mail.mailboxes)
		for i := range users {
			users[i] = s.mail.user(i)
		}
		request, err := json.Marshal(map[string]any{"From": s.old.server(), "To": s.new.server(), "Users": users,
			"Password": benchPassword, "Group": group})
		if err != nil {
			b.Fatal(err)
		}
		c := exec.Command(a.bound) //nolint:gosec // built by newArena
		c.Stdin = bytes.NewReader(request)
		return a.finishAll(b, dir, c)
	}
}

func prepareMailhaul(b *testing.B, _ *arena, s *stage, dir string) {
	b.Helper()
	hcl := fmt.Sprintf("mailhaul {\n  mailboxes = %d\n}\n", s.mail.mailboxes)
	for name, d := range map[string]door{"old": s.old, "new": s.new} {
		protection := "tls = \"none\"\n  allow_plaintext = true"
		if d.caFile != "" {
			protection = fmt.Sprintf("tls = \"implicit\"\n  ca_file = %q", d.caFile)
		}
		hcl += fmt.Sprintf("endpoint \"imap\" %q {\n  host = %q\n  port = %d\n  connections = 100\n  %s\n}\n",
			name, d.host, d.port, protection)
	}
	hcl += "users \"staff\" {\n  from = endpoint.imap.old\n  to = endpoint.imap.new\n  csv = \"users.csv\"\n}\n" +
		"pass \"full\" {}\n"
	csv := "source,password,destination,destination_password\n"
	for i := range s.mail.mailboxes {
		csv += fmt.Sprintf("%[1]s,%[2]s,%[1]s,%[2]s\n", s.mail.user(i), benchPassword)
	}
	put(b, dir, "mailhaul.hcl", hcl)
	put(b, dir, "users.csv", csv)
}

func put(b *testing.B, dir, name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func runMailhaul(b *testing.B, a *arena, _ *stage, dir string) int64 {
	b.Helper()
	c := exec.Command(a.program, "apply", "--auto-approve")
	return a.finishAll(b, dir, c)
}

// prepareMbsync writes one configuration for each mailbox: one mbsync does its channels one after the other.
func prepareMbsync(b *testing.B, _ *arena, s *stage, dir string) {
	b.Helper()
	for i := range s.mail.mailboxes {
		user := s.mail.user(i)
		rc := ""
		for name, d := range map[string]door{"old": s.old, "new": s.new} {
			protection := "SSLType None\nAuthMechs LOGIN"
			if d.caFile != "" {
				// The certificate is for this name; mbsync checks no IP addresses.
				d.host, protection = "localhost", "SSLType IMAPS\nSystemCertificates no\nCertificateFile "+d.caFile
			}
			rc += fmt.Sprintf("IMAPAccount %[1]s\nHost %s\nPort %d\nUser %s\nPass %s\n%s\n\nIMAPStore %[1]s\nAccount %[1]s\n\n",
				name, d.host, d.port, user, benchPassword, protection)
		}
		rc += "Channel all\nFar :old:\nNear :new:\nPatterns *\nCreate Near\nSync Pull\nCopyArrivalDate yes\nSyncState " +
			filepath.Join(dir, fmt.Sprintf("state%d", i)) + "/\n"
		put(b, dir, fmt.Sprintf("rc%d", i), rc)
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprintf("state%d", i)), 0o700); err != nil {
			b.Fatal(err)
		}
	}
}

func runMbsync(b *testing.B, a *arena, s *stage, dir string) int64 {
	b.Helper()
	var all []*exec.Cmd
	for i := range s.mail.mailboxes {
		all = append(all, exec.Command("mbsync", "-q", "-c", fmt.Sprintf("rc%d", i), "all")) //nolint:gosec // our own argument
	}
	return a.finishAll(b, dir, all...)
}

// finishAll runs processes at once until all have ended well. Their memory is added up, if it is looked at.
func (a *arena) finishAll(b *testing.B, dir string, all ...*exec.Cmd) (sum int64) {
	b.Helper()
	outputs, peaks := make([]bytes.Buffer, len(all)), make([]func() int64, len(all))
	for i, c := range all {
		c.Dir, c.Stdout, c.Stderr = dir, &outputs[i], &outputs[i]
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		peaks[i] = func() int64 { return 0 }
		if a.watching {
			peaks[i] = watchMemory(c.Process.Pid)
		}
	}
	for i, c := range all {
		if err := c.Wait(); err != nil {
			b.Fatalf("%s: %v\n%s", strings.Join(c.Args, " "), err, outputs[i].String())
		}
		sum += peaks[i]()
	}
	return sum
}
