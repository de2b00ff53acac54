package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/proxy"
	"mailhaul/state/fault"
)

// pair is two Dovecots for many small migrations, each of a user of its own.
type pair struct {
	old, new *dovecot.Server
	faulty   string // the program built with the tag "faults"
	users    chan string
}

func newPair(t *testing.T, users int, opts dovecot.Options) *pair {
	t.Helper()
	p := &pair{faulty: buildFaulty(t), users: make(chan string, users)}
	sides := map[string]map[string]string{"old": {}, "new": {}}
	for i := range users {
		user := fmt.Sprintf("u%03d@contoso.example", i)
		for side, passwords := range sides {
			passwords[user] = passwordOf(user, side)
		}
		p.users <- user
	}
	p.old = dovecot.Start(t, dovecot.Options{Users: sides["old"]})
	opts.Users = sides["new"]
	p.new = dovecot.Start(t, opts)
	return p
}

// migration makes a project for the next user, with proxies and a state file of its own.
func (p *pair) migration(t *testing.T) *migration {
	t.Helper()
	m := &migration{t: t, dir: memoryDir(t), program: built(t), old: p.old, new: p.new, users: []string{<-p.users},
		passes: `pass "full" {}`, endpoint: `grace = "1s"`}
	m.toOld, m.toNew = proxy.Start(t, m.old.Addr()), proxy.Start(t, m.new.Addr())
	m.write()
	return m
}

// memoryDir is a directory in memory where there is one: what survives a killed process does not need a disk.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "mailhaul-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// buildFaulty builds the program that obeys the names of package fault.
func buildFaulty(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mailhaul-faults")
	if out, err := exec.Command("go", "build", "-tags", "faults", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// scenario is a migration in which some of the points lie.
type scenario struct {
	name string
	// before brings both sides to where the run begins that is to die.
	before func(m *migration)
	// undo says that the run is one that takes back what was copied.
	undo bool
}

// command is the run that dies.
func (s scenario) command() []string {
	if s.undo {
		return []string{"undo", "*", "--auto-approve"}
	}
	return []string{"apply", "--auto-approve"}
}

var adopted = []byte("From: a@b.example\r\nSubject: on both sides\r\n\r\nCopied by hand before.\r\n")

// scenarios: new mail in many folders, with equal messages, one of several chunks, and one that is there already; an
// answer that is lost; a literal that is cut; an undo; changed flags.
func scenarios() []scenario {
	first := func(m *migration) {
		m.fill(24, 600_000)
		m.add(m.old, "old", adopted, `\Seen`)
		m.add(m.new, "new", adopted, `\Seen`)
	}
	return []scenario{
		{name: "first copy", before: first},
		{name: "lost answer", before: func(m *migration) { first(m); m.toNew.Set(proxy.Faults{Times: 2, SwallowAppend: 3}) }},
		{name: "cut literal", before: func(m *migration) { first(m); m.toNew.Set(proxy.Faults{Times: 2, CutToServer: 8_000}) }},
		{name: "undo", undo: true, before: func(m *migration) { first(m); m.must(0, "apply", "--auto-approve") }},
		{name: "flags", before: func(m *migration) {
			m.fill(16, 0)
			m.must(0, "apply", "--auto-approve")
			m.add(m.old, "old", []byte("Subject: new\r\n\r\nNew mail.\r\n"))
			m.old.Doveadm("flags", "add", "-u", m.users[0], `\Flagged`, "mailbox", "*", "SENTBEFORE", "2030-01-01")
		}},
	}
}

func (m *migration) add(s *dovecot.Server, side string, octets []byte, flags ...string) {
	m.t.Helper()
	if err := compare.Add(m.t.Context(), m.account(s, m.users[0], side), "INBOX", octets, old2020, flags...); err != nil {
		m.t.Fatal(err)
	}
}

// TestHardCase_R01_CrashPoints lets the real program die at every registered point, at its first time and at a later
// one, and goes on with the program as users have it: nothing lost, nothing twice, and then nothing left to send. The
// scenarios must reach every point.
func TestHardCase_R01_CrashPoints(t *testing.T) {
	t.Parallel()
	all := scenarios()
	p := newPair(t, len(all)+len(fault.Points()), dovecot.Options{})
	if octets, err := os.ReadFile(built(t)); err != nil || bytes.Contains(octets, []byte("MAILHAUL_CRASH")) {
		t.Errorf("the program as users have it knows of crash points (%v)", err)
	}
	hits := make([]map[fault.Point]int, len(all))
	var g errgroup.Group
	for i, s := range all {
		g.Go(func() error {
			t.Run(s.name, func(t *testing.T) { hits[i] = p.reached(t, s) })
			return nil
		})
	}
	_ = g.Wait() // they give no error; subtests fail by themselves
	g.SetLimit(6)
	for _, point := range fault.Points() {
		i := 0
		for i < len(all) && hits[i][point] == 0 {
			i++
		}
		if i == len(all) {
			t.Errorf("no scenario reaches %s", point)
			continue
		}
		g.Go(func() error {
			t.Run(string(point), func(t *testing.T) { p.dies(t, all[i], point, hits[i][point]) })
			return nil
		})
	}
	_ = g.Wait() // likewise
}

// reached counts how often a run of the scenario that does not die reaches each point.
func (p *pair) reached(t *testing.T, s scenario) map[fault.Point]int {
	m := p.migration(t)
	s.before(m)
	m.program, m.env = p.faulty, []string{"MAILHAUL_HITS=" + filepath.Join(m.dir, "hits")}
	m.must(0, s.command()...)
	if s.undo {
		m.must(0, "apply", "--auto-approve")
	}
	m.same()
	octets, err := os.ReadFile(filepath.Join(m.dir, "hits"))
	if err != nil {
		t.Fatal(err)
	}
	hits := map[fault.Point]int{}
	for _, line := range strings.Fields(string(octets)) {
		hits[fault.Point(line)]++
	}
	return hits
}

// dies lets a run die when it reaches the point for the first time, and where there are many times the next run at a
// later one, and judges what comes after that.
func (p *pair) dies(t *testing.T, s scenario, point fault.Point, hits int) {
	m := p.migration(t)
	s.before(m)
	p.killed(m, s, point, 1)
	switch {
	case s.undo: // the next apply comes to a right end, and so does the next undo
		m.finishes()
		p.killed(m, s, point, 1)
		m.must(0, s.command()...)
	case hits > 3:
		p.killed(m, s, point, 1+hits/3)
	}
	t.Logf("%s, reached %d times in %s", point, hits, s.name)
	m.toNew.Mend()
	m.finishes()
}

// killed runs a command until it dies at the point, and fails the test if it does not.
func (p *pair) killed(m *migration, s scenario, point fault.Point, n int) {
	m.t.Helper()
	c := m.command(s.command()...)
	c.Path, c.Env = p.faulty, append(c.Env, fmt.Sprintf("MAILHAUL_CRASH=%s:%d", point, n))
	out, err := c.CombinedOutput()
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		m.t.Fatalf("the run did not die at %s:%d: %v\n%s", point, n, err, out)
	}
}

// finishes goes on after a run that died: to the end, once, and for good.
func (m *migration) finishes() {
	m.t.Helper()
	m.must(0, "apply", "--auto-approve")
	m.same()
	m.toNew.Forget()
	m.must(0, "apply", "--auto-approve")
	if sent := m.toNew.Count("APPEND"); sent != 0 {
		m.t.Errorf("with everything copied %d APPENDs were sent", sent)
	}
	m.must(0, "state", "check")
}
