package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"
)

// hashed is written to a hash as one JSON line each. Its fields are a promise: a new one must keep the old hashes where
// it holds its default (omitempty), or every saved plan is refused after an update.
type (
	hashedEndpoint struct {
		Ref, Host string
		Port      int
	}
	hashedMailbox struct {
		Name, Destination, From, To        string
		Username, DestinationUsername      string // another login opens another mailbox
		Wave, Skip                         string
		Merge                              bool
		Folders                            string
		MaxSize                            int64
		TooLarge, Keywords, Existing, Rcpt string
		Windows                            *[]string `json:",omitempty"`
		Repair                             bool      `json:",omitempty"` // false was there before the setting
	}
	hashedPass struct {
		Name, Kind, After, Older, Newer, Order string
		Attempts                               int
		WaitSeconds                            float64
		Start                                  string   `json:",omitempty"`
		Windows                                []string `json:",omitempty"`
	}
	hashedFolders struct {
		Special, Under, Merge    string
		Empty                    bool
		Include, Exclude, Rename []string
	}
)

// hash sums the settings that could change what a plan does, whatever the order of files, blocks and rows.
func (c *Config) hash() string {
	h := sha256.New()
	endpoints := slices.Clone(c.Endpoints)
	slices.SortFunc(endpoints, func(a, b *Endpoint) int { return strings.Compare(a.Ref(), b.Ref()) })
	for _, e := range endpoints {
		put(h, hashedEndpoint{e.Ref(), e.Host, e.Port})
	}
	mailboxes := slices.Clone(c.Mailboxes)
	slices.SortFunc(mailboxes, func(a, b *Mailbox) int { return strings.Compare(a.Name(), b.Name()) })
	known := map[*Folders]string{}
	for _, m := range mailboxes {
		if known[m.Folders] == "" {
			known[m.Folders] = m.Folders.hash()
		}
		put(h, m.hashed(known[m.Folders]))
	}
	for _, p := range c.Passes {
		put(h, p.hashed())
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (p *Pass) hashed() hashedPass {
	s := hashedPass{Name: p.Name, Kind: p.Kind, After: p.After, Older: p.Older.Written, Newer: p.Newer.Written, Order: p.Order,
		Attempts: p.Attempts, WaitSeconds: p.Wait.Seconds(), Windows: p.Windows.hashed()}
	if !p.Start.IsZero() {
		s.Start = p.Start.UTC().Format(time.RFC3339)
	}
	return s
}

// hashed says when the windows are open; their names play no part.
func (ws Windows) hashed() []string {
	all := make([]string, len(ws))
	for i, w := range ws {
		all[i] = fmt.Sprint(w.Days, w.From, w.To, w.zone())
	}
	slices.Sort(all)
	return all
}

func (m *Mailbox) hashed(folders string) hashedMailbox {
	s := hashedMailbox{Name: m.Name(), Destination: m.Destination.Address, Username: m.Source.Username,
		DestinationUsername: m.Destination.Username, Wave: m.Wave, Skip: m.Skip, Merge: m.Merge, Folders: folders,
		MaxSize: m.Messages.MaxSize, TooLarge: m.Messages.TooLarge, Keywords: m.Messages.Keywords,
		Existing: m.Messages.Existing, Rcpt: m.Messages.Receipts, Repair: m.Messages.Repair}
	if m.From != nil {
		s.From = m.From.Ref()
	}
	if m.To != nil {
		s.To = m.To.Ref()
	}
	if m.Windows != nil {
		windows := m.Windows.hashed()
		s.Windows = &windows
	}
	return s
}

func (f *Folders) hash() string {
	h := sha256.New()
	put(h, hashedFolders{f.Special, f.Under, f.Merge, f.Empty, patternsOf(f.Include), patternsOf(f.Exclude), patternsOf(f.Rename)})
	return hex.EncodeToString(h.Sum(nil))
}

func patternsOf(rules []Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.Pattern.String(), r.To)
	}
	return out
}

// put writes one value; the types above always encode.
func put(h hash.Hash, v any) {
	if err := json.NewEncoder(h).Encode(v); err != nil {
		panic("config: encode hash: " + err.Error())
	}
}
