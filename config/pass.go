package config

import (
	"slices"
	"strings"
	"time"
)

// passKinds are the kinds of the language.
var passKinds = []string{PassVerify, PassTrial, PassPrestage, PassFull, PassRetry}

// kindAttributes lists which attributes mean something in which kind.
var kindAttributes = map[string][]string{
	PassVerify:   {"kind", "after", "start", "windows"},
	PassTrial:    {"kind", "after", "start", "windows", "order", "per_folder", "max_bytes"},
	PassPrestage: {"kind", "after", "start", "windows", "older_than", "newer_than", "order"},
	PassFull:     {"kind", "after", "start", "windows", "older_than", "newer_than", "order", "cutover"},
	PassRetry:    {"kind", "after", "start", "windows", "order", "attempts", "wait"},
}

// passes reads the pass blocks and adds verify and retry where they are not written.
func (l *loader) passes() {
	blocks := l.blocks(passSpec)
	l.inOneFile(blocks)
	last := "" // the pass written before
	for _, n := range blocks {
		kind, ok := l.passKind(n)
		if !ok {
			l.broken["pass "+n.labels[0]] = true
			last = n.labels[0]
			continue
		}
		p := l.pass(n, kind)
		if _, written := n.values["after"]; !written && kind != PassVerify {
			p.After = last
		}
		last = p.Name
		l.config.Passes = append(l.config.Passes, p)
	}
	l.addImplied()
	l.checkAfter(blocks)
}

// inOneFile: between files there is no order, and for passes the order written counts.
func (l *loader) inOneFile(blocks []*node) {
	for _, n := range blocks {
		if n.def.Filename != blocks[0].def.Filename {
			l.fail(CodeConflict, n.header(), "pass blocks stand in two files").also(blocks[0].header()).
				explain("The order of passes counts, and files have none: put all pass blocks into one file.")
			return
		}
	}
}

func (l *loader) passKind(n *node) (string, bool) {
	label := n.labels[0]
	kind, written := get[string](n, "kind")
	if n.bad("kind") {
		return "", false
	}
	named := slices.Contains(passKinds, label)
	if !written {
		kind = label
	}
	at := n.place("kind")
	if !written {
		at = n.at(n.labelRanges[0])
	}
	switch {
	case written && named && kind != label:
		l.fail(CodeConflict, at, "the pass is called %q, which is a kind of its own", label).
			explain("Give it another name, or leave kind out.")
	case slices.Contains(passKinds, kind):
		return kind, true
	case written:
		l.fail(CodeUnknown, at, "there is no pass kind %q", kind).explain("Kinds: %s.", quoted(passKinds)).near(kind, passKinds)
	default:
		l.fail(CodeMissing, at, "the kind of pass %q is not said", label).
			explain("A pass called %s has that kind; any other name needs kind = one of these.", quoted(passKinds)).near(label, passKinds)
	}
	return "", false
}

func (l *loader) pass(n *node, kind string) *Pass {
	p := &Pass{Name: n.labels[0], Kind: kind, After: or(n, "after", ""), Older: or(n, "older_than", Cut{}),
		Newer: or(n, "newer_than", Cut{}), Order: or(n, "order", OrderOldestFirst), Range: rangeOf(n.def)}
	if kind == PassRetry {
		p.Attempts, p.Wait = or(n, "attempts", 3), or(n, "wait", 15*time.Minute)
	}
	p.Start = or(n, "start", time.Time{})
	if ws := l.windowsOf(n, "windows"); ws != nil {
		p.Windows = *ws
	}
	l.passCutover(n, p)
	l.trial(n, p)
	for _, a := range passSpec.attrs {
		if _, ok := n.values[a.name]; ok && !slices.Contains(kindAttributes[kind], a.name) {
			l.fail(CodeConflict, n.place(a.name), "%s means nothing in a pass of kind %s", a.name, kind).
				explain("A pass of kind %s has: %s.", kind, strings.Join(kindAttributes[kind], ", "))
		}
	}
	l.checkBounds(n, p)
	return p
}

// passCutover reads cutover = true, which needs the block that says what it waits for.
func (l *loader) passCutover(n *node, p *Pass) {
	p.Cutover = or(n, "cutover", false)
	if !p.Cutover {
		return
	}
	l.unsupported("cutover = true of pass "+p.Name, n)
	if len(l.blocks(cutoverSpec)) == 0 && !l.broken[cutoverSpec.name] {
		l.fail(CodeMissing, n.place("cutover"), "the pass waits for the cutover, and there is no cutover block").
			explain("Write cutover { domains = [...] } with mx = [...]: what the pass waits for.")
	}
}

// The bounds of a trial where none are written.
const (
	trialMessages = 10
	trialOctets   = 5_000_000
)

func (l *loader) trial(n *node, p *Pass) {
	if p.Kind != PassTrial {
		return
	}
	p.PerFolder, p.MaxBytes = or(n, "per_folder", trialMessages), or(n, "max_bytes", int64(trialOctets))
}

// checkBounds refuses a pair of bounds that no message can satisfy.
func (l *loader) checkBounds(n *node, p *Pass) {
	if p.Older.IsZero() || p.Newer.IsZero() {
		return
	}
	ages := p.Older.Age != 0 && p.Newer.Age != 0 && p.Newer.Age <= p.Older.Age
	moments := p.Older.Age == 0 && p.Newer.Age == 0 && !p.Newer.Moment.Before(p.Older.Moment)
	if ages || moments {
		l.fail(CodeConflict, n.place("newer_than"), "no message is older than %s and newer than %s", p.Older.Written, p.Newer.Written).
			also(n.place("older_than")).
			explain("older_than takes what is before its moment, newer_than what is at its moment or after it. Exchange them.")
	}
}

// checkAfter follows after: each names a pass, and none comes round to itself.
func (l *loader) checkAfter(blocks []*node) {
	byName := map[string]*Pass{}
	var names []string
	for _, p := range l.config.Passes {
		byName[p.Name] = p
		names = append(names, p.Name)
	}
	for _, n := range blocks {
		p := byName[n.labels[0]]
		if p == nil || p.After == "" || l.broken["pass "+p.After] {
			continue
		}
		if byName[p.After] == nil {
			l.fail(CodeReference, n.place("after"), "there is no pass %q", p.After).explain("Passes: %s.", quoted(names)).near(p.After, names)
			continue
		}
		if way := cycle(byName, p); way != nil {
			l.fail(CodeConflict, n.place("after"), "pass %q waits for itself", p.Name).
				explain("Each waits for the next: %s. A pass without after waits for the one written before it.", strings.Join(way, ", "))
			return // the others of the circle would say the same
		}
	}
}

// cycle gives the way from p back to p, or nil.
func cycle(byName map[string]*Pass, p *Pass) []string {
	way := []string{p.Name}
	for q := byName[p.After]; q != nil && len(way) <= len(byName); q = byName[q.After] {
		way = append(way, q.Name)
		if q == p {
			return way
		}
	}
	return nil
}

// addImplied adds what always exists: verify comes first, retry last.
func (l *loader) addImplied() {
	has := func(kind string) bool {
		return slices.ContainsFunc(l.config.Passes, func(p *Pass) bool { return p.Kind == kind })
	}
	if !has(PassVerify) {
		l.config.Passes = slices.Insert(l.config.Passes, 0, &Pass{Name: PassVerify, Kind: PassVerify, Order: OrderOldestFirst, Implied: true})
	}
	if !has(PassRetry) {
		l.config.Passes = append(l.config.Passes, &Pass{Name: PassRetry, Kind: PassRetry, Order: OrderOldestFirst,
			Attempts: 3, Wait: 15 * time.Minute, Implied: true})
	}
}
