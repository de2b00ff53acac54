package state

import (
	"context"
	"encoding/json"
	"fmt"

	"mailhaul/state/mail"
)

// Rate is what runs have measured: how much went over in how many seconds of one mailbox at work. Earlier runs count less
// with each one that follows.
type Rate struct {
	Messages int64     `json:"messages"`
	Bytes    mail.Size `json:"bytes"`
	Seconds  float64   `json:"seconds"`
}

// rateKey is the entry of the file's own description that holds the rate.
const rateKey = "rate"

// Rate gives what runs have measured; the zero Rate: nothing yet.
func (r *Reader) Rate(ctx context.Context) (Rate, error) {
	var rate Rate
	err := r.walk(ctx, getMeta, []any{rateKey}, func(c cells) error {
		if sum(rateKey, string(c.octets(0))) != c.number(1) {
			return errSum
		}
		if json.Unmarshal(c.octets(0), &rate) != nil {
			return errSum
		}
		return nil
	})
	return rate, wrap(r.path, err)
}

// AddRate adds what a run has measured.
func (l *Ledger) AddRate(ctx context.Context, measured Rate) error {
	before, err := l.Rate(ctx)
	if err != nil {
		return err
	}
	if measured.Seconds < 0 || measured.Messages < 0 || measured.Bytes < 0 {
		return wrap(l.path, badRequest("a rate of %+v", measured))
	}
	measured.Messages += before.Messages / 2
	measured.Bytes += before.Bytes / 2
	measured.Seconds += before.Seconds / 2
	value, err := json.Marshal(measured)
	if err != nil {
		return fmt.Errorf("encode rate: %w", err)
	}
	return l.writer.write(ctx, func(t *tx) error { return t.setMeta(rateKey, string(value)) })
}
