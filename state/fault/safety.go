package fault

// Safety is one thing that keeps mail from being lost or doubled, or a promise to the user from being broken. Switched
// off, the program does what a plausible mistake in that place would do.
type Safety string

// The safeties. The comment says what happens without.
const (
	// Of the ledger.
	WriteAhead        Safety = "write-ahead"         // executor: messages are sent whose intents were never committed (I1)
	ToldAfterCommit   Safety = "told-after-commit"   // state: a write is acknowledged before its COMMIT
	BrokenStaysBroken Safety = "broken-stays-broken" // state: after a failed COMMIT the next ones are tried
	OneWriter         Safety = "one-writer"          // state: the lock of another process is ignored (I7)
	LockStillOurs     Safety = "lock-still-ours"     // state: a lock taken away by force is not noticed
	RowSum            Safety = "row-sum"             // state: a flipped bit inside a row is believed
	ClaimedOnce       Safety = "claimed-once"        // state: two rows may claim one destination message (I5)

	// Of doubts.
	DoubtIsDoubt Safety = "doubt-is-doubt" // executor: what is unknown is sent again without settling (I2)
	SecondScan   Safety = "second-scan"    // executor: one look that finds nothing proves absence (I3)
	Grace        Safety = "grace"          // executor: the second look comes at once (I3)
	Window       Safety = "window"         // executor: the search begins at UIDNEXT of now, not at U0
	OpenWindow   Safety = "open-window"    // executor: U0 moves forward over an open doubt (I6)
	Claims       Safety = "claims"         // executor: messages that a row claims are candidates again (I5)
	Counting     Safety = "counting"       // executor: equal messages are folded into one
	Ambiguity    Safety = "ambiguity"      // executor: a look-alike in the window is no reason to stop and ask
	TrustedUID   Safety = "trusted-uid"    // executor: APPENDUID is believed blindly
	SentDigest   Safety = "sent-digest"    // executor: a message sent with other octets is looked for by the source's
	Meaning      Safety = "meaning"        // executor: mail that is rendered anew is looked for by its octets

	// Of memory against comparison.
	Adoption            Safety = "adoption"             // executor: mail that is there already is not recognised
	Memory              Safety = "memory"               // executor: under a new UIDVALIDITY what was copied is forgotten
	SourceValidity      Safety = "source-validity"      // executor: a new UIDVALIDITY at the source is ignored
	DestinationValidity Safety = "destination-validity" // executor: likewise at the destination
	RetryOfFailures     Safety = "retry-of-failures"    // executor: a retry sends what has landed once more
	UsersFlags          Safety = "users-flags"          // executor: flags that a user changed are overwritten
	LostFlags           Safety = "lost-flags"           // executor: a message found after a doubt keeps the flags that the server kept

	// Of taking back.
	Untouched    Safety = "untouched"     // executor: undo takes what a user has touched
	SourceStands Safety = "source-stands" // executor: undo takes what the source has no more
	UndoAhead    Safety = "undo-ahead"    // executor: copies are removed that the ledger counts as copied
	UndoFolder   Safety = "undo-folder"   // executor: copies that were being taken back are gone with their folder's name
	EraserOnly   Safety = "eraser-only"   // executor/imap: any session may remove messages and folders

	// Of reading.
	WholeListing   Safety = "whole-listing"   // executor: a listing that ended with an error counts as complete (I8)
	CountedListing Safety = "counted-listing" // executor/imap: one that is short of messages counts as complete (I8)
	Silence        Safety = "silence"         // executor: what FETCH does not answer is gone
	EmptyAnswer    Safety = "empty-answer"    // executor: an empty body of a message that is not empty is its body
	WholeAnswer    Safety = "whole-answer"    // executor/imap: an answer that ended early is a message
	ReadOnly       Safety = "read-only"       // executor/imap: a source may be sent what writes
	Peek           Safety = "peek"            // executor/imap: a body may be fetched so that it becomes \Seen

	// Of sending.
	LostAnswer      Safety = "lost-answer"      // executor/imap: without an answer the message is absent (I3)
	FailedWrite     Safety = "failed-write"     // executor/imap: a failed write passed nothing on (I3)
	RefusedGroup    Safety = "refused-group"    // executor/imap: NO to several messages proves all of them absent (I3)
	DoubtfulRefusal Safety = "doubtful-refusal" // executor/imap: NO [UNAVAILABLE] proves absence (I3)
	EarlyAnswer     Safety = "early-answer"     // executor/imap: OK to a message that was not sent whole is believed (I4)
	HaltAfterBad    Safety = "halt-after-bad"   // executor/imap: after BAD the next message goes out at once
	Date            Safety = "date"             // executor/imap: INTERNALDATE is not carried over
	Flags           Safety = "flags"            // executor/imap: flags are not carried over
)

// Safeties lists every safety.
func Safeties() []Safety {
	return []Safety{WriteAhead, ToldAfterCommit, BrokenStaysBroken, OneWriter, LockStillOurs, RowSum, ClaimedOnce,
		DoubtIsDoubt, SecondScan, Grace, Window, OpenWindow, Claims, Counting, Ambiguity, TrustedUID, SentDigest, Meaning,
		Adoption, Memory, SourceValidity, DestinationValidity, RetryOfFailures, UsersFlags, LostFlags, Untouched,
		SourceStands, UndoAhead, UndoFolder, EraserOnly, WholeListing, CountedListing, Silence, EmptyAnswer, WholeAnswer,
		ReadOnly, Peek, LostAnswer, FailedWrite, RefusedGroup, DoubtfulRefusal, EarlyAnswer, HaltAfterBad, Date,
		Flags}
}
