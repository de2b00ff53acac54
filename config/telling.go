package config

import (
	"net"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// Cutover is the cutover block: the facts of the switch to the new server.
type Cutover struct {
	Domains      []string
	MX           []string // patterns of the host names that mail goes to after the switch
	Autodiscover string
	MaxTTL       time.Duration
	Settle       time.Duration // to go on after the switch was seen
	Resolvers    []string      // empty: the domain's own name servers and the system's resolver
	Range        Range
}

// SMTP is the smtp block: the server that letters are sent by.
type SMTP struct {
	Host     string
	Port     int // default 587
	Username string
	Password Secret
	From     string // as in a letter's header
	Range    Range
}

// Notify is one notify block.
type Notify struct {
	Name   string // NotifyUsers: one letter to each person
	To     []string
	Before time.Duration // ahead of the first start of a pass
	On     []string      // the words of notifyEvents
	Range  Range
}

// NotifyUsers is the label of the block whose letters go to each person.
const NotifyUsers = "users"

// notifyEvents are the words of on.
var notifyEvents = []string{"scheduled", "pass_done", "mailbox_done", "mailbox_failed", "cutover_ready"}

// Report is the report block: what is written when a pass ends. In the names of files {pass} stands for the pass.
type Report struct {
	HTML, JSON, CSV string // joined with Dir; empty: none
	To              []string
	Subjects        bool
	Range           Range
}

// Unsupported is something that was written, is right, and is not carried out by this version.
type Unsupported struct {
	What  string // "the smtp block"
	Range Range
}

// telling reads the blocks cutover, smtp, notify and report.
func (l *loader) telling() {
	c := l.config
	for _, n := range l.blocks(cutoverSpec) {
		c.Cutover = l.cutover(n)
		l.unsupported("the cutover block", n)
	}
	for _, n := range l.blocks(smtpSpec) {
		c.SMTP = l.smtp(n)
		l.unsupported("the smtp block", n)
	}
	for _, n := range l.blocks(notifySpec) {
		c.Notify = append(c.Notify, l.notify(n))
		l.unsupported("notify "+n.labels[0], n)
	}
	for _, n := range l.blocks(reportSpec) {
		c.Report = l.reportBlock(n)
		l.unsupported("the report block", n)
	}
}

// unsupported notes what the plan has to name, once.
func (l *loader) unsupported(what string, n *node) {
	if slices.ContainsFunc(l.config.Unsupported, func(u Unsupported) bool { return u.What == what }) {
		return
	}
	l.config.Unsupported = append(l.config.Unsupported, Unsupported{what, rangeOf(n.def)})
}

// textsOf gives a list's texts.
func textsOf(n *node, name string) []string {
	items, _ := get[[]item](n, name)
	var out []string
	for _, it := range items {
		out = append(out, it.text)
	}
	return out
}

// checkTexts complains of each text of a list in which trouble finds something.
func (l *loader) checkTexts(n *node, name, what string, trouble func(string) string) {
	items, _ := get[[]item](n, name)
	for _, it := range items {
		if t := trouble(it.text); t != "" {
			l.fail(CodeValue, n.at(it.rng), "%q is no %s", it.text, what).explain("%s", t)
		}
	}
}

// hostPattern is a host name whose first levels may be a star.
var hostPattern = lazily(`^(\*\.)?[\pL\pN_-]+(\.[\pL\pN_-]+)*\.?$`)

func (l *loader) cutover(n *node) *Cutover {
	c := &Cutover{Domains: textsOf(n, "domains"), MX: textsOf(n, "mx"), Autodiscover: or(n, "autodiscover", ""),
		MaxTTL: or(n, "max_ttl", 5*time.Minute), Settle: or(n, "settle", time.Hour), Resolvers: textsOf(n, "resolvers"), Range: rangeOf(n.def)}
	if len(c.Domains) == 0 && !n.bad("domains") {
		l.fail(CodeMissing, n.place("domains"), "the cutover block has no domains").explain(`Write domains = ["example.com"]: the part after the "@" of the addresses that move.`)
	}
	if len(c.MX) == 0 && c.Autodiscover == "" && !n.bad("mx") && !n.bad("autodiscover") {
		l.fail(CodeMissing, n.header(), "the cutover block says nothing that could come true").
			explain(`Write mx = ["*.mail.protection.outlook.com"]: where the domains' mail goes after the switch.`)
	}
	l.checkTexts(n, "domains", "domain", func(s string) string {
		switch {
		case strings.Contains(s, "@"):
			return `Write the part after the "@" alone.`
		case !hostName().MatchString(s) || !strings.Contains(s, "."):
			return "Write it as in example.com."
		}
		return ""
	})
	l.checkTexts(n, "mx", "host name or pattern", func(s string) string {
		if !hostPattern().MatchString(s) {
			return `Write a host name; a star may stand for its first levels: "*.mail.protection.outlook.com".`
		}
		return ""
	})
	l.checkTexts(n, "resolvers", "address of a resolver", resolverTrouble)
	if c.Autodiscover != "" && !hostName().MatchString(c.Autodiscover) {
		l.fail(CodeValue, n.place("autodiscover"), "autodiscover = %q is no host name", c.Autodiscover).
			explain("Write the host that the name autodiscover of the domains leads to: autodiscover.outlook.com.")
	}
	return c
}

func resolverTrouble(s string) string {
	host := s
	if h, _, err := net.SplitHostPort(s); err == nil {
		host = h
	}
	if net.ParseIP(host) == nil && !hostName().MatchString(host) {
		return `Write an IP address or a name, with or without a port: "192.0.2.53", "[2001:db8::53]:53".`
	}
	return ""
}

func (l *loader) smtp(n *node) *SMTP {
	s := &SMTP{Host: l.host(n), Port: or(n, "port", 587), Username: or(n, "username", ""), Password: or(n, "password", Secret{}),
		From: or(n, "from", ""), Range: rangeOf(n.def)}
	if s.From == "" && !n.bad("from") {
		l.fail(CodeMissing, n.place("from"), "the smtp block has no from").explain(`Write from = "Migration <migration@example.com>".`)
	} else if s.From != "" {
		if _, err := mail.ParseAddress(s.From); err != nil {
			l.fail(CodeValue, n.place("from"), "from = %q is no mail address", s.From).explain(`Write "name@example.com" or "Name <name@example.com>".`)
		}
	}
	if s.Username != "" && s.Password.IsZero() && !n.bad("password") {
		l.fail(CodeMissing, n.place("username"), "the smtp block has a username and no password").
			explain(`Write password = env("NAME"), file("PATH") or command("PROGRAM", "ARGUMENT").`)
	}
	if s.Username == "" && !s.Password.IsZero() && !n.bad("username") {
		l.fail(CodeMissing, n.place("password"), "the smtp block has a password and no username").
			explain(`Write username = "NAME", or remove the password if the server asks for none.`)
	}
	return s
}

func (l *loader) notify(n *node) *Notify {
	y := &Notify{Name: n.labels[0], To: textsOf(n, "to"), Before: or(n, "before", time.Duration(0)), On: textsOf(n, "on"), Range: rangeOf(n.def)}
	_, written := n.values["to"]
	switch {
	case y.Name == NotifyUsers && written:
		l.fail(CodeConflict, n.place("to"), "the letters of notify \"users\" go to each person, and have no to").
			explain("For fixed addresses write another block: notify \"operators\" { to = [...] }")
	case y.Name != NotifyUsers && len(y.To) == 0 && !n.bad("to"):
		l.fail(CodeMissing, n.header(), "notify %q goes to nobody", y.Name).explain(`Write to = ["it@example.com"]. Only notify "users" needs none.`)
	}
	if len(y.On) == 0 && !n.bad("on") {
		l.fail(CodeMissing, n.place("on"), "notify %q is sent on no event", y.Name).explain("Write on = [...] with some of: %s.", quoted(notifyEvents))
	}
	items, _ := get[[]item](n, "on")
	for _, it := range items {
		if !slices.Contains(notifyEvents, it.text) {
			l.fail(CodeUnknown, n.at(it.rng), "there is no event %q", it.text).explain("Events: %s.", quoted(notifyEvents)).near(it.text, notifyEvents)
		}
	}
	if y.Before > 0 && !slices.Contains(y.On, "scheduled") {
		l.fail(CodeConflict, n.place("before"), "before means nothing without on = [\"scheduled\"]").
			explain("It is how long ahead of a pass's start that letter is sent: add \"scheduled\" to on, or remove before.")
	}
	l.checkTexts(n, "to", "mail address", addressTrouble)
	l.needSMTP(n, "notify "+y.Name)
	return y
}

// needSMTP refuses letters that no server is named for.
func (l *loader) needSMTP(n *node, what string) {
	if l.config.SMTP == nil && !l.broken[smtpSpec.name] {
		l.fail(CodeMissing, n.header(), "%s sends letters, and there is no smtp block", what).
			explain("Say by which server:\nsmtp {\n  host = \"smtp.example.com\"\n  from = \"Migration <migration@example.com>\"\n}")
	}
}

// placeholder finds what stands in curly brackets.
var placeholder = lazily(`\{[^{}]*\}`)

func (l *loader) reportBlock(n *node) *Report {
	r := &Report{To: textsOf(n, "to"), Subjects: or(n, "subjects", false), Range: rangeOf(n.def)}
	for name, to := range map[string]*string{"html": &r.HTML, "json": &r.JSON, "csv": &r.CSV} {
		file, ok := get[string](n, name)
		if !ok {
			continue
		}
		if file == "" {
			l.fail(CodeValue, n.place(name), "%s names no file", name).explain("Write a file's name, or leave the line out for no such report.")
		}
		for _, p := range placeholder().FindAllString(file, -1) {
			if p != "{pass}" {
				l.fail(CodeUnknown, n.place(name), "there is no placeholder %s", p).explain("{pass} stands for the name of the pass.")
			}
		}
		*to = l.path(file)
	}
	l.checkTexts(n, "to", "mail address", addressTrouble)
	if len(r.To) > 0 {
		l.needSMTP(n, "the report")
	}
	return r
}
