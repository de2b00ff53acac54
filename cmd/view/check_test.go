package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// compared is a comparison with everything that can be found, names from strangers among it.
func compared() (CheckTotal, []CheckMailbox) {
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	all := []CheckMailbox{
		{Mailbox: "anna@contoso.example", Destination: "anna@new.example", Shared: true,
			Tally: CheckTally{Source: 18204, Destination: 18207, Same: 18190, Rewritten: 40, Missing: 3, Extra: 19, Twice: 1,
				Differs: 6, Altered: 1, Reformed: 2, Unreadable: 1, LeftOut: 4, Deleted: 3, Bodies: 400},
			Folders: []CheckFolder{
				{Source: []string{"INBOX"}, Destination: "INBOX"},
				{Source: []string{"Trash"}, LeftOut: `exclude "^Trash(/|$)"`, Unlisted: 1204},
				{Source: []string{"INBOX/\x1b[2JOld"}, Destination: "Old", Problem: "destination: open folder: no\r\nsuch thing"},
				{Source: []string{"A", "B"}, Destination: "New", Absent: true},
				{Destination: "Mine", Tally: CheckTally{Extra: 7}},
			},
			Found: []CheckMessage{
				{Sign: "-", Folder: "INBOX", DestinationFolder: "INBOX", UID: 17, Date: &day, Bytes: 4100, Fails: true},
				{Sign: "-", Folder: "INBOX", DestinationFolder: "INBOX", UID: 18, Date: &day, Bytes: 4100,
					What: []string{"equal to another message that came"}, Fails: true},
				{Sign: "2", DestinationFolder: "Sent Items", DestinationUID: 3399, Date: &day, Bytes: 41e6, Fails: true},
				{Sign: "~", Folder: "Projekte/Über & unter", UID: 1, DestinationUID: 2, Date: &day, Bytes: 12, What: []string{"octets", "date"}, Fails: true},
				{Sign: "!", Folder: "evil\u202e\x07", UID: 4, Bytes: 1, What: []string{"source"}, Fails: true},
				{Sign: "~", Folder: "INBOX", UID: 5, Date: &day, Bytes: 900, What: []string{"flags"}},
				{Sign: "~", Folder: "INBOX", UID: 6, Date: &day, Bytes: 900, What: []string{"MIME made anew, parts equal", "signed part"}, By: "parts"},
				{Sign: "+", DestinationFolder: "INBOX", DestinationUID: 30, Date: &day, Bytes: 900},
				{Sign: ".", Folder: "INBOX", UID: 9, Bytes: 180e6, What: []string{"over max_size"}},
			}, More: 27},
		{Mailbox: "bo@contoso.example", Destination: "bo@contoso.example", Whole: true, Tally: CheckTally{Source: 1, Same: 1, Bodies: 1}},
		{Mailbox: "carla@contoso.example", Problem: &plan.Problem{Side: "destination", Code: mail.CodeIMAPLost, Kind: "transient",
			Text: "fetch messages: unexpected EOF"}},
		{Mailbox: "test@contoso.example", Skipped: "never used"},
	}
	return CheckTotal{Mailboxes: 4, Whole: 1, Skipped: 1, Tally: all[0].Tally}, all
}

func TestCheck(t *testing.T) {
	total, all := compared()
	everyWay(t, "check", func(o Output) error {
		var errs error
		for _, m := range all {
			errs = errors.Join(errs, Check(o, m))
		}
		return errors.Join(errs, CheckSummary(o, total))
	})
	var doc bytes.Buffer
	if err := CheckJSON(&doc, total, all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if err := CheckMailboxLines(&doc, m); err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Found {
			if err := CheckMessageLine(&doc, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "doc-check.json", doc.String())
	harmless(t, doc.String())
	values := 0
	for d := json.NewDecoder(&doc); d.More(); values++ {
		var v map[string]any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
	}
	if values != 1+5+4+9 {
		t.Errorf("%d JSON values", values)
	}
}

func TestKeepFoundPrefersWhatFails(t *testing.T) {
	var list []CheckMessage
	left := 0
	for i := range 10 {
		var more bool
		if list, more = KeepFound(list, CheckMessage{UID: mail.UID(i), Fails: i%3 == 2}, 4); more {
			left++
		}
	}
	got := ""
	for _, m := range list {
		got += fmt.Sprintf("%d:%v ", m.UID, m.Fails)
	}
	if left != 6 || got != "5:true 8:true 2:true 3:false " {
		t.Errorf("kept %s, left off %d", got, left)
	}
}
