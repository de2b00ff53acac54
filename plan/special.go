package plan

import (
	"cmp"
	"slices"
	"strings"

	"mailhaul/state/mail"
)

// mappedRoles are the roles whose folders are matched across servers, in the order in which they are looked at. The
// views of RFC 6154 (\All, \Flagged, \Important) are not: their mail is in other folders too.
var mappedRoles = [...]mail.Role{mail.RoleSent, mail.RoleDrafts, mail.RoleTrash, mail.RoleJunk, mail.RoleArchive}

// special sends the folders with a role to the destination's folder of that role, and what is below them along.
func special(all []draft, there *places, under mail.Path) {
	for i := range all {
		all[i].guessed = guess(all[i].path)
	}
	moves := map[string]move{}
	for _, role := range mappedRoles {
		specialRole(all, role, there.special(role, under), moves)
	}
	for i := range all {
		all[i].follow(moves)
		switch all[i].Source.Role {
		case mail.RoleAll, mail.RoleFlagged, mail.RoleImportant:
			if all[i].holds() {
				all[i].wonder("shows mail of other folders: it is copied twice unless this folder is excluded")
			}
		}
	}
}

// move is where a special folder went: what is below it goes along.
type move struct {
	to   mail.Path
	role mail.Role
}

// specialRole finds the folder that holds the role at the source. Where the destination marks several of its folders
// (Dovecot marks both "Sent" and "Sent Messages"), source folders of the same names stay what they are; otherwise the
// best one takes the destination's folder. The others keep their names, as sending them along would merge them.
func specialRole(all []draft, role mail.Role, to targets, moves map[string]move) {
	found := candidates(all, role)
	if len(found) == 0 {
		return
	}
	holders := slices.DeleteFunc(slices.Clone(found), func(i int) bool { return !to.marks(all[i].path) })
	if len(holders) == 0 {
		holders = found[:1]
	}
	to.spare(all, holders[0])
	for _, i := range found {
		d := &all[i]
		switch {
		case slices.Contains(holders, i):
			from := d.path
			d.take(role, to)
			moves[spelling(from)] = move{to: d.path, role: role}
		case d.Source.Status.Messages > 0:
			d.wonder("a second " + string(role) + " folder beside " + quoted([]string{all[holders[0]].Source.Path.String()}))
		}
	}
}

// follow sends a folder along with the special folder that it is below.
func (d *draft) follow(moves map[string]move) {
	if !d.in() || d.literal || d.Role != mail.RoleNone {
		return
	}
	for n := len(d.path) - 1; n > 0; n-- {
		m, ok := moves[spelling(d.path[:n])]
		if !ok {
			continue
		}
		if !slices.Equal(m.to, d.path[:n]) {
			d.path = slices.Concat(m.to, d.path[n:])
			d.rules = append(d.rules, "special: "+string(m.role))
		}
		return
	}
}

// take gives the folder its role and, if the destination has a folder for it, that folder's name.
func (d *draft) take(role mail.Role, to targets) {
	d.Role = role
	switch {
	case to.has(d.path):
	case len(to.paths) > 0:
		d.path = to.paths[0]
		d.guessed = guess(d.path)
	default:
		return
	}
	d.rules = append(d.rules, "special: "+string(role))
}

// candidates are the source folders that may hold the role, the best first: attributes of the server before guesses by
// name, then as the table of names has them. A guess counts only where no folder has the attribute.
func candidates(all []draft, role mail.Role) []int {
	var marked, guessed []int
	for i := range all {
		d := &all[i]
		switch {
		case !d.holds() || d.literal || d.path.IsInbox():
		case d.Source.Role == role:
			marked = append(marked, i)
		case d.Source.Role == mail.RoleNone && d.guessed == role:
			guessed = append(guessed, i)
		}
	}
	if len(marked) > 0 {
		guessed = marked
	}
	slices.SortStableFunc(guessed, func(i, j int) int { return better(all[i].path, all[j].path) })
	return guessed
}

// targets are the destination's folders with one role, the best first: by attribute, or else by name.
type targets struct {
	paths  []mail.Path
	marked bool // by attribute
	there  *places
}

// marks tells whether the destination has a folder of that name with the role as an attribute.
func (t targets) marks(p mail.Path) bool { return t.marked && slices.ContainsFunc(t.paths, alike(p)) }

// has tells whether the destination has the special folder under its very name already.
func (t targets) has(p mail.Path) bool {
	return slices.ContainsFunc(t.paths, alike(p))
}

// spare drops guesses that a source folder other than the holder goes to under its own name. A guess is no reason to
// merge two folders, and the next pass, which finds the folders that this one made, must guess the same.
func (t *targets) spare(all []draft, holder int) {
	if t.marked {
		return
	}
	t.paths = slices.DeleteFunc(t.paths, func(p mail.Path) bool {
		for i := range all {
			if i != holder && all[i].in() && same(t.there.legalPath(all[i].path), p) {
				return true
			}
		}
		return false
	})
}

// special gives the destination's folders of the role. What is below the folder under is mail that was put there and no
// special folder.
func (t *places) special(role mail.Role, under mail.Path) targets {
	var marked, guessed []mail.Path
	for _, f := range t.folders {
		switch path := normal(f.Path); {
		case f.NoSelect, path.IsInbox(), len(under) > 0 && len(path) >= len(under) && same(path[:len(under)], under):
		case f.Role == role:
			marked = append(marked, path)
		case f.Role == mail.RoleNone && guess(path) == role:
			guessed = append(guessed, path)
		}
	}
	if len(marked) > 0 {
		slices.SortStableFunc(marked, better)
		return targets{paths: marked, marked: true, there: t}
	}
	slices.SortStableFunc(guessed, better)
	return targets{paths: guessed, there: t}
}

// better orders folders of one role: the shorter path, the more usual name, the alphabet.
func better(a, b mail.Path) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(rank(a), rank(b)), strings.Compare(a.String(), b.String()))
}

func same(a, b mail.Path) bool { return fold(spelling(a)) == fold(spelling(b)) }

// alike gives a test for names that are the same but for case.
func alike(p mail.Path) func(mail.Path) bool {
	key := fold(spelling(p))
	return func(q mail.Path) bool { return fold(spelling(q)) == key }
}
