package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/proxy"
	"mailhaul/state/fault"
)

// removing gives the commands that a server was sent and that remove something, or mark it so.
func removing(p *proxy.Proxy) (lines []string) {
	for _, c := range p.Commands() {
		marks := c.Verb() == "UID STORE" && strings.Contains(strings.ToLower(c.Line), "deleted")
		if marks || slices.Contains([]string{"STORE", "EXPUNGE", "UID EXPUNGE", "CLOSE", "DELETE", "RENAME", "MOVE", "UID MOVE"}, c.Verb()) {
			lines = append(lines, c.Line)
		}
	}
	return lines
}

// count gives how many messages a folder of the destination holds.
func (m *migration) count(folder string) string {
	m.t.Helper()
	return strings.TrimSpace(m.new.Doveadm("mailbox", "status", "-u", m.users[0], "messages", folder))
}

// TestDovecotUndo: what users touched, what was there and what they marked as deleted stays; all else of ours goes, and
// comes again. Nothing but an undo ever sends what removes, and a source never sees it.
func TestDovecotUndo(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	user := m.users[0]
	m.passes = "pass \"verify\" {}\npass \"trial\" {}\npass \"full\" {}"
	m.write()
	m.fill(60, 0)
	m.add(m.new, "new", []byte("Subject: own\r\n\r\nThe user's.\r\n"), `\Deleted`)
	for range 3 {
		m.must(0, "apply", "--auto-approve")
	}
	if sent := removing(m.toNew); len(sent) != 0 {
		t.Errorf("passes sent %q", sent)
	}
	m.new.Doveadm("flags", "add", "-u", user, "Looked", "mailbox", "INBOX", "UID", "2")
	m.new.Doveadm("mailbox", "create", "-u", user, "Kept")
	m.new.Doveadm("move", "-u", user, "Kept", "mailbox", "INBOX", "UID", "3")
	r := m.must(0, "undo", user, "--auto-approve")
	for _, want := range []string{"1  read, answered", "1  moved or deleted since"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in:\n%s", want, r.stdout)
		}
	}
	if got := m.count("INBOX"); !strings.HasSuffix(got, "messages=2") {
		t.Errorf("after undo: %s", got)
	}
	folders := strings.Fields(m.new.Doveadm("mailbox", "list", "-u", user))
	if slices.Sort(folders); !slices.Equal(folders, []string{"INBOX", "Kept"}) {
		t.Errorf("after undo the folders are %q", folders)
	}
	for _, line := range removing(m.toNew) {
		if verb := strings.ToUpper(line); !strings.HasPrefix(verb, "UID ") && !strings.HasPrefix(verb, "DELETE ") {
			t.Errorf("undo sent %q", line)
		}
	}
	m.must(0, "state", "check")
	m.must(0, "apply", "--auto-approve", "--pass", "full")
	m.onlyReading()
	m.noCanary()
	m.new.Doveadm("flags", "remove", "-u", user, "Looked", "mailbox", "INBOX", "UID", "2")
	m.new.Doveadm("move", "-u", user, "INBOX", "mailbox", "Kept", "ALL")
	m.new.Doveadm("expunge", "-u", user, "mailbox", "INBOX", "DELETED")
	m.new.Doveadm("mailbox", "delete", "-u", user, "Kept")
	m.same()
}

// TestDovecotUndoIsCut breaks the connection to the destination once at many octets of an undo, in both directions: it goes
// on by itself, and apply brings all again.
func TestDovecotUndoIsCut(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.fill(40, 0)
	struck := 0
	for i := range 8 {
		m.must(0, "apply", "--auto-approve", "--pass", "full")
		m.toNew.Forget()
		faults := proxy.Faults{After: 1, CutToServer: int64(250 + 110*i)} // the survey's session passes whole
		if i%2 == 1 {
			faults = proxy.Faults{After: 1, CutToClient: int64(1500 + 700*i)}
		}
		before := m.toNew.Struck()
		m.toNew.Set(faults)
		m.must(0, "undo", "*", "--auto-approve")
		struck += m.toNew.Struck() - before
		m.toNew.Mend()
		if got := m.count("INBOX"); !strings.HasSuffix(got, "messages=0") {
			t.Errorf("cut %d: %s", i, got)
		}
	}
	m.must(0, "apply", "--auto-approve", "--pass", "full")
	m.same()
	m.must(0, "state", "check")
	m.onlyReading()
	if struck < 6 {
		t.Errorf("only %d connections were cut", struck)
	}
}

// TestDovecotUndoIsKilled kills an undo at random moments: the next apply comes to a right end.
func TestDovecotUndoIsKilled(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.program = built(t)
	m.fill(60, 0)
	m.must(0, "apply", "--auto-approve", "--pass", "full")
	started := time.Now()
	m.must(0, "undo", "*", "--auto-approve")
	whole := time.Since(started)
	for range 10 {
		m.must(0, "apply", "--auto-approve", "--pass", "full")
		m.same()
		c := m.command("undo", "*", "--auto-approve")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(rand.N(whole), func() { _ = c.Process.Kill() }) // it may have ended
		_ = c.Wait()                                                            // killed or not, what comes after is judged
		timer.Stop()
	}
	m.must(0, "apply", "--auto-approve", "--pass", "full")
	m.same()
	m.must(0, "state", "check")
}

// TestDovecotWithoutUIDPlus: where exactly what is named can't be removed, nothing is.
func TestDovecotWithoutUIDPlus(t *testing.T) {
	t.Parallel()
	p := newPair(t, 1, dovecot.Options{Capability: "IMAP4rev1 SASL-IR ID ENABLE NAMESPACE UNSELECT LITERAL+"})
	m := p.migration(t)
	m.fill(10, 0)
	m.must(0, "apply", "--auto-approve")
	r := m.must(3, "undo", "*", "--auto-approve")
	if !strings.Contains(r.stdout, "IMAP-UIDPLUS-MISSING") || len(removing(m.toNew)) != 0 {
		t.Errorf("%s\n%q", r.stdout, removing(m.toNew))
	}
	m.same()
}

// TestDovecotUndoIsKilledAndAFolderRenamed kills an undo before the server is told, once it is marked and once it is gone,
// and renames the folder: status says what to do, and the next apply copies nothing twice.
func TestDovecotUndoIsKilledAndAFolderRenamed(t *testing.T) {
	t.Parallel()
	points := map[fault.Point]string{fault.AfterUndoIntent: "messages=6", fault.AfterUndoMark: "messages=6", fault.AfterUndoErase: "messages=0"}
	p := newPair(t, len(points), dovecot.Options{})
	undo := scenario{undo: true}
	for point, left := range points {
		m := p.migration(t)
		user := m.users[0]
		m.old.Doveadm("mailbox", "create", "-u", user, "Projects")
		for i := range 6 {
			err := compare.Add(t.Context(), m.account(m.old, user, "old"), "Projects", fmt.Appendf(nil, "Subject: %d\r\n\r\nHello.\r\n", i), old2020)
			if err != nil {
				t.Fatal(err)
			}
		}
		m.must(0, "apply", "--auto-approve")
		p.killed(m, undo, point, 1)
		if r := m.must(0, "status", "--json"); !strings.Contains(r.stdout, `"undoing": [`) || !strings.Contains(r.stdout, user) {
			t.Errorf("status after %s:\n%s", point, r.stdout)
		}
		m.new.Doveadm("mailbox", "rename", "-u", user, "Projects", "Mine")
		m.must(0, "apply", "--auto-approve")
		if got := m.count("Mine"); !strings.HasSuffix(got, left) {
			t.Errorf("after %s: %s", point, got)
		}
		if left != "messages=0" {
			m.new.Doveadm("mailbox", "delete", "-u", user, "Projects")
			m.new.Doveadm("mailbox", "rename", "-u", user, "Mine", "Projects")
		} else {
			m.new.Doveadm("mailbox", "delete", "-u", user, "Mine")
		}
		m.same()
		m.must(0, "state", "check")
		if r := m.must(0, "status", "--json"); strings.Contains(r.stdout, `"undoing"`) {
			t.Errorf("status at the end:\n%s", r.stdout)
		}
	}
}
