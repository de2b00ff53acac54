package imap

import (
	"fmt"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// selection is the folder that is open in the session.
type selection struct {
	raw     string
	open    bool
	write   bool
	exists  uint32
	expunge uint32 // messages that vanished while it was open
	opened  mail.Opened
}

// examine opens a folder for reading, unless it is open. fresh asks for a new look; what is open for writing gets one
// always, since APPENDs have changed it. A UIDVALIDITY other than the one that f was listed with is an error of kind Stale.
func (c *client) examine(op string, f mail.Folder, fresh bool) error {
	if fresh || !c.selected.open || c.selected.write || c.selected.raw != f.Raw {
		if err := c.choose(op, "EXAMINE", f); err != nil {
			return err
		}
	}
	return c.valid(op, f)
}

// within runs commands that read a folder, and opens the folder in the same flight where it is not open: that saves a
// round trip for each folder. fresh is as for examine. What comes before the folder is open belongs to its opening; what
// comes of a folder that could not be opened, or is not the one that was listed, is dropped unseen.
func (c *client) within(op string, f mail.Folder, fresh bool, cmds []*command, on func(*response) error) ([]status, error) {
	if !fresh && c.selected.open && !c.selected.write && c.selected.raw == f.Raw {
		if err := c.valid(op, f); err != nil {
			return nil, err
		}
		return c.runAll(op, cmds, on)
	}
	c.selected = selection{}
	sel := selection{raw: f.Raw}
	var stale error
	first := newCommand("EXAMINE").astring(f.Raw)
	answers, err := c.runSteps(op, append([]*command{first}, cmds...), depth, steps{
		untagged: func(r *response) error {
			switch {
			case !c.selected.open:
				return sel.take(r)
			case stale == nil:
				return on(r)
			}
			return nil
		},
		answered: func(at int, st status) error {
			if at == 0 && st.verb == "OK" {
				c.opened(sel)
				stale = c.valid(op, f)
			}
			return nil
		}})
	switch {
	case err != nil:
		return nil, err
	case answers[0].verb != "OK":
		return nil, c.fatalUnlessRefused(c.classify(op, answers[0], atFolder))
	}
	return answers[1:], stale
}

// opened files the folder that EXAMINE or SELECT has opened.
func (c *client) opened(sel selection) {
	sel.open = true
	sel.opened.Status.Messages = sel.exists
	sel.opened = c.opts.Habits.usual(sel.opened)
	c.selected = sel
}

// valid compares the open folder's UIDVALIDITY with the one that f was listed with.
func (c *client) valid(op string, f mail.Folder) error {
	want, got := f.Status.UIDValidity, c.selected.opened.Status.UIDValidity
	if want != 0 && want != got {
		return &mail.Error{Op: op, Kind: mail.Stale, Code: mail.CodeIMAPValidity,
			Err: fmt.Errorf("the folder's UIDVALIDITY is %d and was %d", got, want)}
	}
	return nil
}

// choose opens a folder with EXAMINE or SELECT.
func (c *client) choose(op, verb string, f mail.Folder) error {
	c.selected = selection{}
	sel := selection{raw: f.Raw, write: verb == "SELECT"}
	st, err := c.run(op, newCommand(verb).astring(f.Raw), sel.take)
	if err != nil {
		return err
	}
	if st.verb != "OK" {
		return c.fatalUnlessRefused(c.classify(op, st, atFolder))
	}
	c.opened(sel)
	return nil
}

// take reads what EXAMINE and SELECT tell of the folder (RFC 9051, 6.3.2).
func (s *selection) take(r *response) error {
	switch r.verb {
	case "EXISTS":
		s.exists = r.num
	case "OK":
		s.code(r.status)
	}
	return nil
}

func (s *selection) code(st status) {
	switch st.code {
	case "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ":
		if n, err := strconv.ParseUint(strings.TrimSpace(st.args), 10, 64); err == nil {
			setStatus(&s.opened.Status, st.code, n)
		}
	case "PERMANENTFLAGS":
		names := strings.Fields(strings.Trim(strings.TrimSpace(st.args), "()"))
		s.opened.Known = true
		s.opened.Permanent = mail.ParseFlags(names)
		for _, name := range names {
			s.opened.AnyKeyword = s.opened.AnyKeyword || name == `\*`
		}
	}
}

// unselect leaves the open folder without the EXPUNGE that CLOSE would do. Where UNSELECT (RFC 3691) is missing, a
// folder opened for reading is left by opening one that is not there: that fails, and leaves none open (RFC 3501, 6.3.1).
func (c *client) unselect() error {
	if !c.selected.open {
		return nil
	}
	c.selected = selection{}
	_, err := c.run("leave folder", c.unselectCommand(), nil)
	return err
}

func (c *client) unselectCommand() *command {
	if c.caps.implied("UNSELECT") {
		return newCommand("UNSELECT")
	}
	return newCommand("EXAMINE").astring("mailhaul-" + c.tags.prefix + "none")
}
