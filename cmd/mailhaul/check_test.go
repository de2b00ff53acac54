package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/compare"
)

// TestDovecotCheck: after a copy check finds all the same; then each kind of damage is found and named.
func TestDovecotCheck(t *testing.T) {
	const anna, bo = "anna@contoso.example", "bo@contoso.example"
	m := newMigration(t, anna, bo)
	m.program = built(t)
	m.fill(150, 20<<20)
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	text := func(id, body string) []byte {
		return fmt.Appendf(nil, "Message-ID: <%s@x>\r\nFrom: a@b\r\nSubject: SECRETSUBJECT %s\r\n\r\n%s\r\n", id, id, body)
	}
	put := func(a compare.Account, octets []byte, date time.Time) {
		t.Helper()
		if err := compare.Add(t.Context(), a, "Lists", octets, date); err != nil {
			t.Fatal(err)
		}
	}
	source, target := m.account(m.old, anna, "old"), m.account(m.new, anna, "new")
	for _, id := range []string{"lost", "twice", "flagged", "altered"} {
		put(source, text(id, "body"), day)
	}
	m.must(0, "apply", "--auto-approve")
	for _, how := range [][]string{nil, {"--headers"}, {"--sample", "25"}} {
		r := m.must(0, append([]string{"check", "--trace", "trace"}, how...)...)
		if !strings.Contains(r.stdout, "2 mailboxes: 2 whole.") || strings.Contains(r.stdout, "missing") {
			t.Errorf("check %v says:\n%s", how, r.stdout)
		}
		if r.peak > 64<<20 {
			t.Errorf("check %v: %d octets resident", how, r.peak)
		}
	}

	dovecot := func(what string, args ...string) {
		m.new.Doveadm(append(append(strings.Fields(what), "-u", anna), args...)...)
	}
	dovecot("expunge", "mailbox", "Lists", "header", "Message-ID", "lost@x")
	dovecot("expunge", "mailbox", "Lists", "header", "Message-ID", "altered@x")
	dovecot("flags add", `\Flagged`, "mailbox", "Lists", "header", "Message-ID", "flagged@x")
	put(target, text("altered", "bodY"), day)
	put(target, text("twice", "body"), day)
	put(target, text("new", "body"), day)

	r := m.must(3, "check", "--out", "found.jsonl")
	for _, want := range []string{"1 missing, 1 twice, 1 altered;", "differs: octets", "differs: flags", "twice", "extra"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("check does not say %q:\n%s", want, r.stdout)
		}
	}
	if !strings.Contains(r.stdout, "2 mailboxes: 1 whole, 1 not.") || strings.Contains(r.stdout+r.stderr, "SECRETSUBJECT") {
		t.Errorf("check says:\n%s%s", r.stdout, r.stderr)
	}
	signs := map[string]int{}
	octets, err := os.ReadFile(filepath.Join(m.dir, "found.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(octets) {
		var found struct{ Type, Mailbox, Sign string }
		if err := json.Unmarshal(line, &found); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if found.Type == "message" {
			signs[found.Mailbox+" "+found.Sign]++
		}
	}
	// The rest is the same, each message by name: the file holds every one.
	same := signs[anna+" ="] + signs[bo+" ="]
	delete(signs, anna+" =")
	delete(signs, bo+" =")
	if fmt.Sprint(signs) != fmt.Sprint(map[string]int{anna + " -": 1, anna + " 2": 1, anna + " +": 1, anna + " ~": 2}) ||
		!strings.Contains(strings.Join(strings.Fields(r.stdout), " "), fmt.Sprintf("; %d messages the same,", same)) {
		t.Errorf("the file names %v and %d that are the same:\n%s", signs, same, r.stdout)
	}
	m.must(0, "check", bo)
	m.noCanary()
	m.onlyReading()
}
