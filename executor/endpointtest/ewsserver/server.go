// Package ewsserver plays Exchange Web Services for tests, behind a real TLS listener. It keeps folders and items, makes
// messages anew from the MIME it is given as Exchange does (the header fields come in another order, sizes differ), checks
// the authorization header, and holds every request, and every answer of its own, against Microsoft's schema. It can be told
// to behave as badly as a real one: to be busy in each of the forms in which Exchange says so, to lose an answer after it has
// stored, to store late, to let a token run out, to offer NTLM only.
//
// It is no Exchange: there are mail folders and messages, nothing is sent, and of restrictions it knows those that mailhaul
// uses. It stands on the standard library alone and shares no code with the client that it judges.
//
// Start one, give it a mailbox with Server.Mailbox, and hold Mailbox.Messages against what was sent. Server.Misuse names
// what no client may do; a test ends by finding it empty.
package ewsserver

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/httpsserver"
)

// Server is one Exchange. It is safe for use by several goroutines.
type Server struct {
	httpsserver.Base

	mu        sync.Mutex
	mailboxes map[string]*Mailbox // by address in lower case
	users     map[string]string   // passwords of Basic, by user
	habits    Habits
	requests  map[string]int // by operation
	served    int            // requests since Behave
	creates   int            // CreateItem requests since Behave
	struck    int            // of them those that were lost
	early     int            // requests since Behave that came before a back-off was over
}

// Busy is how a server says that it is busy.
type Busy int

// The forms of ErrorServerBusy.
const (
	NotBusy     Busy = iota
	BusyFault        // a SOAP fault with HTTP 500
	BusyStatus       // a SOAP fault with HTTP 503
	BusyOutcome      // HTTP 200, and the error inside, for the first item or for one in the middle
)

// Lose is what becomes of a CreateItem whose answer is lost.
type Lose int

// The fates of a CreateItem.
const (
	LoseAfter  Lose = iota // stored, then the connection breaks
	LoseBefore             // nothing is stored
	LoseHalf               // half of the items are stored
	Internal               // all are stored, and the server says ErrorInternalServerError
	Unfinished             // stored, and the answer is cut in the middle
)

// Habits are how the server behaves. The zero Habits is one without fault.
type Habits struct {
	// Busy answers every BusyEvery-th request in that form; BackOff is what it asks for.
	Busy      Busy
	BusyEvery int
	BackOff   time.Duration
	// Budget is asked for each item that is created; one that is over it is answered with ErrorServerBusy and BackOff, and
	// the rest of the request is not looked at. Whatever comes before that time is over is refused too. Nil: no bound.
	Budget interface {
		Take(now time.Time, n int) bool
	}
	// Lose says at which CreateItem requests, from 1, the answer is lost, and how. LateBy puts off what is stored.
	Lose   map[int]Lose
	LateBy time.Duration
	// TokenUses is how many requests a token is good for; zero: it does not run out.
	TokenUses int
	// NTLMOnly offers NTLM and Negotiate, Off forbids EWS, Missing says that the mailbox is not there.
	NTLMOnly, Off, Missing bool
	// Forbidden answers HTTP 403 with these diagnostics.
	Forbidden string
	// Denied refuses impersonation, or access to the mailbox where there is none.
	Denied bool
	// Redirect sends every request elsewhere.
	Redirect string
	// MaxMessage and Quota bound a message and a mailbox in octets of MIME.
	MaxMessage, Quota int
	// Page bounds the entries of a page.
	Page int
	// Withhold lists messages that hold this text, and does not hand them over.
	Withhold string
	// Exact leaves messages as they are.
	Exact bool
	// Meanwhile is called before each FindItem and FindFolder, without locks: a test does there what another client would.
	Meanwhile func()
}

// Start starts a server that ends with the test.
func Start(t *testing.T) *Server {
	t.Helper()
	s := &Server{mailboxes: map[string]*Mailbox{}, users: map[string]string{}, requests: map[string]int{}}
	s.Start(t, s.serve)
	return s
}

// URL is the address of the service.
func (s *Server) URL() string { return s.Address() + "/EWS/Exchange.asmx" }

// User lets a user in with Basic.
func (s *Server) User(name, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[name] = password
}

// Behave changes the habits and starts their counts anew.
func (s *Server) Behave(h Habits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.RunOut(h.TokenUses)
	s.habits, s.served, s.creates, s.struck, s.early = h, 0, 0, 0, 0
}

// Struck is how many CreateItem requests were lost since Behave.
func (s *Server) Struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.struck
}

// Early is how many requests since Behave came before the time was over that the server had asked for.
func (s *Server) Early() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.early
}

// Requests counts the requests of an operation that were answered, or lost on purpose.
func (s *Server) Requests(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[operation]
}

// maxRequest is what web.config allows by itself.
const maxRequest = 64 << 20

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	octets, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return // cut short: nothing is done
	}
	if s.bouncer(w, r) {
		return
	}
	top, err := parseRequest(octets)
	if err == nil {
		err = validateEnvelope(top)
	}
	if err != nil {
		s.Blame("request: %v", err)
		s.fault(w, http.StatusInternalServerError, refusal{"ErrorSchemaValidation", err.Error(), 0})
		return
	}
	c := &conversation{Server: s, w: w, r: r, request: top.at("Body").kids[0], header: top.at("Header")}
	c.answer()
}

// bouncer turns away who may not come in at all.
func (s *Server) bouncer(w http.ResponseWriter, r *http.Request) (turnedAway bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.habits
	switch {
	case h.Redirect != "":
		http.Redirect(w, r, h.Redirect, http.StatusFound)
	case h.NTLMOnly:
		w.Header().Add("WWW-Authenticate", "Negotiate")
		w.Header().Add("WWW-Authenticate", "NTLM")
		w.WriteHeader(http.StatusUnauthorized)
	case !s.known(r):
		w.Header().Add("WWW-Authenticate", `Bearer client_id="00000002-0000-0ff1-ce00-000000000000"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="exchange"`)
		w.WriteHeader(http.StatusUnauthorized)
	case h.Forbidden != "":
		w.Header().Set("X-Ms-Diagnostics", h.Forbidden)
		w.WriteHeader(http.StatusForbidden)
	case h.Off:
		w.WriteHeader(http.StatusForbidden)
	default:
		return false
	}
	return true
}

// known checks the authorization header.
func (s *Server) known(r *http.Request) bool {
	if user, password, basic := r.BasicAuth(); basic {
		want, known := s.users[user]
		return known && password == want
	}
	return s.Bearer(r)
}
