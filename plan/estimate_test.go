package plan

import (
	"testing"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestHardCase_S04_Estimate: a mailbox of 100 GB takes days, and people ask how many. The plan says it from what the state
// file knows, without counting anything anew; held against sums that can be done by hand.
func TestHardCase_S04_Estimate(t *testing.T) {
	const gb = 1_000_000_000
	nights := config.Windows{{Name: "nights", Days: [7]bool{true, true, true, true, true, true, true}, From: 19 * 60, To: 6 * 60, Zone: now.Location()}}
	lunch := config.Windows{{Name: "lunch", Days: nights[0].Days, From: 12 * 60, To: 13 * 60, Zone: now.Location()}}
	fast := state.Rate{Messages: 10_000_000, Bytes: 36_000 * 1_000_000, Seconds: 36_000} // 1 MB/s a mailbox, for ten hours
	pace := func(seconds int) state.Rate {
		return state.Rate{Messages: 1_000_000, Bytes: mail.Size(seconds) * 1_000_000, Seconds: float64(seconds)}
	}
	for name, c := range map[string]struct {
		rate      state.Rate
		parallel  int
		windows   config.Windows
		bandwidth int64
		perSecond int
		fetched   int // a second, from the source
		learned   float64
		via       string
		want      *Estimate
	}{
		"nothing known":     {want: nil},
		"one at a time":     {rate: fast, parallel: 1, want: &Estimate{Seconds: 64_800, Measured: true, LongestSeconds: 36_000}},
		"the longest":       {rate: fast, parallel: 9, want: &Estimate{Seconds: 36_000, Measured: true, LongestSeconds: 36_000}},
		"many small ones":   {rate: state.Rate{Messages: 360, Bytes: 36_000 * 1_000_000, Seconds: 36_000}, parallel: 1, want: &Estimate{Seconds: 128_800, Measured: true, LongestSeconds: 100_000}},
		"a slow line":       {rate: fast, parallel: 9, bandwidth: 500_000, want: &Estimate{Seconds: 129_600, Measured: true, LongestSeconds: 36_000}},
		"a limit alone":     {parallel: 9, bandwidth: 1_000_000, want: &Estimate{Seconds: 64_800}},
		"messages a second": {parallel: 9, perSecond: 1, want: &Estimate{Seconds: 1010}},
		"fetched a second":  {parallel: 9, perSecond: 5, fetched: 1, want: &Estimate{Seconds: 1010}},
		"a server's budget": {parallel: 9, perSecond: 1, learned: 0.01, want: &Estimate{Seconds: 101_000}},
		"Graph's budget":    {parallel: 9, via: "graph", want: &Estimate{Seconds: 72_000, LongestSeconds: 72_000}},
		// 18 hours of work, after 2 hours were measured, one and a half, a quarter, and ten minutes.
		"a day":           {rate: pace(7200), parallel: 1, want: &Estimate{Seconds: 64_800, Measured: true, LongestSeconds: 36_000}},
		"an hour":         {rate: pace(5400), parallel: 1, want: &Estimate{Seconds: 72_000, Measured: true, LongestSeconds: 36_000}},
		"a quarter":       {rate: pace(900), parallel: 1, want: &Estimate{Seconds: 72_000, Measured: true, LongestSeconds: 36_000}},
		"a short run":     {rate: pace(600), parallel: 1, want: nil},
		"that, and limit": {rate: pace(600), parallel: 1, bandwidth: 1_000_000, want: &Estimate{Seconds: 64_800}},
		// It is 20:15 on the first night, of which 9h 45m are left.
		"nights": {rate: fast, parallel: 1, windows: nights, want: &Estimate{Seconds: 64_800, Measured: true, LongestSeconds: 36_000, Openings: 2, Nights: true}},
		"days":   {rate: fast, parallel: 1, windows: lunch, want: &Estimate{Seconds: 64_800, Measured: true, LongestSeconds: 36_000, Openings: 18}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "full", "anna bo carla dan")
			s.in.Pass.Windows, s.in.Rate, s.in.Parallel = c.windows, c.rate, c.parallel
			old, dst := s.mailbox("anna").From, s.mailbox("anna").To
			old.Bandwidth, old.MessagesPerSecond, dst.MessagesPerSecond = c.bandwidth, c.fetched, c.perSecond
			s.in.Config.Endpoints, s.in.Paces = []*config.Endpoint{old, dst}, map[string]float64{dst.Ref(): c.learned}
			p := &Plan{Mailboxes: []Mailbox{
				{Action: Start, Name: "bo@contoso.example", Todo: state.Count{Messages: 10, Bytes: mail.Size(28.8 * gb)}},
				{Action: Start, Name: "anna@contoso.example", Todo: state.Count{Messages: 1000, Bytes: 36 * gb}},
				{Action: Blocked, Name: "carla@contoso.example", Todo: state.Count{Messages: 1, Bytes: 900 * gb}},
				{Action: UpToDate, Name: "dan@contoso.example"},
			}}
			for i := range p.Mailboxes {
				m := &p.Mailboxes[i]
				m.Via, m.SourceEndpoint, m.DestinationEndpoint = c.via, old.Ref(), dst.Ref()
			}
			got := s.in.estimate(p)
			if c.want != nil && c.want.LongestSeconds > 0 {
				c.want.Longest = "anna@contoso.example"
			}
			switch {
			case c.want == nil && got != nil, c.want != nil && got == nil:
				t.Errorf("got %+v, want %+v", got, c.want)
			case c.want != nil && *got != *c.want:
				t.Errorf("got %+v, want %+v", *got, *c.want)
			}
		})
	}
}
