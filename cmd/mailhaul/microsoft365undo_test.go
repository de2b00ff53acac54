package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/imapserver"
)

// TestMicrosoft365Undo: a trial, its undo and then all of it leave at Exchange what the whole alone would, though the server
// renders what it stores anew and loses \Flagged on the way in. The undo takes back all of the trial, with the folders that it
// made, and leaves what was there before.
func TestMicrosoft365Undo(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	c.fill()
	text, err := os.ReadFile(filepath.Join(c.dir, "mailhaul.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	c.put("mailhaul.hcl", strings.Replace(string(text), "pass \"prestage\"", "pass \"trial\" {}\npass \"prestage\"", 1))
	before := map[string]map[string][]string{}
	for _, p := range people {
		b := c.new.Mailbox(p[2], "")
		b.Add("INBOX", imapserver.Message{Octets: []byte("Subject: own\r\n\r\nThe user's.\r\n")})
		before[p[2]] = whole(b)
	}
	c.must(0, "apply", "--auto-approve", "--pass", "trial")
	for _, p := range people {
		if diff := cmp.Diff(before[p[2]], whole(c.new.Mailbox(p[2], ""))); diff == "" {
			t.Errorf("%s: the trial brought nothing", p[2])
		}
	}
	c.must(0, "undo", "*", "--auto-approve")
	for _, p := range people {
		if diff := cmp.Diff(before[p[2]], whole(c.new.Mailbox(p[2], ""))); diff != "" {
			t.Errorf("%s after the undo (-want +got):\n%s", p[2], diff)
		}
	}
	c.must(0, "apply", "--auto-approve", "--pass", "full")
	for _, p := range people {
		want := before[p[2]]
		for folder, target := range map[string]string{"INBOX": "INBOX", "INBOX/Projects": "Projects", "Sent": "Sent Items", "Trash": "Deleted Items"} {
			want[target] = append(want[target], wanted(c.old.Mailbox(p[0], p[1]), folder)...)
			slices.Sort(want[target])
		}
		if diff := cmp.Diff(want, whole(c.new.Mailbox(p[2], ""))); diff != "" {
			t.Errorf("%s in the end (-want +got):\n%s", p[2], diff)
		}
	}
	if r := c.must(0, "apply", "--pass", "full"); !strings.Contains(r.stdout, "Nothing to do") {
		t.Errorf("one more apply says:\n%s", r.stdout)
	}
	c.must(0, "state", "check")
	if misuse := c.new.Misuse(); len(misuse) > 0 {
		t.Errorf("the client broke the protocol: %q", misuse)
	}
}

// whole is everything in a mailbox, by folder.
func whole(b *imapserver.Mailbox) map[string][]string {
	all := map[string][]string{}
	for _, folder := range b.Folders() {
		all[folder] = held(b, folder)
	}
	return all
}
