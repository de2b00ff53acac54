package imap_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"mailhaul/state/mail"
)

// maker is a server that makes the folders above one by itself, and then has its own words for one that is there.
type maker struct {
	folders []string
	says    string // to a CREATE of what is there
	lies    bool   // says OK to a CREATE and makes nothing
}

func (m *maker) create(p *peer) {
	name := strings.Trim(p.rest, `"<>`)
	if slices.Contains(m.folders, name) {
		p.say("%s %s\r\n", p.tag, m.says)
		return
	}
	for i := range name {
		if above := name[:i]; name[i] == '/' && !slices.Contains(m.folders, above) {
			m.folders = append(m.folders, above)
		}
	}
	if !m.lies {
		m.folders = append(m.folders, name)
	}
	p.ok()
}

func (m *maker) list(p *peer) {
	for _, name := range m.folders {
		if strings.Contains(p.rest, name) {
			p.say("* LIST () \"/\" \"%s\"\r\n", name)
		}
	}
	p.ok()
}

// TestHardCase_F15_ParentsMadeByTheServer: making a/b makes a on many servers, and making a then fails with one of a hundred
// texts, or a BAD. Folders are made from the top down, and what a LIST says afterwards decides, never the answer's words.
func TestHardCase_F15_ParentsMadeByTheServer(t *testing.T) {
	for _, says := range []string{"NO [ALREADYEXISTS] there", "NO Mailbox exists", "NO [CANNOT] invalid name", "BAD Command Argument Error. 11",
		"NO [NOPERM] may not", "OK whatever"} {
		t.Run(says, func(t *testing.T) {
			m := &maker{says: says}
			f := newFake(t)
			f.on["CREATE"], f.on["LIST"] = m.create, m.list
			d := f.destination(t)
			for _, path := range []mail.Path{{"a", "b", "c"}, {"a"}, {"a", "b"}, {"a", "b", "c"}} {
				got, err := d.Create(context.Background(), path, mail.RoleNone)
				if err != nil || !slices.Equal(got.Path, path) {
					t.Errorf("%v: %+v, %v", path, got, err)
				}
			}
			made := slices.DeleteFunc(f.commands(), func(c string) bool { return !strings.HasPrefix(c, "CREATE") })
			if len(made) < 3 || strings.Contains(made[0], "b") || strings.Contains(made[1], "c") {
				t.Errorf("not from the top down: %q", made)
			}
		})
	}
	f := newFake(t)
	m := &maker{lies: true}
	f.on["CREATE"], f.on["LIST"] = m.create, m.list
	if _, err := f.destination(t).Create(context.Background(), mail.Path{"x"}, mail.RoleNone); mail.CodeOf(err) != mail.CodeIMAPFolder {
		t.Errorf("a folder that was promised and is not listed: %v", err)
	}
}
