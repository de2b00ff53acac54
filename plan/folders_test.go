package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// box makes a selectable folder with mail of a normalised name, perhaps with a role: "Sent", "Skickat sent".
func box(name string, role ...mail.Role) mail.Folder {
	f := mail.Folder{Raw: name, Path: mail.ParsePath(name), Status: mail.Status{UIDValidity: 7, UIDNext: 101, Messages: 100}}
	for _, r := range role {
		f.Role = r
	}
	return f
}

func boxes(names ...string) []mail.Folder {
	out := make([]mail.Folder, len(names))
	for i, n := range names {
		out[i] = box(n)
	}
	return out
}

func container(name string) mail.Folder {
	return mail.Folder{Raw: name, Path: mail.ParsePath(name), NoSelect: true}
}

// rule compiles as package config does.
func rule(written, pattern, to string) config.Rule {
	return config.Rule{Written: written, Pattern: regexp.MustCompile("(?i)" + pattern), To: to}
}

func rename(pattern, to string) config.Rule {
	return rule(fmt.Sprintf("rename %q", pattern), pattern, to)
}

// rules are the defaults of the language, changed by change.
func rules(change func(*config.Folders)) *config.Mailbox {
	f := &config.Folders{Special: config.SpecialAuto, Empty: true, Merge: config.MergeReport}
	if change != nil {
		change(f)
	}
	return &config.Mailbox{Source: config.Login{Address: "dan@contoso.example"}, Folders: f}
}

// said writes a mapping as a line: source -> target [reason] ? surprise.
func said(m Mapping) string {
	s := m.Source.Path.String() + " -> "
	switch {
	case m.Excluded:
		s += "-"
	case m.Fault != "":
		s += "! " + m.Fault
	default:
		s += m.Target.String()
	}
	if m.Exists {
		s += " (there)"
	}
	if m.Reason != "" {
		s += " [" + m.Reason + "]"
	}
	if m.Surprise != "" {
		s += " ? " + m.Surprise
	}
	return s
}

// mapCase is a mailbox and what becomes of each of its folders.
type mapCase struct {
	name         string
	folders      func(*config.Folders)
	source, dest []mail.Folder
	rules        mail.NameRules
	want         []string
}

func holdMap(t *testing.T, tests []mapCase) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, m := range Map(rules(tt.folders), tt.source, tt.dest, tt.rules) {
				got = append(got, said(m))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMap(t *testing.T) {
	slash := mail.NameRules{Delimiter: "/"}
	holdMap(t, []mapCase{
		{
			name:   "names stay as they are, INBOX whatever its case",
			source: []mail.Folder{{Raw: "inbox", Path: mail.Path{"inbox"}}, box("Projekt/Ö"), box("Projekt/inbox")},
			dest:   boxes("INBOX"), rules: slash,
			want: []string{"Projekt/inbox -> Projekt/inbox [as it is]", "Projekt/Ö -> Projekt/Ö [as it is]",
				"inbox -> INBOX (there) [as it is]"},
		},
		{
			name: "exclude before rename, include before exclude",
			folders: func(f *config.Folders) {
				f.Include = []config.Rule{rule(`"^A"`, "^A", "")}
				f.Exclude = []config.Rule{rule(`"^AB(/|$)"`, "^AB(/|$)", "")}
				f.Rename = []config.Rule{rename("^A", "X")}
			},
			source: boxes("A", "AB", "ab/c", "B"), rules: slash,
			want: []string{"A -> X [rename \"^A\"]", "AB -> - [exclude \"^AB(/|$)\"]", "B -> - [not in include]",
				"ab/c -> - [exclude \"^AB(/|$)\"]"},
		},
		{
			name: "the first rename wins, then mapping; $1 is the group",
			folders: func(f *config.Folders) {
				f.Rename = []config.Rule{rename("^INBOX/", ""), rename("^Archives/([0-9]{4})$", "Archive/$1"),
					rename("^Archives/", "Nowhere/"), rule(`"^Old Sent->Sent Items"`, "^Old Sent", "Sent Items")}
			},
			source: boxes("INBOX", "INBOX/Projects", "Archives/2019", "Old Sent", "old sent/x"), dest: boxes("INBOX"), rules: slash,
			want: []string{"Archives/2019 -> Archive/2019 [rename \"^Archives/([0-9]{4})$\"]", "INBOX -> INBOX (there) [as it is]",
				"INBOX/Projects -> Projects [rename \"^INBOX/\"]", "Old Sent -> Sent Items [mapping \"^Old Sent->Sent Items\"]",
				"old sent/x -> Sent Items/x [mapping \"^Old Sent->Sent Items\"]"},
		},
		{
			name:    "a rename that leaves nothing has no place",
			folders: func(f *config.Folders) { f.Rename = []config.Rule{rename("^Old/?", "")} },
			source:  boxes("Old", "Old//a"), rules: slash,
			want: []string{"Old -> ! rename \"^Old/?\" leaves nothing of the name", "Old//a -> a [rename \"^Old/?\"]"},
		},
		{
			name: "special folders by attribute, below their old name too",
			source: []mail.Folder{box("INBOX"), box("Skickat", mail.RoleSent), box("Skickat/2019"), box("Papperskorgen"),
				box("Projects/Sent")},
			dest: []mail.Folder{box("INBOX"), box("Sent Items", mail.RoleSent), box("Deleted Items")}, rules: slash,
			want: []string{"INBOX -> INBOX (there) [as it is]", "Papperskorgen -> Deleted Items (there) [special: trash]",
				"Projects/Sent -> Projects/Sent [as it is]", "Skickat -> Sent Items (there) [special: sent]",
				"Skickat/2019 -> Sent Items/2019 [special: sent]"},
		},
		{
			name:   "an attribute beats a name, on both sides",
			source: []mail.Folder{box("Sent"), box("Utgående", mail.RoleSent)},
			dest:   []mail.Folder{box("Sent"), box("Gesendet", mail.RoleSent)}, rules: slash,
			want: []string{"Sent -> Sent (there) [as it is]", "Utgående -> Gesendet (there) [special: sent]"},
		},
		{
			name:   "a destination without the folder gets the source's name",
			source: boxes("Gesendet", "INBOX/Entwürfe"), dest: boxes("INBOX"), rules: slash,
			want: []string{"Gesendet -> Gesendet [as it is]", "INBOX/Entwürfe -> INBOX/Entwürfe [as it is]"},
		},
		{
			name:    "Courier's folders below INBOX are special once renamed",
			folders: func(f *config.Folders) { f.Rename = []config.Rule{rename("^INBOX/", "")} },
			source:  boxes("INBOX", "INBOX/Sent", "INBOX/Sent/2019"),
			dest:    []mail.Folder{box("INBOX"), box("Sent Items", mail.RoleSent)}, rules: slash,
			want: []string{"INBOX -> INBOX (there) [as it is]", "INBOX/Sent -> Sent Items (there) [rename \"^INBOX/\", special: sent]",
				"INBOX/Sent/2019 -> Sent Items/2019 [rename \"^INBOX/\", special: sent]"},
		},
		{
			name:    "a rename that spells the name anew is taken as written",
			folders: func(f *config.Folders) { f.Rename = []config.Rule{rename("^Sent$", "Old Server Sent")} },
			source:  []mail.Folder{box("Sent", mail.RoleSent)},
			dest:    []mail.Folder{box("Sent Items", mail.RoleSent)}, rules: slash,
			want: []string{"Sent -> Old Server Sent [rename \"^Sent$\"]"},
		},
		{
			name:    "special = none leaves names alone",
			folders: func(f *config.Folders) { f.Special = config.SpecialNone },
			source:  []mail.Folder{box("Skickat", mail.RoleSent)},
			dest:    []mail.Folder{box("Sent Items", mail.RoleSent)}, rules: slash,
			want: []string{"Skickat -> Skickat [as it is]"},
		},
		{
			name:   "Dovecot marks two folders as sent: neither merges",
			source: []mail.Folder{box("Sent", mail.RoleSent), box("Sent Messages", mail.RoleSent)},
			dest:   []mail.Folder{box("Sent Messages", mail.RoleSent), box("Sent", mail.RoleSent)}, rules: slash,
			want: []string{"Sent -> Sent (there) [special: sent]", "Sent Messages -> Sent Messages (there) [special: sent]"},
		},
		{
			name:   "of several guesses one is sent on, and the others are shown",
			source: boxes("Sent", "Sent Items", "Sent Messages"),
			dest:   []mail.Folder{box("Sent Items", mail.RoleSent)}, rules: slash,
			want: []string{`Sent -> Sent [as it is] ? a second sent folder beside "Sent Items"`,
				"Sent Items -> Sent Items (there) [special: sent]",
				`Sent Messages -> Sent Messages [as it is] ? a second sent folder beside "Sent Items"`},
		},
		{
			name:   "a merge by special folders is announced",
			source: []mail.Folder{box("Sent", mail.RoleSent), box("Sent Items")},
			dest:   []mail.Folder{box("Sent Items", mail.RoleSent)}, rules: slash,
			want: []string{`Sent -> Sent Items (there) [special: sent] ? goes to one folder together with "Sent Items"`,
				`Sent Items -> Sent Items (there) [as it is] ? goes to one folder together with "Sent"`},
		},
		{
			name:    "a merge by a rename is announced; a container merges with nothing",
			folders: func(f *config.Folders) { f.Rename = []config.Rule{rename("^INBOX/", "")} },
			source:  []mail.Folder{box("Old"), box("INBOX/Old"), box("Work"), container("INBOX/Work")}, rules: slash,
			want: []string{`INBOX/Old -> Old [rename "^INBOX/"] ? goes to one folder together with "Old"`, `INBOX/Work -> Work [rename "^INBOX/"]`,
				`Old -> Old [as it is] ? goes to one folder together with "INBOX/Old"`, "Work -> Work [as it is]"},
		},
		{
			name:    "under takes everything, INBOX too",
			folders: func(f *config.Folders) { f.Under = "Old server"; f.Rename = []config.Rule{rename("^INBOX/", "")} },
			source:  boxes("INBOX", "INBOX/a", "Sent"), dest: []mail.Folder{box("INBOX"), box("Sent Items", mail.RoleSent)}, rules: slash,
			want: []string{`INBOX -> Old server/INBOX [under "Old server"]`, `INBOX/a -> Old server/a [rename "^INBOX/", under "Old server"]`,
				`Sent -> Old server/Sent Items [special: sent, under "Old server"]`},
		},
		{
			name:    "empty = false leaves out folders without mail and containers",
			folders: func(f *config.Folders) { f.Empty = false },
			source:  []mail.Folder{box("A"), {Raw: "B", Path: mail.Path{"B"}}, container("C"), box("C/d")}, rules: slash,
			want: []string{"A -> A [as it is]", "B -> - [empty]", "C -> - [empty]", "C/d -> C/d [as it is]"},
		},
		{
			name:   "Gmail's views are pointed out",
			source: []mail.Folder{container("[Gmail]"), box("[Gmail]/All Mail", mail.RoleAll), box("[Gmail]/Gesendet")},
			dest:   []mail.Folder{box("Sent", mail.RoleSent)}, rules: slash,
			want: []string{"[Gmail] -> [Gmail] [as it is]",
				"[Gmail]/All Mail -> [Gmail]/All Mail [as it is] ? shows mail of other folders: it is copied twice unless this folder is excluded",
				"[Gmail]/Gesendet -> Sent (there) [special: sent]"},
		},
	})
}

// TestHardCase_F17_SpecialNames: a server without SPECIAL-USE says nothing but the name, in any language, and a tool that
// knows only the English ones makes a second "Sent". The usual names of four roles are known on either side.
func TestHardCase_F17_SpecialNames(t *testing.T) {
	dest := []mail.Folder{box("INBOX"), box("Sent Items", mail.RoleSent), box("Drafts", mail.RoleDrafts),
		box("Deleted Items", mail.RoleTrash), box("Junk Email", mail.RoleJunk)}
	tests := map[string]string{
		"English": "Sent, Drafts, Trash, Spam", "German": "Gesendete Elemente, Entwürfe, Gelöschte Elemente, Junk-E-Mail",
		"French":  "Éléments envoyés, Brouillons, Éléments supprimés, Courrier indésirable",
		"Spanish": "Elementos enviados, Borradores, Elementos eliminados, Correo no deseado",
		"Italian": "Posta inviata, Bozze, Posta eliminata, Posta indesiderata", "Portuguese": "Itens enviados, Rascunhos, Lixeira, Lixo Eletrônico",
		"Dutch": "Verzonden items, Concepten, Verwijderde items, Ongewenste e-mail", "Swedish": "Skickat, Utkast, Borttaget, Skräppost",
		"Danish": "Sendt post, Kladder, Slettet post, Uønsket mail", "Norwegian": "Sendte elementer, Utkast, Slettede elementer, Søppelpost",
		"Finnish": "Lähetetyt, Luonnokset, Roskakori, Roskaposti", "Polish": "Elementy wysłane, Kopie robocze, Elementy usunięte, Wiadomości-śmieci",
		"Czech":  "Odeslaná pošta, Koncepty, Odstraněná pošta, Nevyžádaná pošta",
		"Slovak": "Odoslaná pošta, Koncepty, Odstránená pošta, Nevyžiadaná pošta", "Hungarian": "Elküldött elemek, Piszkozatok, Törölt elemek, Levélszemét",
		"Romanian": "Elemente trimise, Schițe, Elemente șterse, E-mail nedorit", "Bulgarian": "Изпратени, Чернови, Кошче, Нежелана поща",
		"Russian": "Отправленные, Черновики, Удаленные, Спам", "Ukrainian": "Надіслані, Чернетки, Видалені, Небажана пошта",
		"Greek":   "Απεσταλμένα, Πρόχειρα, Διαγραμμένα, Ανεπιθύμητη αλληλογραφία",
		"Turkish": "Gönderilmiş Öğeler, Taslaklar, Silinmiş Öğeler, Önemsiz E-posta", "Estonian": "Saadetud, Mustandid, Prügikast, Rämpspost",
		"Latvian": "Nosūtītie vienumi, Melnraksti, Izdzēstie, Mēstules", "Lithuanian": "Išsiųsti, Juodraščiai, Šiukšlinė, Šlamštas",
		"Slovenian": "Poslano, Osnutki, Izbrisano, Neželena pošta", "Croatian": "Poslane stavke, Skice, Izbrisane stavke, Bezvrijedna pošta",
		"Hebrew": "פריטים שנשלחו, טיוטות, פריטים שנמחקו, דואר זבל", "Arabic": "العناصر المرسلة, المسودات, العناصر المحذوفة, البريد العشوائي",
		"Japanese": "送信済みアイテム, 下書き, 削除済みアイテム, 迷惑メール", "Chinese": "已发送邮件, 草稿, 已删除邮件, 垃圾邮件",
		"Chinese (Taiwan)": "寄件備份, 草稿, 刪除的郵件, 垃圾郵件", "Korean": "보낸 편지함, 임시 보관함, 지운 편지함, 정크 메일",
		"Vietnamese": "Đã gửi, Thư nháp, Thùng rác, Thư rác", "Thai": "รายการที่ถูกส่ง, แบบร่าง, รายการที่ถูกลบ, อีเมลขยะ",
	}
	want := []string{"Sent Items", "Drafts", "Deleted Items", "Junk Email"}
	for language, names := range tests {
		all := strings.Split(names, ", ")
		for i, name := range all {
			// The other way round: a destination that names its folders so and marks none, as Exchange does over IMAP.
			there := Map(rules(nil), boxes(want[i]), boxes(append([]string{"INBOX"}, all...)...), mail.NameRules{Delimiter: "/", FoldCase: true})
			if there[0].Target.String() != name {
				t.Errorf("%s: %q goes to %q, want %q", language, want[i], there[0].Target, name)
			}
			for _, source := range []string{name, "INBOX/" + strings.ToLower(name)} {
				got := Map(rules(nil), boxes(source), dest, mail.NameRules{Delimiter: "/"})[0]
				if got.Target.String() != want[i] {
					t.Errorf("%s: %q goes to %q, want %q", language, source, got.Target, want[i])
				}
			}
			if got := guess(mail.Path{"Projects", name}); got != mail.RoleNone {
				t.Errorf("%s: a folder %q far down is taken for %q", language, name, got)
			}
		}
	}
}

// TestNamesOnce holds that no name stands in the lists of two roles, where the first would win silently.
func TestNamesOnce(t *testing.T) {
	seen := map[string]mail.Role{}
	for _, role := range mappedRoles {
		for _, name := range strings.Split(known(role), "|") {
			key := fold(strings.TrimSpace(name))
			if key == "" {
				t.Errorf("empty name among %s", role)
			}
			if other, ok := seen[key]; ok && other != role {
				t.Errorf("%q is both %s and %s", name, other, role)
			}
			seen[key] = role
		}
	}
}

// TestMapRoles holds what a created folder is asked to be for.
func TestMapRoles(t *testing.T) {
	source := []mail.Folder{box("INBOX"), box("Sent"), box("Sent/2019"), box("Junk", mail.RoleJunk), box("x", mail.RoleAll)}
	got := map[string]mail.Role{}
	for _, m := range Map(rules(nil), source, nil, mail.NameRules{Delimiter: "/"}) {
		got[m.Target.String()] = m.Role
	}
	want := map[string]mail.Role{"INBOX": mail.RoleInbox, "Sent": mail.RoleSent, "Sent/2019": "", "Junk": mail.RoleJunk, "x": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	under := Map(rules(func(f *config.Folders) { f.Under = "Old" }), source, nil, mail.NameRules{Delimiter: "/"})
	if slices.ContainsFunc(under, func(m Mapping) bool { return m.Role != "" }) {
		t.Errorf("a folder below another has a role: %v", under)
	}
}
