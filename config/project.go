package config

import (
	"strconv"
	"strings"
)

// project reads the mailhaul block.
func (l *loader) project() {
	p := &l.config.Project
	*p = Project{State: l.path("mailhaul.state"), Mailboxes: 12}
	for _, n := range l.blocks(mailhaulSpec) {
		p.Version = or(n, "version", "")
		p.Customer = or(n, "customer", "")
		p.Mailboxes = or(n, "mailboxes", p.Mailboxes)
		if s, ok := get[string](n, "state"); ok {
			if s == "" {
				l.fail(CodeValue, n.place("state"), "state names no file").explain("Write a file's name, or leave the line out for mailhaul.state.")
			}
			p.State = l.path(s)
		}
		if p.Version != "" {
			l.checkVersion(n, p.Version)
		}
	}
}

// constraint is one part of a version constraint: "~> 1.0".
var constraint = lazily(`^(=|!=|>=|<=|>|<|~>)?\s*([0-9]+(?:\.[0-9]+){0,2})$`)

// release is the leading number of a version; what follows ("-rc1") does not count.
var release = lazily(`^v?([0-9]+(?:\.[0-9]+){0,2})(?:[-+].*)?$`)

func (l *loader) checkVersion(n *node, written string) {
	own := release().FindStringSubmatch(l.version)
	for part := range strings.SplitSeq(written, ",") {
		m := constraint().FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			l.fail(CodeValue, n.place("version"), "version = %q can't be read", written).
				explain(`Write a constraint such as "~> 1.0" or ">= 0.2, < 2.0".`)
			return
		}
		if own != nil && !satisfies(own[1], m[1], m[2]) {
			l.fail(CodeVersion, n.place("version"), "this project asks for mailhaul %s, and this is %s", written, l.version).
				explain("Use a matching release, or change the constraint if you know that this one will do.")
			return
		}
	}
}

// satisfies compares as Terraform does: "~> 1.2" allows 1.9 and not 2.0, "~> 1.2.3" allows 1.2.9 and not 1.3.
func satisfies(own, op, want string) bool {
	c := compareVersions(own, want)
	switch op {
	case "!=":
		return c != 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case "~>":
		if at := strings.LastIndex(want, "."); at >= 0 {
			return c >= 0 && strings.HasPrefix(padded(own)+".", want[:at]+".")
		}
		return c >= 0
	}
	return c == 0
}

func padded(v string) string { return v + strings.Repeat(".0", 2-strings.Count(v, ".")) }

func compareVersions(a, b string) int {
	x, y := strings.Split(padded(a), "."), strings.Split(padded(b), ".")
	for i := range x {
		m, _ := strconv.ParseUint(x[i], 10, 64) // digits only; beyond 64 bits it is the largest number
		n, _ := strconv.ParseUint(y[i], 10, 64)
		if m != n {
			if m < n {
				return -1
			}
			return 1
		}
	}
	return 0
}
