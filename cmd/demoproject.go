package cmd

import (
	"fmt"
	"path/filepath"
	"strings"

	"mailhaul/cmd/demo"
	"mailhaul/cmd/view"
)

const demoHCL = `# Two servers on this machine, and what goes where. In earnest only the hosts differ, and nobody needs tls = "none".

endpoint "imap" "old" {
  host            = %q
  port            = %d
  tls             = "none"
  allow_plaintext = true
}

endpoint "imap" "new" {
  host            = %q
  port            = %d
  tls             = "none"
  allow_plaintext = true
}

users "everybody" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}

folders {
  exclude = ["^Trash(/|$)", "^Papierkorb(/|$)"]
}

pass "verify" {}
pass "prestage" { older_than = "90d" }
pass "full" {}
pass "retry" {}
`

// writeProject writes what a person would have written.
func (s *show) writeProject() error {
	hcl := fmt.Sprintf(demoHCL, s.source.Host(), s.source.Port(), s.destination.Host(), s.destination.Port())
	var csv strings.Builder
	csv.WriteString("source,password,destination,destination_password\n")
	for _, p := range demo.People() {
		fmt.Fprintf(&csv, "%s,%s,%s,%s\n", p.Source, p.SourcePassword, p.Destination, p.DestinationPassword)
	}
	if err := writeNew(filepath.Join(s.dir, "mailhaul.hcl"), hcl); err != nil {
		return err
	}
	return writeNew(filepath.Join(s.dir, "users.csv"), csv.String())
}

// compare judges the copy message by message, without the code that made it.
func (s *show) compare() error {
	equal, differences := demo.Compare(s.source, s.destination, demoTarget)
	if len(differences) > 0 {
		var lines []string
		for _, d := range differences {
			lines = append(lines, d.String())
		}
		return fail("", "the demo went wrong: both sides differ", lines...)
	}
	s.say(fmt.Sprintf("Compared message by message, by code that has no part in copying:\n"+
		"  %d messages are equal in content, date and flags.\n"+
		"Trash was left out on purpose.\n"+
		"The servers end with this process, the project is kept in %s. To look around in it:\n"+
		"  cd %s\n  mailhaul status\n  mailhaul plan --offline\n"+
		"To begin a project of your own:  mailhaul init", equal, s.dir, s.dir))
	return nil
}

// demoTarget is where a folder of the source goes by the demo's rules, written down independently of package plan.
func demoTarget(_ demo.Person, folder string) string {
	switch folder {
	case "Trash", "Papierkorb":
		return ""
	case "Sent", "Gesendete Elemente":
		return "Sent Items"
	}
	return folder
}

// interrupted ends the demo in the middle.
func (s *show) interrupted() error {
	return &failure{exitInterrupted, view.RunError{Summary: "the demo was interrupted",
		Detail: "Its servers end with this process; the project is kept in " + s.dir + "."}}
}
