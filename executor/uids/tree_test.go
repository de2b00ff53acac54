package uids

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/state/mail"
)

// TestTree: folders are named from the root on, in any language; what is hidden, below nothing or in a circle is not listed,
// and a child is found whatever its case.
func TestTree(t *testing.T) {
	tree := NewTree("p:", "root")
	tree.Roles["in"] = mail.RoleInbox
	for _, f := range []Folder{{ID: "in", Parent: "root", Name: "Posteingang", Total: 3}, {ID: "a", Parent: "in", Name: "A"},
		{ID: "cal", Parent: "root", Name: "Kalender", NoMail: true, Total: 9}, {ID: "h", Parent: "root", Name: "H", Hidden: true},
		{ID: "lost", Parent: "nowhere", Name: "Lost"}, {ID: "x", Parent: "y", Name: "X"}, {ID: "y", Parent: "x", Name: "Y"}} {
		tree.All[f.ID] = f
	}
	got := map[string]uint32{}
	for _, f := range tree.Folders() {
		got[f.Raw+" "+f.Path.String()] = f.Status.Messages
	}
	if diff := cmp.Diff(map[string]uint32{"p:in INBOX": 3, "p:a INBOX/A": 0, "p:cal Kalender": 0}, got); diff != "" {
		t.Errorf("the folders (-want +got):\n%s", diff)
	}
	for _, c := range []struct{ parent, name, want string }{{"root", "inbox", "in"}, {"in", "a", "a"}, {"root", "Posteingang", "in"},
		{"in", "INBOX", ""}, {"root", "a", ""}} {
		if f, known := tree.Child(c.parent, c.name); f.ID != c.want || known != (c.want != "") {
			t.Errorf("%s of %s is %q", c.name, c.parent, f.ID)
		}
	}
}
