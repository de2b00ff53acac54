package view

import (
	"time"

	"mailhaul/executor"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// Summary is what is told when a run has ended.
type Summary struct {
	Pass, Kind                       string
	Planned, Copied, Failed, LeftOut state.Count
	Complete, Incomplete, Blocked    int // mailboxes
	FlagsChanged                     int64
	Elapsed                          time.Duration
	Interrupted                      bool
	MaxSize                          mail.Size // why messages were left out: over this size; zero: not said
	Messages                         []state.FailedMessage
	Mailboxes                        []state.FailedMailbox
	Report                           string // path of a report; may be empty
	Next                             string // the command to go on with; may be empty
	Or                               string // the command to look at first: "mailhaul failures"; may be empty
}

// SummaryOf takes the numbers from the run's last event.
func SummaryOf(e executor.PassDone) Summary {
	return Summary{
		Pass: e.Pass, Planned: e.Planned, Copied: e.Copied, Failed: e.Failed, LeftOut: e.LeftOut, Complete: e.Complete,
		Incomplete: e.Incomplete, Blocked: e.Blocked, FlagsChanged: e.FlagsChanged, Elapsed: e.Elapsed, Interrupted: e.Interrupted,
	}
}

// PassSummary writes how a run ended.
func PassSummary(o Output, s Summary) error { return o.put("") }
