package ews

import (
	"bytes"
	"io"
)

// cutMIME takes the messages out of an answer, in their order, and leaves their elements empty: the decoder of XML would
// look at each octet of them several times, and copy them. What it gives are parts of the answer itself.
func cutMIME(answer []byte) (rest []byte, bodies [][]byte) {
	name := []byte("MimeContent")
	for {
		at := bytes.Index(answer, name)
		if at < 0 {
			return append(rest, answer...), bodies
		}
		opens := isStart(answer, at, at+len(name))
		end := at + len(name)
		if n := bytes.IndexByte(answer[end:], '>'); opens && n >= 0 && !(n > 0 && answer[end+n-1] == '/') {
			end += n + 1
			n = bytes.IndexByte(answer[end:], '<')
			if n < 0 {
				n = len(answer) - end
			}
			rest = append(rest, answer[:end]...)
			bodies = append(bodies, answer[end:end+n])
			answer = answer[end+n:]
			continue
		} else if opens {
			bodies = append(bodies, nil)
		}
		rest = append(rest, answer[:end]...)
		answer = answer[end:]
	}
}

// isStart tells whether the name between two places is that of a start tag, with whatever prefix.
func isStart(answer []byte, from, to int) bool {
	open := bytes.LastIndexByte(answer[:from], '<')
	if open < 0 || to >= len(answer) || !bytes.ContainsRune([]byte(" \t\r\n/>"), rune(answer[to])) {
		return false
	}
	prefix := answer[open+1 : from]
	return len(prefix) == 0 || prefix[0] != '/' && prefix[len(prefix)-1] == ':' && !bytes.ContainsAny(prefix, " \t\r\n>")
}

// giveMIME puts the messages into the items that they belong to.
func giveMIME(list []outcome, bodies [][]byte) {
	for i := range list {
		for j := range list[i].Items.List {
			it := &list[i].Items.List[j]
			if it.Holds != nil && len(bodies) > 0 {
				it.mime, bodies = bodies[0], bodies[1:]
			}
		}
	}
}

// readWhole reads an answer of a known or unknown length.
func readWhole(r io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	if length > 0 && length < maxItem {
		b.Grow(int(length) + bytes.MinRead)
	}
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}
