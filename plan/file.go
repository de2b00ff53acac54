package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// maxFile is the largest plan file that Load reads: that of some ten thousand mailboxes with a hundred folders each.
const maxFile = 512 << 20

// content is what a plan file holds: the plan and, behind it, what it was made from.
type content struct {
	*Plan
	Basis *config.Basis `json:"basis,omitempty"`
}

// Save writes the plan as indented JSON that only its owner may read. It replaces the file at once and whole: a crash
// leaves the old file or the new one.
func Save(path string, p *Plan) error {
	data, err := json.MarshalIndent(content{p, p.Basis}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	// CreateTemp makes the file with mode 0600.
	tmp, err := os.CreateTemp(dir, "."+base+".*")
	if err != nil {
		return fmt.Errorf("write plan file: %w", err)
	}
	_, err = tmp.Write(append(data, '\n'))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the error at hand says more
		return fmt.Errorf("write plan file: %w", err)
	}
	return nil
}

// Load reads a plan that Save wrote. It refuses another format before it looks at anything else.
func Load(path string) (*Plan, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read plan file: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read plan file: %w", err)
	}
	p, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read plan file %s: %w", path, err)
	}
	return p, nil
}

// decode makes a plan of a file's octets.
func decode(data []byte) (*Plan, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("it is larger than %s", size(maxFile))
	}
	var head struct {
		Format  *int   `json:"format"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Format == nil {
		return nil, errors.New("this is no plan: make one with mailhaul plan --out FILE")
	}
	if *head.Format != FormatVersion {
		return nil, fmt.Errorf("mailhaul %s wrote it in format %d, this one reads format %d: make the plan again",
			head.Version, *head.Format, FormatVersion)
	}
	c := content{Plan: &Plan{}}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("it is damaged (%v): make the plan again", err)
	}
	c.Plan.Basis = c.Basis
	return c.Plan, c.whole()
}

// whole checks what a plan must have so that nobody carries out half of one.
func (p *Plan) whole() error {
	if p.Pass.Name == "" || p.Config == "" || p.Lineage == "" {
		return errors.New("it is damaged (pass, config or lineage is missing): make the plan again")
	}
	for i := range p.Mailboxes {
		m := &p.Mailboxes[i]
		switch m.Action {
		case Start, Continue, UpToDate, Blocked, Skipped:
		default:
			return fmt.Errorf("it is damaged (action %q of %s): make the plan again", m.Action, m.Name)
		}
	}
	if got := total(p.Mailboxes); got != p.Total {
		return errors.New("it is damaged (its numbers do not add up): make the plan again")
	}
	return nil
}

// Stale says what has changed since the plan was made; a plan may be applied only if nothing has. The first sentence of a
// note's Text may be followed by lines that name the changes. now is the configuration of now, as lineage and serial are
// those of the state file.
func Stale(p *Plan, now *config.Config, lineage string, serial int64) []Note {
	const again = "Make the plan again: mailhaul plan --out FILE"
	var changed []Note
	if p.Config != now.Hash {
		text := "the configuration has changed since the plan was made"
		if what := config.Changes(p.Basis, now.Basis()); len(what) > 0 {
			text += ":\n" + strings.Join(what, "\n")
		}
		changed = append(changed, Note{Code: string(config.CodeChanged), Text: text, Hint: again})
	}
	switch {
	case p.Lineage != lineage:
		changed = append(changed, Note{Code: string(mail.CodeStateChanged),
			Text: fmt.Sprintf("the plan was made from another state file than %s is now", p.State), Hint: again})
	case p.Serial != serial:
		changed = append(changed, Note{Code: string(mail.CodeStateChanged),
			Text: fmt.Sprintf("%s has changed since the plan was made", p.State), Hint: again})
	}
	return changed
}
