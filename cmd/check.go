package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/check"
	"mailhaul/plan"
	"mailhaul/state/mail"
)

type checkFlags struct {
	headers bool
	sample  int
	out     string
}

func checkCommand(a *app) *cobra.Command {
	f := &checkFlags{}
	c := &cobra.Command{
		Use:   "check [MAILBOX...]",
		Short: "compare both sides message by message; changes nothing",
		Long: `Compare both sides message by message, from fresh reads and without the state file.
Nothing is changed on either side.

  =  the same    -  missing    +  extra: only the destination has it
  2  twice       ~  differs    !  unreadable    .  left out, as configured

The same means: octets and INTERNALDATE. Where only line ends, trace headers or
the form of MIME are others, the message differs and nothing is lost. What has
only its Message-ID, Date, From, To and Subject in common is altered. Each
destination folder is compared with all the source folders that go there; equal
messages are counted.

Exit code 3: something is missing, twice, altered or unreadable. Extra messages,
other flags, dates and forms are told and fail nothing: new mail arrives and
people read it. Mail that no pass has copied yet is missing. So is what somebody
deleted or moved at the destination since.

The lines of --out and all rules: mailhaul help comparison.`,
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			return runCheck(c.Context(), a, f, chosen{patterns: words})
		},
	}
	c.Flags().BoolVar(&f.headers, "headers", false, "compare headers, dates and sizes; read no bodies (over EWS they come all the same)")
	c.Flags().Var((*percent)(&f.sample), "sample", "compare by headers, and this `PERCENT` whole")
	c.Flags().StringVar(&f.out, "out", "", "write a line of JSON for every message into `FILE`")
	return c
}

// checkGC lets the collector run when memory has grown by this many percent. What a comparison keeps of a large folder
// holds no pointers, so that a run costs next to nothing, and twice the memory buys nothing.
const checkGC = 10

func runCheck(ctx context.Context, a *app, f *checkFlags, who chosen) error {
	if f.headers && f.sample > 0 {
		return usage("--headers and --sample exclude each other", "--sample compares everything by headers too.")
	}
	if err := checkFailed(f.out, canWrite(f.out)); err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(checkGC))
	w, err := a.openStateless(ctx, who)
	if err != nil {
		return err
	}
	w.endpoints.first = config.TransportIMAP // another view than the one that wrote
	// Only the names of folders are taken from here: where each one goes is the plan's business.
	if w.inventories, err = w.survey(ctx, w.everybody(), executor.SurveyOptions{}); err != nil {
		return err
	}
	r, err := newCheckReport(a, f, w.mailboxes)
	if err != nil {
		return err
	}
	return r.end(w.check(ctx, f, r))
}

// check compares the mailboxes that can be asked; the others are told at once.
func (w *work) check(ctx context.Context, f *checkFlags, r *checkReport) error {
	ctx, cancel := w.app.untilStop(ctx)
	defer cancel()
	var list []check.Mailbox
	for _, m := range w.mailboxes {
		inventory := w.inventories[m.Name()]
		switch {
		case m.Skip != "":
			r.done(view.CheckMailbox{Mailbox: m.Name(), Destination: m.Destination.Address, Skipped: m.Skip})
		case inventory.Problem != nil:
			r.done(view.CheckMailbox{Mailbox: m.Name(), Destination: m.Destination.Address, Problem: inventory.Problem})
		default:
			list = append(list, w.comparable(m, inventory))
		}
	}
	events := w.app.surveyEvents()
	err := check.Run(ctx, list, check.Options{Headers: f.headers, Sample: f.sample, Parallel: w.parallel(),
		Enter: w.entering(events.Event), Finding: r.finding, Same: f.out != "", Done: func(result check.Result) { r.done(checkedMailbox(result)) }})
	if ctx.Err() != nil {
		err = errInterrupted
	}
	return errors.Join(err, events.Close())
}

// checkedMailbox gives a result as it is shown.
func checkedMailbox(r check.Result) view.CheckMailbox {
	m := view.CheckMailbox{Mailbox: r.Mailbox, Destination: r.Destination, Whole: !r.Fails(), Shared: r.Shared,
		Tally: view.CheckTally(r.Tally)}
	for _, f := range r.Folders {
		m.Folders = append(m.Folders, view.CheckFolder{Source: f.Source, Destination: f.Destination, LeftOut: f.LeftOut,
			Problem: f.Problem, Absent: f.Absent, Unlisted: f.Unlisted, Tally: view.CheckTally(f.Tally)})
	}
	if r.Err != nil {
		m.Problem = &plan.Problem{Side: r.Side, Code: mail.CodeOf(r.Err), Kind: mail.KindOf(r.Err).String(), Text: r.Err.Error()}
	}
	return m
}

// checkedMessage gives a finding as it is shown.
func checkedMessage(f check.Finding) view.CheckMessage {
	m := view.CheckMessage{Mailbox: f.Mailbox, Sign: string(f.Sign), Folder: f.Source, DestinationFolder: f.Destination,
		UID: f.SourceUID, DestinationUID: f.UID, Bytes: f.Size, What: f.What, By: f.By, Fails: f.Fails()}
	if !f.Date.IsZero() {
		m.Date = &f.Date
	}
	return m
}

// verdictOfCheck is the exit code that a comparison leads to.
func verdictOfCheck(rows []view.CheckMailbox) error {
	refused := map[string]int{}
	part := 0
	for _, m := range rows {
		if m.Skipped == "" {
			part++
		}
		if m.Problem != nil {
			refused[m.Problem.Side+" "+m.Problem.Kind]++
		}
	}
	switch {
	case part > 0 && (refused["source auth"] == part || refused["destination auth"] == part):
		return outcome(exitSignIn)
	case slices.ContainsFunc(rows, func(m view.CheckMailbox) bool { return m.Skipped == "" && !m.Whole }):
		return outcome(exitIncomplete)
	}
	return nil
}

// checkFailed names what could not be written.
func checkFailed(file string, err error) error {
	if err == nil || errors.As(err, new(*failure)) {
		return err
	}
	return fail("CONFIG-FILE", fmt.Sprintf("%s can't be written", file), sentence(err))
}
