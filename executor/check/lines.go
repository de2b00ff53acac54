package check

import "bytes"

// write takes octets from below the header.
func (p *parts) write(octets []byte) {
	for len(octets) > 0 {
		end := bytes.IndexByte(octets, '\n')
		if end < 0 {
			p.fragment(octets)
			return
		}
		p.fragment(octets[:end])
		p.lineEnded()
		octets = octets[end+1:]
	}
}

// fragment takes a piece of a line. CRs at its end are held back: they may belong to the line's end.
func (p *parts) fragment(octets []byte) {
	text := bytes.TrimRight(octets, "\r")
	if len(text) > 0 {
		for ; p.crs > 0; p.crs -= min(p.crs, len(manyCRs)) {
			p.piece(manyCRs[:min(p.crs, len(manyCRs))])
		}
		p.piece(text)
	}
	p.crs += len(octets) - len(text)
}

// piece takes text of a line, and finds out whether the line can be a boundary.
func (p *parts) piece(text []byte) {
	if !p.decided && len(p.start) == 0 && (text[0] != '-' || len(p.levels) == 0) {
		p.decided = true
	}
	if p.decided {
		p.text(text)
		return
	}
	n := min(len(text), maxBound-len(p.start))
	p.start = append(p.start, text[:n]...)
	if n < len(text) || len(p.start) > 1 && p.start[1] != '-' {
		p.flush()
		if n < len(text) {
			p.text(text[n:])
		}
	}
}

// flush passes on what was held back of a line that is no boundary.
func (p *parts) flush() {
	p.decided = true
	if len(p.start) > 0 {
		p.text(p.start)
		p.start = p.start[:0]
	}
}

func (p *parts) lineEnded() {
	p.crs = 0
	at, last := none, false
	if !p.decided {
		at, last = p.boundary()
	}
	if at != none {
		p.bound(at, last)
	} else {
		p.flush()
		p.lineBreak()
	}
	p.start, p.decided, p.empty = p.start[:0], false, true
}

// text takes text of a line that is no boundary.
func (p *parts) text(text []byte) {
	p.empty = false
	if p.signing {
		p.signed.text(text)
	}
	switch p.state {
	case inHeader:
		n := min(len(text), maxHeader-len(p.header))
		p.header = append(p.header, text[:n]...)
		if n < len(text) {
			p.endHeader()
			p.text(text[n:])
		}
	case inLeaf, inPreamble:
		if p.broken {
			p.leaf.lineBreak()
			p.broken = false
		}
		p.leaf.text(text)
	case ignored:
	}
}

func (p *parts) lineBreak() {
	if p.signing {
		p.signed.breaks++
	}
	switch p.state {
	case inHeader:
		if p.empty {
			p.endHeader()
			return
		}
		if p.header = append(p.header, '\n'); len(p.header) >= maxHeader {
			p.endHeader()
		}
	case inLeaf, inPreamble:
		if p.broken {
			p.leaf.lineBreak()
		}
		p.broken = true
	case ignored:
	}
}
