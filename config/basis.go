package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Basis is what Hash sums, as data that a saved plan keeps: of two of them Changes says what differs. Of the names to sign
// in with, which may come from a secret, it holds a short sum, and of passwords nothing.
type Basis struct {
	Endpoints []string         `json:"endpoints"` // name, " at ", host and port
	Passes    []BasisPass      `json:"passes"`
	Settings  []Settings       `json:"settings"` // each once; a mailbox names its own by their place
	Mailboxes []BasisMailbox   `json:"mailboxes"`
	places    map[string]Range // of passes and mailboxes; a basis that was read from a file has none
}

// Settings are values by the setting's name in the language. Most have one value; a setting that is not there is not set.
type Settings map[string][]string

// BasisPass is one pass.
type BasisPass struct {
	Name     string   `json:"name"`
	Settings Settings `json:"settings"`
}

// BasisMailbox is one line of a users file.
type BasisMailbox struct {
	Name        string `json:"name"`
	File        string `json:"file"` // the users file
	Destination string `json:"destination"`
	Wave        string `json:"wave,omitempty"`
	Skip        string `json:"skip,omitempty"`
	Merge       bool   `json:"merge,omitempty"`
	Logins      string `json:"logins,omitempty"` // a sum of names to sign in with that are not the addresses
	Settings    int    `json:"settings"`         // which of Basis.Settings
}

// Basis gives what a plan is to keep of the configuration.
func (c *Config) Basis() *Basis {
	b := &Basis{places: map[string]Range{}, Endpoints: []string{}, Mailboxes: make([]BasisMailbox, 0, len(c.Mailboxes))}
	for _, e := range c.Endpoints {
		b.Endpoints = append(b.Endpoints, fmt.Sprintf("%s at %s", e.Ref(), net.JoinHostPort(e.Host, strconv.Itoa(e.Port))))
	}
	slices.Sort(b.Endpoints)
	for _, p := range c.Passes {
		b.Passes = append(b.Passes, BasisPass{p.Name, p.basis()})
		b.places[placeOfPass(p.Name)] = p.Range
	}
	known := map[string]int{}
	for _, m := range c.Mailboxes {
		b.Mailboxes = append(b.Mailboxes, m.basis(b.shared(known, m.settings())))
		b.places[m.Name()] = m.Range
	}
	slices.SortFunc(b.Mailboxes, func(a, b BasisMailbox) int { return strings.Compare(a.Name, b.Name) })
	return b
}

func placeOfPass(name string) string { return "pass " + name }

// shared gives the place of settings, which most mailboxes have in common.
func (b *Basis) shared(known map[string]int, s Settings) int {
	text, err := json.Marshal(s)
	if err != nil {
		panic("config: encode settings: " + err.Error()) // maps of strings always encode
	}
	at, found := known[string(text)]
	if !found {
		at = len(b.Settings)
		known[string(text)] = at
		b.Settings = append(b.Settings, s)
	}
	return at
}

// set adds a setting that has values; blank ones are none.
func (s Settings) set(name string, values ...string) {
	if len(values) > 0 && (len(values) > 1 || values[0] != "") {
		s[name] = values
	}
}

func (p *Pass) basis() Settings {
	s := Settings{}
	s.set("kind", p.Kind)
	s.set("after", p.After)
	s.set("older_than", p.Older.Written)
	s.set("newer_than", p.Newer.Written)
	s.set("order", p.Order)
	if p.Kind == PassRetry {
		s.set("attempts", strconv.Itoa(p.Attempts))
		s.set("wait", spanWritten(p.Wait))
	}
	if !p.Start.IsZero() {
		s.set("start", p.Start.UTC().Format(time.RFC3339))
	}
	s.set("windows", p.Windows.basis()...)
	return s
}

// basis says when the windows are open, for people.
func (ws Windows) basis() []string {
	all := make([]string, len(ws))
	for i, w := range ws {
		var days []string
		for _, word := range dayWords() {
			if w.Days[slices.Index(weekdays, word)] {
				days = append(days, word)
			}
		}
		if len(days) == len(weekdays) {
			days = []string{"every day"}
		}
		all[i] = fmt.Sprintf("%s %02d:%02d-%02d:%02d %s", strings.Join(days, ","), w.From/60, w.From%60, w.To/60, w.To%60, w.zone())
	}
	slices.Sort(all)
	return all
}

func (m *Mailbox) basis(settings int) BasisMailbox {
	b := BasisMailbox{Name: m.Name(), File: m.Range.File, Destination: m.Destination.Address, Wave: m.Wave, Skip: m.Skip,
		Merge: m.Merge, Settings: settings}
	if m.Skip != "" {
		return b // nobody signs in
	}
	if m.Source.Username != m.Source.Address || m.Destination.Username != m.Destination.Address {
		// Four octets tell a change and are too few to find a name by trying.
		sum := sha256.Sum256([]byte(m.Name() + "\x00" + m.Source.Username + "\x00" + m.Destination.Username))
		b.Logins = hex.EncodeToString(sum[:4])
	}
	return b
}

// settings are those of the blocks above the mailbox and of its own.
func (m *Mailbox) settings() Settings {
	s := Settings{}
	if m.From != nil {
		s.set("from", m.From.Ref())
	}
	if m.To != nil {
		s.set("to", m.To.Ref())
	}
	f, y := m.Folders, m.Messages
	s.set("folders.special", f.Special)
	s.set("folders.under", f.Under)
	s.set("folders.merge", f.Merge)
	s.set("folders.empty", strconv.FormatBool(f.Empty))
	s.set("folders.include", rulesWritten(f.Include)...)
	s.set("folders.exclude", rulesWritten(f.Exclude)...)
	s.set("folders.rename", rulesWritten(f.Rename)...)
	s.set("messages.max_size", sizeWritten(y.MaxSize))
	s.set("messages.too_large", y.TooLarge)
	s.set("messages.keywords", y.Keywords)
	s.set("messages.existing", y.Existing)
	s.set("messages.receipts", y.Receipts)
	s.set("messages.repair", strconv.FormatBool(y.Repair))
	if m.Windows != nil {
		s.set("windows", append([]string{"its own"}, m.Windows.basis()...)...)
	}
	return s
}

// rulesWritten gives rules as they are in the file.
func rulesWritten(rules []Rule) []string {
	var out []string
	for _, r := range rules {
		text := r.Written
		if r.To != "" && !strings.Contains(text, "->") {
			text += " -> " + r.To
		}
		out = append(out, text)
	}
	return out
}

// sizeWritten writes a size as the language has it, exactly.
func sizeWritten(octets int64) string {
	for _, u := range []struct {
		name string
		unit int64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if octets >= u.unit && octets%u.unit == 0 {
			return strconv.FormatInt(octets/u.unit, 10) + u.name
		}
	}
	return strconv.FormatInt(octets, 10) + "B"
}

// spanWritten writes a time span as the language has it.
func spanWritten(d time.Duration) string {
	switch {
	case d > 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d > 0 && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
