package config

import (
	"slices"
	"strings"
)

// mailboxBlock is what a mailbox block says.
type mailboxBlock struct {
	node    *node
	layer   layer
	windows *Windows
}

// mailboxBlocks reads the mailbox blocks, by address in lower case.
func (l *loader) mailboxBlocks() map[string]*mailboxBlock {
	out := map[string]*mailboxBlock{}
	for _, n := range l.blocks(mailboxSpec) {
		if trouble := addressTrouble(n.labels[0]); trouble != "" {
			l.fail(CodeValue, n.at(n.labelRanges[0]), "%q is no mail address", n.labels[0]).explain("%s", trouble)
			continue
		}
		if d, ok := get[string](n, "destination"); ok {
			if trouble := addressTrouble(d); trouble != "" {
				l.fail(CodeValue, n.place("destination"), "%q is no mail address", d).explain("%s", trouble)
				delete(n.values, "destination") // the rows' own are not wrong
			}
		}
		out[strings.ToLower(n.labels[0])] = &mailboxBlock{n, l.layer(n), l.windowsOf(n, "windows")}
	}
	return out
}

// mailbox makes the mailbox of a row; nil if the row is wrong.
func (u *usersFile) mailbox(rec *record, r *row, special map[string]*mailboxBlock) *Mailbox {
	u.l.secrets.keepExact(r.Password)
	u.l.secrets.keepExact(r.DestinationPassword)
	m := &Mailbox{Users: u.node.labels[0], From: u.from, To: u.to, Folders: u.folders,
		Messages: u.layer.messages(u.to), Windows: u.windows, Range: Range{u.name, Pos{rec.lines[0], 1}, Pos{rec.lines[0], 1}}}
	m.Source.Address = strings.TrimSpace(r.Source)
	if trouble := addressTrouble(m.Source.Address); trouble != "" {
		u.badAddress(rec, colSource, trouble)
		return nil
	}
	b := special[strings.ToLower(m.Source.Address)]
	if b != nil {
		b.lay(r)
	}
	m.Wave = strings.TrimSpace(r.Wave)
	destination := strings.TrimSpace(r.Destination)
	if u.columns[colDestination].index < 0 {
		destination = m.Source.Address
	}
	if b != nil {
		destination = u.override(m, b, destination)
	}
	m.Destination.Address = destination
	if m.Skip != "" {
		return m // nobody signs in, so nothing needs to be there
	}
	if trouble := addressTrouble(destination); trouble != "" {
		u.badAddress(rec, colDestination, trouble)
		return nil
	}
	if !u.logins(m, rec, r) {
		return nil
	}
	return m
}

func (u *usersFile) badAddress(rec *record, col int, trouble string) {
	if at := u.columns[col].index; at >= 0 && strings.TrimSpace(rec.cells[at]) == "" {
		u.fail(CodeCSVRow, u.rowPlace(rec, at), "the %s is blank", u.columns[col].name).
			explain("Every line needs an address there. Delete lines that are no mailbox.")
		return
	}
	u.fail(CodeCSVRow, u.rowPlace(rec, u.columns[col].index), "the %s is no mail address", u.columns[col].name).explain("%s", trouble)
}

// lay puts what a mailbox block says over the cells of the row. A blank says that there is none.
func (b *mailboxBlock) lay(r *row) {
	for name, cell := range map[string]*string{"wave": &r.Wave, "username": &r.Username, "destination_username": &r.DestinationUsername} {
		*cell = or(b.node, name, *cell)
	}
	for name, cell := range map[string]*string{"password": &r.Password, "destination_password": &r.DestinationPassword} {
		if s, ok := get[Secret](b.node, name); ok {
			*cell = s.Reveal()
		}
	}
}

// override applies a mailbox block.
func (u *usersFile) override(m *Mailbox, b *mailboxBlock, destination string) string {
	m.Skip = or(b.node, "skip", "")
	m.Merge = or(b.node, "merge", false)
	m.Source.Literals = or(b.node, "allow_quote_in_folder", false)
	m.Destination.Literals = m.Source.Literals
	if b.windows != nil {
		m.Windows = b.windows
	}
	if b.node.child(foldersSpec.name) != nil || b.node.child(messagesSpec.name) != nil {
		y := b.layer.over(u.layer)
		m.Folders, m.Messages = y.folders(), y.messages(u.to)
	}
	return or(b.node, "destination", destination)
}

// logins fills in user names and passwords.
func (u *usersFile) logins(m *Mailbox, rec *record, r *row) bool {
	m.Source.Username = firstOf(strings.TrimSpace(r.Username), m.Source.Address)
	m.Destination.Username = firstOf(strings.TrimSpace(r.DestinationUsername), m.Destination.Address)
	ok := true
	if u.from != nil && u.from.OwnPasswords() {
		m.Source.Password = NewSecret(r.Password)
		if strings.TrimSpace(r.Password) == "" {
			u.noPassword(rec, "source", colPassword, u.from)
			ok = false
		}
	}
	if u.to != nil && u.to.OwnPasswords() {
		m.Destination.Password = NewSecret(firstOf(r.DestinationPassword, r.Password))
		// Without a source password either, one message is enough where the source needs it.
		if strings.TrimSpace(m.Destination.Password.Reveal()) == "" && ok {
			u.noPassword(rec, "destination", colDestinationPassword, u.to)
			ok = false
		}
	}
	return ok
}

func (u *usersFile) noPassword(rec *record, side string, col int, e *Endpoint) {
	u.fail(CodeCSVRow, u.rowPlace(rec, u.columns[col].index), "there is no password for the %s", side).
		explain("%s has no admin block, so each mailbox signs in there with its own password.", e.Ref())
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// checkTwice refuses the same source twice, and two mailboxes that would be copied into one.
func (l *loader) checkTwice(all []entry) {
	sources := make(map[string]entry, len(all))
	owners := make(map[string]entry, len(all)) // by destination: the one that is not marked merge
	for _, e := range all {
		key := strings.ToLower(e.Source.Address)
		if first, ok := sources[key]; ok {
			e.file.fail(CodeDuplicate, e.place(), "the mailbox %s is there twice", e.Source.Address).also(first.place()).
				explain("Each source address stands in one line: it is the mailbox's name everywhere.")
			continue
		}
		sources[key] = e
		if e.Skip != "" || e.To == nil {
			continue
		}
		key = e.To.Ref() + " " + strings.ToLower(e.Destination.Address)
		if e.From == e.To && strings.EqualFold(e.Source.Address, e.Destination.Address) {
			e.file.fail(CodeConflict, e.place(), "%s would be copied into itself", e.Source.Address).
				explain("Source and destination are the same mailbox of %s.", e.To.Ref())
		}
		if e.Merge {
			continue
		}
		first, ok := owners[key]
		if !ok {
			owners[key] = e
			continue
		}
		e.twins(first)
	}
}

func (e entry) place() place { return e.file.rowPlace(e.rec, -1) }

// twins reports two mailboxes with one destination.
func (e entry) twins(first entry) {
	e.file.fail(CodeMerge, e.place(), "two mailboxes would be copied into one").also(first.place()).
		explain("Both lines have the destination %s. If that is intended, add\nto %s:  mailbox %q { merge = true }",
			e.Destination.Address, e.file.node.def.Filename, e.Source.Address)
}

// checkUnused refuses mailbox blocks for addresses that are in no CSV: a misspelt one would change nothing, silently.
func (l *loader) checkUnused(special map[string]*mailboxBlock, all []entry) {
	known := make([]string, len(all))
	for i, e := range all {
		known[i] = e.Source.Address
		delete(special, strings.ToLower(e.Source.Address))
	}
	unused := make([]*node, 0, len(special))
	for _, b := range special {
		unused = append(unused, b.node)
	}
	slices.SortFunc(unused, func(a, b *node) int { return l.compare(rangeOf(a.def), rangeOf(b.def)) })
	// Comparing with every address takes a while where there are very many.
	const searched = 10
	for i, n := range unused {
		f := l.fail(CodeReference, n.at(n.labelRanges[0]), "there is no mailbox %s", n.labels[0]).
			explain("The address is in no users file. A mailbox block is for one that is.")
		if i < searched {
			f.near(n.labels[0], known)
		}
	}
}
