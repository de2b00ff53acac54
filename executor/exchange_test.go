package executor_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/ews"
	"mailhaul/state/mail"
)

// exchange is a project from a mailbox in memory to Exchange, played by ewsserver.
type exchange struct {
	*project
	src     *endpointtest.Store
	server  *ewsserver.Server
	dst     *ewsserver.Mailbox
	service *ews.Service
	page    int // entries in a page; zero: some few
}

const exchangeUser = "anna@new.example"

func newExchange(t *testing.T) *exchange {
	t.Helper()
	x := &exchange{src: endpointtest.NewStore(), server: ewsserver.Start(t)}
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
func (x *exchange) restart() {
	x.t.Helper()
	if x.service != nil {
		x.service.Close()
	}
	s, err := ews.New(ews.Options{URL: x.server.URL(), RootCAs: x.server.Roots(), Token: x.server.Token, Impersonate: true, PageSize: cmp.Or(x.page, 7)})
	if err != nil {
		x.t.Fatal(err)
	}
	x.service = s
}

func (x *exchange) Source(context.Context, string) (executor.Source, error) { return x.src.Source() }

func (x *exchange) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	d, err := x.service.Destination(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (x *exchange) Further(context.Context, string) (executor.Source, executor.Destination, bool) {
	return nil, nil, false
}

// fill puts n messages into INBOX, every fifth of them the one before once more, and two into another folder. The whole is
// more than one request.
func (x *exchange) fill(n int) {
	for i := range n {
		x.src.Add("INBOX", exchangeMessage(i-i%5/4))
	}
	x.src.Mkdir("Work", mail.RoleNone)
	x.src.Add("Work", exchangeMessage(1))
	x.src.Add("Work", exchangeMessage(2))
}

func exchangeMessage(i int) endpointtest.Message {
	octets := fmt.Sprintf("Received: from there\r\nDate: Mon, 2 Jan 2023 15:04:05 +0100\r\nMessage-ID: <%d@old.example>\r\nSubject: %d\r\n\r\n%s",
		i, i, strings.Repeat("A line.\r\n", 20))
	return endpointtest.Message{Date: epoch.AddDate(0, 0, -200).Add(time.Duration(i/3) * time.Minute), // some have one date
		Flags: mail.ParseFlags([][]string{{`\Seen`}, {`\Seen`, `\Flagged`, "Label"}, nil}[i%3]), Octets: []byte(octets)}
}

// settled applies full until nothing is left. A run that the test ends early counts as one.
func (x *exchange) settled() {
	x.t.Helper()
	x.untilDone()
	x.server.Settle()
	x.checkState()
}

// sameMail holds the octets that arrived at the server, dates and flags against the source: 0 lost, 0 twice. No draft
// and nothing unnumbered is among them.
func (x *exchange) sameMail() {
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
			if m.Draft || m.Properties["mailhaul-id"] == "" {
				x.t.Errorf("a message in %s is a draft (%v) or has no id (%v)", f, m.Draft, m.Properties)
			}
		}
	}
	if r := compare.Folders(a, b); !r.Same() || r.Equal == 0 {
		x.t.Errorf("%v", r)
	}
}

func exchangeItem(folder string, octets []byte, date time.Time, flags []string) compare.Item {
	flags = strings.Fields(strings.ToLower(strings.Join(flags, " ")))
	slices.Sort(flags)
	return compare.Item{Folder: folder, Sum: sha256.Sum256(octets), Size: len(octets), Date: date.UTC(), Flags: strings.Join(flags, " ")}
}

// TestHardCase_P01_ExchangeLosesAnswers loses the answer of each CreateItem in each way, the second one that it causes too.
// The server renders every message anew, so that octets tell nothing: the ids do.
func TestHardCase_P01_ExchangeLosesAnswers(t *testing.T) {
	for name, how := range map[string]ewsserver.Lose{"after": ewsserver.LoseAfter, "before": ewsserver.LoseBefore, "half": ewsserver.LoseHalf,
		"internal error": ewsserver.Internal, "answer cut": ewsserver.Unfinished} {
		for at := 1; at <= 4; at++ {
			t.Run(fmt.Sprintf("%s, request %d", name, at), func(t *testing.T) {
				t.Parallel()
				x := newExchange(t)
				x.fill(60)
				x.server.Behave(ewsserver.Habits{Lose: map[int]ewsserver.Lose{at: how, at + 2: how}})
				x.settled()
				x.sameMail()
				if x.server.Struck() == 0 {
					t.Error("no answer was lost")
				}
			})
		}
	}
}

// TestHardCase_P03_ExchangeStoresLate stores what lost its answer after the first look for it, within the grace time.
func TestHardCase_P03_ExchangeStoresLate(t *testing.T) {
	for at := 1; at <= 3; at++ {
		t.Run(fmt.Sprint("request ", at), func(t *testing.T) {
			t.Parallel()
			x := newExchange(t)
			x.fill(60)
			x.grace = 2 * time.Second
			x.server.Behave(ewsserver.Habits{Lose: map[int]ewsserver.Lose{at: ewsserver.LoseAfter}, LateBy: 200 * time.Millisecond})
			x.settled()
			x.sameMail()
		})
	}
}

// TestHardCase_P03_ExchangeStoresLateAfterARestart ends the process while an answer is open. The next one copies new mail
// before it can know of the numbers that are on the wire: it must not give them away again.
func TestHardCase_P03_ExchangeStoresLateAfterARestart(t *testing.T) {
	x := newExchange(t)
	x.fill(60)
	x.grace = 3 * time.Second
	x.stop = make(chan struct{})
	x.heard = func(e executor.Event) {
		if _, waits := e.(executor.Waiting); waits && x.stop != nil {
			close(x.stop)
			x.heard = func(executor.Event) {}
		}
	}
	x.server.Behave(ewsserver.Habits{Lose: map[int]ewsserver.Lose{2: ewsserver.LoseAfter}, LateBy: time.Second})
	if _, out, err := x.apply("full"); err != nil || !out.Interrupted {
		t.Fatalf("the first run: %+v, %v", out, err)
	}
	x.stop = nil
	x.restart()
	x.src.Add("INBOX", exchangeMessage(1000))
	x.src.Add("INBOX", exchangeMessage(1001))
	x.settled()
	x.sameMail()
}

// TestHardCase_P21_ExchangeIsBusy refuses every fourth request in each form. What the server asks for is waited for.
func TestHardCase_P21_ExchangeIsBusy(t *testing.T) {
	const asked = 20 * time.Millisecond
	for name, form := range map[string]ewsserver.Busy{"fault": ewsserver.BusyFault, "HTTP 503": ewsserver.BusyStatus, "inside HTTP 200": ewsserver.BusyOutcome} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t)
			x.page = 500 // else a listing alone would be refused each time
			x.restart()
			x.fill(120)
			waits := 0
			x.heard = func(e executor.Event) {
				if w, ok := e.(executor.Waiting); ok && w.Code == mail.CodeEWSThrottled {
					if waits++; w.Wait < asked {
						t.Errorf("waited %s where %s was asked for", w.Wait, asked)
					}
				}
			}
			x.server.Behave(ewsserver.Habits{Busy: form, BusyEvery: 4, BackOff: asked})
			x.settled()
			x.sameMail()
			if waits == 0 {
				t.Error("nobody heard of the waiting")
			}
		})
	}
}

// TestHardCase_A04_ExchangeTokenRunsOut gives tokens that are good for some requests only: in the middle of a copy the
// server says 401. Each is followed by one new token.
func TestHardCase_A04_ExchangeTokenRunsOut(t *testing.T) {
	for uses := 4; uses <= 7; uses++ {
		x := newExchange(t)
		x.fill(60)
		x.server.Behave(ewsserver.Habits{TokenUses: uses})
		x.settled()
		x.sameMail()
		if x.server.Tokens() < 2 {
			t.Errorf("%d uses: %d tokens were given away", uses, x.server.Tokens())
		}
	}
}

// TestHardCase_M25_ExchangeRecognisesItsCopies loses the state file after a copy whose octets the server changed: nothing is sent again,
// and of three equal messages the one that is missing is.
func TestHardCase_M25_ExchangeRecognisesItsCopies(t *testing.T) {
	x := newExchange(t)
	x.fill(40)
	x.settled()
	creates := x.server.Requests("CreateItem")
	x.path += ".new"
	x.restart()
	x.settled()
	if n := x.server.Requests("CreateItem"); n != creates {
		t.Errorf("%d requests to create, where everything was there", n-creates)
	}
	x.sameMail()
	x.path += ".newer"
	x.dst.Remove("INBOX", 4) // one of two equal ones
	x.settled()
	x.sameMail()
}

// TestExchangeUsersMayMoveTheirMail: what a user moves, copies or deletes after it was copied stays so, and a flag changed
// at the source reaches the item that it belongs to, and that one only.
func TestExchangeUsersMayMoveTheirMail(t *testing.T) {
	x := newExchange(t)
	x.fill(20)
	x.settled()
	x.dst.Move("INBOX", 0, "Work", false)
	x.dst.Move("INBOX", 5, "INBOX", true)
	x.dst.Remove("INBOX", 10)
	x.restart()
	before := len(x.dst.Messages("INBOX")) + len(x.dst.Messages("Work"))
	changed := x.src.Messages("INBOX")[6] // the sixth that is left, copied by the user
	x.src.SetFlags("INBOX", changed.UID, mail.ParseFlags([]string{`\Answered`}))
	x.src.Add("INBOX", exchangeMessage(500))
	x.settled()
	inbox := x.dst.Messages("INBOX")
	if twin := inbox[len(inbox)-2]; slices.Contains(twin.Flags, `\Answered`) {
		t.Error("the user's own copy became answered")
	}
	after := append(inbox, x.dst.Messages("Work")...)
	answered := 0
	for _, m := range after {
		if slices.Contains(m.Flags, `\Answered`) {
			if answered++; string(m.Octets) != string(changed.Octets) {
				t.Errorf("%q became answered", m.Octets)
			}
		}
	}
	if answered != 1 || len(after) != before+1 {
		t.Errorf("%d are answered, want 1; there are %d items, want %d", answered, len(after), before+1)
	}
}

// TestExchangeFoldersMadeAnew: a folder that a user deletes or renames is made again for new mail, and what was copied is not
// copied a second time.
func TestExchangeFoldersMadeAnew(t *testing.T) {
	for name, change := range map[string]func(*ewsserver.Mailbox){"deleted": func(b *ewsserver.Mailbox) { b.Delete("Work") },
		"renamed": func(b *ewsserver.Mailbox) { b.Rename("Work", "Projects") }} {
		x := newExchange(t)
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

// TestExchangeStrangersDoNotDisturb puts mail of the same dates into the folder while answers are lost: it carries no id,
// so it is neither taken for a copy nor does it make one ambiguous.
func TestExchangeStrangersDoNotDisturb(t *testing.T) {
	x := newExchange(t)
	x.fill(40)
	n := 0
	x.server.Behave(ewsserver.Habits{Lose: map[int]ewsserver.Lose{1: ewsserver.LoseHalf, 2: ewsserver.LoseAfter}, Meanwhile: func() {
		if n++; n < 30 {
			x.dst.Add("INBOX", fmt.Appendf(nil, "Subject: other\r\n\r\n%d", n), exchangeMessage(n).Date)
		}
	}})
	failed := int64(0)
	x.heard = func(e executor.Event) {
		if _, is := e.(executor.MessageFailed); is {
			failed++
		}
	}
	x.settled()
	ours := slices.DeleteFunc(x.dst.Messages("INBOX"), func(m ewsserver.Message) bool { return m.Properties["mailhaul-id"] == "" })
	sums := map[string]int{}
	for _, m := range ours {
		sums[string(m.Octets)]--
	}
	for _, m := range x.src.Messages("INBOX") {
		sums[string(m.Octets)]++
	}
	for octets, n := range sums {
		if n != 0 {
			t.Errorf("%d too few of %.80q", n, octets)
		}
	}
	if failed != 0 {
		t.Errorf("%d messages failed", failed)
	}
}

// TestExchangeRefusesForGood: one message that is too large is named and the others arrive; a full mailbox blocks.
func TestExchangeRefusesForGood(t *testing.T) {
	x := newExchange(t)
	x.fill(10)
	big := exchangeMessage(99)
	big.Octets = append(big.Octets, strings.Repeat("more\r\n", 2000)...)
	x.src.Add("INBOX", big)
	x.server.Behave(ewsserver.Habits{MaxMessage: 5000})
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
	x.server.Behave(ewsserver.Habits{Quota: 1})
	if out = x.mustApply("full"); cmp.Or(out.Blocked, out.Incomplete) != 1 {
		t.Errorf("a full mailbox gives %+v", out.PassDone)
	}
	x.server.Behave(ewsserver.Habits{})
	x.mustApply("full")
	if n := len(x.dst.Messages("INBOX")); n != 11 {
		t.Errorf("%d messages are there, want 11", n)
	}
}
