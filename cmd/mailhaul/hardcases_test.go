package main

import "testing"

// hardCaseScripts are the files of testdata/script that a test below runs.
func hardCaseScripts() []string {
	return []string{"interrupt", "state-damaged", "adopted", "locked", "rules-changed", "renamed-mailbox"}
}

func hardCase(t *testing.T, script string) {
	t.Helper()
	t.Parallel()
	runScripts(t, []string{scriptFile(script)})
}

// TestHardCase_R02_Interrupt: whoever presses Ctrl-C wants to stop without losing count of what is on its way. The first
// one finishes that and ends with 130, the second leaves at once, and after either, or kill -9, nothing comes twice.
func TestHardCase_R02_Interrupt(t *testing.T) { hardCase(t, "interrupt") }

// TestHardCase_R06_DamagedState: a state file that can't be read whole is refused with a code of its own, never written to,
// and the commands that put the last good copy in its place are named.
func TestHardCase_R06_DamagedState(t *testing.T) { hardCase(t, "state-damaged") }

// TestHardCase_R07_DeletedState: without its state file a second run of another tool would double the mailbox. What is there
// is recognised, nothing is sent, and the summary says so.
func TestHardCase_R07_DeletedState(t *testing.T) { hardCase(t, "adopted") }

// TestHardCase_R09_SecondCommand: a second command that would write ends with a code of its own and names the first; those
// that only look go on. A lock that was left behind by another machine goes by its ID alone.
func TestHardCase_R09_SecondCommand(t *testing.T) { hardCase(t, "locked") }

// TestHardCase_R12_RulesChanged: a rule that is changed between two runs must not move or repeat what was copied by the old
// one. New mail goes by the new one, and the listing of folders shows where.
func TestHardCase_R12_RulesChanged(t *testing.T) { hardCase(t, "rules-changed") }

// TestHardCase_R13_RenamedMailbox: people marry and addresses change; the mailbox is the one that was written to, and
// nothing is copied again. A wrong address that was corrected is another mailbox.
func TestHardCase_R13_RenamedMailbox(t *testing.T) { hardCase(t, "renamed-mailbox") }
