package check

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
)

// Bounds of what is understood of a message's structure. What lies beyond is digested as it stands, so that nothing of
// a message goes unseen.
const (
	maxDepth = 64     // parts within parts
	maxParts = 10_000 // in one message
	maxBound = 256    // octets of a line that can be a boundary (RFC 2046, 5.1.1: 74)
)

// parts digests what a message says, whatever form it was given: each leaf of its structure decoded, all of them in
// sorted order. Lines pass through it; but for the headers of parts nothing is kept.
//
// It is tolerant: there is no malformed message. A multipart whose boundary never comes is a leaf; what has no end is
// ended by the message's.
type parts struct {
	seed   maphash.Seed
	sum    *keyed
	names  *keyed
	leaf   *leaf
	sums   []uint64 // of the leaves, and of the naming fields of embedded messages
	count  int      // parts begun
	levels []level
	state  partState
	header []byte // of the part that begins
	usual  string // the kind of a part that names none
	inside bool   // header is that of an embedded message

	start   []byte // of the line, while it can still be a boundary
	decided bool   // the line is none
	empty   bool   // nothing of the line came yet
	crs     int    // seen at the end of what came of the line
	broken  bool   // a line has ended, and its end is not yet passed on: it may belong to a boundary

	signedAt int // the level of the outermost multipart/signed, or none
	signing  bool
	signed   canonical // the octets that the signature vouches for
	vouched  *keyed
	mark     uint32
}

type partState uint8

const (
	ignored partState = iota // after the last part of a multipart
	inHeader
	inLeaf
	inPreamble // before the first part
)

// level is a multipart or an embedded message whose parts are being read.
type level struct {
	boundary  uint64 // digest of it
	multipart bool
	digest    bool // multipart/digest: its parts are messages unless they say otherwise
}

func newParts(key digestKey) *parts {
	p := &parts{seed: maphash.MakeSeed(), sum: key.hash(), names: key.hash(), vouched: key.hash(), leaf: newLeaf(key)}
	p.signed.sink = p.vouched
	p.reset()
	return p
}

func (p *parts) reset() {
	p.leaf.discard()
	p.vouched.restart()
	if cap(p.header) > 64<<10 {
		p.header = nil
	}
	if cap(p.sums) > 1<<10 {
		p.sums = nil
	}
	*p = parts{seed: p.seed, sum: p.sum, names: p.names, vouched: p.vouched, leaf: p.leaf, sums: p.sums[:0],
		levels: p.levels[:0], header: p.header[:0], start: p.start[:0], signed: canonical{sink: p.vouched},
		signedAt: none, empty: true}
}

// begin takes the header of the message.
func (p *parts) begin(header []byte) { p.open(contentOf(header, "text/plain")) }

// take gives the digests of the parts, with kin among them, and of what is signed; then it begins anew.
func (p *parts) take(kin uint64) (parts uint64, signed uint32) {
	p.lineEnded() // the last line may be a boundary, though nothing ends it
	p.close(false)
	p.endSigned()
	signed = p.mark
	if len(p.sums) > 0 || kin != 0 {
		slices.Sort(p.sums)
		for _, s := range append(p.sums, kin) {
			_, _ = p.sum.Write(binary.BigEndian.AppendUint64(nil, s)) // hash.Hash never fails
		}
		parts = p.sum.take()
	}
	p.reset()
	return parts, signed
}

// endHeader begins the part whose header has come.
func (p *parts) endHeader() {
	if p.inside {
		p.nameEmbedded()
	}
	c := contentOf(p.header, p.usual)
	p.header = p.header[:0]
	p.open(c)
}

// nameEmbedded digests the naming fields of an embedded message, which are no part and yet content.
func (p *parts) nameEmbedded() {
	p.inside = false
	if head, _ := nameOf(p.header, p.names); head != 0 {
		p.sums = append(p.sums, head)
	}
}

// open begins a part.
func (p *parts) open(c contentType) {
	p.count++
	p.broken = false
	if p.count > maxParts { // the rest is one leaf, boundaries and all
		p.levels, c = p.levels[:0], contentType{}
	}
	room, plain := p.count <= maxParts && len(p.levels) < maxDepth, c.identity()
	switch {
	case room && strings.HasPrefix(c.kind, "multipart/") && c.boundary != "":
		if c.kind == "multipart/signed" && p.signedAt == none {
			p.signedAt = len(p.levels)
		}
		p.levels = append(p.levels, level{boundary: maphash.String(p.seed, c.boundary), multipart: true,
			digest: c.kind == "multipart/digest"})
		p.state = inPreamble
		p.leaf.begin(contentType{})
	case room && plain && (c.kind == "message/rfc822" || c.kind == "message/global"):
		p.levels = append(p.levels, level{})
		p.expectHeader("text/plain")
		p.inside = true
	default:
		p.state = inLeaf
		p.leaf.begin(c)
	}
}

func (p *parts) expectHeader(usual string) {
	p.state, p.usual, p.inside, p.header = inHeader, usual, false, p.header[:0]
}

// boundary tells whose boundary the line is, none if it is nobody's, and whether it is the last one.
func (p *parts) boundary() (at int, last bool) {
	line := bytes.TrimRight(p.start, " \t")
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return none, false
	}
	line = line[2:]
	next := maphash.Bytes(p.seed, line)
	closed, end := bytes.CutSuffix(line, []byte("--"))
	ending := maphash.Bytes(p.seed, closed)
	for at := len(p.levels) - 1; at >= 0; at-- { // a boundary of an outer part ends all within it (RFC 2046, 5.1.2)
		switch l := p.levels[at]; {
		case !l.multipart:
		case l.boundary == next:
			return at, false
		case end && l.boundary == ending:
			return at, true
		}
	}
	return none, false
}

// bound takes a boundary.
func (p *parts) bound(at int, last bool) {
	p.close(at == len(p.levels)-1 && !last)
	if p.signing && at <= p.signedAt || at < p.signedAt {
		p.endSigned()
	}
	p.broken = false
	if last {
		p.levels, p.state = p.levels[:at], ignored
		return
	}
	p.levels = p.levels[:at+1]
	usual := "text/plain"
	if p.levels[at].digest {
		usual = "message/rfc822"
	}
	p.expectHeader(usual)
	p.signing = p.signing || at == p.signedAt && p.mark == 0
}

// close ends the part that is being read. A preamble is one only if a part follows it.
func (p *parts) close(follows bool) {
	switch p.state {
	case inPreamble:
		if follows {
			p.leaf.discard()
			return
		}
		p.endLeaf()
	case inLeaf:
		p.endLeaf()
	case inHeader:
		if p.inside {
			p.nameEmbedded()
		}
	case ignored:
	}
	p.state = ignored
}

func (p *parts) endLeaf() {
	if sum := p.leaf.take(); sum != 0 {
		p.sums = append(p.sums, sum)
	}
}

// endSigned notes the digest of the signed octets, once.
func (p *parts) endSigned() {
	if p.signing {
		p.signing = false
		p.mark = max(1, uint32(p.vouched.take()>>32))
	}
}
