package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailhaul/cmd/demo"
	"mailhaul/cmd/view"
)

func demoCommand(a *app) *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use:   "demo",
		Short: "a whole migration in one minute, on this machine only",
		Long: "Start two small mail servers inside this process, fill one, and migrate it step by step, with a\n" +
			"message that the destination refuses on the way. The project stays in a new directory.",
		Args: noWords,
		RunE: func(c *cobra.Command, _ []string) error { return runDemo(c.Context(), a, dir) },
	}
	c.Flags().StringVar(&dir, "dir", "", "new `DIR` for the project (default: mailhaul-demo, or with a number)")
	return c
}

// show is the demo on its way.
type show struct {
	app         *app
	dir         string
	source      *demo.Server
	destination *demo.Server
}

// step is one act: what is said, what happens behind the scene, the command, and the exit code it must have.
type step struct {
	say    string
	before func() error
	args   string
	exit   int
}

func runDemo(ctx context.Context, a *app, dir string) (err error) {
	s := &show{app: a}
	if s.dir, err = freshDir(a.flags.chdir, dir); err != nil {
		return err
	}
	if err := s.raise(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.source.Close(), s.destination.Close()) }()
	if err := s.writeProject(); err != nil {
		return err
	}
	s.say(fmt.Sprintf("Two small mail servers run inside this process, on loopback only. The one at port %d holds %d\n"+
		"messages of 3 people, the one at port %d is new. The project is in %s: mailhaul.hcl, users.csv.",
		s.source.Port(), s.source.Count(""), s.destination.Port(), s.dir))
	s.typed("cd " + s.dir)
	for _, step := range s.steps() {
		if err := s.play(ctx, step); err != nil {
			return err
		}
	}
	return s.compare()
}

// freshDir makes a directory that was not there.
func freshDir(base, named string) (string, error) {
	if named != "" {
		if err := os.Mkdir(filepath.Join(base, named), 0o700); err != nil {
			return "", fail("CONFIG-FILE", "the demo needs a new directory", sentence(err))
		}
		return filepath.Join(base, named), nil
	}
	for n := 1; ; n++ {
		name := filepath.Join(base, "mailhaul-demo")
		if n > 1 {
			name += fmt.Sprintf("-%d", n)
		}
		err := os.Mkdir(name, 0o700)
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return "", fail("CONFIG-FILE", "the demo's directory can't be made", sentence(err))
		}
	}
}

// raise starts and fills both servers.
func (s *show) raise() (err error) {
	if s.source, err = demo.NewServer(demo.Options{Users: demo.SourceUsers()}); err != nil {
		return err
	}
	if s.destination, err = demo.NewServer(demo.Options{Users: demo.DestinationUsers(), Delimiter: '.'}); err != nil {
		return errors.Join(err, s.source.Close())
	}
	if err = errors.Join(demo.Seed(s.source, time.Now()), demo.SeedDestination(s.destination)); err != nil {
		return errors.Join(err, s.source.Close(), s.destination.Close())
	}
	return nil
}

func (s *show) steps() []step {
	return []step{
		{say: "First: can mailhaul sign in everywhere? Nothing is copied.", args: "verify"},
		{say: "What would be moved ahead, while people go on working?", args: "plan --pass prestage"},
		{say: "Move it.", args: "apply --pass prestage --auto-approve"},
		{say: "Meanwhile 2 new messages arrive for each person, and the destination begins to refuse one message.",
			before: s.arrive, args: "apply --pass full --auto-approve", exit: exitIncomplete},
		{say: "One message was refused; everything else is there. What happened?", args: "failures"},
		{say: "The administrator mends the destination. Only that message is tried again.",
			before: s.mend, args: "apply --pass retry --auto-approve"},
		{say: "How far is everything?", args: "status"},
		{say: "And once more: nothing is copied twice.", args: "apply --auto-approve"},
	}
}

// refused is the subject line of the message that the destination does not like.
const refused = "Subject: A message that the destination refuses"

// arrive lets new mail come, one message of which the destination will refuse.
func (s *show) arrive() error {
	now := time.Now()
	if _, err := demo.DeliverNew(s.source, now, 2); err != nil {
		return err
	}
	person := demo.People()[0].Source
	text := "From: Somebody <somebody@partner.example>\r\nTo: " + person + "\r\n" + refused + "\r\n\r\nHello.\r\n"
	_, err := s.source.Deliver(person, "INBOX", demo.Message{Date: now.Truncate(time.Second), Octets: []byte(text)})
	s.destination.SetRefuse(func(_, _ string, m demo.Message) string {
		if strings.Contains(string(m.Octets), refused) {
			return "message content not allowed by policy"
		}
		return ""
	})
	return err
}

func (s *show) mend() error {
	s.destination.SetRefuse(nil)
	return nil
}

// play carries out one step with the real command.
func (s *show) play(ctx context.Context, step step) error {
	select {
	case <-s.app.io.Stop:
		return s.interrupted()
	default:
	}
	if step.before != nil {
		if err := step.before(); err != nil {
			return err
		}
	}
	s.say(step.say)
	s.typed("mailhaul " + step.args)
	p := s.app.io
	p.Args = append([]string{"--chdir", s.dir, "--color", s.app.flags.color, "--progress", s.app.flags.progress},
		strings.Fields(step.args)...)
	p.Environ, p.ForPeople = withoutOurs(p.Environ), true
	switch got := Main(ctx, p); got {
	case step.exit:
	case exitInterrupted:
		return s.interrupted()
	default:
		return fail("", fmt.Sprintf("the demo went wrong: mailhaul %s ended with %d instead of %d", step.args, got, step.exit),
			"The project is kept in "+s.dir+". Please report this.")
	}
	return nil
}

// withoutOurs leaves out variables that would change what the demo's commands do.
func withoutOurs(environ []string) []string {
	var rest []string
	for _, e := range environ {
		if !strings.HasPrefix(e, "MAILHAUL_") {
			rest = append(rest, e)
		}
	}
	return rest
}

// say explains, between commands.
func (s *show) say(text string) {
	text = strings.TrimSuffix(view.Prose(text, helpColumns-len("# ")), "\n")
	_, _ = fmt.Fprintf(s.app.term.Out, "\n# %s\n", strings.ReplaceAll(text, "\n", "\n# "))
}

// typed shows a command as if somebody typed it.
func (s *show) typed(command string) { _, _ = fmt.Fprintf(s.app.term.Out, "$ %s\n", command) }
