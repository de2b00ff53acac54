package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// paceKey is where a scope's pace stands among what the file says of itself.
func paceKey(scope string, of Measure) string {
	if of == Messages {
		return "pace " + scope
	}
	return "pace of " + string(of) + " " + scope
}

// storedPace is how it is written.
type storedPace struct {
	Most    float64   `json:"per_second"` // or at once
	WaitMS  int64     `json:"wait_ms"`
	Learned time.Time `json:"learned"`
}

// Pace gives what was learnt of a scope; the zero Pace where nothing was. What can't be read counts as not learnt: it costs
// the server a refusal, and no mail.
func (r *Reader) Pace(ctx context.Context, scope string, of Measure) (Pace, error) {
	var text []byte
	var stored int64
	err := r.db.QueryRowContext(ctx, getMeta, paceKey(scope, of)).Scan(&text, &stored)
	if errors.Is(err, sql.ErrNoRows) {
		return Pace{}, nil
	}
	if err != nil {
		return Pace{}, wrap(r.path, err)
	}
	var s storedPace
	if stored != sum(paceKey(scope, of), string(text)) || json.Unmarshal(text, &s) != nil {
		return Pace{}, nil
	}
	return Pace{Scope: scope, Of: of, Most: s.Most, Wait: time.Duration(s.WaitMS) * time.Millisecond, Learned: s.Learned}, nil
}

// PutPace keeps what was learnt of a scope in place of what was known before.
func (l *Ledger) PutPace(ctx context.Context, p Pace) error {
	text, err := json.Marshal(storedPace{p.Most, p.Wait.Milliseconds(), p.Learned.UTC().Truncate(time.Second)})
	if err != nil {
		return badRequest("the pace of %q can't be written: %v", p.Scope, err)
	}
	return l.writer.write(ctx, func(t *tx) error { return t.setMeta(paceKey(p.Scope, p.Of), string(text)) })
}
