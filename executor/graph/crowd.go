package graph

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// crowd bounds the requests of all mailboxes that are under way at one time, where the server counts them so. Microsoft has
// named the limit of four in both ways: for an application and a mailbox, and for an application whatever the mailbox. To
// keep to the second everywhere would slow a migration of many mailboxes down for nothing. So the server's own word decides:
// refusals of two mailboxes within a short time, though each keeps to its four. That is believed for an hour, and then
// tried again. It is safe for use by several goroutines.
type crowd struct {
	mu      sync.Mutex
	active  int
	queue   []chan struct{} // of those who wait, closed when they may go
	until   time.Time       // it is bounded until
	mailbox string          // that was refused last,
	refused time.Time       // and when
}

const (
	crowdTold = 10 * time.Second // two refusals within this are of one limit
	crowdKept = time.Hour
)

// enter waits until one more request may be under way.
func (c *crowd) enter(ctx context.Context) error {
	c.mu.Lock()
	if len(c.queue) == 0 && c.room() {
		c.active++
		c.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	c.queue = append(c.queue, turn)
	c.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := slices.Index(c.queue, turn); at >= 0 {
		c.queue = slices.Delete(c.queue, at, at+1)
	} else {
		c.end() // its turn came meanwhile
	}
	return ctx.Err()
}

// leave says that a request has ended.
func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

// end lets in who may go now. The lock is held.
func (c *crowd) end() {
	c.active--
	for len(c.queue) > 0 && c.room() {
		close(c.queue[0])
		c.queue = c.queue[1:]
		c.active++
	}
}

// room tells whether one more may go. The lock is held.
func (c *crowd) room() bool { return c.active < atOnce || !time.Now().Before(c.until) }

// hear learns from a refusal of a mailbox's request.
func (c *crowd) hear(mailbox string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.active > atOnce && c.mailbox != mailbox && c.mailbox != "" && now.Sub(c.refused) < crowdTold {
		c.until = now.Add(crowdKept)
	}
	c.mailbox, c.refused = mailbox, now
}

// tooMany tells whether a refusal is about requests at one time, and not about how many within some time.
func (r refusal) tooMany() bool {
	return r.Error.Code == "MailboxConcurrency" || strings.Contains(r.Error.Message, "MailboxConcurrency")
}

// atOneTime marks the error of a refusal for too many requests at one time: how fast mail is sent is not to blame.
func (c *client) atOneTime(e *mail.Error, said refusal) {
	if said.tooMany() {
		e.Limit = mail.LimitConnections
		c.s.crowd.hear(c.box.address)
	}
}
