package view

import "mailhaul/state"

// StatusRow is how one mailbox stands.
type StatusRow struct {
	Mailbox     string         `json:"mailbox"`
	Destination string         `json:"destination"`
	Pass        string         `json:"pass"` // the pass that ran last; empty: none yet
	Progress    state.Progress `json:"state"`
	Running     bool           `json:"running,omitempty"` // at work now
	Copied      state.Count    `json:"copied"`
	Left        state.Count    `json:"left"` // pending, those of later passes too
	LeftOut     state.Count    `json:"left_out"`
	Failed      state.Count    `json:"failed"`
	Code        string         `json:"code,omitempty"` // why a failed mailbox stopped
	Text        string         `json:"text,omitempty"` // the server's words
}

// StatusView is how far everything is.
type StatusView struct {
	State string      // the state file's base name
	Run   *state.Run  // the last run; nil: none yet
	Live  bool        // that run is going on now
	Rows  []StatusRow // in the order of the configuration
}

// Status writes how far everything is.
func Status(o Output, s StatusView) error { return o.put("") }
