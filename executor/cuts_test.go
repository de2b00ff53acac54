package executor_test

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/proxy"
)

// cuts says how many octets are cut at: some, a sample that is the same each time; boundaries, all that matter; or all.
var cuts = flag.String("cuts", "some", "cut at some, at boundaries, or at all octets")

// cut is where a session breaks: the octet of one direction of one connection.
type cut struct {
	destination bool
	connection  int // from 1: the plan's, the run's
	toClient    bool
	at          int64
}

func (c cut) String() string {
	side, direction := "source", "to server"
	if c.destination {
		side = "destination"
	}
	if c.toClient {
		direction = "to client"
	}
	return fmt.Sprintf("%s, connection %d, %s, octet %d", side, c.connection, direction, c.at)
}

// faults make the cut. Every other one is a reset, which takes away what is under way.
func (c cut) faults() proxy.Faults {
	f := proxy.Faults{Blind: true, After: c.connection - 1, CutToServer: c.at, Polite: c.at%2 == 0}
	if c.toClient {
		f.CutToServer, f.CutToClient = 0, c.at
	}
	return f
}

var cutSizes = wireSizes{120, 300, 900}

// reference records the sessions of a run that nothing disturbs.
func reference(t *testing.T, p imapserver.Profile) (source, destination []proxy.Session) {
	w := newWire(t, imapserver.Dovecot(), p, "anna")
	l := w.lanes[0]
	l.fill(wireMessages, cutSizes)
	l.from, l.to = proxy.Start(t, w.source.Addr()), proxy.Start(t, w.destination.Addr())
	l.from.Set(proxy.Faults{Record: true})
	l.to.Set(proxy.Faults{Record: true})
	if _, _, err := w.apply("full"); err != nil {
		t.Fatal(err)
	}
	w.sameMail()
	return l.from.Sessions(), l.to.Sessions()
}

// cutsOf lists the cuts of recorded sessions, as places chooses them.
func cutsOf(destination bool, sessions []proxy.Session, places func([]byte) []int64) (all []cut) {
	for i, s := range sessions {
		for _, at := range places(s.ToServer) {
			all = append(all, cut{destination, i + 1, false, at})
		}
		for _, at := range places(s.ToClient) {
			all = append(all, cut{destination, i + 1, true, at})
		}
	}
	return all
}

// eachOctet is every place.
func eachOctet(octets []byte) (places []int64) {
	for at := range octets {
		places = append(places, int64(at)+1)
	}
	return places
}

// boundaries are the places up to two octets away from the ends of tags, lines and literals.
func boundaries(octets []byte) []int64 {
	near := map[int64]bool{}
	mark := func(at int) {
		for n := at - 2; n <= at+2; n++ {
			if n > 0 && n <= len(octets) {
				near[int64(n)] = true
			}
		}
	}
	for at := 0; at < len(octets); {
		end := bytes.Index(octets[at:], []byte("\r\n"))
		if end < 0 {
			break
		}
		line := octets[at : at+end+2]
		mark(at + bytes.IndexByte(line, ' '))
		at += len(line)
		mark(at)
		if m := announcement.FindSubmatch(line); m != nil {
			size, _ := strconv.Atoi(string(m[1])) // the pattern has digits only
			at += size
			mark(at)
		}
	}
	places := []int64{}
	for at := range near {
		places = append(places, at)
	}
	slices.Sort(places)
	return places
}

var announcement = regexp.MustCompile(`\{([0-9]+)\+?\}\r\n$`)

// coarse are the boundaries and every 97th octet.
func coarse(octets []byte) []int64 {
	places := boundaries(octets)
	for at := int64(97); at <= int64(len(octets)); at += 97 {
		places = append(places, at)
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// TestHardCase_P01_P02_CutAtOctet breaks a session of 22 messages of three sizes after each octet that matters, in either
// direction, on either side, in the plan and in the run, and resumes. It holds all of I1 to I6 at once: whatever was on
// the wire, every message is at the destination once, with its octets, date and flags.
func TestHardCase_P01_P02_CutAtOctet(t *testing.T) {
	places := coarse
	if *cuts == "all" {
		places = eachOctet
	}
	single := imapserver.Dovecot().Without("MULTIAPPEND")
	source, destination := reference(t, single)
	cutAll(t, "single", single, append(cutsOf(false, source, places), cutsOf(true, destination, places)...))
	group := imapserver.Dovecot()
	_, destination = reference(t, group)
	cutAll(t, "group", group, cutsOf(true, destination, places))
}

// sample takes every 29th: the five places at a boundary take turns.
const sample = 29

// abreast is how many cuts one project plays at a time.
const abreast = 48

func cutAll(t *testing.T, name string, p imapserver.Profile, all []cut) {
	chosen := all
	if *cuts == "some" {
		chosen = nil
		for i := 0; i < len(all); i += sample {
			chosen = append(chosen, all[i])
		}
	}
	began := time.Now()
	t.Cleanup(func() { t.Logf("%s: %d cuts of %d, in %s", name, len(chosen), len(all), time.Since(began)) })
	projects := (len(chosen) + abreast - 1) / abreast
	for n := range projects {
		var some []cut // from all over the session, so that none has its end alone, where some cuts come too late
		for i := n; i < len(chosen); i += projects {
			some = append(some, chosen[i])
		}
		t.Run(fmt.Sprintf("%s %03d", name, n), func(t *testing.T) {
			t.Parallel()
			cutSome(t, p, some)
		})
	}
}

func cutSome(t *testing.T, p imapserver.Profile, cuts []cut) {
	w := through(t, p, cuts, cut.faults)
	w.parallel = 8
	w.untilDone()
	w.cameAbout()
	w.sameMail()
}
