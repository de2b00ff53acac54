package uids

import (
	"strings"
	"testing"
	"time"

	"mailhaul/state/mail"
)

// TestMarkRoundTrip holds the format of the id, which lasts: copies of earlier releases are known by it.
func TestMarkRoundTrip(t *testing.T) {
	m := Mark{0x12345678, 0x0abcdef0, mail.Digest{1, 2, 15: 255}}
	const written = "1-12345678-0abcdef0-010200000000000000000000000000ff"
	if m.String() != written {
		t.Errorf("written as %s, want %s", m, written)
	}
	for _, s := range []string{written, strings.ToUpper(written)} {
		if got, ok := ParseMark(s); !ok || got != m {
			t.Errorf("%s was read as %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "x", written + "0", written[:40], "2" + written[1:], strings.Replace(written, "0abc", "-abc", 1),
		strings.Replace(written, "0abcdef0", "ffffffff", 1), strings.Replace(written, "ff", "zz", 1)} {
		if got, ok := ParseMark(s); ok {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

// TestNumbers: no number is given away twice, whatever the server shows of them.
func TestNumbers(t *testing.T) {
	var n Counter
	now := clockStart.Add(1e6 * time.Second)
	if got := n.See("a", -1, now); got != 1e6 {
		t.Errorf("an empty folder begins at %d, want the clock's 1000000", got)
	}
	first, ok := n.Take("a", 10)
	if got := n.See("a", -1, now); !ok || first != 1e6 || got != 1e6+10 {
		t.Errorf("after ten from %d comes %d", first, got)
	}
	if got := n.See("a", 2e6, now); got != 2e6+1 {
		t.Errorf("above what somebody else wrote comes %d", got)
	}
	if got := n.See("b", 2e6, now); got != 2e6+Stride {
		t.Errorf("after a restart comes %d, want a stride above", got)
	}
	n.See("c", Last-5, now)
	if _, ok := n.Take("c", 10); ok {
		t.Error("numbers beyond the last were given away")
	}
}
