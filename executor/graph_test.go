package executor_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/graphserver"
	"mailhaul/executor/graph"
	"mailhaul/state/mail"
)

// graphed is a project from a mailbox in memory to Microsoft Graph, played by graphserver.
type graphed struct {
	*project
	src     *endpointtest.Store
	server  *graphserver.Server
	dst     *graphserver.Mailbox
	service *graph.Service
	page    int // entries in a page; zero: some few
}

func newGraphed(t *testing.T) *graphed {
	t.Helper()
	x := &graphed{src: endpointtest.NewStore(), server: graphserver.Start(t)}
	x.project, x.dst = newProject(t, x, exchangeUser), x.server.Mailbox(exchangeUser)
	x.restart()
	t.Cleanup(func() {
		x.service.Close()
		if misuse := append(x.server.Misuse(), x.src.Misuse()...); len(misuse) > 0 {
			t.Errorf("what no client may do: %q", misuse)
		}
	})
	return x
}

// restart forgets what the process knows of the server, as another process does.
func (x *graphed) restart() {
	x.t.Helper()
	if x.service != nil {
		x.service.Close()
	}
	s, err := graph.New(graph.Options{URL: x.server.URL(), RootCAs: x.server.Roots(), Tokens: x.server, PageSize: cmp.Or(x.page, 7)})
	if err != nil {
		x.t.Fatal(err)
	}
	x.service = s
}

func (x *graphed) Source(context.Context, string) (executor.Source, error) { return x.src.Source() }

func (x *graphed) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	d, err := x.service.Destination(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (x *graphed) Further(context.Context, string) (executor.Source, executor.Destination, bool) {
	return nil, nil, false
}

// fill is that of exchange.
func (x *graphed) fill(n int) {
	for i := range n {
		x.src.Add("INBOX", exchangeMessage(i-i%5/4))
	}
	x.src.Mkdir("Work", mail.RoleNone)
	x.src.Add("Work", exchangeMessage(1))
	x.src.Add("Work", exchangeMessage(2))
}

// settled applies full until nothing is left.
func (x *graphed) settled() {
	x.t.Helper()
	x.untilDone()
	x.server.Settle()
	x.checkState()
}

// sameMail holds the octets that arrived where people look against the source, with dates and flags: 0 lost, 0 twice. No
// message stands there without its id.
func (x *graphed) sameMail() {
	x.t.Helper()
	a, b := map[string][]compare.Item{}, map[string][]compare.Item{}
	for _, f := range x.src.Folders() {
		for _, m := range x.src.Messages(f) {
			a[f] = append(a[f], exchangeItem(f, m.Octets, m.Date, m.Flags.Names()))
		}
	}
	for _, f := range x.dst.Folders() {
		for _, m := range x.dst.Messages(f) {
			b[f] = append(b[f], exchangeItem(f, m.Octets, m.Date, m.Flags))
			if m.Properties["mailhaul-id"] == "" {
				x.t.Errorf("a message in %s has no id (%v)", f, m.Properties)
			}
		}
	}
	if r := compare.Folders(a, b); !r.Same() || r.Equal == 0 {
		x.t.Errorf("%v", r)
	}
}

// steps are the requests that copy a message.
var steps = []string{"importMime", "update message", "move"}

// TestHardCase_P01_GraphLosesAnswers loses the answer of each step in each way, a later one too. The server renders every
// message anew, so that octets tell nothing: the ids do.
func TestHardCase_P01_GraphLosesAnswers(t *testing.T) {
	for name, how := range map[string]graphserver.Lose{"after": graphserver.LoseAfter, "before": graphserver.LoseBefore,
		"internal error": graphserver.Internal, "gateway": graphserver.Gateway, "answer cut": graphserver.Unfinished} {
		for _, step := range steps {
			t.Run(name+", "+step, func(t *testing.T) {
				t.Parallel()
				x := newGraphed(t)
				x.fill(30)
				x.server.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{step: {1: how, 9: how, 10: how, 20: how}}})
				x.settled()
				x.sameMail()
				if n := x.server.Struck(); n != 4 {
					t.Errorf("%d answers were lost, want 4", n)
				}
			})
		}
	}
}

// TestHardCase_P01_GraphDeniesWhatItMoved: a move that was carried out and is answered with 404, as where a gateway repeats
// requests, is looked up and not taken for absent: by the process that sent it, and by the next one, which knows nothing of
// what was imported.
func TestHardCase_P01_GraphDeniesWhatItMoved(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restarts), func(t *testing.T) {
			t.Parallel()
			x := newGraphed(t)
			x.fill(30)
			denied := map[int]graphserver.Lose{1: graphserver.Vanished, 9: graphserver.Vanished, 20: graphserver.Vanished}
			x.server.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{"move": denied}})
			if restarts {
				x.stop = make(chan struct{})
				x.heard = func(executor.Event) {
					if x.stop != nil && x.server.Struck() > 0 {
						close(x.stop)
						x.heard = func(executor.Event) {}
					}
				}
				if _, out, err := x.apply("full"); err != nil || !out.Interrupted {
					t.Fatalf("the first run: %+v, %v", out, err)
				}
				x.stop = nil
				x.restart()
			}
			x.settled()
			x.sameMail()
			if n := x.server.Struck(); n != 3 {
				t.Errorf("%d moves were denied, want 3", n)
			}
		})
	}
}

// TestHardCase_P03_GraphActsLate does what lost its answer after the first look for it, within the grace time.
func TestHardCase_P03_GraphActsLate(t *testing.T) {
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			x := newGraphed(t)
			x.fill(30)
			x.grace = 2 * time.Second
			x.server.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{step: {2: graphserver.LoseAfter, 12: graphserver.LoseAfter}},
				LateBy: 200 * time.Millisecond})
			x.settled()
			x.sameMail()
		})
	}
}

// TestHardCase_P03_GraphActsLateAfterARestart ends the process while the fate of a move is open.
func TestHardCase_P03_GraphActsLateAfterARestart(t *testing.T) {
	t.Parallel()
	x := newGraphed(t)
	x.fill(30)
	x.grace = 3 * time.Second
	x.stop = make(chan struct{})
	x.heard = func(e executor.Event) {
		if _, waits := e.(executor.Waiting); waits && x.stop != nil {
			close(x.stop)
			x.heard = func(executor.Event) {}
		}
	}
	x.server.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{"move": {7: graphserver.LoseAfter}}, LateBy: time.Second})
	if _, out, err := x.apply("full"); err != nil || !out.Interrupted {
		t.Fatalf("the first run: %+v, %v", out, err)
	}
	x.stop = nil
	x.restart()
	x.src.Add("INBOX", exchangeMessage(1000))
	x.settled()
	x.sameMail()
}

// TestHardCase_P21_GraphThrottles refuses every eleventh request. What the server asks for is waited for, and what was
// imported is not imported again.
func TestHardCase_P21_GraphThrottles(t *testing.T) {
	t.Parallel()
	x := newGraphed(t)
	x.page = 500 // else a listing alone would be refused each time
	x.restart()
	x.fill(60)
	waits := 0
	x.heard = func(e executor.Event) {
		if w, ok := e.(executor.Waiting); ok && w.Code == mail.CodeGraphThrottled {
			if waits++; w.Wait < 20*time.Millisecond {
				t.Errorf("waited %s where 20 ms were asked for", w.Wait)
			}
		}
	}
	x.server.Behave(graphserver.Habits{ThrottleEvery: 11, RetryAfter: 0.02})
	x.patience.Tries = 50
	x.settled()
	x.sameMail()
	if waits == 0 {
		t.Error("nobody heard of the waiting")
	}
	if left := x.dst.Messages(graph.StagingFolder); len(left) != 0 {
		t.Errorf("%d messages are left in the staging folder", len(left))
	}
}

// TestHardCase_A04_GraphTokenRunsOut gives tokens that are good for some requests only: in the middle of a copy the server
// says 401, at each step. No message is imported a second time for that.
func TestHardCase_A04_GraphTokenRunsOut(t *testing.T) {
	for uses := 12; uses <= 17; uses++ {
		t.Run(fmt.Sprint(uses, " uses"), func(t *testing.T) {
			t.Parallel()
			x := newGraphed(t)
			x.page = 500
			x.restart()
			x.fill(30)
			x.server.Behave(graphserver.Habits{TokenUses: uses})
			x.patience.Tries = 50
			x.settled()
			x.sameMail()
			if x.server.Tokens() < 2 {
				t.Errorf("%d tokens were given away", x.server.Tokens())
			}
			if left := x.dst.Messages(graph.StagingFolder); len(left) != 0 {
				t.Errorf("%d messages are left in the staging folder", len(left))
			}
		})
	}
}

// TestHardCase_M25_GraphRecognisesItsCopies loses the state file after a copy whose octets the server changed: nothing is sent again,
// and of equal messages the one that is missing is.
func TestHardCase_M25_GraphRecognisesItsCopies(t *testing.T) {
	x := newGraphed(t)
	x.fill(20)
	x.server.Behave(graphserver.Habits{})
	x.settled()
	imports := x.server.Requests("importMime")
	x.path += ".new"
	x.restart()
	x.settled()
	if n := x.server.Requests("importMime"); n != imports {
		t.Errorf("%d messages were imported, where everything was there", n-imports)
	}
	x.sameMail()
	x.path += ".newer"
	x.dst.Remove("INBOX", 4) // one of two equal ones
	x.settled()
	x.sameMail()
}

// TestHardCase_D06_GraphWithoutDates: where the date of arrival is not kept, mail is recognised all the same, after lost answers too.
func TestHardCase_D06_GraphWithoutDates(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]graphserver.Habits{"ignored": {IgnoreDate: true}, "refused": {RefuseDate: true}} {
		x := newGraphed(t)
		x.fill(30)
		h.Lose = map[string]map[int]graphserver.Lose{"move": {3: graphserver.LoseAfter, 9: graphserver.LoseBefore}}
		x.server.Behave(h)
		x.settled()
		x.path += ".new"
		x.restart()
		x.settled()
		got := map[string]int{}
		for _, m := range x.dst.Messages("INBOX") {
			got[string(m.Octets)]++
		}
		for _, m := range x.src.Messages("INBOX") {
			got[string(m.Octets)]--
		}
		for octets, n := range got {
			if n != 0 {
				t.Errorf("%s: %d too many of %.80q", name, n, octets)
			}
		}
	}
}

// TestGraphUsersMayMoveTheirMail: what a user moves, copies or deletes after it was copied stays so, and a flag changed at
// the source reaches the message that it belongs to, and that one only.
func TestGraphUsersMayMoveTheirMail(t *testing.T) {
	x := newGraphed(t)
	x.fill(20)
	x.settled()
	x.dst.Move("INBOX", 0, "Work", false)
	x.dst.Remove("INBOX", 10)
	x.restart()
	before := len(x.dst.Messages("INBOX")) + len(x.dst.Messages("Work"))
	changed := x.src.Messages("INBOX")[6]
	x.src.SetFlags("INBOX", changed.UID, mail.ParseFlags([]string{`\Answered`}))
	x.src.Add("INBOX", exchangeMessage(500))
	x.settled()
	after := append(x.dst.Messages("INBOX"), x.dst.Messages("Work")...)
	answered := 0
	for _, m := range after {
		if slices.Contains(m.Flags, `\Answered`) {
			if answered++; string(m.Octets) != string(changed.Octets) {
				t.Errorf("%q became answered", m.Octets)
			}
		}
	}
	if answered != 1 || len(after) != before+1 {
		t.Errorf("%d are answered, want 1; there are %d messages, want %d", answered, len(after), before+1)
	}
}

// TestGraphFoldersMadeAnew: a folder that a user deletes or renames is made again for new mail, and what was copied is not
// copied a second time; nor is anything lost when the staging folder goes.
func TestGraphFoldersMadeAnew(t *testing.T) {
	for name, change := range map[string]func(*graphserver.Mailbox){"deleted": func(b *graphserver.Mailbox) { b.Delete("Work") },
		"renamed":                  func(b *graphserver.Mailbox) { b.Rename("Work", "Projects") },
		"without a staging folder": func(b *graphserver.Mailbox) { b.Delete("Work"); b.Delete(graph.StagingFolder) }} {
		x := newGraphed(t)
		x.fill(5)
		x.settled()
		change(x.dst)
		x.src.Add("Work", exchangeMessage(77))
		x.settled()
		if got := x.dst.Messages("Work"); len(got) != 1 || string(got[0].Octets) != string(exchangeMessage(77).Octets) {
			t.Errorf("%s: the folder holds %d messages, want the new one", name, len(got))
		}
	}
}

// TestGraphRefusesForGood: one message that is too large is named and the others arrive; a full mailbox blocks.
func TestGraphRefusesForGood(t *testing.T) {
	x := newGraphed(t)
	x.fill(10)
	big := exchangeMessage(99)
	big.Octets = append(big.Octets, strings.Repeat("more\r\n", 2000)...)
	x.src.Add("INBOX", big)
	x.server.Behave(graphserver.Habits{MaxMessage: 5000})
	var named []executor.MessageFailed
	x.heard = func(e executor.Event) {
		if f, is := e.(executor.MessageFailed); is {
			named = append(named, f)
		}
	}
	out := x.mustApply("full")
	if len(named) != 1 || named[0].Code != mail.CodeMessageTooLarge || out.Copied.Messages != 12 {
		t.Errorf("failed are %+v, want the large one as too large; copied %d, want 12", named, out.Copied.Messages)
	}
	x.src.Add("INBOX", exchangeMessage(100))
	x.server.Behave(graphserver.Habits{Quota: 1})
	if out = x.mustApply("full"); cmp.Or(out.Blocked, out.Incomplete) != 1 {
		t.Errorf("a full mailbox gives %+v", out.PassDone)
	}
	x.server.Behave(graphserver.Habits{})
	x.mustApply("full")
	if n := len(x.dst.Messages("INBOX")); n != 11 {
		t.Errorf("%d messages are there, want 11", n)
	}
}

// TestGraphCarriesFlagsBesideMarksOfPrograms: a keyword that is left out at the destination does not look as if a user had
// taken it away, and flags that change at the source still arrive.
func TestGraphCarriesFlagsBesideMarksOfPrograms(t *testing.T) {
	x := newGraphed(t)
	m := exchangeMessage(1)
	m.Flags = mail.ParseFlags([]string{"$Forwarded", "Blue"})
	uid := x.src.Add("INBOX", m)
	x.settled()
	x.src.SetFlags("INBOX", uid, mail.ParseFlags([]string{"$Forwarded", "Blue", `\Seen`}))
	x.settled()
	if got := x.dst.Messages("INBOX")[0].Flags; !slices.Contains(got, `\Seen`) {
		t.Errorf("the copy has the flags %q, want \\Seen among them", got)
	}
}
