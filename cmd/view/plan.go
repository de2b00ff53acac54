package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailhaul/config"
	"mailhaul/plan"
)

// PlanOptions say how a plan is shown; the zero value is a plan that was just made on a quiet afternoon.
type PlanOptions struct {
	All     bool          // every mailbox, nothing collapsed
	LeftOut bool          // list the messages that stay behind instead of the plan
	Counted time.Duration // how long both sides were counted; zero: not said
	Of      int           // how many mailboxes the configuration has
	Quiet   bool          // the sums only, and what is wrong
	// Zone is the one in whose clock it is said when the pass may run; nil: that is not said.
	Zone *time.Location
	File string // the plan was saved there: the last line says how to carry it out
}

// many is how many lines of one kind a plan shows before it collapses the ordinary ones.
const many = 20

// sample is how many ordinary lines are shown where the others are collapsed.
const sample = 3

// Plan writes what a pass would do.
func Plan(o Output, p *plan.Plan, opt PlanOptions) error {
	if opt.LeftOut {
		return leftOut(o, p)
	}
	v := planView{Output: o, palette: palette{o.Color}, plan: p, opt: opt}
	if !opt.Quiet {
		v.head()
	}
	switch {
	case p.Empty() && len(p.Errors) == 0:
		v.nothing()
		v.leftBehind()
	case opt.Quiet:
		v.totals()
	default:
		v.mailboxes()
		whyBlocked(&v.b, v.Output, blocksOfPlan(p))
		v.folders()
		v.leftBehind()
		v.neverMoved()
		v.b.WriteByte('\n')
		v.totals()
	}
	v.notes("Error:", v.red, p.Errors)
	v.notes("Warning:", v.yellow, p.Warnings)
	v.end()
	return o.put(v.b.String())
}

// Question is what apply asks before it copies; the answer is read behind it. destination is how people call the other
// side: "Microsoft 365", or the server's name.
func Question(o Output, p *plan.Plan, destination string) error {
	what := "Copy " + Plural(p.Total.Todo.Messages, "message") + " to " + Safe(destination) + " now?"
	if p.Total.Todo.Messages == 0 && p.Total.FlagChanges > 0 {
		what = "Carry " + Plural(p.Total.FlagChanges, "changed flag") + " over to " + Safe(destination) + " now?"
	}
	return o.put(palette{o.Color}.bold(what) + "\n" +
		"Nothing is deleted on either side. You can stop at any time with Ctrl-C.\n" +
		`Only "yes" is accepted: `)
}

// planView builds the text of one plan.
type planView struct {
	Output
	palette
	b    strings.Builder
	plan *plan.Plan
	opt  PlanOptions
}

func (v *planView) say(format string, args ...any) {
	paragraph(&v.b, fmt.Sprintf(format, args...), "", v.Width)
}

func (v *planView) head() {
	p := v.plan
	runs := Plural(p.Runs, "earlier run")
	if p.Runs == 0 {
		runs = "no earlier run"
	}
	mailboxes := Plural(len(p.Mailboxes), "mailbox")
	if v.opt.Of > len(p.Mailboxes) {
		mailboxes = Count(len(p.Mailboxes)) + " of " + Plural(v.opt.Of, "mailbox")
	}
	v.say("%s: %s.  %s: %s.", Safe(strings.Join(p.Files, ", ")), mailboxes, Safe(p.State), runs)
	switch {
	case p.Offline:
		v.say("Made from %s alone: nothing was contacted.", Safe(p.State))
	case v.opt.Counted > 0:
		v.say("Counted both sides in %s.", Duration(v.opt.Counted))
	}
	v.b.WriteByte('\n')
	v.say("Pass \"%s\": %s", Safe(p.Pass.Name), passMeaning(p.Pass))
	if p.Pass.Why != "" {
		v.say("Chosen because %s.", Safe(strings.TrimSuffix(p.Pass.Why, ".")))
	}
	if may := May(p.When, v.opt.Zone); may != "" {
		v.say("%s", may)
	}
	v.b.WriteByte('\n')
}

// passMeaning says in words which messages a pass is about.
func passMeaning(p plan.Pass) string {
	switch {
	case p.Kind == config.PassVerify:
		return "sign in on both sides and map the folders; nothing is copied"
	case p.Kind == config.PassRetry:
		return "what failed or was left unfinished by earlier passes"
	case p.PerFolder > 0:
		return "at most " + Plural(p.PerFolder, "message") + " of each folder, " + Limit(p.MaxBytes) + " of each mailbox in all"
	}
	var bounds []string
	if p.Older != nil {
		bounds = append(bounds, bound("older than", "before", p.OlderWritten, *p.Older))
	}
	if p.Newer != nil {
		bounds = append(bounds, bound("newer than", "since", p.NewerWritten, *p.Newer))
	}
	if len(bounds) == 0 {
		return "all messages"
	}
	return "messages " + strings.Join(bounds, " and ")
}

// bound writes "older than 90 days (before 2026-08-24)" for an age and "before 2026-08-24" for a date.
func bound(relation, absolute, written string, at time.Time) string {
	date := absolute + " " + at.UTC().Format(time.DateOnly)
	if age := ageInWords(written); age != "" {
		return relation + " " + age + " (" + date + ")"
	}
	return date
}

// ageInWords makes "90 days" of "90d"; it gives "" for what is no age.
func ageInWords(written string) string {
	units := map[string]string{"d": "day", "w": "week", "m": "month", "y": "year", "h": "hour"}
	if len(written) < 2 {
		return ""
	}
	n, err := strconv.Atoi(written[:len(written)-1])
	noun := units[written[len(written)-1:]]
	if err != nil || noun == "" {
		return ""
	}
	return Plural(n, noun)
}

// nothing says that there is nothing to do, and what stays open all the same.
func (v *planView) nothing() {
	t, pass := v.plan.Total, Safe(v.plan.Pass.Name)
	switch t.UpToDate {
	case 0:
		v.say("Nothing to do. Pass \"%s\" has no mailbox to work on.", pass)
	case 1:
		v.say("Nothing to do. Pass \"%s\" is complete for the only reachable mailbox.", pass)
	default:
		v.say("Nothing to do. Pass \"%s\" is complete for all %s reachable mailboxes.", pass, Count(t.UpToDate))
	}
	if t.Skipped > 0 {
		v.say("%s skipped on request.", isAre(t.Skipped, "mailbox"))
	}
	v.failedEarlier()
}

// failedEarlier names what earlier runs could not move: "nothing to do" must not hide it.
func (v *planView) failedEarlier() {
	if n := v.plan.Total.Failed.Messages; n > 0 && v.plan.Pass.Kind != config.PassRetry {
		v.say("%s failed earlier. See:  mailhaul failures", Plural(n, "message"))
	}
}

func (v *planView) totals() {
	t := v.plan.Total
	v.say("Plan: %s to start, %s to continue, %s up to date, %s blocked, %s skipped.", Count(t.Start), Count(t.Continue),
		Count(t.UpToDate), Count(t.Blocked), Count(t.Skipped))
	todo := "      " + messages(t.Todo) + "."
	if t.FlagChanges > 0 {
		todo += " " + Plural(t.FlagChanges, "changed flag") + "."
	}
	if e := v.plan.Estimate; e != nil {
		todo = strings.TrimSuffix(todo+" "+howLong(*e), " ")
	}
	v.say("%s", todo)
	v.failedEarlier()
}

// howLong says an estimate: "About 21h of work: 2 nights." One day is not worth a word, and of the least time that is
// hardly any nothing is said.
func howLong(e plan.Estimate) string {
	text := "About " + roughly(e.Seconds) + " of work"
	switch {
	case e.Seconds < 60 && e.Measured:
		text = "Less than a minute of work"
	case e.Seconds < 60:
		return ""
	case !e.Measured:
		text = "At least " + roughly(e.Seconds) + " of work, as the limits go"
	}
	switch noun := "day"; {
	case e.Openings == 0, e.Openings == 1 && (!e.Nights || e.Seconds < 3600):
	case e.Nights:
		noun = "night"
		fallthrough
	default:
		text += ": " + Plural(e.Openings, noun)
	}
	return text + "."
}

// roughly writes a time span as exactly as an estimate deserves.
func roughly(seconds int64) string {
	switch d := time.Duration(seconds) * time.Second; {
	case d < time.Minute:
		return "a minute"
	case d < time.Hour:
		return Duration(d.Round(time.Minute))
	case d < 10*time.Hour:
		return Duration(d.Round(10 * time.Minute))
	default:
		return Duration(d.Round(time.Hour))
	}
}

// notes writes the plan's warnings or errors, each with what mends it.
func (v *planView) notes(label string, paint func(string) string, notes []plan.Note) {
	for _, n := range notes {
		text := ""
		if n.Mailbox != "" {
			text = Safe(n.Mailbox) + ": "
		}
		v.b.WriteByte('\n')
		headline(&v.b, v.Output, paint(label), text+Safe(n.Text))
		if n.Hint != "" {
			paragraph(&v.b, n.Hint, "  ", v.Width)
		}
		if n.Code != "" {
			paragraph(&v.b, "More: mailhaul explain "+Safe(n.Code), "  ", v.Width)
		}
	}
}

func (v *planView) end() {
	if n := len(v.plan.Errors); n > 0 {
		v.b.WriteByte('\n')
		v.say("%s: this plan can't be carried out.", Plural(n, "error"))
	}
	if v.opt.File != "" {
		v.b.WriteByte('\n')
		v.b.WriteString("To carry out this plan:  mailhaul apply " + ShellWord(v.opt.File) + "\n")
	}
}

// isAre writes "1 mailbox is" and "3 mailboxes are".
func isAre(n int, noun string) string {
	if n == 1 {
		return Plural(n, noun) + " is"
	}
	return Plural(n, noun) + " are"
}

// ShellWord quotes a file name for a shell where it needs it.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(`-_./:\@%+,=~`, r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(Safe(s), "'", `'\''`) + "'"
}
