package endpointtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/state/mail"
)

// Pair is one mailbox seen from both sides, so that what a destination writes a source can read back. It is empty but for
// the INBOX.
type Pair struct {
	// Source and Destination open another session of the same mailbox.
	Source      func(ctx context.Context) (executor.Source, error)
	Destination func(ctx context.Context) (executor.Destination, error)
	// Remove takes a message away, as another client would; nil leaves out what needs it.
	Remove func(t *testing.T, folder string, uid mail.UID)
}

// Run tests what every endpoint must do: the sentences of executor/endpoint.go, one sub-test each. newPair is called for
// every sub-test and gives it a mailbox of its own.
func Run(t *testing.T, newPair func(t *testing.T) Pair) {
	for _, test := range []struct {
		name string
		run  func(*fixture)
	}{
		{"FoldersAndCreate", testFolders},
		{"AppendAndFetchKeepMessages", testRoundTrip},
		{"ListIsAscendingAndBounded", testList},
		{"ListChangedSince", testChangedSince},
		{"StaleUIDValidity", testStale},
		{"FetchIsSilentAboutMissing", testFetchMissing},
		{"FetchSkipsWhatIsUnread", testFetchUnread},
		{"FetchReturnsTheSinksError", testSinkError},
		{"Exists", testExists},
		{"ReadingChangesNothing", testReadOnly},
		{"OpenTellsUIDNext", testOpen},
		{"AppendAnswersEachOnce", testPipeline},
		{"FlushIsEnoughForTheAnswers", testFlush},
		{"AppendOfBrokenBodyIsAbsent", testBrokenBody},
		{"AppendToMissingFolderIsAbsent", testMissingFolder},
		{"BigMessage", testBig},
		{"SetFlags", testSetFlags},
		{"CloseTwiceAndUseAfter", testClose},
		{"CancelledContext", testCancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			test.run(&fixture{T: t, ctx: ctx, pair: newPair(t)})
		})
	}
}

// fixture is what the sub-tests share.
type fixture struct {
	*testing.T
	ctx  context.Context
	pair Pair
}

func (x *fixture) source() executor.Source {
	x.Helper()
	s, err := x.pair.Source(x.ctx)
	x.must(err)
	x.Cleanup(func() { _ = s.Close() })
	return s
}

func (x *fixture) destination() executor.Destination {
	x.Helper()
	d, err := x.pair.Destination(x.ctx)
	x.must(err)
	x.Cleanup(func() { _ = d.Close() })
	return d
}

func (x *fixture) limits() mail.Limits {
	x.Helper()
	d := x.destination()
	l, err := d.Limits(x.ctx)
	x.must(err)
	x.must(d.Close())
	return l
}

// kept are the flags that the INBOX can keep, as opening it tells.
func (x *fixture) kept(f mail.Flags) mail.Flags {
	x.Helper()
	d := x.destination()
	o, err := d.Open(x.ctx, x.folder(d, "INBOX"))
	x.must(err)
	x.must(d.Close())
	if o.Known {
		f.System &= o.Permanent.System
	}
	if o.Known && !o.AnyKeyword {
		f.Keywords = slices.DeleteFunc(slices.Clone(f.Keywords), func(k string) bool { return !o.Permanent.Has(k) })
	}
	return f
}

func (x *fixture) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// kind wants an error of the contract's type, and of the kind.
func (x *fixture) kind(err error, want mail.Kind) {
	x.Helper()
	var e *mail.Error
	if !errors.As(err, &e) {
		x.Errorf("error is %T %v, want a *mail.Error", err, err)
		return
	}
	if e.Kind != want {
		x.Errorf("error is of kind %v, want %v: %v", e.Kind, want, err)
	}
}

// folder finds a folder by its normalised name.
func (x *fixture) folder(r executor.Reader, name string) mail.Folder {
	x.Helper()
	all, err := r.Folders(x.ctx)
	x.must(err)
	var names []string
	for _, f := range all {
		if f.Path.String() == name {
			return f
		}
		names = append(names, f.Path.String())
	}
	x.Fatalf("there is no folder %q among %q", name, names)
	return mail.Folder{}
}

// letter makes a message with CRLF line ends.
func letter(n int, extra string) Message {
	return Message{
		Date:   time.Date(2023, 3, 4, 5, 6, n%60, 0, time.FixedZone("", 3600)),
		Flags:  mail.ParseFlags([]string{`\Seen`}),
		Octets: []byte(fmt.Sprintf("From: a@b.example\r\nSubject: %d\r\n\r\nText %d %s\r\n", n, n, extra)),
	}
}

func outgoing(id int64, m Message) mail.Outgoing {
	return mail.Outgoing{ID: id, Size: mail.Size(len(m.Octets)), InternalDate: m.Date, Flags: m.Flags,
		Body: bytes.NewReader(m.Octets)}
}

// put appends messages to a folder of the mailbox and wants all of them to land; their UIDs come back, if the endpoint
// names any.
func (x *fixture) put(folder string, messages ...Message) []mail.UID {
	x.Helper()
	d := x.destination()
	f, err := d.Create(x.ctx, mail.ParsePath(folder), mail.RoleNone)
	x.must(err)
	_, err = d.Open(x.ctx, f)
	x.must(err)
	uids := make([]mail.UID, len(messages))
	var batch []mail.Outgoing
	for i, m := range messages {
		batch = append(batch, outgoing(int64(i), m))
	}
	x.must(d.Append(x.ctx, f, batch, func(a mail.Appended) {
		if a.Outcome != mail.Landed {
			x.Errorf("append %d: outcome %v, %v", a.ID, a.Outcome, a.Err)
		}
		uids[a.ID] = a.UID
	}))
	x.must(d.Drain(x.ctx))
	x.must(d.Close())
	return uids
}

// listed gives the whole folder.
func (x *fixture) listed(r executor.Reader, f mail.Folder, q mail.Query) []mail.Message {
	x.Helper()
	var all []mail.Message
	for m, err := range r.List(x.ctx, f, q) {
		x.must(err)
		all = append(all, m)
	}
	return all
}

func uidsOf(messages []mail.Message) []mail.UID {
	var uids []mail.UID
	for _, m := range messages {
		uids = append(uids, m.UID)
	}
	return uids
}

// received is what a sink took.
type received struct {
	mail.Message
	octets  []byte
	size    mail.Size
	hasBody bool
}

// collector is a sink that keeps everything.
type collector struct {
	got    []received
	octets []byte
	size   mail.Size
}

func (c *collector) Body(size mail.Size, r io.Reader) error {
	octets, err := io.ReadAll(r)
	c.octets, c.size = octets, size
	return err
}

func (c *collector) Message(m mail.Message, hasBody bool) error {
	got := received{Message: m, hasBody: hasBody}
	if hasBody {
		got.octets, got.size = c.octets, c.size
	}
	c.got = append(c.got, got)
	c.octets = nil
	return nil
}

// fetched gives the bodies of UIDs.
func (x *fixture) fetched(r executor.Reader, f mail.Folder, uids ...mail.UID) []received {
	x.Helper()
	var c collector
	x.must(r.Fetch(x.ctx, f, uids, &c))
	return c.got
}

// sameOctets compares as the endpoint's limits promise.
func sameOctets(l mail.Limits, a, b []byte) bool {
	if l.KeepsBytes {
		return bytes.Equal(crlf(a), crlf(b))
	}
	return len(b) > 0
}

func crlf(octets []byte) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(string(octets), "\r\n", "\n"), "\n", "\r\n"))
}
