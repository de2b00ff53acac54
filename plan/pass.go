package plan

import (
	"time"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// Bounds resolves the bounds of a pass. What was frozen stays as long as the file says the same older_than and
// newer_than; otherwise ages count back from now, in whole seconds of UTC. Approved of a new record is zero: whoever
// records the approval sets it. frozen may be nil.
func Bounds(p *config.Pass, frozen *state.Pass, now time.Time) state.Pass {
	if frozen != nil && frozen.OlderWritten == p.Older.Written && frozen.NewerWritten == p.Newer.Written {
		kept := *frozen
		kept.Name, kept.Kind = p.Name, p.Kind
		return kept
	}
	return state.Pass{
		Name: p.Name, Kind: p.Kind,
		OlderWritten: p.Older.Written, NewerWritten: p.Newer.Written,
		Older: instant(p.Older, now), Newer: instant(p.Newer, now),
	}
}

// instant is the cut's moment in whole seconds; the zero Time where there is no bound.
func instant(c config.Cut, now time.Time) time.Time {
	if c.IsZero() {
		return time.Time{}
	}
	return c.At(now).UTC().Truncate(time.Second)
}

// PassOf puts a pass and its resolved bounds into the form the plan carries.
func PassOf(p *config.Pass, b state.Pass, why string) Pass {
	out := Pass{Name: p.Name, Kind: p.Kind, Order: p.Order, Why: why,
		OlderWritten: b.OlderWritten, NewerWritten: b.NewerWritten, Older: moment(b.Older), Newer: moment(b.Newer)}
	if p.Kind == config.PassTrial {
		out.PerFolder, out.MaxBytes = p.PerFolder, mail.Size(p.MaxBytes)
	}
	if p.Kind == config.PassRetry {
		out.Attempts, out.WaitSeconds = p.Attempts, int64(p.Wait/time.Second)
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

// SelectionFor is what the pass may copy of a mailbox with these settings; the ledger counts and selects with it.
func SelectionFor(p Pass, s Settings) state.Selection {
	sel := state.Selection{MaxSize: s.MaxSize}
	if p.Kind == config.PassTrial {
		sel.MaxSize = smaller(sel.MaxSize, p.MaxBytes)
		sel.First, sel.FirstNewest = p.PerFolder, p.Order == config.OrderNewestFirst
	}
	if p.Older != nil {
		sel.Older = *p.Older
	}
	if p.Newer != nil {
		sel.Newer = *p.Newer
	}
	return sel
}

// SettingsOf gives the message settings of a mailbox. MaxSize is the smallest of what the configuration allows and what
// the destination takes. Offline, limits are the zero Limits.
func SettingsOf(m *config.Mailbox, limits mail.Limits) Settings {
	s := Settings{MaxSize: mail.Size(m.Messages.MaxSize), TooLarge: m.Messages.TooLarge, Keywords: m.Messages.Keywords,
		Existing: m.Messages.Existing, Receipts: m.Messages.Receipts, Repair: m.Messages.Repair}
	if s.Receipts == config.ReceiptsAuto {
		s.Receipts = config.ReceiptsKeep
		if m.To != nil && m.To.Microsoft365 != nil {
			s.Receipts = config.ReceiptsDisarm // Exchange answers such a request when the mail is read, years later
		}
	}
	if m.To != nil {
		s.MaxSize = smaller(s.MaxSize, mail.Size(m.To.MaxMessage))
	}
	s.MaxSize = smaller(s.MaxSize, limits.MaxMessage)
	return s
}

// smaller of two limits, where zero is no limit.
func smaller(a, b mail.Size) mail.Size {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}
