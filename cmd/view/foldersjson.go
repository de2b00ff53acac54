package view

import (
	"io"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// folderRow is one folder in the document that folders --json gives.
type folderRow struct {
	Source      string    `json:"source"` // normalised: "/" between levels
	Destination string    `json:"destination,omitempty"`
	Messages    *int64    `json:"messages,omitempty"`
	Role        mail.Role `json:"role,omitempty"`
	// Action is "create", "use" or "leave out".
	Action   string `json:"action"`
	Rule     string `json:"rule"` // which decided, as in the file
	Surprise string `json:"surprise,omitempty"`
}

// FoldersJSON writes where each folder of a mailbox goes as one document. held is how many messages each source folder
// holds, by its exact name; errors are those of the plan.
func FoldersJSON(w io.Writer, m plan.Mailbox, held map[string]int64, errors []plan.Note) error {
	doc := struct {
		Mailbox     string        `json:"mailbox"`
		Destination string        `json:"destination"`
		Folders     []folderRow   `json:"folders"`
		Errors      []plan.Note   `json:"errors,omitempty"`
		Problem     *plan.Problem `json:"problem,omitempty"`
	}{Mailbox: m.Name, Destination: m.Destination, Folders: []folderRow{}, Errors: errors, Problem: m.Problem}
	for _, f := range m.Folders {
		row := folderRow{Source: f.Path, Destination: f.Target, Role: f.Role, Action: "create", Rule: f.Reason, Surprise: f.Surprise}
		if n, known := held[string(f.Source)]; known && !f.NoSelect {
			row.Messages = &n
		}
		switch {
		case f.Excluded:
			row.Action, row.Destination = "leave out", ""
		case f.Exists:
			row.Action = "use"
		}
		doc.Folders = append(doc.Folders, row)
	}
	return document(w, doc)
}
