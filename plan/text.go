package plan

import (
	"fmt"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// Error gives the text, so that a Note can travel as an error.
func (n Note) Error() string {
	if n.Mailbox != "" {
		return n.Mailbox + ": " + n.Text
	}
	return n.Text
}

// number writes n with commas between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count writes a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// size writes octets in the unit a person would choose.
func size(n mail.Size) string {
	switch {
	case n >= mail.GB/10:
		return fmt.Sprintf("%.1f GB", float64(n)/float64(mail.GB))
	case n >= mail.MB/10:
		return fmt.Sprintf("%.1f MB", float64(n)/float64(mail.MB))
	default:
		return fmt.Sprintf("%.1f kB", float64(n)/float64(mail.KB))
	}
}

// list joins words with commas.
func list(words []string) string { return strings.Join(words, ", ") }

// quoted writes names between quotation marks, with commas.
func quoted(names []string) string {
	marked := make([]string, len(names))
	for i, n := range names {
		marked[i] = `"` + n + `"`
	}
	return list(marked)
}

// some quotes names that stand for a number of things, perhaps more than are named.
func some(names []string, number int) string {
	s := quoted(names)
	if more := number - len(names); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
