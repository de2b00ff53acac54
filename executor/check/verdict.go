package check

// verdict is what a message came to: a Sign, and for some the only reason that there can be.
type verdict uint8

const (
	undecided verdict = iota
	same
	differs
	missing
	folded
	leftTooLarge
	leftDeleted
	extra
	twice
	unreadableSource
	unreadableDestination
)

// verdicts gives Sign and reason of each verdict.
var verdicts = [...]struct {
	sign   Sign
	reason string
}{
	same: {Same, ""}, differs: {Differs, ""}, missing: {Missing, ""}, folded: {Missing, Folded},
	leftTooLarge: {LeftOut, TooLarge}, leftDeleted: {LeftOut, Deleted}, extra: {Extra, ""}, twice: {Twice, ""},
	unreadableSource: {Unreadable, Source}, unreadableDestination: {Unreadable, Destination},
}

// differences is a set of what two messages of a pair do not have in common.
type differences uint8

const (
	octets differences = 1 << iota
	length
	form
	rendering
	messageID
	signature
	date
	otherFlags
)

var differenceNames = [...]struct {
	difference differences
	name       string
}{{octets, Octets}, {length, Length}, {form, Form}, {rendering, Rendering}, {messageID, MessageID},
	{signature, Signature}, {date, Date}, {otherFlags, Flags}}

func (d differences) names() []string {
	var names []string
	for _, n := range differenceNames {
		if d&n.difference != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// told gives the words for Finding.What.
func (e *entry) told(rewrites bool) []string {
	what := e.what
	if rewrites {
		what &^= form | rendering
	}
	switch {
	case e.verdict == differs:
		return what.names()
	case verdicts[e.verdict].reason != "":
		return []string{verdicts[e.verdict].reason}
	}
	return nil
}

// by says what made a pair of a message that has one.
func (e *entry) by() string {
	switch {
	case e.verdict != same && e.verdict != differs:
		return ""
	case e.known == byHead || e.what&octets != 0:
		return ByHeaders
	case e.what&rendering != 0:
		return ByParts
	case e.what&form != 0:
		return ByCanonical
	}
	return ByOctets
}
