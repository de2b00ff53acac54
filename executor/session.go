package executor

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"mailhaul/state/mail"
)

// Patience is how long a lost or throttled server is asked again. The zero value means 1 s, doubled up to 1 min, eight
// tries without any progress in between.
type Patience struct {
	First, Longest time.Duration
	Tries          int
}

func (p Patience) filled() Patience {
	if p.First == 0 {
		p.First = time.Second
	}
	if p.Longest == 0 {
		p.Longest = time.Minute
	}
	if p.Tries == 0 {
		p.Tries = 8
	}
	return p
}

// session keeps one signed-in session alive: it opens one when it is needed, throws it away when it broke, and waits
// before it asks again. It is the retry wrapper of the contracts: reading and folder work is retried here, because
// asking twice changes nothing. Append is not: its outcome is the ledger's business.
type session[T Reader] struct {
	open     func(context.Context) (T, error)
	waiting  func(err error, d time.Duration) // tells somebody; nil: nobody
	stop     <-chan struct{}                  // the first interrupt ends a wait; nil: none comes
	patience Patience

	current T
	live    bool
	tries   int
	next    *backoff.ExponentialBackOff
}

func newSession[T Reader](p Patience, stop <-chan struct{}, open func(context.Context) (T, error),
	waiting func(error, time.Duration)) *session[T] {
	p = p.filled()
	next := backoff.NewExponentialBackOff()
	next.InitialInterval, next.MaxInterval, next.Multiplier = p.First, p.Longest, 2
	next.Reset()
	return &session[T]{open: open, waiting: waiting, stop: stop, patience: p, next: next}
}

// do runs op on a live session, again after a failure that time may mend.
func (s *session[T]) do(ctx context.Context, op func(T) error) error {
	for {
		err := s.once(ctx, op)
		if err == nil {
			s.progress()
			return nil
		}
		if !passing(mail.KindOf(err)) || ctx.Err() != nil || s.tries >= s.patience.Tries || isAway(err) {
			return err
		}
		s.tries++
		if err := s.pause(ctx, err); err != nil {
			return err
		}
	}
}

// once runs op on a live session one time.
func (s *session[T]) once(ctx context.Context, op func(T) error) error {
	if !s.live {
		r, err := s.open(ctx)
		if err != nil {
			return err
		}
		s.current, s.live = r, true
	}
	err := op(s.current)
	if err != nil && breaks(err) {
		s.drop()
	}
	return err
}

// pause waits as the server asked, or longer each time.
func (s *session[T]) pause(ctx context.Context, cause error) error {
	d := max(waitOf(cause), s.next.NextBackOff())
	if s.waiting != nil {
		s.waiting(cause, d)
	}
	return sleep(ctx, s.stop, d)
}

// progress forgets the failures before: what moves on is not given up.
func (s *session[T]) progress() {
	if s.tries > 0 {
		s.tries = 0
		s.next.Reset()
	}
}

// release gives the live session away, if there is one; whoever gets it closes it.
func (s *session[T]) release() (current T, live bool) {
	if s.live {
		current, live = s.current, true
		s.live = false
	}
	return current, live
}

func (s *session[T]) drop() {
	if s.live {
		_ = s.current.Close() // the session is dead; its fate is known already
		s.live = false
	}
}

// passing tells whether time may mend a failure.
func passing(k mail.Kind) bool { return k == mail.Transient || k == mail.Throttled }

// breaks tells whether a session is dead after err; an error that nobody classified is not trusted.
func breaks(err error) bool {
	switch mail.KindOf(err) {
	case mail.Refused, mail.TooLarge, mail.Malformed, mail.Quota, mail.Gone, mail.Stale:
		return false
	default:
		return true
	}
}

// sleep waits, unless an interrupt comes.
func sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return errStopped
	case <-t.C:
		return nil
	}
}

// reader adds retrying to what both sides offer.
type reader[T Reader] struct{ *session[T] }

func (r reader[T]) Folders(ctx context.Context) (list []mail.Folder, err error) {
	err = r.do(ctx, func(t T) error { list, err = t.Folders(ctx); return err })
	return list, err
}

func (r reader[T]) Exists(ctx context.Context, f mail.Folder, uids []mail.UID) (there []mail.UID, err error) {
	err = r.do(ctx, func(t T) error { there, err = t.Exists(ctx, f, uids); return err })
	return there, err
}

// List goes on behind the last message when the session broke.
func (r reader[T]) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		stopped := false
		err := r.do(ctx, func(t T) error {
			for m, err := range t.List(ctx, f, q) {
				if err != nil {
					return err
				}
				r.progress()
				q.From = m.UID + 1
				if stopped = !yield(m, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(mail.Message{}, err)
		}
	}
}

// Fetch asks again only for what has not come yet.
func (r reader[T]) Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	rest := &restSink{Sink: to, came: map[mail.UID]bool{}, progress: r.progress}
	return r.do(ctx, func(t T) error {
		if missing := rest.missing(uids); len(missing) > 0 {
			return t.Fetch(ctx, f, missing, rest)
		}
		return nil
	})
}

// ready opens a session ahead of its first use.
func (r reader[T]) ready(ctx context.Context) error {
	return r.do(ctx, func(T) error { return nil })
}

// Close ends the session; a later call opens a new one.
func (r reader[T]) Close() error {
	r.drop()
	return nil
}

// restSink remembers which messages came.
type restSink struct {
	mail.Sink
	came     map[mail.UID]bool
	progress func()
}

func (s *restSink) Message(m mail.Message, hasBody bool) error {
	if hasBody {
		s.came[m.UID] = true
		s.progress()
	}
	return s.Sink.Message(m, hasBody)
}

func (s *restSink) missing(uids []mail.UID) []mail.UID {
	if len(s.came) == 0 {
		return uids
	}
	var rest []mail.UID
	for _, u := range uids {
		if !s.came[u] {
			rest = append(rest, u)
		}
	}
	return rest
}

// closeBoth ends both sides at once: a sign-out is a round trip.
func closeBoth(src retryingSource, dst retryingDestination) {
	var both sync.WaitGroup
	both.Go(func() { _ = src.Close() }) // everything that counts is known by now
	_ = dst.Close()                     // likewise
	both.Wait()
}

// retryingSource is a Source that survives lost connections.
type retryingSource struct{ reader[Source] }

// retryingDestination is a Destination that survives lost connections, except in Append and Drain.
type retryingDestination struct{ reader[Destination] }

func (r retryingDestination) Limits(ctx context.Context) (l mail.Limits, err error) {
	err = r.do(ctx, func(d Destination) error { l, err = d.Limits(ctx); return err })
	return l, err
}

func (r retryingDestination) Create(ctx context.Context, p mail.Path, role mail.Role) (f mail.Folder, err error) {
	err = r.do(ctx, func(d Destination) error { f, err = d.Create(ctx, p, role); return err })
	return f, err
}

func (r retryingDestination) Open(ctx context.Context, f mail.Folder) (o mail.Opened, err error) {
	err = r.do(ctx, func(d Destination) error { o, err = d.Open(ctx, f); return err })
	return o, err
}

func (r retryingDestination) SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error {
	return r.do(ctx, func(d Destination) error { return d.SetFlags(ctx, f, changes) })
}

// Append sends once. A session that broke is thrown away; Open brings the next one.
func (r retryingDestination) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	return r.once(ctx, func(d Destination) error { return d.Append(ctx, f, batch, done) })
}

// Flush flushes once. Without a live session nothing is open.
func (r retryingDestination) Flush(ctx context.Context) error {
	if !r.live {
		return nil
	}
	return r.once(ctx, func(d Destination) error { return d.Flush(ctx) })
}

// Drain waits once. Without a live session nothing is in flight.
func (r retryingDestination) Drain(ctx context.Context) error {
	if !r.live {
		return nil
	}
	return r.once(ctx, func(d Destination) error { return d.Drain(ctx) })
}

// waitOf is how long the server asked to wait.
func waitOf(err error) time.Duration {
	if e, ok := asMail(err); ok {
		return e.Wait
	}
	return 0
}
