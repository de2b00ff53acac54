package plan

import (
	"slices"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// sample is what a trial may still take of one folder.
type sample struct {
	folder *Folder
	rows   []state.Message
	retry  bool // what was tried before is counted already
}

// choose says which messages a trial takes: of each folder at most PerFolder, what was copied, failed or is in doubt
// included, and of the mailbox at most MaxBytes in all. The folders take turns, so that one with large messages does not
// use up what the others were to show. A message that does not fit is passed over and not replaced: the same trial
// planned again takes nothing more.
func (l *line) choose() {
	if l.pass.Kind != config.PassTrial {
		return
	}
	samples, room := l.samples()
	for turn := range l.pass.PerFolder {
		for _, s := range samples {
			if turn < len(s.rows) && s.rows[turn].Size <= room {
				room -= s.rows[turn].Size
				s.take(&s.rows[turn])
			}
		}
	}
	for _, s := range samples {
		slices.Sort(s.folder.UIDs)
	}
}

// samples gives the candidates of each folder, and the octets that are left for them. What is in doubt was sent already:
// it is taken, and settled.
func (l *line) samples() (all []sample, room mail.Size) {
	room = l.pass.MaxBytes
	for i := range l.out.Folders {
		f := &l.out.Folders[i]
		c := l.remembered(string(f.Source), f.UIDValidity)
		if c == nil || f.Excluded || f.NoSelect {
			continue
		}
		s := sample{folder: f, retry: l.in.Pass.Kind == config.PassRetry}
		places := int64(l.pass.PerFolder) - c.Failed.Messages - c.Doubt.Messages
		if l.inv.FormerDestination == "" {
			places -= c.Copied.Messages
			room -= c.Copied.Bytes
		}
		room -= c.Doubt.Bytes
		for j := range c.First {
			switch row := &c.First[j]; {
			case row.State.Doubt():
				s.take(row)
			case int64(len(s.rows)) < places:
				s.rows = append(s.rows, *row)
			}
		}
		all = append(all, s)
	}
	return all, room
}

func (s sample) take(row *state.Message) {
	f := s.folder
	f.UIDs = append(f.UIDs, row.UID)
	if s.retry && row.State != state.StateSeen {
		return
	}
	f.Todo = f.Todo.Add(state.Count{Messages: 1, Bytes: row.Size})
}
