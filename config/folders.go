package config

import "regexp"

// How special folders are matched.
const (
	SpecialAuto = "auto" // Sent to the destination's Sent folder, and so on
	SpecialNone = "none" // names stay as they are
)

// How two source folders may share one destination folder.
const (
	MergeReport = "report" // an error of the plan
	MergeAllow  = "allow"
)

// Folders are the folder rules of one mailbox, compiled. Names are matched normalised ("/" between levels, decoded) and
// without case.
type Folders struct {
	Special string // SpecialAuto or SpecialNone
	Include []Rule // empty: all
	Exclude []Rule
	Rename  []Rule // rename blocks in the order written, then mapping entries; the first match wins
	Under   string // everything goes below this folder; empty: nowhere below
	Empty   bool   // create folders that hold no message
	Merge   string // MergeReport or MergeAllow
}

// Rule is one pattern of the folder rules.
type Rule struct {
	Written string // as in the file: `rename "^INBOX/"`, `"^Trash(/|$)"`, `"^Old Sent->Sent Items"`
	Pattern *regexp.Regexp
	To      string // rename and mapping: replacement with $1 and ${name}
	Range   Range
}
