package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// passes writes passes as "verify prestage full retry"; "+x" is implied, "x:kind" has a kind of its own, "x<y" comes
// after y. Like package config, each comes after the one written before it.
func passes(words string) []*config.Pass {
	var out []*config.Pass
	last := ""
	for _, word := range strings.Fields(words) {
		p := &config.Pass{Order: config.OrderOldestFirst, Attempts: 3}
		p.Name, p.Implied = strings.CutPrefix(word, "+")
		name, after, written := strings.Cut(p.Name, "<")
		p.Name, p.Kind, _ = strings.Cut(name, ":")
		if p.Kind == "" {
			p.Kind = p.Name
		}
		if p.After = after; !written && !p.Implied {
			p.After = last
		}
		if !p.Implied {
			last = p.Name
		}
		out = append(out, p)
	}
	return out
}

// people makes mailboxes; a name with a "." in front is skipped.
func people(names string) []*config.Mailbox {
	var out []*config.Mailbox
	for _, n := range strings.Fields(names) {
		m := &config.Mailbox{}
		if bare, skipped := strings.CutPrefix(n, "."); skipped {
			n, m.Skip = bare, "agreed"
		}
		m.Source.Address = n
		out = append(out, m)
	}
	return out
}

// records writes how mailboxes stand: "anna verify=complete prestage=failed; bo verify=complete".
func records(text string) map[string]map[string]state.MailboxPass {
	out := map[string]map[string]state.MailboxPass{}
	for _, part := range strings.Split(text, ";") {
		words := strings.Fields(part)
		for i, w := range words {
			if i == 0 {
				out[w] = map[string]state.MailboxPass{}
				continue
			}
			pass, progress, _ := strings.Cut(w, "=")
			out[words[0]][pass] = state.MailboxPass{Pass: pass, Progress: state.Progress(progress), Code: mail.CodeIMAPLogin}
		}
	}
	return out
}

// decided writes a Due as a line.
func decided(d Due) string {
	s := "nothing"
	if d.Pass != nil {
		s = d.Pass.Name
	}
	s += ": " + strings.Join(d.Mailboxes, " ")
	for _, name := range d.Mailboxes {
		if p := d.Resume[name]; p != nil {
			s += fmt.Sprintf(" (%s resumes %s)", name, p.Name)
		}
	}
	for _, h := range d.Held {
		s += fmt.Sprintf(" (%s held at %s)", h.Mailbox, h.Pass)
	}
	if len(d.Early) > 0 {
		s += " (early: " + strings.Join(d.Early, " ") + ")"
	}
	if d.Delta {
		s += " (delta)"
	}
	if d.NothingLeft {
		s += " (nothing left)"
	}
	return s
}

func TestNextPass(t *testing.T) {
	const usual = "verify prestage full retry"
	tests := []struct {
		name, passes, mailboxes, records, failures, named, want string
	}{
		{name: "the first pass, of all that are not skipped", mailboxes: "anna .test bo", want: "verify: anna bo"},
		{name: "verify that nobody wrote is not due", passes: "full +verify +retry", mailboxes: "anna", want: "full: anna"},
		{name: "one that is behind goes first", mailboxes: "anna bo", records: "anna verify=complete prestage=complete; bo verify=complete",
			want: "prestage: bo"},
		{name: "an interrupted pass goes on", mailboxes: "anna bo", records: "anna verify=complete prestage=pending; bo verify=complete prestage=complete",
			want: "prestage: anna"},
		{name: "failed messages hold nobody up", mailboxes: "anna bo", failures: "bo",
			records: "anna verify=complete prestage=complete; bo verify=complete prestage=incomplete", want: "full: anna bo"},
		{name: "a stopped mailbox is tried again with the next pass", mailboxes: "anna bo", records: "anna verify=complete; bo verify=failed",
			want: "prestage: anna bo"},
		{name: "what a later pass has overtaken is behind", mailboxes: "anna bo", want: "full: anna bo",
			records: "anna verify=complete prestage=complete; bo verify=failed prestage=complete"},
		{name: "a mailbox that stopped again and again is tried in the last pass", mailboxes: "anna bo", want: "retry: bo (bo resumes full)",
			records: "anna verify=complete prestage=complete full=complete; bo verify=failed prestage=failed full=failed"},
		{name: "a stopped mailbox joins when its pass runs anyway", mailboxes: "anna bo", records: "anna verify=pending; bo verify=failed",
			want: "verify: anna bo"},
		{name: "the earliest pass goes first", mailboxes: "anna bo carla", want: "prestage: bo (carla held at full)",
			records: "anna verify=complete prestage=complete; bo verify=complete; carla verify=complete prestage=complete full=failed"},
		{name: "a new mailbox is due at the first pass", mailboxes: "anna bo", want: "verify: bo",
			records: "anna verify=complete prestage=complete full=complete"},
		{name: "none left and failed messages: retry", mailboxes: "anna bo", failures: "bo", want: "retry: bo",
			records: "anna verify=complete prestage=complete full=complete; bo verify=complete prestage=complete full=incomplete"},
		{name: "none left and a stopped mailbox: retry where it stopped", mailboxes: "anna bo", want: "retry: bo (bo resumes prestage)",
			records: "anna verify=complete prestage=complete full=complete; bo verify=complete prestage=failed"},
		{name: "everybody stopped at once", mailboxes: "anna bo", records: "anna verify=failed; bo verify=failed",
			want: "retry: anna bo (anna resumes verify) (bo resumes verify)"},
		{name: "an implied retry serves as well", passes: "full +verify +retry", mailboxes: "anna", records: "anna full=failed",
			want: "retry: anna (anna resumes full)"},
		{name: "a trial has its turn", passes: "verify trial full", mailboxes: "anna bo",
			records: "anna verify=complete; bo verify=complete trial=complete", want: "trial: anna"},
		{name: "a trial that a later pass has overtaken is behind", passes: "verify trial full", mailboxes: "anna",
			records: "anna verify=complete full=complete", want: "full: anna (delta)"},
		{name: "who has made no trial is early", passes: "verify trial full", mailboxes: "anna bo", named: "full",
			records: "anna verify=complete trial=complete; bo verify=complete", want: "full: anna bo (early: bo)"},
		{name: "nothing failed: the last full pass as a delta", mailboxes: "anna .test bo", want: "full: anna bo (delta)",
			records: "anna verify=complete prestage=complete full=complete; bo verify=complete prestage=complete full=complete retry=complete"},
		{name: "the last of two full passes", passes: "first:full second:full +verify +retry", mailboxes: "anna",
			records: "anna first=complete second=complete", want: "second: anna (delta)"},
		{name: "no full pass at all", passes: "verify prestage +retry", mailboxes: "anna", records: "anna verify=complete prestage=complete",
			want: "nothing:  (nothing left)"},
		{name: "after counts, not the order written", passes: "full<prestage prestage<verify verify< +retry", mailboxes: "anna",
			records: "anna verify=complete", want: "prestage: anna"},
		{name: "a retry in the middle is no rung", passes: "prestage again:retry full", mailboxes: "anna bo", failures: "anna",
			records: "anna prestage=incomplete; bo prestage=complete", want: "full: anna bo"},
		{name: "a circle that slipped through ends", passes: "a:full<b b:full<a", mailboxes: "anna", want: "a: anna"},
		{name: "everybody is skipped", mailboxes: ".anna", want: "full:  (delta)"},

		{name: "named: all, whatever their place, and the early ones are said", named: "full", mailboxes: "anna bo .test carla",
			records: "anna verify=complete prestage=complete; bo verify=complete; carla verify=failed", want: "full: anna bo carla (early: bo carla)"},
		{name: "named: implied verify", passes: "full +verify +retry", named: "verify", mailboxes: "anna bo", records: "anna full=complete",
			want: "verify: anna bo"},
		{name: "named retry: those that failed", named: "retry", mailboxes: "anna bo carla", failures: "carla",
			records: "anna verify=complete prestage=complete; bo verify=failed", want: "retry: bo carla (bo resumes verify)"},
		{name: "named retry: one that stopped without the pass before", named: "retry", mailboxes: "anna bo",
			records: "anna prestage=failed; bo prestage=complete", want: "retry: anna (anna resumes prestage)"},
		{name: "named retry: nothing failed", named: "retry", mailboxes: "anna", want: "retry:  (nothing left)"},
		{name: "named: no such pass", named: "evening", mailboxes: "anna",
			want: `there is no pass "evening" [CONFIG-PASS] Passes: "verify", "prestage", "full", "retry".`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.passes == "" {
				tt.passes = usual
			}
			in := Standing{Passes: passes(tt.passes), Mailboxes: people(tt.mailboxes), Records: records(tt.records), Named: tt.named,
				Failures: map[string]int64{}}
			for _, f := range strings.Fields(tt.failures) {
				in.Failures[f] = 3
			}
			d, err := NextPass(in)
			got := decided(d)
			if note, ok := err.(Note); ok {
				got = note.Text + " [" + note.Code + "] " + note.Hint
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if in.Named != "" && d.Why != "" {
				t.Errorf("a named pass says why: %q", d.Why)
			}
		})
	}
}

// TestWhy holds the sentences that say why a pass runs.
func TestWhy(t *testing.T) {
	all := "anna verify=complete prestage=complete full=complete; bo verify=complete prestage=complete full="
	tests := []struct {
		records  string
		failures int64
		want     string
	}{
		{"", 0, "it is the first pass"},
		{"anna verify=complete; bo verify=complete", 0, "it is the next pass"},
		{"anna verify=complete; bo verify=complete prestage=complete", 0, "it is the next pass of 1 of 2 mailboxes"},
		{all + "incomplete", 1, "1 message failed and no other pass is due"},
		{all + "failed", 0, "1 mailbox stopped and no other pass is due"},
		{all + "failed", 1200, "1 mailbox stopped, 1,200 messages failed and no other pass is due"},
		{all + "complete", 0, "every pass is done, so it looks for what is new"},
	}
	for _, tt := range tests {
		d, err := NextPass(Standing{Passes: passes("verify prestage full retry"), Mailboxes: people("anna bo"),
			Records: records(tt.records), Failures: map[string]int64{"bo": tt.failures}})
		if err != nil || d.Why != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.records, d.Why, err, tt.want)
		}
	}
}

// migration stands in for the executor: it keeps records as apply would.
type migration struct {
	Standing
	broken   map[string]bool  // mailboxes that can't sign in
	refusing map[string]int64 // messages that a full pass can't deliver
}

// apply runs the pass that is due and gives it as a line.
func (m *migration) apply(t *testing.T) string {
	t.Helper()
	d, err := NextPass(m.Standing)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range d.Mailboxes {
		ran := []*config.Pass{d.Pass}
		if p := d.Resume[name]; p != nil {
			ran = append(ran, p)
		}
		for _, p := range ran {
			r := state.MailboxPass{Pass: p.Name, Progress: state.Complete}
			switch {
			case m.broken[name]:
				r.Progress = state.Failed
			case m.refusing[name] > 0 && (p.Kind == config.PassFull || p.Kind == config.PassRetry):
				r.Progress, m.Failures[name] = state.Incomplete, m.refusing[name]
			case p.Kind == config.PassRetry:
				m.Failures[name] = 0
			}
			if m.Records[name] == nil {
				m.Records[name] = map[string]state.MailboxPass{}
			}
			m.Records[name][p.Name] = r
		}
	}
	return decided(d)
}

// TestStory is a migration of somebody who only ever types apply: one wrong password, one refused message, both mended.
func TestStory(t *testing.T) {
	m := &migration{Standing: Standing{Passes: passes("verify prestage full retry"), Mailboxes: people("anna bo carla dan eva"),
		Records: map[string]map[string]state.MailboxPass{}, Failures: map[string]int64{}},
		broken: map[string]bool{"eva": true}, refusing: map[string]int64{"bo": 1}}
	steps := []struct {
		mend func()
		want string
	}{
		{want: "verify: anna bo carla dan eva"},
		{want: "prestage: anna bo carla dan eva"},
		{want: "full: anna bo carla dan eva"},
		{want: "retry: bo eva (eva resumes full)"},
		{mend: func() { m.broken["eva"] = false }, want: "retry: bo eva (eva resumes full)"},
		{want: "retry: bo"},
		{mend: func() { m.refusing["bo"] = 0 }, want: "retry: bo"},
		{want: "full: anna bo carla dan eva (delta)"},
		{want: "full: anna bo carla dan eva (delta)"},
		{mend: func() { m.broken["dan"] = true }, want: "full: anna bo carla dan eva (delta)"},
		{mend: func() { m.broken["dan"] = false }, want: "retry: dan (dan resumes full)"},
		{mend: func() { m.Mailboxes = append(m.Mailboxes, people("fred")...) }, want: "verify: fred"},
		{want: "prestage: fred"},
		{want: "full: fred"},
		{want: "full: anna bo carla dan eva fred (delta)"},
	}
	for i, s := range steps {
		if s.mend != nil {
			s.mend()
		}
		if diff := cmp.Diff(s.want, m.apply(t)); diff != "" {
			t.Fatalf("apply %d: -want +got:\n%s", i+1, diff)
		}
	}
}
