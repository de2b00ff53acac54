package ews

import (
	"errors"

	"mailhaul/state/mail"
)

// pager walks through a listing whose pages are asked for by offset. The listing may move between two pages, and then an
// entry could slip through: so each page begins with the last entry of the one before.
type pager struct {
	op     string
	most   int // new entries in a page
	offset int // of the next page
	done   bool

	last  string // entry that the next page must begin with
	tries int
}

// patience is how often a listing that moves is begun anew.
const patience = 5

// ask is how many entries to ask for.
func (p *pager) ask() int {
	if p.last != "" {
		return p.most + 1
	}
	return p.most
}

// turn takes a page. anew says that the listing moved: what came so far counts for nothing.
func (p *pager) turn(ids []string, last bool) (anew bool, failed *mail.Error) {
	moved := p.last != "" && (len(ids) == 0 || ids[0] != p.last)
	stuck := !moved && !last && (len(ids) == 0 || p.last != "" && len(ids) == 1)
	if moved || stuck {
		p.offset, p.last = 0, ""
		if p.tries++; p.tries > patience {
			return false, &mail.Error{Op: p.op, Kind: mail.Transient, Code: mail.CodeEWSProtocol,
				Err: errors.New("the listing changed each time it was read")}
		}
		return true, nil
	}
	p.done = last
	if len(ids) > 0 {
		p.offset += len(ids) - 1
		p.last = ids[len(ids)-1]
	}
	return false, nil
}
