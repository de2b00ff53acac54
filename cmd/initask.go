package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mailhaul/config"
)

// askInit fills f from flags and, on a terminal, from at most five questions. An answer that the configuration would
// refuse is asked for again, or refused where a flag gave it.
func askInit(a *app, f *initFlags, given func(string) bool) error {
	kind := question{flag: "to", text: "Where does it go: imap or microsoft365? [imap] ", answer: &f.to, optional: true,
		check: func(answer string) error { return newChoice(new(string), "imap", "microsoft365").Set(answer) }}
	from := question{flag: "from-host", text: "Which server is the mail on now? ", answer: &f.fromHost,
		check: func(answer string) error { return tried(initFlags{fromHost: answer}) }}
	if err := a.settle(given, from, kind); err != nil {
		return err
	}
	where := question{flag: "to-host", text: "Which server does it go to? ", answer: &f.toHost,
		check: func(answer string) error { return tried(initFlags{toHost: answer}) }}
	if f.to == "microsoft365" {
		where = question{flag: "tenant", text: "Which tenant? [contoso.onmicrosoft.com] ", answer: &f.tenant, optional: true}
	}
	return a.settle(given, where,
		question{flag: "users", text: "Have you a CSV file of the users? Its name, or nothing for an example: ",
			answer: &f.users, optional: true, check: readable},
		question{flag: "older-than", text: "Mail of which age may move ahead, before the switch? [90d] ", answer: &f.olderThan,
			optional: true, check: func(answer string) error { return tried(initFlags{olderThan: answer}) }})
}

// settle asks what no flag has answered, and checks what one has.
func (a *app) settle(given func(string) bool, questions ...question) error {
	for _, q := range questions {
		if !given(q.flag) {
			if err := a.askOrDefault(q); err != nil {
				return err
			}
		} else if !q.optional && *q.answer == "" {
			return usage("--"+q.flag+" needs a value; nothing was written", "See: mailhaul init --help")
		} else if err := q.wrong(*q.answer); err != nil && (!q.optional || *q.answer != "") {
			return usage(fmt.Sprintf("--%s can't be %q; nothing was written", q.flag, *q.answer), sentence(err),
				"See: mailhaul init --help")
		}
	}
	return nil
}

// tried says why the configuration would refuse the answer that f holds; the others are made up.
func tried(f initFlags) (err error) {
	f.fromHost, f.toHost = cmp.Or(f.fromHost, "old.example"), cmp.Or(f.toHost, "new.example")
	f.olderThan = cmp.Or(f.olderThan, "90d")
	dir, err := os.MkdirTemp("", "mailhaul-init-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := starterFiles(dir, &f)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := writeNew(filepath.Join(dir, file.name), file.text); err != nil {
			return err
		}
	}
	_, diagnostics := config.Load(dir, config.Options{Version: Version})
	for _, d := range diagnostics {
		if d.Severity == config.Error {
			return errors.New(strings.TrimSpace(sentence(errors.New(d.Summary)) + " " + d.Detail))
		}
	}
	return nil
}

// readable tells whether the users file has a line of column names.
func readable(name string) error {
	_, err := heading(name)
	return err
}
