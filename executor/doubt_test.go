package executor_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// merged is a rig whose mailboxes all go into the destination of the first.
func merged(t *testing.T, names ...string) *rig {
	r := newRig(t, names...)
	for _, m := range r.config.Mailboxes {
		m.Destination.Address = names[0]
		r.endpoints.Destinations[m.Name()] = r.endpoints.Destinations[names[0]]
	}
	return r
}

// union fails unless the destination has each message of all sources, in whatever folder, as often, and nothing else.
func (r *rig) union() {
	r.t.Helper()
	count := map[string]int{}
	name := func(m endpointtest.Message) string {
		return fmt.Sprintf("%s %q", m.Date.UTC().Format(time.RFC3339), m.Octets)
	}
	for _, src := range r.endpoints.Sources {
		for _, f := range src.Folders() {
			for _, m := range src.Messages(f) {
				count[name(m)]--
			}
		}
	}
	for _, f := range r.dst().Folders() {
		for _, m := range r.dst().Messages(f) {
			count[name(m)]++
		}
	}
	for m, n := range count {
		if n != 0 {
			r.t.Errorf("%d too many of %s", n, m)
		}
	}
	r.checkState()
}

// checkState asks the ledger's own judge, for I5 above all.
func (r *project) checkState() {
	r.t.Helper()
	found, err := state.Check(context.Background(), r.path)
	if err != nil {
		r.t.Error(err)
	}
	for _, v := range found {
		r.t.Errorf("state check: %v", v)
	}
}

func letterOf(date time.Time, text string) endpointtest.Message {
	return endpointtest.Message{Date: date, Octets: []byte("Subject: x\r\n\r\n" + text + "\r\n")}
}

// TestHardCase_P06_UIDsAreLearnedWithoutUIDPLUS holds that flags changed later arrive although the server names no UIDs, at the price
// of one listing and of bodies only where dates tie, while other people's mail arrives in the same window.
func TestHardCase_P06_UIDsAreLearnedWithoutUIDPLUS(t *testing.T) {
	r := newRig(t, "anna")
	for i := range 20 {
		r.src().Add("INBOX", letterOf(epoch.Add(time.Duration(i)*time.Minute), fmt.Sprint("message ", i)))
	}
	for range 3 {
		r.src().Add("INBOX", letterOf(epoch.Add(-time.Hour), "three of a kind"))
	}
	n := 0
	r.dst().Set(endpointtest.Faults{NoUIDPlus: true, Meanwhile: func(s *endpointtest.Store, folder string) {
		if n++; n%4 == 0 {
			s.Add(folder, letterOf(epoch.Add(time.Duration(n)*time.Second), fmt.Sprint("a stranger's ", n)))
		}
	}})
	r.mustApply("full")
	if lists, fetches := r.dst().Ops("list"), r.dst().Ops("fetch"); lists != 1 || fetches != 0 {
		t.Errorf("%d listings and %d fetches at the destination, want one and none", lists, fetches)
	}
	r.dst().Set(endpointtest.Faults{NoUIDPlus: true})
	flags := mail.ParseFlags([]string{`\Seen`, `\Flagged`})
	for _, m := range r.src().Messages("INBOX") {
		r.src().SetFlags("INBOX", m.UID, flags)
	}
	if out := r.mustApply("full"); out.FlagsChanged != 23 {
		t.Errorf("%d flags changed, want 23", out.FlagsChanged)
	}
	for _, m := range r.dst().Messages("INBOX") {
		if stranger := regexp.MustCompile("stranger").Match(m.Octets); stranger == m.Flags.Equal(flags) {
			t.Errorf("%q has the flags %v", m.Octets, m.Flags)
		}
	}
	r.checkState()
}

// TestTiedDatesAreReadWhereTheyDoNotTell puts a stranger's message of the same date and size among ours.
func TestTiedDatesAreReadWhereTheyDoNotTell(t *testing.T) {
	r := newRig(t, "anna")
	for i := range 4 {
		r.src().Add("INBOX", letterOf(epoch, fmt.Sprint("ours ", i)))
	}
	n := 0
	r.dst().Set(endpointtest.Faults{NoUIDPlus: true, Meanwhile: func(s *endpointtest.Store, folder string) {
		if n++; n == 2 {
			s.Add(folder, letterOf(epoch, "else 2"))
		}
	}})
	r.mustApply("full")
	r.dst().Set(endpointtest.Faults{NoUIDPlus: true})
	r.src().SetFlags("INBOX", 3, mail.ParseFlags([]string{`\Answered`}))
	r.mustApply("full")
	for _, m := range r.dst().Messages("INBOX") {
		if answered := m.Flags.System == mail.Answered; answered != regexp.MustCompile("ours 2").Match(m.Octets) {
			t.Errorf("%q has the flags %v", m.Octets, m.Flags)
		}
	}
}

// TestFlagsOfARenumberedSourceAreNotForgotten changes flags before the listing that begins the new UIDs.
func TestFlagsOfARenumberedSourceAreNotForgotten(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 5)
	r.mustApply("full")
	r.src().SetFlags("INBOX", 2, mail.ParseFlags([]string{`\Answered`}))
	r.src().ChangeUIDValidity("INBOX")
	r.mustApply("full")
	r.mustApply("full")
	r.sameMail()
}

// TestTwoMailboxesIntoOne holds I5 over mailboxes: equal mail of both arrives from each, whatever answers are lost.
func TestTwoMailboxesIntoOne(t *testing.T) {
	for _, noUIDPlus := range []bool{false, true} {
		for kind := endpointtest.DropUnsent; kind <= endpointtest.DropAfterAll; kind++ {
			for _, what := range []string{"", "lost state", "renumbered"} {
				t.Run(fmt.Sprintf("uidplus %v kind %d %s", !noUIDPlus, kind, what), func(t *testing.T) {
					t.Parallel()
					r := merged(t, "anna", "bo")
					for _, src := range r.endpoints.Sources {
						for i := range 8 {
							src.Add("INBOX", letterOf(epoch.Add(time.Duration(i/2)*time.Minute), fmt.Sprint("equal ", i/2)))
						}
					}
					drops := map[int]endpointtest.Drop{3: {Kind: kind}, 11: {Kind: kind}, 14: {Kind: kind}}
					r.dst().Set(endpointtest.Faults{NoUIDPlus: noUIDPlus, Drop: drops})
					r.untilDone()
					r.union()
					switch what {
					case "lost state":
						r.path += ".new"
					case "renumbered":
						r.dst().ChangeUIDValidity("INBOX")
					}
					for _, src := range r.endpoints.Sources {
						src.Add("INBOX", letterOf(epoch, "equal 0"))
					}
					r.dst().Set(endpointtest.Faults{NoUIDPlus: noUIDPlus, Drop: map[int]endpointtest.Drop{1: {Kind: kind}}})
					r.untilDone()
					r.union()
				})
			}
		}
	}
}

// TestTwoFoldersIntoOne is the same within one mailbox.
func TestTwoFoldersIntoOne(t *testing.T) {
	for _, what := range []string{"", "lost state", "renumbered"} {
		r := newRig(t, "anna")
		r.config.Mailboxes[0].Folders.Merge = "allow"
		r.config.Mailboxes[0].Folders.Rename = []config.Rule{{Written: "x", Pattern: regexp.MustCompile("^Old$"), To: "INBOX"}}
		for _, f := range []string{"INBOX", "Old"} {
			for i := range 6 {
				r.src().Add(f, letterOf(epoch, fmt.Sprint("equal ", i/2)))
			}
		}
		r.dst().Set(endpointtest.Faults{NoUIDPlus: true, Drop: map[int]endpointtest.Drop{2: {Kind: endpointtest.DropAfter},
			9: {Kind: endpointtest.DropAfter}}})
		r.untilDone()
		switch what {
		case "lost state":
			r.path += ".new"
		case "renumbered":
			r.dst().ChangeUIDValidity("INBOX")
		}
		r.src().Add("Old", letterOf(epoch, "equal 0"))
		r.untilDone()
		r.union()
	}
}

// TestHardCase_R13_RenamedAtTheSource takes a mailbox out of the configuration and puts it in under another
// address: what the old record claims is handed over.
func TestHardCase_R13_RenamedAtTheSource(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	r.mustApply("full")
	m := r.config.Mailboxes[0]
	r.endpoints.Sources["anna.new"], r.endpoints.Destinations["anna.new"] = r.src(), r.dst()
	delete(r.endpoints.Sources, "anna")
	m.Source.Address = "anna.new"
	r.src().Add("INBOX", letterOf(epoch, "new"))
	r.src().SetFlags("INBOX", 2, mail.ParseFlags([]string{`\Answered`}))
	r.dst().Forget()
	r.untilDone()
	if n := appended(r.dst()); n != 1 {
		t.Errorf("%d messages were appended, want the new one", n)
	}
	r.mustApply("full")
	r.sameMail()
	r.checkState()
}

// TestEqualSourceOfAManagedMailboxIsCopied is the other side: while both are in the configuration both arrive.
func TestEqualSourceOfAManagedMailboxIsCopied(t *testing.T) {
	r := merged(t, "anna", "bo")
	for _, src := range r.endpoints.Sources {
		src.Add("INBOX", letterOf(epoch, "equal"))
	}
	bo := r.config.Mailboxes[1]
	r.config.Mailboxes = r.config.Mailboxes[:1]
	r.mustApply("full")
	r.config.Mailboxes = append(r.config.Mailboxes, bo)
	r.untilDone()
	r.union()
}

// TestWaitingRowsOfOneDateAreNotAmbiguous settles two doubts of one date of which only one has landed: the copy of one
// does not make the other ambiguous.
func TestWaitingRowsOfOneDateAreNotAmbiguous(t *testing.T) {
	r := newRig(t, "anna")
	for i := range 3 {
		r.src().Add("INBOX", letterOf(epoch, fmt.Sprint("message ", i)))
	}
	r.dst().Set(endpointtest.Faults{DoubtAbsent: map[int]bool{1: true}, Drop: map[int]endpointtest.Drop{
		2: {Kind: endpointtest.DropAfter, LateBy: 10 * time.Millisecond}}})
	if out := r.mustApply("full"); out.Failed.Messages != 0 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	r.sameMail()
}

// TestSecondLookReadsNoBodyTwice holds that a window full of messages of one date is read once, not once for each look.
func TestSecondLookReadsNoBodyTwice(t *testing.T) {
	r := newRig(t, "anna")
	r.src().Add("INBOX", letterOf(epoch, "ours"))
	n := 0
	r.dst().Set(endpointtest.Faults{DoubtAbsent: map[int]bool{1: true}, Meanwhile: func(s *endpointtest.Store, folder string) {
		for i := range 300 {
			if n++; n <= 300 {
				s.Add(folder, letterOf(epoch, fmt.Sprint("imported ", i)))
			}
		}
	}})
	r.mustApply("full")
	read := map[mail.UID]int{}
	for _, c := range r.dst().Calls() {
		if c.Op == "fetch" {
			for _, u := range c.UIDs {
				read[u]++
			}
		}
	}
	for u, n := range read {
		if n > 1 {
			t.Fatalf("the body of %d was read %d times", u, n)
		}
	}
	if len(read) != 300 {
		t.Errorf("%d bodies were read, want 300: one of the same date makes the message ambiguous", len(read))
	}
}

// TestEqualFormsAreSettledByCounting loses the state of a copy whose server changed the line ends.
func TestEqualFormsAreSettledByCounting(t *testing.T) {
	r := newRig(t, "anna")
	for range 3 {
		r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("Subject: x\n\nbare\n")})
	}
	fix := endpointtest.Faults{FixLines: true, NoUIDPlus: true}
	r.dst().Set(fix)
	r.mustApply("full")
	r.path += ".new"
	r.untilDone()
	if n := len(r.dst().Messages("INBOX")); n != 3 {
		t.Errorf("the destination has %d messages, want 3", n)
	}
}

// TestUndatedMailIsRecognised loses the state, and then the source's UIDs, of messages without a date.
func TestUndatedMailIsRecognised(t *testing.T) {
	r := newRig(t, "anna")
	for i := range 5 {
		r.src().Add("INBOX", letterOf(time.Time{}, fmt.Sprint("no date ", i/2)))
	}
	r.mustApply("full")
	r.src().ChangeUIDValidity("INBOX")
	r.untilDone()
	r.path += ".new"
	r.untilDone()
	// A later look must not take what was recognised without a date for a claim that the date disproves.
	r.src().Add("INBOX", letterOf(epoch, "new"))
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter}}})
	r.untilDone()
	r.src().Remove("INBOX", r.src().Messages("INBOX")[5].UID)
	r.dst().Remove("INBOX", r.dst().Messages("INBOX")[5].UID)
	r.dst().ChangeUIDValidity("INBOX")
	r.src().Add("INBOX", letterOf(epoch, "newer"))
	r.untilDone()
	r.src().Rename("INBOX", "Elsewhere")
	r.src().Mkdir("INBOX", mail.RoleInbox)
	r.untilDone()
	if n := r.dst().Count(); n != 6 {
		t.Errorf("the destination has %d messages, want 6", n)
	}
}

// TestHardCase_D06_DatesThatAreNotKept: at some destinations every copy carries the day of the migration. Lost answers are
// settled all the same, and nothing is lost or there twice.
func TestHardCase_D06_DatesThatAreNotKept(t *testing.T) {
	for _, noUIDPlus := range []bool{false, true} {
		r := newRig(t, "anna")
		for i := range 20 {
			r.src().Add("INBOX", letterOf(epoch.Add(time.Duration(i/4)*time.Hour), fmt.Sprint("message ", i/2)))
		}
		r.dst().Set(endpointtest.Faults{NoUIDPlus: noUIDPlus, ForgetDates: true, Drop: map[int]endpointtest.Drop{
			1: {Kind: endpointtest.DropAfter}, 8: {Kind: endpointtest.DropAfterAll}}})
		r.untilDone()
		if n := r.dst().Count(); n != 20 {
			t.Errorf("uidplus %v: the destination has %d messages, want 20", !noUIDPlus, n)
		}
	}
}

// TestHardCase_P09_UIDsGivenAwayTwice: a destination begins a folder anew under the UIDVALIDITY it had, and its UIDs name
// other messages. What was copied is recognised, what the user deleted stays deleted, and flags reach their messages.
func TestHardCase_P09_UIDsGivenAwayTwice(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Work", 20)
	r.mustApply("full")
	work := r.dst().Messages("Work")
	r.dst().Remove("Work", work[0].UID, work[1].UID)
	v := validity(t, r.dst(), "Work")
	r.dst().Renumber("Work", v)
	r.src().Add("Work", letterOf(epoch, "new"))
	r.src().SetFlags("Work", 20, mail.ParseFlags([]string{`\Answered`}))
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter}}})
	r.untilDone()
	r.mustApply("full")
	got := r.dst().Messages("Work")
	if len(got) != 19 || got[17].Flags.System != mail.Answered {
		t.Errorf("%d messages at the destination, want 19; the flags of the last but one are %v", len(got), got[17].Flags)
	}
	r.checkState()
}

// TestHardCase_P09_SourceUIDsGivenAwayTwice: the same at the source. UID 1 is another message now, and it is copied.
func TestHardCase_P09_SourceUIDsGivenAwayTwice(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Work", 20)
	r.mustApply("full")
	v := validity(t, r.src(), "Work")
	for _, m := range r.src().Messages("Work") {
		r.src().Remove("Work", m.UID)
	}
	r.src().Renumber("Work", v)
	for i := range 3 {
		r.src().Add("Work", letterOf(epoch, fmt.Sprint("other mail ", i)))
	}
	if out := r.mustApply("full"); out.Copied.Messages != 3 {
		t.Errorf("outcome %+v, want 3 copied", out.PassDone)
	}
}

func validity(t *testing.T, s *endpointtest.Store, folder string) mail.UIDValidity {
	t.Helper()
	d, err := s.Destination()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	list, err := d.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if f.Path.String() == folder {
			return f.Status.UIDValidity
		}
	}
	t.Fatalf("no folder %q", folder)
	return 0
}

// TestHardCase_P09_DestinationUIDsThatDoNotLast: a server whose UIDVALIDITY is 0 promises nothing about its UIDs. Copied to
// again and again, with lost answers, it has everything once.
func TestHardCase_P09_DestinationUIDsThatDoNotLast(t *testing.T) {
	r := newRig(t, "anna")
	r.dst().Renumber("INBOX", 0)
	r.fill("INBOX", 20)
	for n := range 3 {
		r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter}, 7: {Kind: endpointtest.DropAfterAll}}})
		r.src().Add("INBOX", letterOf(epoch, fmt.Sprint("new ", n/2)))
		r.untilDone()
		r.dst().Renumber("INBOX", 0)
	}
	r.sameMail()
	r.checkState()
}

// TestDoubtIsSettledWhereItWasSent changes the folder rules while an answer is open (R12); the folder that was written to
// may have got new UIDs, one of which another row has under the old ones.
func TestDoubtIsSettledWhereItWasSent(t *testing.T) {
	for _, renumbered := range []bool{false, true} {
		r := newRig(t, "anna")
		r.fill("Work", 10)
		r.stop = make(chan struct{})
		r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{10: {Kind: endpointtest.DropAfter}},
			Meanwhile: func(*endpointtest.Store, string) {
				if len(r.dst().Messages("Work")) == 9 {
					close(r.stop)
				}
			}})
		if _, _, err := r.apply("full"); err != nil {
			t.Fatal(err)
		}
		r.stop = nil
		r.dst().Mend()
		want := 10
		if renumbered {
			r.dst().Remove("Work", 1)
			r.dst().ChangeUIDValidity("Work")
			want = 9
		}
		r.config.Mailboxes[0].Folders.Rename = []config.Rule{{Written: "x", Pattern: regexp.MustCompile("^Work$"), To: "Elsewhere"}}
		r.untilDone()
		if n := r.dst().Count(); n != want {
			t.Errorf("the destination has %d messages in %v, want %d", n, r.dst().Folders(), want)
		}
		r.checkState()
	}
}

// TestFoldersMadeAnewDuringTheCopy gives its folder new UIDs in the middle, while answers are lost.
func TestFoldersMadeAnewDuringTheCopy(t *testing.T) {
	for _, side := range []string{"source", "destination"} {
		for at := 1; at < 20; at += 3 {
			r := newRig(t, "anna")
			r.fill("INBOX", 20)
			n := 0
			anew := func(s *endpointtest.Store, folder string) {
				if n++; n == at {
					s.ChangeUIDValidity(folder)
				}
			}
			drops := map[int]endpointtest.Drop{4: {Kind: endpointtest.DropAfter}, 15: {Kind: endpointtest.DropAfterAll}}
			if side == "source" {
				r.src().Set(endpointtest.Faults{VanishDuring: func(s *endpointtest.Store, f string, _ mail.UID) { anew(s, f) }})
				r.dst().Set(endpointtest.Faults{Drop: drops})
			} else {
				r.dst().Set(endpointtest.Faults{Drop: drops, Meanwhile: anew})
			}
			r.untilDone()
			r.sameMail()
			r.checkState()
		}
	}
}

// TestFlagsLostWithTheAnswer has servers that keep a message and lose its flags while they die.
func TestFlagsLostWithTheAnswer(t *testing.T) {
	flags := mail.ParseFlags([]string{`\Flagged`, `\Seen`, "$Forwarded"})
	r := newRig(t, "anna")
	r.fill("Work", 6)
	for uid := range mail.UID(4) {
		r.src().SetFlags("Work", uid+1, flags)
	}
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{2: {Kind: endpointtest.DropAfterAll, LosesFlags: true}}})
	r.untilDone()
	for i, m := range r.dst().Messages("Work") {
		if want := r.src().Messages("Work")[i].Flags; !m.Flags.Equal(want) {
			t.Errorf("message %d has the flags %v, want %v", i, m.Flags, want)
		}
	}
	r.checkState()
}

// throttling are endpoints whose destination throttles one message each time it is sent, and breaks the connection.
type throttling struct {
	executor.Endpoints
	sent *int
	most int
}

func (e throttling) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	d, err := e.Endpoints.Destination(ctx, mailbox)
	return &throttledDestination{d, e}, err
}

type throttledDestination struct {
	executor.Destination
	throttling
}

func (d *throttledDestination) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	if *d.sent++; *d.sent > d.most {
		return d.Destination.Append(ctx, f, batch, done) // the test has seen enough
	}
	err := &mail.Error{Op: "append message", Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Text: "slower"}
	for _, m := range batch {
		done(mail.Appended{ID: m.ID, Outcome: mail.Unknown, Err: err})
	}
	return err
}

func (d *throttledDestination) Close() error { return d.Destination.Close() }

// TestThrottledWithoutEnd: a message that is throttled each time it is sent is given up at last.
func TestThrottledWithoutEnd(t *testing.T) {
	r := newRig(t, "anna")
	sent := 0
	r.project.open = throttling{r.endpoints, &sent, 40}
	r.grace = time.Millisecond
	r.src().Add("INBOX", letterOf(epoch, "heavy"))
	if _, _, err := r.apply("full"); err != nil {
		t.Fatal(err)
	}
	if sent >= 40 {
		t.Errorf("it was sent %d times", sent)
	}
}
