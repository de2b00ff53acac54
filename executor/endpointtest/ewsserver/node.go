package ewsserver

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// node is an element of a request, an answer or a schema.
type node struct {
	space, name string
	attrs       []xml.Attr
	text        string
	kids        []*node
}

// parse reads one document.
func parse(r io.Reader) (*node, error) {
	d := xml.NewDecoder(r)
	top := &node{}
	open := []*node{top}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		in := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{space: t.Name.Space, name: t.Name.Local, attrs: t.Copy().Attr}
			in.kids, open = append(in.kids, n), append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			in.text += string(t)
		}
	}
	if len(top.kids) != 1 {
		return nil, errors.New("the document is not one element")
	}
	return top.kids[0], nil
}

// attr gives an attribute without a namespace; empty: it is not there.
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// has tells whether the attribute is there.
func (n *node) has(name string) bool {
	for _, a := range n.attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return true
		}
	}
	return false
}

// at goes down by names; nil where there is none.
func (n *node) at(names ...string) *node {
	for _, name := range names {
		var next *node
		if n != nil {
			for _, k := range n.kids {
				if k.name == name {
					next = k
					break
				}
			}
		}
		n = next
	}
	return n
}

// textAt gives the text of what at finds.
func (n *node) textAt(names ...string) string {
	if n = n.at(names...); n == nil {
		return ""
	}
	return strings.TrimSpace(n.text)
}

// list gives the children of what at finds.
func (n *node) list(names ...string) []*node {
	if n = n.at(names...); n == nil {
		return nil
	}
	return n.kids
}

// parseRequest is parse for octets that may hold large messages: these are put in afterwards, as the decoder of XML would
// look at each octet of them.
func parseRequest(octets []byte) (*node, error) {
	var rest []byte
	var bodies []string
	for {
		start := bytes.Index(octets, []byte("MimeContent>"))
		if start < 0 {
			break
		}
		start += len("MimeContent>")
		end := bytes.IndexByte(octets[start:], '<')
		if end < 0 {
			break
		}
		rest = append(rest, octets[:start]...)
		if open := bytes.LastIndexByte(rest, '<'); open >= 0 && rest[open+1] != '/' && bytes.HasSuffix(rest, []byte(":MimeContent>")) {
			bodies = append(bodies, string(octets[start:start+end]))
		} else {
			rest = append(rest, octets[start:start+end]...)
		}
		octets = octets[start+end:]
	}
	top, err := parse(bytes.NewReader(append(rest, octets...)))
	if err == nil {
		top.fill(&bodies)
	}
	return top, err
}

// fill gives messages back to their elements, in the order in which they were taken.
func (n *node) fill(bodies *[]string) {
	if n.name == "MimeContent" && len(*bodies) > 0 {
		n.text, *bodies = (*bodies)[0], (*bodies)[1:]
	}
	for _, k := range n.kids {
		k.fill(bodies)
	}
}
