package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"mailhaul/plan"
)

// TestLongDocument: a document that is written piece by piece is what encoding/json makes of it at once, save for the
// escapes of what is dangerous on a terminal.
func TestLongDocument(t *testing.T) {
	p := hostile()
	for n := range 5*aPiece + 1 {
		m := p.Mailboxes[0]
		m.Name = fmt.Sprintf("m%d@contoso.example", n)
		m.Folders = []plan.Folder{{Path: `a "b" \ {[,:]}`, UIDs: nil}, {Path: "\"mailboxes\": []", TargetPath: []string{}}}[:n%3%2+n%2]
		p.Mailboxes = append(p.Mailboxes, m)
	}
	for _, n := range []int{0, 1, aPiece, 2*aPiece + 1, len(p.Mailboxes)} {
		few := *p
		few.Mailboxes = p.Mailboxes[:n]
		var got, want bytes.Buffer
		if err := PlanJSON(&got, &few); err != nil {
			t.Fatal(err)
		}
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(few); err != nil {
			t.Fatal(err)
		}
		var laid bytes.Buffer
		for _, line := range bytes.SplitAfter(want.Bytes(), []byte("\n")) {
			text, ended := bytes.CutSuffix(line, []byte("\n"))
			laid.Write(appendSafe(nil, text))
			if ended {
				laid.WriteByte('\n')
			}
		}
		if !bytes.Equal(got.Bytes(), laid.Bytes()) {
			t.Errorf("%d mailboxes: got\n%.3000s\nwant\n%.3000s", n, got.Bytes(), laid.Bytes())
		}
	}
}
