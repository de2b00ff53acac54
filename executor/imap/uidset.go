package imap

import (
	"strconv"

	"mailhaul/state/mail"
)

// The bounds of one command's set: servers refuse long lines, and a very long answer can't be interrupted politely.
const (
	maxSetText = 2000
	maxSetUIDs = 10_000
)

// uidSets writes ascending UIDs as sets, runs as ranges, each within the bounds of one command. It names no UID that
// was not given. UID 0 is left out: it names no message.
func uidSets(uids []mail.UID) []string {
	var (
		sets []string
		set  []byte
		n    int
	)
	flush := func() {
		if len(set) > 0 {
			sets, set, n = append(sets, string(set)), nil, 0
		}
	}
	for i := 0; i < len(uids); {
		first, last := uids[i], uids[i]
		for i++; i < len(uids) && uids[i] == last+1 && int(last-first) < maxSetUIDs-1; i++ {
			last++
		}
		if first == 0 {
			if last == 0 {
				continue
			}
			first = 1
		}
		run := int(last-first) + 1
		if n > 0 && (n+run > maxSetUIDs || len(set) > maxSetText-22) {
			flush()
		}
		set = appendRun(set, first, last)
		n += run
	}
	flush()
	return sets
}

func appendRun(set []byte, first, last mail.UID) []byte {
	if len(set) > 0 {
		set = append(set, ',')
	}
	set = strconv.AppendUint(set, uint64(first), 10)
	if last > first {
		set = append(set, ':')
		set = strconv.AppendUint(set, uint64(last), 10)
	}
	return set
}

// eachInSet calls f for the UIDs of a set in the server's words, at most limit of them.
func eachInSet(text string, limit int, f func(mail.UID)) {
	for part := range splitSeq(text) {
		first, last, ok := parseRange(part)
		if !ok {
			continue
		}
		for uid := first; limit > 0; uid++ {
			f(uid)
			limit--
			if uid == last {
				break
			}
		}
	}
}
