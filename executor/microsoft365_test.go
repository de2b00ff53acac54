package executor_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/tokenserver"
	"mailhaul/executor/imap"
	"mailhaul/executor/oauth"
	"mailhaul/state/mail"
)

// cloud is a destination like Exchange Online, with the authority that issues its tokens and a clock that the test puts
// forward, so that tokens end when it wants.
type cloud struct {
	*wire
	authority *tokenserver.Server

	mu    sync.Mutex
	ahead time.Duration
	ended map[string]int // the last token that is good no more, by user
}

func (c *cloud) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// anHourLater ends the tokens issued so far for a user, and by our clock all of them.
func (c *cloud) anHourLater(user string) {
	last, err := c.authority.Check(c.authority.Issue(tokenserver.Claims{Expires: time.Now().Add(time.Hour).Unix()}))
	if err != nil {
		panic(err) // it was issued just now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended[user] = last.Number
	c.ahead += time.Hour
}

// authorize lets in whoever has a token that has not ended.
func (c *cloud) authorize(user, token string) imapserver.Entry {
	claims, err := c.authority.Check(token)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || claims.Number <= c.ended[user] {
		c.ahead += time.Hour // a token that was on its way when the clock was put forward
		return imapserver.WrongToken
	}
	return imapserver.Enter
}

func newCloud(t *testing.T, change func(*imapserver.Profile), names ...string) *cloud {
	t.Helper()
	c := &cloud{authority: tokenserver.Start(t), ended: map[string]int{}}
	p := imapserver.Exchange()
	p.Folders = nil // so that both sides have the same
	p.Authorize = c.authorize
	if change != nil {
		change(&p)
	}
	tokens, err := oauth.New(oauth.Options{Authority: c.authority.Authority(), Tenant: tokenserver.Tenant, Client: tokenserver.Client,
		RootCAs: c.authority.Roots(), Secret: tokenserver.Secret, Scopes: []string{"https://outlook.office365.com/.default"}, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	listen := imapserver.Options{TLS: c.authority.TLS(), Implicit: true}
	c.wire = newWireTo(t, imapserver.Start(t, p, listen), names...)
	late := map[string]*imap.LateFlags{}
	for _, name := range names {
		late[name] = &imap.LateFlags{}
	}
	c.wire.adapt = func(user string, o *imap.Options) {
		o.TLS, o.RootCAs, o.Habits = imap.TLSImplicit, c.authority.Roots(), imap.Microsoft365()
		o.Login, o.Late = imap.Login{User: user, Tokens: tokens}, late[user]
	}
	c.wire.keeps = func(flags []string) []string {
		return slices.DeleteFunc(flags, func(f string) bool { return !strings.HasPrefix(f, `\`) })
	}
	return c
}

// faultyCloud has a lane for each fault.
func faultyCloud(t *testing.T, change func(*imapserver.Profile), stride int, kinds ...imapserver.Kind) *cloud {
	t.Helper()
	p := imapserver.Exchange()
	var names []string
	faults := strikes(p, stride, kinds...)
	for n, f := range faults {
		names = append(names, kindNames[f.kind]+" "+string(rune('a'+n)))
	}
	c := newCloud(t, change, names...)
	for n, l := range c.lanes {
		l.fill(wireMessages, wireSizes{300, 2000, 5000})
		l.dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{faults[n].append: faults[n].kind}, Reset: n%3 == 2, Expire: func() { c.anHourLater(l.name) }})
	}
	return c
}

var kindNames = map[imapserver.Kind]string{imapserver.Swallow: "swallow", imapserver.BreakBefore: "break", imapserver.ByeInside: "bye",
	imapserver.Throttle: "throttle", imapserver.Expire: "expire", imapserver.ExpireStored: "expire-stored"}

// TestHardCase_P01_Microsoft365EveryFault breaks APPENDs in every way that Exchange is known for: answers lost, connections lost,
// tokens that end in the middle of a message and behind it, throttling. The server renders mail anew, so that sizes, header
// order and encodings of what is found differ from what was sent. Nothing is lost and nothing is there twice.
func TestHardCase_P01_Microsoft365EveryFault(t *testing.T) {
	for _, kind := range []imapserver.Kind{imapserver.Swallow, imapserver.BreakBefore, imapserver.ByeInside, imapserver.Throttle,
		imapserver.Expire, imapserver.ExpireStored} {
		t.Run(kindNames[kind], func(t *testing.T) {
			t.Parallel()
			stride := 3
			if kind == imapserver.Swallow {
				stride = 1
			}
			c := faultyCloud(t, nil, stride, kind)
			c.untilDone()
			t.Logf("%d faults", c.struck())
			c.sameMail()
		})
	}
}

// TestHardCase_M25_RenderedInDoubt is the one lost answer that only the meaning of a message can settle; it stands guard over that tier.
func TestHardCase_M25_RenderedInDoubt(t *testing.T) {
	c := newCloud(t, nil, "anna")
	c.lanes[0].fill(4, wireSizes{300, 2000})
	c.lanes[0].dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{2: imapserver.Swallow}})
	c.untilDone()
	c.sameMail()
}

// TestHardCase_P03_Microsoft365LateCommit stores what lost its answer only after the first look for it.
func TestHardCase_P03_Microsoft365LateCommit(t *testing.T) {
	t.Parallel()
	c := faultyCloud(t, func(p *imapserver.Profile) { p.LateBy = 100 * time.Millisecond }, 5, imapserver.Swallow)
	c.grace = 2 * time.Second
	c.untilDone()
	c.struck()
	c.destination.Settle()
	c.sameMail()
}

// TestHardCase_P21_Microsoft365Throttles obeys the back-off that the server asks for, to the letter.
func TestHardCase_P21_Microsoft365Throttles(t *testing.T) {
	t.Parallel()
	c := faultyCloud(t, func(p *imapserver.Profile) { p.BackOff = 250 }, 10, imapserver.Throttle)
	var mu sync.Mutex
	waits := 0
	c.heard = func(e executor.Event) {
		mu.Lock()
		defer mu.Unlock()
		if w, ok := e.(executor.Waiting); ok && w.Code == mail.CodeIMAPThrottled {
			waits++
			// One that several mailboxes wait out together has begun before.
			if w.Wait < 250*time.Millisecond && strings.Contains(w.Text, "throttled") {
				t.Errorf("waited %v", w.Wait)
			}
		}
	}
	c.untilDone()
	c.sameMail()
	if struck := c.struck(); waits < struck {
		t.Errorf("%d waits after %d throttlings", waits, struck)
	}
}

// TestHardCase_K08_FlaggedIsLostByAppend: Exchange takes \Flagged in APPEND and forgets it. It is set again once the message has
// landed, and arrives.
func TestHardCase_K08_FlaggedIsLostByAppend(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil, "anna")
	c.lanes[0].fill(wireMessages, wireSizes{300, 2000, 5000})
	c.untilDone()
	c.sameMail()
}

// TestMicrosoft365WithoutUIDs: that Exchange Online answers an APPEND with a UID is not confirmed. Where it does not, nothing is
// lost or there twice either, also where an answer is lost, and \Flagged arrives with the UIDs that are learned at the end.
func TestMicrosoft365WithoutUIDs(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 1, 7} {
		c := newCloud(t, func(p *imapserver.Profile) { *p = p.Without("UIDPLUS") }, "anna")
		c.lanes[0].fill(wireMessages, wireSizes{300, 2000, 5000})
		c.lanes[0].dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{at: imapserver.Swallow}})
		c.untilDone()
		c.sameMail()
	}
}

// TestMicrosoft365TenErrors: a server that ends the session after ten refused messages costs no other message anything.
func TestMicrosoft365TenErrors(t *testing.T) {
	t.Parallel()
	c := newCloud(t, nil, "anna")
	c.lanes[0].fill(wireMessages, wireSizes{300, 2000, 5000})
	const refused = 45
	for i := range refused {
		m := wireMessage(100+i, 300)
		m.Octets = append(m.Octets, strings.Repeat("x", 11_000)...)
		c.lanes[0].src.Add("INBOX", m)
		c.lanes[0].src.Add("INBOX", wireMessage(200+i, 300))
	}
	for range 10 {
		if p, _, err := c.apply("full"); err == nil && p.Total.Todo.Messages == 0 {
			break
		}
	}
	r := c.compared(c.lanes[0])
	if len(r.Missing) != refused || len(r.Doubled) != 0 || len(r.Extra) != 0 || len(r.Differs) != 0 {
		t.Errorf("want %d missing and nothing else: %v", refused, r)
	}
}
