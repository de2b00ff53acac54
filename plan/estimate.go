package plan

import (
	"time"

	"mailhaul/config"
	"mailhaul/state"
)

// Estimate is how long the plan's work takes. It is made from what earlier runs have measured and from limits that the
// configuration and the servers' makers name; those alone give the least time only.
type Estimate struct {
	Seconds  int64 `json:"seconds"`  // of work, as many mailboxes at a time as the configuration says
	Measured bool  `json:"measured"` // earlier runs were measured; else it takes this long at least
	// Openings is how many openings of a window the work takes, zero where there are no windows; Nights says that they go
	// over midnight.
	Openings int  `json:"openings,omitempty"`
	Nights   bool `json:"nights,omitempty"`
	// Longest is the mailbox that takes the most time.
	Longest        string `json:"longest,omitempty"`
	LongestSeconds int64  `json:"longest_seconds,omitempty"`
}

// What Microsoft lets one application write into one mailbox over Graph: 150 MB in 5 minutes and 10,000 requests in 10.
const (
	graphBytes    = 150e6 / 300
	graphMessages = 10_000.0 / 600
)

// From stands before an endpoint where what is read from it is meant and not what is written to it.
const From = "from "

// What earlier runs have measured says nothing of work that takes more than farthest times as long as they did, and of more
// than far times only one figure: a few messages at the beginning make no two days.
const (
	far      = 10
	farthest = 100
)

// estimate says how long the work takes; nil where nothing tells.
func (in *Input) estimate(p *Plan) *Estimate {
	rated := in.rated(p)
	if rated > farthest*in.Rate.Seconds {
		unrated := *in
		unrated.Rate = state.Rate{}
		return unrated.estimate(p)
	}
	e := &Estimate{Measured: in.Rate.Seconds > 0 && in.Rate.Messages > 0}
	var sum, longest float64
	load, sent := map[string]float64{}, map[string]float64{} // octets of each endpoint; messages each way
	for i := range p.Mailboxes {
		m := &p.Mailboxes[i]
		if m.Action != Start && m.Action != Continue {
			continue
		}
		load[m.SourceEndpoint] += float64(m.Todo.Bytes)
		load[m.DestinationEndpoint] += float64(m.Todo.Bytes)
		sent[m.DestinationEndpoint] += float64(m.Todo.Messages)
		sent[From+m.SourceEndpoint] += float64(m.Todo.Messages)
		took := in.mailboxSeconds(m)
		sum += took
		if took > longest {
			longest, e.Longest, e.LongestSeconds = took, m.Name, int64(took)
		}
	}
	total := max(longest, sum/float64(max(1, in.Parallel)))
	for _, end := range in.Config.Endpoints {
		total = max(total, seconds(load[end.Ref()], float64(end.Bandwidth)))
		for _, way := range []string{end.Ref(), From + end.Ref()} {
			total = max(total, seconds(sent[way], float64(end.MessagesPerSecond)), seconds(sent[way], in.Paces[way]))
		}
	}
	if total <= 0 {
		return nil
	}
	e.Seconds = int64(total)
	if rated > far*in.Rate.Seconds {
		e.Seconds, e.LongestSeconds = oneFigure(e.Seconds), oneFigure(e.LongestSeconds)
	}
	in.openings(e)
	return e
}

// rated is how long all mailboxes take one after the other at the pace of earlier runs.
func (in *Input) rated(p *Plan) (sum float64) {
	for i := range p.Mailboxes {
		if m := &p.Mailboxes[i]; m.Action == Start || m.Action == Continue {
			sum += in.rateSeconds(m)
		}
	}
	return sum
}

// OneFigure is the unit to which a time span is rounded where only its first figure is known: "about 20h", "about 3m".
func OneFigure(d time.Duration) time.Duration {
	for _, unit := range []time.Duration{100 * time.Hour, 10 * time.Hour, time.Hour, 10 * time.Minute} {
		if d >= unit {
			return unit
		}
	}
	return time.Minute
}

func oneFigure(seconds int64) int64 {
	d := time.Duration(seconds) * time.Second
	return int64(d.Round(OneFigure(d)).Seconds())
}

// mailboxSeconds is how long one mailbox takes by itself.
func (in *Input) mailboxSeconds(m *Mailbox) float64 {
	took := in.rateSeconds(m)
	if m.Via == "graph" {
		took = max(took, seconds(float64(m.Todo.Bytes), graphBytes), seconds(float64(m.Todo.Messages), graphMessages))
	}
	return took
}

// rateSeconds is how long one mailbox takes at the pace of earlier runs.
func (in *Input) rateSeconds(m *Mailbox) float64 {
	if in.Rate.Seconds <= 0 {
		return 0
	}
	return max(seconds(float64(m.Todo.Bytes), float64(in.Rate.Bytes)/in.Rate.Seconds),
		seconds(float64(m.Todo.Messages), float64(in.Rate.Messages)/in.Rate.Seconds))
}

func seconds(amount, rate float64) float64 {
	if rate <= 0 {
		return 0
	}
	return amount / rate
}

// openings counts how often the windows must open until the work is done. Those of the longest mailbox count.
func (in *Input) openings(e *Estimate) {
	m := in.mailbox(e.Longest)
	ws := in.Pass.WindowsFor(m)
	if len(ws) == 0 {
		return
	}
	left := time.Duration(e.Seconds) * time.Second
	at := in.Pass.Next(m, in.Now)
	for left > 0 && !at.IsZero() && e.Openings < mostOpenings {
		end, open := ws.Until(at)
		if !open {
			return
		}
		e.Openings++
		if end.IsZero() {
			return // it does not close any more
		}
		e.Nights = e.Nights || at.In(end.Location()).YearDay() != end.YearDay()
		left -= end.Sub(at)
		at = ws.Next(end)
	}
}

// mostOpenings ends the counting where the estimate has become a jest.
const mostOpenings = 1000

func (in *Input) mailbox(name string) *config.Mailbox {
	for _, m := range in.Config.Mailboxes {
		if m.Name() == name {
			return m
		}
	}
	return nil
}
