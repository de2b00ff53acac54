package check

import (
	"bytes"
	"cmp"
)

// tier is one rule of pairing: equal under order means the same message.
type tier struct {
	order func(a, b *entry) int
	fits  func(e *entry) bool // which messages the rule speaks of
	open  differences         // what the rule leaves open of the content
}

func byExact(a, b *entry) int  { return bytes.Compare(a.exact[:], b.exact[:]) }
func byCanon(a, b *entry) int  { return cmp.Compare(a.canon, b.canon) }
func byParts(a, b *entry) int  { return cmp.Compare(a.parts, b.parts) }
func byHeader(a, b *entry) int { return cmp.Compare(a.head, b.head) }
func byDate(a, b *entry) int   { return cmp.Compare(a.date, b.date) }
func bySize(a, b *entry) int   { return cmp.Compare(a.size, b.size) }
func byFlags(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.words, b.words))
}

func orders(all ...func(a, b *entry) int) func(a, b *entry) int {
	return func(a, b *entry) int {
		for _, order := range all {
			if c := order(a, b); c != 0 {
				return c
			}
		}
		return 0
	}
}

func hasBody(e *entry) bool   { return e.known == byBody }
func hasParts(e *entry) bool  { return e.known == byBody && e.parts != 0 }
func namedBody(e *entry) bool { return e.known == byBody && e.head != 0 }
func hasHead(e *entry) bool   { return e.known == byHead }
func namedHead(e *entry) bool { return e.known == byHead && e.head != 0 }
func kinHead(e *entry) bool   { return e.known == byHead && e.parts != 0 }

// tiers are the rules, the strictest first. Each one's classes lie inside those of the ones below it, but for the last
// of each kind, so that pairing greedily never costs a pair. Equal flags are paired first, so that only what differs is
// told.
func tiers() []tier {
	return []tier{
		{order: orders(byExact, byDate, byFlags), fits: hasBody},
		{order: orders(byExact, byDate), fits: hasBody},
		{order: orders(byCanon, byDate, byFlags), fits: hasBody, open: form},
		{order: orders(byCanon, byDate), fits: hasBody, open: form},
		{order: byExact, fits: hasBody},
		{order: byCanon, fits: hasBody, open: form},
		{order: orders(byHeader, byParts, byDate, byFlags), fits: hasParts, open: rendering},
		{order: orders(byHeader, byParts, byDate), fits: hasParts, open: rendering},
		{order: orders(byHeader, byParts), fits: namedBody, open: rendering},
		{order: orders(byHeader, byDate), fits: namedBody, open: octets},
		{order: byHeader, fits: namedBody, open: octets},
		{order: orders(byParts, byDate), fits: hasParts, open: rendering | messageID},

		{order: orders(byHeader, byDate, bySize, byFlags), fits: hasHead},
		{order: orders(byHeader, byDate, bySize), fits: hasHead},
		{order: orders(byHeader, byDate), fits: namedHead, open: length},
		{order: orders(byHeader, bySize), fits: namedHead},
		{order: byHeader, fits: namedHead, open: length},
		{order: orders(byParts, byDate), fits: kinHead, open: length | messageID},
	}
}

// equals are the rules by which two messages of one side are equal.
func equals() []tier {
	return []tier{
		{order: byCanon, fits: hasBody},
		{order: orders(byHeader, byDate, bySize), fits: namedHead},
	}
}

// namesakes are the rules by which a message at the destination is another copy, though not an equal one.
func namesakes() []tier {
	return []tier{
		{order: orders(byHeader, byDate), fits: namedBody},
		{order: orders(byParts, byDate), fits: hasParts},
		{order: orders(byHeader, byDate), fits: namedHead},
		{order: orders(byHeader, byDate, bySize), fits: hasHead},
	}
}
