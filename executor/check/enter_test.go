package check_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"mailhaul/executor/check"
)

// TestMailboxesEnterInTurn: a mailbox is compared when there is room for it at its servers, which it gives back.
func TestMailboxesEnterInTurn(t *testing.T) {
	var inside, entered, left atomic.Int32
	refused := func(context.Context) (func(), error) {
		if inside.Load() != 1 {
			t.Errorf("%d mailboxes are inside", inside.Load())
		}
		return nil, errors.New("no")
	}
	room := make(chan struct{}, 1)
	var list []check.Mailbox
	for _, name := range []string{"anna", "bo", "cecil"} {
		s := check.Server{Host: "127.0.0.1", Port: 1, Connect: refused}
		list = append(list, check.Mailbox{Name: name, Source: s, Destination: s})
	}
	err := check.Run(t.Context(), list, check.Options{Parallel: 3, Enter: func(context.Context, string) (func(), error) {
		room <- struct{}{}
		entered.Add(1)
		inside.Add(1)
		return func() { inside.Add(-1); left.Add(1); <-room }, nil
	}})
	if err != nil || entered.Load() != 3 || left.Load() != 3 {
		t.Errorf("%d entered and %d left: %v", entered.Load(), left.Load(), err)
	}
}
