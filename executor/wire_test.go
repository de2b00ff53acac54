package executor_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/check"
	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/proxy"
	"mailhaul/executor/imap"
)

// wire is a project between two IMAP servers of the test's own, through the real client. Each mailbox is a lane, with
// faults and proxies of its own, so that one run plays many cases at a time.
type wire struct {
	*project
	source, destination *imapserver.Server
	lanes               []*lane
	timeouts            imap.Timeouts
	// stored gives the octets that the destination keeps of what it was sent; nil: the same.
	stored func([]byte) []byte
	failed int64 // messages that the runs gave up
	// further lets a mailbox have more connections than one on each side.
	further bool
	// adapt changes how sessions of the destination are opened, and keeps gives the flags that it keeps; nil: as ever.
	adapt func(user string, o *imap.Options)
	keeps func(flags []string) []string
	// dial makes the connections to a server; nil: the network does.
	dial func(*imapserver.Server) func(ctx context.Context, network, address string) (net.Conn, error)
}

// lane is one mailbox on both sides.
type lane struct {
	name     string
	src, dst *imapserver.Mailbox
	// from and to stand before the servers; nil: nothing does.
	from, to *proxy.Proxy
}

const wirePassword = "wire secret"

func newWire(t *testing.T, source, destination imapserver.Profile, names ...string) *wire {
	t.Helper()
	return newWireBetween(t, imapserver.Start(t, source, imapserver.Options{}),
		imapserver.Start(t, destination, imapserver.Options{}), names...)
}

// newWireTo leads from a server that can everything to the destination.
func newWireTo(t *testing.T, destination *imapserver.Server, names ...string) *wire {
	t.Helper()
	return newWireBetween(t, imapserver.Start(t, imapserver.Dovecot(), imapserver.Options{}), destination, names...)
}

func newWireBetween(t *testing.T, source, destination *imapserver.Server, names ...string) *wire {
	t.Helper()
	w := &wire{source: source, destination: destination, stored: destination.Profile().Rewrite,
		timeouts: imap.Timeouts{Dial: 10 * time.Second, Progress: 10 * time.Second}}
	for _, name := range names {
		w.lanes = append(w.lanes, &lane{name: name, src: w.source.Mailbox(name, wirePassword),
			dst: w.destination.Mailbox(name, wirePassword)})
	}
	w.project = newProject(t, w, names...)
	w.parallel = max(1, len(names))
	t.Cleanup(func() {
		for _, s := range []*imapserver.Server{w.source, w.destination} {
			if misuse := s.Misuse(); len(misuse) > 0 {
				t.Errorf("the client broke the protocol: %q", misuse)
			}
		}
	})
	return w
}

func (w *wire) lane(name string) *lane {
	return w.lanes[slices.IndexFunc(w.lanes, func(l *lane) bool { return l.name == name })]
}

// options lead to the server, or to the proxy before it.
func (w *wire) options(user string, s *imapserver.Server, p *proxy.Proxy) imap.Options {
	o := imap.Options{Host: s.Host(), Port: s.Port(), TLS: imap.TLSNone, Timeouts: w.timeouts,
		Login: imap.Login{User: user, Password: wirePassword}}
	if p != nil {
		o.Port = p.Port()
	}
	if w.dial != nil {
		o.Dial = w.dial(s)
	}
	return o
}

// Source opens a session as cmd does.
func (w *wire) Source(ctx context.Context, mailbox string) (executor.Source, error) {
	s, err := imap.DialSource(ctx, w.options(mailbox, w.source, w.lane(mailbox).from))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Destination is like Source.
func (w *wire) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	o := w.options(mailbox, w.destination, w.lane(mailbox).to)
	if w.adapt != nil {
		w.adapt(mailbox, &o)
	}
	d, err := imap.DialDestination(ctx, o)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Further opens a second pair where it may.
func (w *wire) Further(ctx context.Context, mailbox string) (executor.Source, executor.Destination, bool) {
	if !w.further {
		return nil, nil, false
	}
	src, err := w.Source(ctx, mailbox)
	if err != nil {
		return nil, nil, false
	}
	dst, err := w.Destination(ctx, mailbox)
	if err != nil {
		_ = src.Close() // it was not used
		return nil, nil, false
	}
	return src, dst, true
}

// wireSizes are those of the messages, in turn; each is made of lines.
type wireSizes [3]int

// fill puts n messages into INBOX and a few into another folder. Every fifth is the one before once more; of these every
// other one with another date.
func (l *lane) fill(n int, sizes wireSizes) {
	var last imapserver.Message
	for i := range n {
		if i%5 == 4 {
			if i%10 == 9 {
				last.Date = last.Date.Add(time.Hour)
			}
		} else {
			last = wireMessage(i, sizes[i%len(sizes)])
		}
		l.src.Add("INBOX", last)
	}
	l.src.Add("Work", wireMessage(n, sizes[0]), last)
}

func wireMessage(i, size int) imapserver.Message {
	head := fmt.Sprintf("Received: from there by here; %d\r\nMessage-ID: <%d@old.example>\r\nSubject: Message %d\r\n\r\n", i, i, i)
	const line = "A line that looks like\r\na1 OK {5}\r\n)\r\n"
	octets := append([]byte(head), bytes.Repeat([]byte(line), 1+max(0, size-len(head))/len(line))...)
	flags := [][]string{{`\Seen`}, {`\Seen`, `\Flagged`, "Label"}, nil}[i%3]
	return imapserver.Message{Date: epoch.AddDate(0, 0, -200).Add(time.Duration(i) * time.Minute), Octets: octets, Flags: flags}
}

// compared holds the stores of both servers against each other: octets, dates and flags, equal messages counted. Neither
// the client nor the ledger has a say.
func (w *wire) compared(l *lane) compare.Report {
	return compare.Folders(items(l.src, w.stored, w.keeps), items(l.dst, nil, nil))
}

func items(b *imapserver.Mailbox, stored func([]byte) []byte, keeps func([]string) []string) map[string][]compare.Item {
	all := map[string][]compare.Item{}
	for _, folder := range b.Folders() {
		all[folder] = nil
		for _, m := range b.Messages(folder) {
			octets := m.Octets
			if stored != nil {
				octets = stored(octets)
			}
			flags := strings.Fields(strings.ToLower(strings.Join(m.Flags, " ")))
			if keeps != nil {
				flags = keeps(flags)
			}
			slices.Sort(flags)
			all[folder] = append(all[folder], compare.Item{Folder: folder, Sum: sha256.Sum256(octets), Size: len(octets),
				Date: m.Date, Flags: strings.Join(flags, " ")})
		}
	}
	return all
}

// sameMail wants every lane to hold the same on both sides, nothing lost and nothing twice, and no message given up.
func (w *wire) sameMail() {
	w.t.Helper()
	if w.failed > 0 {
		w.t.Errorf("%d messages failed", w.failed)
	}
	for _, l := range w.lanes {
		if r := w.compared(l); !r.Same() || r.Equal == 0 {
			w.t.Errorf("%s: %v", l.name, r)
		}
	}
}

// untilDone applies full until nothing is left, as a user would after each failure. The last run is one that sends
// nothing: what was copied is not sent again, whatever went wrong on the way.
func (w *wire) untilDone() {
	w.t.Helper()
	for range 20 {
		for _, l := range w.lanes {
			l.dst.Forget()
		}
		p, out, err := w.apply("full")
		w.failed += out.Failed.Messages
		if err != nil || p.Total.Todo.Messages != 0 || out.Blocked != 0 || out.Incomplete != 0 {
			continue
		}
		for _, l := range w.lanes {
			if n := l.dst.Counts(); n.Commands["APPEND"] != 0 {
				w.t.Errorf("%s: there was nothing to do, and %d messages were sent", l.name, n.Appended)
			}
			for verb := range l.src.Counts().Commands {
				if verb == "SELECT" || verb == "APPEND" || verb == "CREATE" || verb == "UID STORE" {
					w.t.Errorf("%s: the source got %s", l.name, verb)
				}
			}
		}
		return
	}
	w.t.Fatalf("not done after 20 runs; last events: %v", w.events[max(0, len(w.events)-5):])
}

// checks runs the package behind `mailhaul check` over all lanes and gives what it found, by lane.
func (w *wire) checks() map[string][]check.Finding {
	w.t.Helper()
	var mailboxes []check.Mailbox
	for _, l := range w.lanes {
		m := check.Mailbox{Name: l.name, Target: l.name, Source: checked(w.source, l.name), Destination: checked(w.destination, l.name)}
		for _, f := range l.src.Folders() {
			m.Pairs = append(m.Pairs, check.Pair{Sources: []check.Name{{Raw: f, Path: f}}, Destination: check.Name{Raw: f, Path: f}})
		}
		mailboxes = append(mailboxes, m)
	}
	found := map[string][]check.Finding{}
	var mu sync.Mutex
	err := check.Run(w.t.Context(), mailboxes, check.Options{Parallel: 4,
		Finding: func(f check.Finding) error {
			mu.Lock()
			defer mu.Unlock()
			found[f.Mailbox] = append(found[f.Mailbox], f)
			return nil
		},
		Done: func(r check.Result) {
			if r.Err != nil {
				w.t.Errorf("%s: %v", r.Mailbox, r.Err)
			}
		}})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func checked(s *imapserver.Server, user string) check.Server {
	return check.Server{Host: s.Host(), Port: s.Port(), TLS: check.TLSNone, User: user, Password: wirePassword}
}

// checkNames wants `mailhaul check` to name exactly what the comparison of the stores finds: each message that is
// missing, and each that is there once too often. It gives how many those are.
func (w *wire) checkNames() (missing, twice int) {
	w.t.Helper()
	found := w.checks()
	for _, l := range w.lanes {
		var want, got []string
		r := w.compared(l)
		for _, i := range r.Missing {
			want = append(want, fmt.Sprintf("- %s %x", i.Folder, i.Sum))
		}
		for _, i := range append(r.Doubled, r.Extra...) {
			want = append(want, fmt.Sprintf("2 %s %x", i.Folder, i.Sum))
		}
		for _, f := range found[l.name] {
			got = append(got, l.named(f))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) || len(r.Differs) > 0 {
			w.t.Errorf("%s: check names\n%s\nand the stores differ by\n%s\n%v", l.name, strings.Join(got, "\n"), strings.Join(want, "\n"), r)
		}
		missing, twice = missing+len(r.Missing), twice+len(r.Doubled)+len(r.Extra)
	}
	return missing, twice
}

// named says which message a finding is about.
func (l *lane) named(f check.Finding) string {
	b, folder, uid := l.src, f.Source, f.SourceUID
	if f.Sign == check.Twice || f.Sign == check.Extra {
		b, folder, uid = l.dst, f.Destination, f.UID
	}
	for _, m := range b.Messages(folder) {
		if m.UID == uint32(uid) {
			return fmt.Sprintf("%s %s %x", f.Sign, folder, sha256.Sum256(m.Octets))
		}
	}
	return fmt.Sprintf("%s %s UID %d, which is not there", f.Sign, folder, uid)
}
