package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// headerPlace shows the line of headings. Cell -1 is the whole line.
func (u *usersFile) headerPlace(cell int) place {
	shown := make([]string, len(u.table.header.cells))
	for i, h := range u.table.header.cells {
		shown[i] = short(tidy(h))
	}
	return u.linePlace(&u.table.header, shown, cell)
}

// rowPlace shows a row: addresses only, "..." for what else is there. Cell -1 is the whole row.
func (u *usersFile) rowPlace(rec *record, cell int) place {
	shown := make([]string, len(rec.cells))
	for i, c := range rec.cells {
		shown[i] = u.show(rec, i, c)
	}
	return u.linePlace(rec, shown, cell)
}

// linePlace points at a cell. Its columns count in the text as shown, which cells are cut out of; a blank cell is as wide
// as the separator after it.
func (u *usersFile) linePlace(rec *record, shown []string, cell int) place {
	const most = 200
	from, to := 1, 1
	if cell >= 0 {
		from = utf8.RuneCountInString(strings.Join(append(slices.Clone(shown[:cell]), ""), string(u.table.comma))) + 1
		to = from + max(utf8.RuneCountInString(shown[cell]), 1)
	}
	text := []rune(strings.Join(shown, string(u.table.comma)))
	if len(text) > most {
		text = append(text[:most], []rune("...")...)
	}
	if to > len(text)+2 {
		from, to = 1, 1
	}
	line := rec.lines[max(cell, 0)]
	return place{rng: Range{u.name, Pos{line, from}, Pos{line, to}}, text: string(text), context: u.columnOf(rec, cell)}
}

// columnOf names the column of a cell by its heading, as the file has it.
func (u *usersFile) columnOf(rec *record, cell int) string {
	if cell < 0 || cell >= len(u.table.headings) || rec == &u.table.header {
		return ""
	}
	return fmt.Sprintf("in column %q", short(u.table.headings[cell]))
}

func (u *usersFile) show(rec *record, i int, cell string) string {
	address := strings.TrimSpace(cell)
	switch {
	case strings.TrimSpace(cell) == "":
		return ""
	case len(rec.cells) != len(u.table.headings) && i != u.columns[colSource].index:
		return "..." // cells may have moved: any of them could be the password
	case i == u.columns[colPassword].index || i == u.columns[colDestinationPassword].index:
		return "..."
	case (i == u.columns[colSource].index || i == u.columns[colDestination].index) && addressTrouble(address) == "":
		return address
	}
	return "..."
}
