package cmd

import (
	"strings"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state/mail"
)

// forGrants are the pauses after which verify asks again where a permission on the mailbox is missing: it may have been given
// a moment ago. A person is willing to wait two minutes; a script that waits for grants runs verify again.
func (a *app) forGrants(proves bool) []time.Duration {
	switch {
	case !proves:
		return nil
	case a.term.Err.IsTerminal:
		return []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 45 * time.Second}
	}
	return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
}

func (w *work) verifyRows(p *plan.Plan) []view.VerifyRow {
	var rows []view.VerifyRow
	for _, m := range p.Mailboxes {
		rows = append(rows, w.verified(p, m))
	}
	return rows
}

// verified is what was found for one mailbox of the plan.
func (w *work) verified(p *plan.Plan, m plan.Mailbox) view.VerifyRow {
	row := verifyRow(m.Name, m.Destination, w.inventories[m.Name], true, true)
	if m.Action == plan.Skipped {
		row.Skipped = m.Note
		return row
	}
	row.Folders, row.Messages.Messages = 0, 0
	held := w.held(m.Name)
	for _, f := range m.Folders {
		if f.Surprise != "" {
			row.Notes = append(row.Notes, f.Path+": "+f.Surprise)
		}
		if !f.Excluded && !f.NoSelect {
			row.Folders++
			row.Messages.Messages += held[string(f.Source)]
		}
	}
	row.Faults, row.Notes = remarks(p, m.Name, row.Notes)
	return row
}

// remarks splits what the plan says of a mailbox: what would keep its mail from being copied, and what is worth reading.
func remarks(p *plan.Plan, mailbox string, notes []string) (faults, all []string) {
	for _, note := range p.Errors {
		if note.Mailbox == mailbox {
			faults = append(faults, strings.Trim(note.Code+": "+note.Text, ": "))
		}
	}
	for _, note := range p.Warnings {
		switch {
		case note.Mailbox != mailbox:
		case note.Code == string(mail.CodeQuotaFull):
			faults = append(faults, note.Code+": "+note.Text)
		default:
			notes = append(notes, note.Text)
		}
	}
	return faults, notes
}

// going counts the folders that the rules let go along, and their messages.
func going(m *config.Mailbox, inv plan.Inventory) (folders int, messages int64) {
	for _, mapping := range plan.Map(m, inv.Source, inv.Destination, inv.Limits.Names) {
		if !mapping.Excluded && !mapping.Source.NoSelect {
			folders++
			messages += int64(mapping.Source.Status.Messages)
		}
	}
	return folders, messages
}

// verifyRow is what an inventory alone tells.
func verifyRow(name, destination string, inv plan.Inventory, source, target bool) view.VerifyRow {
	row := view.VerifyRow{Mailbox: name, Destination: destination, Source: view.VerifySide{Asked: source},
		Target: view.VerifySide{Asked: target, SignIn: inv.Limits.SignIn, Transport: inv.Limits.Transport, Why: inv.Limits.Why,
			Lost: inv.Limits.Lost},
		Folders: len(inv.Source), QuotaKnown: inv.Limits.QuotaKnown, QuotaLeft: inv.Limits.QuotaLeft}
	for _, f := range inv.Source {
		row.Messages.Messages += int64(f.Status.Messages)
	}
	switch p := inv.Problem; {
	case p == nil:
	case p.Side == executor.SideDestination:
		row.Target.Problem = p
	default:
		row.Source.Problem, row.Target.Problem = p, inv.Also
	}
	return row
}

// verdictOfRows is the exit code that the rows lead to.
func verdictOfRows(rows []view.VerifyRow) error {
	part, failed, refused := 0, 0, map[string]int{}
	for _, r := range rows {
		if r.Skipped != "" {
			continue
		}
		part++
		for _, p := range []*plan.Problem{r.Source.Problem, r.Target.Problem} {
			if p != nil {
				failed++
				refused[p.Side+" "+p.Kind]++
			}
		}
		failed += len(r.Faults)
	}
	switch {
	case failed == 0:
		return nil
	case refused["source auth"] == part, refused["destination auth"] == part:
		return outcome(exitSignIn)
	}
	return outcome(exitIncomplete)
}
