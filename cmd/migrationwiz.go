package cmd

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// application is a registration at Microsoft: who signs in.
type application struct{ tenant, client string }

// migrationWiz is what was found in the files of a MigrationWiz project.
type migrationWiz struct {
	csv             string   // the bulk-add file
	rows            string   // its lines, where options stand in the same file
	mapping         []string // FolderMapping
	include         []string // a FolderFilter that lets only some folders in
	exclude         []string // FolderFilter
	imports, export application
	left            []string // what could not be converted, with the reason
}

// option is a support option, alone on its line: FolderMapping="^INBOX/->"
var option = regexp.MustCompile(`^\s*([A-Za-z][A-Za-z0-9]+)\s*=\s*(.*?)\s*;?\s*$`)

// readMigrationWiz reads files: each is a bulk-add CSV, or lists support options, one a line.
func readMigrationWiz(names []string) (*migrationWiz, error) {
	w := &migrationWiz{}
	for _, name := range names {
		octets, err := os.ReadFile(name)
		if err != nil {
			return nil, fail("CONFIG-FILE", "the file "+name+" can't be read", sentence(err))
		}
		options, rest := splitOptions(string(octets))
		w.options(options)
		switch {
		case len(options) > 0 && len(rest) > 0 && headsBulkAdd(rest[0]):
			w.rows = strings.Join(rest, "\n") + "\n"
		case len(options) > 0:
			w.options(rest)
		case w.csv != "":
			return nil, usage("two of the files are users files: "+w.csv+" and "+name, "Put the rows of both into one.")
		default:
			if err := w.bulkAdd(name); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// splitOptions parts the lines that are options, and comments, from others.
func splitOptions(text string) (options, rest []string) {
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case option.MatchString(line), strings.HasPrefix(line, "#"):
			options = append(options, line)
		case strings.TrimSpace(line) != "":
			rest = append(rest, line)
		}
	}
	return options, rest
}

// headsBulkAdd tells whether a line holds the headings of a users file.
func headsBulkAdd(line string) bool {
	cells := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(",;\t", r) })
	return len(cells) > 1 && contains(knownHeads, strings.Trim(strings.TrimSpace(cells[0]), `"`))
}

// bulkAdd takes the users file; mailhaul reads its headings as they are.
func (w *migrationWiz) bulkAdd(name string) error {
	heads, err := heading(name)
	if err != nil {
		return err
	}
	w.csv = name
	for _, head := range heads {
		if head != "" && !contains(knownHeads, head) && guessColumn(head) == "" {
			w.leave("the column "+fmt.Sprintf("%q", head), "nothing reads it")
		}
		if strings.EqualFold(head, "flags") {
			w.leave(`the column "Flags"`, "what its numbers switch on has no counterpart; mailhaul reads the column and ignores it")
		}
	}
	return nil
}

func (w *migrationWiz) leave(what, why string) { w.left = append(w.left, what+": "+why) }

func (w *migrationWiz) options(lines []string) {
	for _, line := range lines {
		line = strings.TrimSpace(line)
		m := option.FindStringSubmatch(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case m == nil:
			w.leave(fmt.Sprintf("the line %q", line), "it is no option NAME=VALUE")
		default:
			w.option(m[1], strings.Trim(m[2], `"`))
		}
	}
}

// option converts one support option.
func (w *migrationWiz) option(name, value string) {
	switch strings.ToLower(name) {
	case "foldermapping":
		w.folderMapping(value)
	case "folderfilter":
		w.folderFilter(value)
	case "allowquoteinfolder":
		w.leave(name+"="+value, "it is not needed: folder names with quotes work anyway. For a server that can't read them "+
			"a mailbox block takes allow_quote_in_folder = true")
	case "modernauthclientidimport":
		w.imports.client = value
	case "modernauthtenantidimport":
		w.imports.tenant = value
	case "modernauthclientidexport":
		w.export.client = value
	case "modernauthtenantidexport":
		w.export.tenant = value
	default:
		w.leave(name, "mailhaul has no such option")
	}
}

func (w *migrationWiz) folderMapping(value string) {
	pattern, to, arrow := strings.Cut(value, "->")
	if !arrow {
		w.leave("FolderMapping="+value, "it has no arrow ->")
		return
	}
	if re, err := regexp.Compile(strings.TrimSpace(pattern)); err != nil || re.String() == "" {
		w.leave("FolderMapping="+value, "its expression is none of Go's (RE2): mailhaul help folders")
		return
	}
	rule := strings.TrimSpace(pattern) + "->" + besideText.ReplaceAllString(strings.TrimSpace(to), "$${$1}$2")
	if err := tried(initFlags{wiz: &migrationWiz{mapping: []string{rule}}}); err != nil {
		w.leave("FolderMapping="+value, err.Error())
		return
	}
	w.mapping = append(w.mapping, rule)
}

// besideText finds a group with text behind it: .NET reads $1x as the first group and an x, Go as a group called 1x.
var besideText = regexp.MustCompile(`\$([0-9]+)([A-Za-z_])`)

// lookahead is the usual FolderFilter that lets only some folders in: ^(?!(INBOX|Sent)$)
var lookahead = regexp.MustCompile(`^\^\(\?!(.+)\)(?:\.\*\$?)?$`)

func (w *migrationWiz) folderFilter(value string) {
	if m := lookahead.FindStringSubmatch(value); m != nil {
		if only := "^(" + m[1] + ")"; compiles(only) {
			w.include = append(w.include, only)
			return
		}
	}
	if value == "" || !compiles(value) {
		w.leave("FolderFilter="+value, "its expression is none of Go's (RE2): mailhaul help folders")
		return
	}
	w.exclude = append(w.exclude, value)
}

func compiles(pattern string) bool {
	_, err := regexp.Compile(pattern)
	return err == nil
}
