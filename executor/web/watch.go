package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// silent is why a request ended that nothing came of for too long.
type silent struct{}

func (silent) Error() string { return "nothing was sent or received for too long" }

// Timeout makes it a time-out, as those of package net are.
func (silent) Timeout() bool { return true }

// Watch ends a request when nothing of it or of its answer moves for some time: how large either is does not matter, and a
// slow line is not a broken one. It gives the context of the request.
type Watch struct {
	silence time.Duration
	timer   *time.Timer
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

// NewWatch begins to watch; End must be called.
func NewWatch(ctx context.Context, silence time.Duration) (context.Context, *Watch) {
	w := &Watch{silence: silence}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(silence, func() { w.cancel(silent{}) })
	return w.ctx, w
}

// End gives back what the watch holds.
func (w *Watch) End() {
	w.timer.Stop()
	w.cancel(nil)
}

// Request gives the body of a request, watched.
func (w *Watch) Request(body io.Reader) io.Reader { return &moving{body, w} }

// Answer watches the body of an answer.
func (w *Watch) Answer(r *http.Response) {
	w.timer.Reset(w.silence)
	r.Body = struct {
		io.Reader
		io.Closer
	}{&moving{r.Body, w}, r.Body}
}

// Cause gives the error with which a request ended: the silence, where the watch has ended it.
func (w *Watch) Cause(err error) error {
	if cause := context.Cause(w.ctx); err != nil && errors.As(cause, &silent{}) {
		return cause
	}
	return err
}

type moving struct {
	io.Reader
	w *Watch
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if n > 0 {
		m.w.timer.Reset(m.w.silence)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a reader gives io.EOF as it is
		err = m.w.Cause(err)
	}
	return n, err
}
