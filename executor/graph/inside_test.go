package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/executor/web"
	"mailhaul/state/mail"
)

// TestWindow uses up what may be used, for an hour of its own time: no span holds more than the limit, and what is used
// comes within a tenth of it.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(1_000_000, 5*time.Minute)
		var all []use
		begun, sum := time.Now(), int64(0)
		for time.Since(begun) < time.Hour {
			n := rand.Int64N(40_000)
			if err := w.take(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			all, sum = append(all, use{time.Now(), n}), sum+n
			time.Sleep(time.Millisecond)
		}
		within := int64(0)
		for first, last := 0, 0; last < len(all); last++ {
			for within += all[last].n; all[last].at.Sub(all[first].at) >= 5*time.Minute; first++ {
				within -= all[first].n
			}
			if within > 1_000_000 {
				t.Fatalf("%d were used within five minutes", within)
			}
		}
		if most := int64(12 * 1_000_000); sum < most*9/10 {
			t.Errorf("%d were used in an hour, where %d may be", sum, most)
		}
		if w = newWindow(10, time.Minute); w.try(time.Now(), 50) != 0 || w.try(time.Now(), 1) == 0 {
			t.Error("what is more than the limit must pass alone")
		}
	})
}

// TestEncoder sends a message in base64, whole or not at all, and not after its release.
func TestEncoder(t *testing.T) {
	text := strings.Repeat("0123456789", 10_001)
	e := newEncoder(mail.Outgoing{Size: mail.Size(len(text)), Body: strings.NewReader(text)})
	got, err := io.ReadAll(e)
	if err != nil || int64(len(got)) != e.size || string(got) != base64.StdEncoding.EncodeToString([]byte(text)) {
		t.Errorf("%d octets came of %d, %v", len(got), e.size, err)
	}
	e = newEncoder(mail.Outgoing{Size: 100, Body: strings.NewReader("short")})
	if _, err := io.ReadAll(e); err == nil {
		t.Error("a short message was sent")
	}
	body := strings.NewReader("whatever")
	e = newEncoder(mail.Outgoing{Size: 8, Body: body})
	e.release()
	if _, err := e.Read(make([]byte, 10)); err == nil || body.Len() != 8 {
		t.Errorf("after the release the message was read, %v", err)
	}
}

// TestRetryAfter reads both forms, and nothing that makes no sense.
func TestRetryAfter(t *testing.T) {
	in := func(text string) time.Duration { return web.RetryAfter(http.Header{"Retry-After": {text}}, maxWait) }
	if in("120") != 2*time.Minute || in("-5") != 0 || in("soon") != 0 || in("99999999") != maxWait {
		t.Errorf("got %s, %s, %s, %s", in("120"), in("-5"), in("soon"), in("99999999"))
	}
	if got := in(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)); got < 59*time.Minute || got > time.Hour {
		t.Errorf("an hour from now is %s", got)
	}
}

// FuzzPage reads what a server may say. Whatever it is, nothing panics, and a listing has each UID once.
func FuzzPage(f *testing.F) {
	f.Add(`{"@odata.count":1,"value":[{"id":"a","receivedDateTime":"2023-01-01T00:00:00Z","flag":{"flagStatus":"flagged"},` +
		`"singleValueExtendedProperties":[{"id":"Integer 0xe08","value":"-1"},{"id":"` + propMark + `","value":"1-00000001-00000001-` +
		strings.Repeat("0", 32) + `"}]}]}`)
	f.Fuzz(func(t *testing.T, in string) {
		var p page[item]
		if json.Unmarshal([]byte(in), &p) != nil {
			return
		}
		l := uids.NewListing(1)
		for i := range p.Value {
			l.Add(p.Value[i].ID, p.Value[i].value(propMark), p.Value[i].message())
		}
		all := l.From(0, func(mail.UID, string, mail.Size) {})
		for i := range all {
			if i > 0 && all[i].UID <= all[i-1].UID || all[i].Size < 0 {
				t.Errorf("UIDs %d and %d, size %d", all[i-1].UID, all[i].UID, all[i].Size)
			}
		}
	})
}

// slowBody gives a piece in each step of time, or stands still after some pieces. It ends with its request.
type slowBody struct {
	ctx    context.Context //nolint:containedctx // it is that of the request that it belongs to
	step   time.Duration
	pieces int
	stands int // after so many pieces; zero: never
	given  int
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.given == b.pieces {
		return 0, io.EOF
	}
	step := b.step
	if b.given++; b.stands > 0 && b.given > b.stands {
		step = time.Hour
	}
	select {
	case <-time.After(step):
		return copy(p, "0123456789"), nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

func (b *slowBody) Close() error { return nil }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTimeFollowsProgress: a large message on a slow line takes its time in both directions, and what stands still ends with a
// time-out. Microsoft's own limit makes 150 MB take five minutes.
func TestTimeFollowsProgress(t *testing.T) {
	for name, c := range map[string]struct {
		stands int
		code   mail.Code
	}{"slow": {0, ""}, "still": {3, mail.CodeGraphTimeout}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(Options{URL: "https://graph.example", Tokens: fixed{}})
				if err != nil {
					t.Fatal(err)
				}
				body := func(ctx context.Context) *slowBody {
					return &slowBody{ctx: ctx, step: time.Minute, pieces: 20, stands: c.stands}
				}
				down := &client{s: s, box: s.box("a")}
				s.http = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodPost {
						line := body(r.Context()) // takes a piece as it would give one
						for range line.pieces {
							if _, err := line.Read(make([]byte, 10)); err != nil {
								return nil, err
							}
							_, _ = io.CopyN(io.Discard, r.Body, 10)
						}
						return &http.Response{StatusCode: http.StatusCreated, Body: io.NopCloser(strings.NewReader(`{}`))}, nil
					}
					return &http.Response{StatusCode: http.StatusOK, Body: body(r.Context())}, nil
				})}
				n := int64(0)
				failed := down.send(t.Context(), get("fetch", atRead, nil, "messages", "x", "$value"), func(r *http.Response) *mail.Error {
					var err error
					if n, err = io.Copy(io.Discard, r.Body); err != nil {
						return codes.Broken("fetch", err)
					}
					return nil
				})
				wantTrouble(t, failed, c.code)
				if c.code == "" && n != 200 {
					t.Errorf("%d octets came, want 200", n)
				}
				up := newEncoder(mail.Outgoing{Size: 150, Body: strings.NewReader(strings.Repeat("m", 150))})
				failed = down.ask(t.Context(), call{op: "import", at: atImport, method: http.MethodPost, path: []string{"mailFolders", "x", "importMime"}, mime: up}, &item{})
				wantTrouble(t, failed, c.code)
			})
		})
	}
}

func wantTrouble(t *testing.T, failed *mail.Error, want mail.Code) {
	t.Helper()
	if failed == nil && want != "" || failed != nil && failed.Code != want {
		t.Errorf("it ends in %v, want %q", failed, want)
	}
}

type fixed struct{}

func (fixed) Token(context.Context) (string, error) { return "t", nil }
func (fixed) Refused(string) bool                   { return false }
