package fault_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/state/fault"
)

// caught says which test must fail without a safety.
var caught = map[fault.Safety]struct{ room, test string }{
	fault.WriteAhead:          {"executor", "TestCrashAtEveryWrite"},
	fault.DoubtIsDoubt:        {"executor", "TestEveryBrokenAppend"},
	fault.SecondScan:          {"executor", "TestWindowIsNotMovedOverADoubt"},
	fault.Grace:               {"executor", "TestWindowIsNotMovedOverADoubt"},
	fault.Window:              {"executor", "TestCrashAtEveryWrite"},
	fault.OpenWindow:          {"executor", "TestWindowIsNotMovedOverADoubt"},
	fault.Claims:              {"executor", "TestEveryBrokenAppend"},
	fault.Counting:            {"executor", "TestHardCase_R07_R10_LostState"},
	fault.Ambiguity:           {"executor", "TestAmbiguousIsSentAgainOnlyOnRequest"},
	fault.TrustedUID:          {"executor", "TestHardCase_P05_ForeignAppendUID"},
	fault.SentDigest:          {"executor", "TestAmendedInDoubt"},
	fault.Meaning:             {"executor", "TestHardCase_M25_RenderedInDoubt"},
	fault.Adoption:            {"executor", "TestHardCase_R07_R10_LostState"},
	fault.Memory:              {"executor", "TestRenumberedDestination"},
	fault.SourceValidity:      {"executor", "TestRenumberedSource"},
	fault.DestinationValidity: {"executor", "TestRenumberedDestination"},
	fault.RetryOfFailures:     {"executor", "TestRefusedMessageIsRecordedAndRetried"},
	fault.UsersFlags:          {"executor", "TestHardCase_K08_UsersFlagsWin"},
	fault.LostFlags:           {"executor", "TestFlagsLostWithTheAnswer"},
	fault.Untouched:           {"executor", "TestUndoKeepsWhatSomebodyTouched"},
	fault.SourceStands:        {"executor", "TestUndoKeepsWhatSomebodyTouched"},
	fault.UndoAhead:           {"executor", "TestUndoCutAtEveryCall"},
	fault.UndoFolder:          {"executor", "TestUndoWhoseFolderIsRenamed"},
	fault.EraserOnly:          {"executor/imap", "TestHardCase_R16_EraserVerbs"},
	fault.WholeListing:        {"executor", "TestRefusedListingIsNotComplete"},
	fault.Silence:             {"executor", "TestHardCase_M22_M23_SilenceIsNotProof"},
	fault.EmptyAnswer:         {"executor", "TestEmptyBodyIsNotTheMessage"},
	fault.CountedListing:      {"executor/imap", "TestListAnswers"},
	fault.WholeAnswer:         {"executor/imap", "TestHardCase_P14_LiteralThatLies"},
	fault.ReadOnly:            {"executor/imap", "TestSourceVerbs"},
	fault.Peek:                {"executor/imap", "TestSourceVerbs"},
	fault.LostAnswer:          {"executor/imap", "TestHardCase_P01_CutWhileAnswering"},
	fault.FailedWrite:         {"executor/imap", "TestHardCase_P02_WriteFails"},
	fault.RefusedGroup:        {"executor/imap", "TestGroupAnswers"},
	fault.DoubtfulRefusal:     {"executor/imap", "TestAppendAnswers"},
	fault.EarlyAnswer:         {"executor/imap", "TestEarlyOK"},
	fault.HaltAfterBad:        {"executor/imap", "TestBadThenOutOfOrder"},
	fault.Date:                {"executor/imap", "TestAppendCommand"},
	fault.Flags:               {"executor/imap", "TestAppendCommand"},
	fault.ToldAfterCommit:     {"state", "TestHardCase_R01_KilledWriter"},
	fault.BrokenStaysBroken:   {"state", "TestHardCase_R05_LostCommit"},
	fault.OneWriter:           {"state", "TestHardCase_R09_R14_LockedByAnotherProcess"},
	fault.LockStillOurs:       {"state", "TestHardCase_R09_LockOfAnotherMachine"},
	fault.RowSum:              {"state", "TestCheckFinds"},
	fault.ClaimedOnce:         {"state", "TestClaims"},
}

// TestSeededBugs switches each safety off in turn: the test that stands guard over it must fail, and only then. A suite
// that is green with a bug in it proves nothing about the program without.
func TestSeededBugs(t *testing.T) {
	t.Parallel()
	rooms := map[string]*binary{}
	for _, c := range caught {
		if rooms[c.room] == nil {
			rooms[c.room] = &binary{dir: filepath.Join("../..", c.room), path: filepath.Join(t.TempDir(), "suite.test")}
		}
	}
	for room, b := range rooms {
		b.build(t, room)
	}
	var g errgroup.Group
	g.SetLimit(2)
	for room, b := range rooms {
		var tests []string
		for _, c := range caught {
			if c.room == room {
				tests = append(tests, c.test)
			}
		}
		g.Go(func() error {
			if out, err := b.run(t, "", tests...); err != nil {
				t.Errorf("%s without a bug: %v\n%s", room, err, out)
			}
			return nil
		})
	}
	for _, safety := range fault.Safeties() {
		c, ok := caught[safety]
		if !ok {
			t.Errorf("no test stands guard over %s", safety)
			continue
		}
		g.Go(func() error {
			rooms[c.room].red(t, safety, c.test)
			return nil
		})
	}
	_ = g.Wait() // everything was told to t
	if !t.Failed() {
		t.Logf("%d of %d seeded bugs are caught", len(caught), len(fault.Safeties()))
	}
}

// binary is the tests of one package, built so that safeties can be switched off.
type binary struct{ dir, path string }

func (b *binary) build(t *testing.T, room string) {
	t.Helper()
	if out, err := exec.Command("go", "test", "-c", "-tags", "faults", "-o", b.path, "mailhaul/"+room).CombinedOutput(); err != nil {
		t.Fatalf("build the tests of %s: %v\n%s", room, err, out)
	}
}

// run runs whole tests with a safety switched off; none if it is empty.
func (b *binary) run(t *testing.T, off fault.Safety, tests ...string) (string, error) {
	slices.Sort(tests)
	for i, name := range tests {
		tests[i] = regexp.QuoteMeta(name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, b.path, "-test.v", "-test.failfast", "-test.run", "^("+strings.Join(slices.Compact(tests), "|")+")$") //nolint:gosec // a binary of our own
	c.Dir, c.Env = b.dir, append(os.Environ(), "MAILHAUL_BUG="+string(off))
	out, err := c.CombinedOutput()
	return string(out), errors.Join(err, ctx.Err())
}

// red runs a test with a safety switched off. Only the test's own verdict counts as one: a suite that panics or hangs
// has found nothing.
func (b *binary) red(t *testing.T, off fault.Safety, test string) {
	out, err := b.run(t, off, test)
	switch {
	case err == nil:
		t.Errorf("without the safety %s, %s passes", off, test)
	case !strings.Contains(out, "--- FAIL: "+test+" ") || strings.Contains(out, "panic: "):
		t.Errorf("without the safety %s, %s does not fail by itself: %v\n%s", off, test, err, out)
	}
}
