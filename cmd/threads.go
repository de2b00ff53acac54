package cmd

import (
	"runtime"

	"mailhaul/plan"
)

// threads gives a run as many threads as its mailboxes keep busy, but not fewer than half of what is there, and gives
// what ends that. What is done for one mailbox is a chain: fetch, digest, commit, send. Where the cores have the
// servers to serve too, more threads than chains only pass the links from one to the other, which cost a single mailbox a
// twentieth of its pace. A user's own GOMAXPROCS stands.
func (a *app) threads(mailboxes int) (end func()) {
	if set, _ := a.env("GOMAXPROCS"); set != "" {
		return func() {}
	}
	all := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(min(all, max(mailboxes, (all+1)/2)))
	return runtime.SetDefaultGOMAXPROCS
}

// busy counts the mailboxes of a plan that are worked on.
func busy(p *plan.Plan) (n int) {
	for _, works := range atWork(p) {
		if works {
			n++
		}
	}
	return n
}
