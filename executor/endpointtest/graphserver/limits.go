package graphserver

import (
	"net/http"
	"strconv"
	"time"
)

// atOnce is how many requests of one application a mailbox takes at a time (Microsoft Graph throttling limits).
const atOnce = 4

// span is what a mailbox has used within some time, oldest first.
type span struct {
	used []use
	sum  int64
}

type use struct {
	at time.Time
	n  int64
}

// take uses n of most within some time, or gives how long it takes until there is room. What is larger than the whole is
// let through alone.
func (s *span) take(now time.Time, n, most int64, within time.Duration) (wait time.Duration) {
	for len(s.used) > 0 && now.Sub(s.used[0].at) >= within {
		s.sum -= s.used[0].n
		s.used = s.used[1:]
	}
	if s.sum > 0 && s.sum+n > most {
		return s.used[0].at.Add(within).Sub(now)
	}
	s.sum += n
	s.used = append(s.used, use{now, n})
	return 0
}

// throttled tells whether the mailbox has used up what it may use. The connections of one mailbox are counted before.
func (s *Server) throttled(w http.ResponseWriter, b *Mailbox, octets int64) *refusal {
	h, now := s.habits, time.Now()
	s.busiest = max(s.busiest, b.active)
	over := func(limit string, wait time.Duration) *refusal {
		w.Header().Set("Retry-After", strconv.FormatFloat(wait.Seconds(), 'f', -1, 64))
		return &refusal{http.StatusTooManyRequests, "ApplicationThrottled", "Application is over its " + limit + " limit."}
	}
	if b.active > atOnce || h.OfApplication > 0 && s.active > h.OfApplication {
		s.refused++
		return over("MailboxConcurrency", time.Second)
	}
	if h.ThrottleEvery > 0 && s.served%h.ThrottleEvery == 0 {
		return over("request", time.Duration(h.RetryAfter*float64(time.Second)))
	}
	if h.Requests > 0 {
		if wait := b.requests.take(now, 1, int64(h.Requests), h.RequestsWithin); wait > 0 {
			s.refused++
			return over("request", wait)
		}
	}
	if h.Uploads > 0 && octets > 0 {
		if b.uploads.take(now, octets, h.Uploads, h.UploadsWithin) > 0 {
			s.refused++
			return over("upload", h.UploadsWithin)
		}
	}
	return nil
}
