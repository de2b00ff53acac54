// Package fault is where the proof takes hold of the product: named points at which the process can be made to die, and
// named safeties that can be switched off. It is not a simulator and decides nothing; the users of a release never meet
// it, because without the build tag "faults" At is empty and Off is always false, and the compiler leaves both out.
//
// Start at this file and at safety.go: they are the register of all names. Built with `-tags faults` the program obeys
// three variables:
//
//	MAILHAUL_CRASH=name:n   the process ends, as by kill -9, when the point is reached for the n-th time
//	MAILHAUL_HITS=file      a line with its name for every point that is reached
//	MAILHAUL_BUG=name       this safety is switched off
//
// Why it is made so: a promise about crashes is worth what can be shown, and it can be shown only if every moment
// between two steps of the protocol can be chosen. And a test that is never red proves nothing, so each safety can be
// taken away, and then some test must fail. Tests go through Points and Safeties and ask for every one of them.
package fault

// Point is a moment at which the process can be made to die.
type Point string

// The points, in the order in which a run reaches them.
const (
	BeforeStateNamed    Point = "before-state-named"    // state: a new file is whole, and has not got its name
	BeforeCommit        Point = "before-commit"         // state: a transaction is done but for its COMMIT
	AfterCommit         Point = "after-commit"          // state: it is durable, and nobody has been told
	AfterListingRows    Point = "after-listing-rows"    // executor: some rows of a folder's listing are in the ledger
	AfterListing        Point = "after-listing"         // executor: all of them, and the folder's counters
	AfterRunBegun       Point = "after-run-begun"       // state: the run is recorded, nothing is done
	AfterCreateFolder   Point = "after-create-folder"   // executor: a destination folder is made, the ledger knows nothing
	AfterAdopt          Point = "after-adopt"           // executor: what was there is claimed, the folder not marked so
	BeforeIntentCommit  Point = "before-intent-commit"  // executor: a batch is chosen, its intents are in memory
	AfterIntentCommit   Point = "after-intent-commit"   // executor: they are durable, nothing has been sent
	BeforeAppend        Point = "before-append"         // executor: the batch is at the door of the connection
	BeforeLiteral       Point = "before-literal"        // executor/imap: an APPEND is announced, none of its octets
	InsideLiteral       Point = "inside-literal"        // executor/imap: some octets of a large message have left
	InsideGroup         Point = "inside-group"          // executor/imap: some messages of a MULTIAPPEND are written
	AfterAppendWritten  Point = "after-append-written"  // executor/imap: every octet of the batch has left
	AfterAnswer         Point = "after-answer"          // executor: an answer has come, the ledger knows nothing of it
	BeforeOutcomeCommit Point = "before-outcome-commit" // executor: answers are rows in memory
	AfterOutcomeCommit  Point = "after-outcome-commit"  // executor: they are durable
	AfterLostConnection Point = "after-lost-connection" // executor: the connection broke, no new one is open
	AfterReopen         Point = "after-reopen"          // executor: the new one is open, nothing has been sent on it
	AfterScan           Point = "after-scan"            // executor: the destination was searched for what is in doubt
	BeforeSettleCommit  Point = "before-settle-commit"  // executor: the doubts are decided in memory
	AfterSettleCommit   Point = "after-settle-commit"   // executor: they are decided for good
	AfterGrace          Point = "after-grace"           // executor: the grace time is over, the second look still to come
	AfterFlagsStored    Point = "after-flags-stored"    // executor: flags are set, the ledger has the old ones
	AfterUndoIntent     Point = "after-undo-intent"     // executor: copies are to be taken back, and nothing has been sent
	AfterUndoMark       Point = "after-undo-mark"       // executor/imap: they are marked \Deleted, and not removed
	AfterUndoErase      Point = "after-undo-erase"      // executor: they are removed, the ledger knows nothing of it
	AfterUndoCommit     Point = "after-undo-commit"     // executor: it does
	AfterUndoFolder     Point = "after-undo-folder"     // executor: a folder of ours is removed, the ledger still has it
	BeforeMailboxRecord Point = "before-mailbox-record" // executor: a mailbox came to its end, which is not recorded
	BeforeRunEnd        Point = "before-run-end"        // state: everything is done but the record of the run's end
	BeforeBackupNamed   Point = "before-backup-named"   // state: the backup is whole, and has not got its name
	AfterBackup         Point = "after-backup"          // state: it has
)

// Points lists every point.
func Points() []Point {
	return []Point{BeforeStateNamed, BeforeCommit, AfterCommit, AfterListingRows, AfterListing, AfterRunBegun,
		AfterCreateFolder, AfterAdopt, BeforeIntentCommit, AfterIntentCommit, BeforeAppend, BeforeLiteral, InsideLiteral,
		InsideGroup, AfterAppendWritten, AfterAnswer, BeforeOutcomeCommit, AfterOutcomeCommit, AfterLostConnection,
		AfterReopen, AfterScan, BeforeSettleCommit, AfterSettleCommit, AfterGrace, AfterFlagsStored, AfterUndoIntent,
		AfterUndoMark, AfterUndoErase, AfterUndoCommit, AfterUndoFolder, BeforeMailboxRecord,
		BeforeRunEnd, BeforeBackupNamed, AfterBackup}
}
