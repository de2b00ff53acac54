package executor_test

import (
	"cmp"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/proxy"
)

// sampled takes about n of the cuts, spread evenly.
func sampled(all []cut, n int) (some []cut) {
	for i := 0; i < n; i++ {
		some = append(some, all[i*len(all)/n+len(all)/(2*n)])
	}
	return some
}

// through makes a wire with a lane for each place, behind a proxy that does there what fault says.
func through(t *testing.T, p imapserver.Profile, places []cut, fault func(cut) proxy.Faults) *wire {
	var names []string
	for _, c := range places {
		names = append(names, c.String())
	}
	w := newWire(t, imapserver.Dovecot(), p, names...)
	for i, l := range w.lanes {
		l.fill(wireMessages, cutSizes)
		if places[i].destination {
			l.to = proxy.Start(t, w.destination.Addr())
			l.to.Set(fault(places[i]))
		} else {
			l.from = proxy.Start(t, w.source.Addr())
			l.from.Set(fault(places[i]))
		}
	}
	return w
}

// cameAbout wants the lanes to have had their faults. A few may lack theirs: it was due in a farewell that nobody waited
// for.
func (w *wire) cameAbout() {
	w.t.Helper()
	var without []string
	for _, l := range w.lanes {
		if p := cmp.Or(l.from, l.to); p.Struck() != 1 {
			without = append(without, l.name)
		}
	}
	if len(without) > len(w.lanes)/12 {
		w.t.Errorf("of %d faults these did not come about: %q", len(w.lanes), without)
	}
}

// TestHardCase_P19_Stall: from some octet on nothing passes any more, and the connection stays open: on either side, in
// either direction, in the plan and in the run. The silence is noticed, the messages on the wire are in doubt like those
// of a lost connection, and each arrives once.
func TestHardCase_P19_Stall(t *testing.T) {
	t.Parallel()
	p := imapserver.Dovecot().Without("MULTIAPPEND")
	source, destination := reference(t, p)
	var places []cut
	for i, sessions := range [][]proxy.Session{source, destination} {
		places = append(places, sampled(cutsOf(i == 1, sessions, eachOctet), 10)...)
	}
	w := through(t, p, places, func(c cut) proxy.Faults {
		f := proxy.Faults{After: c.connection - 1, StallToServer: c.at}
		if c.toClient {
			f.StallToServer, f.StallToClient = 0, c.at
		}
		return f
	})
	w.timeouts.Progress = 2 * time.Second
	w.untilDone()
	w.cameAbout()
	w.sameMail()
}

// TestHardCase_P03_CutBeforeASlowServer: the server takes its time for each message, so that it goes on storing what it
// has received long after the connection was cut. Within the grace time that doubles nothing (I3).
func TestHardCase_P03_CutBeforeASlowServer(t *testing.T) {
	t.Parallel()
	p := imapserver.Dovecot().Without("MULTIAPPEND")
	_, destination := reference(t, p)
	places := sampled(cutsOf(true, destination[1:], boundaries), 12)
	for i := range places {
		places[i].connection++
		places[i].at &^= 1 // cut in order, so that all that was sent arrives
	}
	p.SlowBy = 5 * time.Millisecond
	w := through(t, p, places, cut.faults)
	w.grace = 2 * time.Second
	w.untilDone()
	w.cameAbout()
	w.sameMail()
}
