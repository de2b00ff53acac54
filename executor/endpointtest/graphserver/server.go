// Package graphserver plays the mail part of Microsoft Graph for tests, behind a real TLS listener. It keeps folders and
// messages, makes messages anew from the MIME it is given as Exchange does, checks the authorization header, and holds
// every request against Microsoft's description of Graph (metadata): a path, an option, a property or a type that is
// not in it is answered with 400 and named by Misuse. It bounds requests as Microsoft says, and can be told to behave as
// badly as a real one: to throttle, to lose an answer after it has done what was asked, to do it late, to let a token run
// out.
//
// It is no Graph: there are mail folders and messages, nothing is sent, and what nobody outside of Microsoft knows yet (does
// a message keep a date that is set after its import?) is a habit, to be switched either way. It stands on the standard
// library alone and shares no code with the client that it judges.
//
// Start one, give it a mailbox with Server.Mailbox, and hold Mailbox.Messages against what was sent. Server.Misuse names
// what no client may do; a test ends by finding it empty.
package graphserver

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/httpsserver"
)

// Server is one Graph. It is safe for use by several goroutines.
type Server struct {
	httpsserver.Base
	meta *metadata

	mu        sync.Mutex
	mailboxes map[string]*Mailbox // by address in lower case
	habits    Habits
	requests  map[string]int // by operation
	served    int            // requests since Behave
	writes    map[string]int // by operation, since Behave
	struck    int            // of them those that were lost
	active    int            // requests under way, of all mailboxes
	refused   int            // for want of budget, since Behave
	busiest   int            // most requests of one mailbox at one time, since Behave
}

// Lose is what becomes of a request whose answer is lost.
type Lose int

// The fates of a request.
const (
	LoseAfter  Lose = iota // done, then the connection breaks
	LoseBefore             // nothing is done
	Internal               // done, and the server answers 500
	Gateway                // done, and a gateway answers 504 without a word of Graph
	Unfinished             // done, and the answer is cut in the middle
	Vanished               // done, and the answer is 404: somebody between repeated the request
)

// Habits are how the server behaves. The zero Habits is one without fault.
type Habits struct {
	// ThrottleEvery refuses every so many-th request with 429 and Retry-After, in seconds; zero: none.
	ThrottleEvery int
	RetryAfter    float64
	// Uploads bounds what a mailbox may take within UploadsWithin, in octets, and Requests how many requests are answered
	// within RequestsWithin; zero: no bound.
	Uploads        int64
	UploadsWithin  time.Duration
	Requests       int
	RequestsWithin time.Duration
	// OfApplication is how many requests are answered at one time whichever mailboxes they are for; zero: no bound. Microsoft
	// has published four. Takes is how long each request is under way.
	OfApplication int
	Takes         time.Duration
	// Lose says at which requests of an operation, from 1, the answer is lost, and how. LateBy puts off what is done.
	Lose   map[string]map[int]Lose
	LateBy time.Duration
	// TokenUses is how many requests a token is good for; zero: it does not run out.
	TokenUses int
	// Missing says that the user is not there, Unlicensed that he has no mailbox, Denied refuses everything, ReadOnly
	// whatever writes, NoImport says that there is no importMime.
	Missing, Unlicensed, Denied, ReadOnly, NoImport bool
	// Redirect sends every request elsewhere.
	Redirect string
	// MaxMessage and Quota bound a message and a mailbox in octets of MIME.
	MaxMessage, Quota int
	// Page bounds the entries of a page.
	Page int
	// IgnoreDate keeps the day of the import whatever is set, RefuseDate says that the date can't be set.
	IgnoreDate, RefuseDate bool
	// RefuseFilter says that a search is too complex.
	RefuseFilter bool
	// Withhold lists messages that hold this text, and does not hand them over.
	Withhold string
	// Chunked sends messages without a length.
	Chunked bool
	// Elsewhere leads the second page of a listing to another server.
	Elsewhere bool
	// Meanwhile is called before each listing, without locks: a test does there what another client would.
	Meanwhile func()
}

// Start starts a server that ends with the test.
func Start(t *testing.T) *Server {
	t.Helper()
	meta, err := loadMetadata()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{meta: meta, mailboxes: map[string]*Mailbox{}, requests: map[string]int{}, writes: map[string]int{}}
	s.Start(t, s.serve)
	return s
}

// URL is the address without a version.
func (s *Server) URL() string { return s.Address() }

// Refused tells that another token may be better.
func (s *Server) Refused(string) bool { return true }

// Behave changes the habits and starts their counts anew.
func (s *Server) Behave(h Habits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.RunOut(h.TokenUses)
	s.habits, s.served, s.struck, s.refused, s.busiest, s.writes = h, 0, 0, 0, 0, map[string]int{}
}

// Struck is how many requests were lost since Behave.
func (s *Server) Struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.struck
}

// Limits tells how many requests were refused for want of budget since Behave, and how many of one mailbox were under way
// at one time at most.
func (s *Server) Limits() (refused, busiest int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused, s.busiest
}

// Requests counts the requests of an operation that were answered, or lost on purpose.
func (s *Server) Requests(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[operation]
}

// refusal is an error of the service.
type refusal struct {
	status     int
	code, text string
}

func refuse(w http.ResponseWriter, no refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": no.code, "message": no.text,
		"innerError": map[string]string{"date": "2026-11-27T10:00:00", "request-id": "00000000-1111-2222-3333-444444444444"}}})
}

// maxRequest is far above what is taken.
const maxRequest = 512 << 20

// ServeHTTP answers one request, for tests that have no network because their time is not the real one.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r) }

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return // cut short: nothing is done
	}
	if no := s.bouncer(w, r); no != nil {
		if no.status != 0 {
			refuse(w, *no)
		}
		return
	}
	op, names, err := s.meta.find(r.Method, r.URL.EscapedPath())
	if err == nil {
		err = s.meta.check(op, r, body)
	}
	if err != nil {
		s.Blame("request: %v", err)
		refuse(w, refusal{http.StatusBadRequest, "BadRequest", err.Error()})
		return
	}
	c := &conversation{Server: s, w: w, r: r, op: op, names: names, body: body, query: r.URL.Query()}
	if !c.immutable() {
		s.Blame("a request without immutable ids: %s", op.name) // ids would change when people move mail
	}
	c.answer()
}

// bouncer turns away who may not come in at all.
func (s *Server) bouncer(w http.ResponseWriter, r *http.Request) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.habits.Redirect != "":
		http.Redirect(w, r, s.habits.Redirect, http.StatusFound)
		return &refusal{}
	case !s.Bearer(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.example", client_id="00000003-0000-0000-c000-000000000000"`)
		return &refusal{http.StatusUnauthorized, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."}
	}
	return nil
}
