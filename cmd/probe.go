package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/executor/imap"
	"mailhaul/executor/probe"
	"mailhaul/state/mail"
)

type probeFlags struct {
	user    string
	tls     string
	timeout time.Duration
}

// defaultProbeTimeout is how long a step of a probe waits.
const defaultProbeTimeout = 10 * time.Second

func probeCommand(a *app) *cobra.Command {
	f := &probeFlags{}
	c := &cobra.Command{
		Use:   "probe HOST[:PORT]",
		Short: "test the way to one server: name, port, TLS, greeting, sign-in methods",
		Long: `Test the way to one server: DNS, TCP, TLS and certificate, greeting, capabilities,
sign-in methods, each with its time. The first step that fails is explained. It
needs no project.

No password is sent unless --user NAME is given. Then it is asked for on the
terminal, or taken from the variable MAILHAUL_PROBE_PASSWORD, and sent once, over
TLS only; what the server tells after sign-in is shown too.

Port 993 (the default) has TLS from the first octet, port 143 STARTTLS; --tls
says otherwise.`,
		Args: oneWord("the name of a server, for example mail.contoso.example"),
		RunE: func(c *cobra.Command, words []string) error { return runProbe(c.Context(), a, f, words[0]) },
	}
	c.Flags().StringVar(&f.user, "user", "", "sign in as `NAME`")
	c.Flags().Var(newChoice(&f.tls, tlsByPort, imap.TLSImplicit, imap.TLSStart, imap.TLSNone), "tls",
		"protection: auto (by port), implicit, starttls or none")
	c.Flags().DurationVar(&f.timeout, "timeout", defaultProbeTimeout, "wait no longer than this `DURATION` for each answer")
	return c
}

// tlsByPort is the value of --tls that looks at the port.
const tlsByPort = "auto"

func runProbe(ctx context.Context, a *app, f *probeFlags, where string) error {
	opts, err := f.options(where)
	if err != nil {
		return err
	}
	if f.user != "" {
		password, err := a.probePassword(f.user)
		if err != nil {
			return err
		}
		opts.Login = &imap.Login{User: f.user, Password: password}
	}
	if opts.Trace, err = a.probeTrace(where); err != nil {
		return err
	}
	ctx, cancel := a.untilStop(ctx)
	defer cancel()
	a.sayAsking(net.JoinHostPort(opts.Host, strconv.Itoa(opts.Port)))
	r := probe.Run(ctx, opts)
	if ctx.Err() != nil {
		return errInterrupted
	}
	shown := probeReport(r)
	if a.flags.json {
		err = view.ProbeJSON(a.term.Out, shown)
	} else {
		err = view.Probe(a.term.Out, shown)
		if !shown.OK {
			blank(a.term.Err) // the error stands apart from the steps
		}
	}
	return errors.Join(err, probeVerdict(r))
}

// options says what to look at.
func (f *probeFlags) options(where string) (probe.Options, error) {
	host, port, err := hostAndPort(where)
	if err != nil {
		return probe.Options{}, err
	}
	if f.timeout <= 0 {
		return probe.Options{}, usage("--timeout must be longer than nothing", "For example: --timeout 5s")
	}
	o := probe.Options{Host: host, Port: port, TLS: f.tls, Timeout: f.timeout}
	switch {
	case f.tls == tlsByPort && port == 143:
		o.TLS = imap.TLSStart
	case f.tls == tlsByPort:
		o.TLS = imap.TLSImplicit
	}
	if o.Port == 0 {
		o.Port = 143
		if o.TLS == imap.TLSImplicit {
			o.Port = 993
		}
	}
	if f.user != "" && o.TLS == imap.TLSNone {
		return o, usage("a password is sent over TLS only", "Leave --user or --tls none out.")
	}
	return o, nil
}

// hostAndPort takes HOST[:PORT] apart; without a port it gives zero. An IPv6 address with a port stands in brackets.
func hostAndPort(where string) (string, int, error) {
	host, port, err := net.SplitHostPort(where)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(where, "["), "]"), "0"
	}
	if !namesServer(host) || strings.Contains(where, "//") {
		return "", 0, usage(fmt.Sprintf("%q is not the name of a server", where),
			"Write HOST or HOST:PORT, for example mail.contoso.example:993, without a user and without imaps://.")
	}
	n, convErr := strconv.ParseUint(port, 10, 16)
	if convErr != nil || n == 0 && err == nil {
		return "", 0, usage(fmt.Sprintf("%q is not a port", port), "A port is a number from 1 to 65535; IMAP has 993 and 143.")
	}
	return host, int(n), nil
}

// namesServer tells whether the word can be a name or an address.
func namesServer(host string) bool {
	if strings.Contains(host, ":") {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return host != "" && !strings.ContainsAny(host, "/@[]") && !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// probeTrace opens the file that --trace asks for; nil without it.
func (a *app) probeTrace(where string) (io.Writer, error) {
	if a.flags.trace == "" {
		return nil, nil
	}
	if err := os.MkdirAll(a.flags.trace, 0o700); err != nil {
		return nil, fail("CONFIG-FILE", "the directory for traces can't be made", sentence(err))
	}
	return (&traces{dir: a.flags.trace}).open("probe", where), nil
}

// probeReport is the report for people and programs.
func probeReport(r *probe.Report) view.ProbeReport {
	out := view.ProbeReport{Host: r.Host, Port: r.Port, TLS: r.TLS, OK: r.Failed() == nil, PasswordSent: r.PasswordSent}
	for _, s := range r.Steps {
		step := view.ProbeStep{Step: s.Name, OK: s.Err == nil, Took: s.Took, Seconds: s.Took.Seconds(), Facts: []view.ProbeFact{}, Notes: s.Notes}
		for _, f := range s.Facts {
			step.Facts = append(step.Facts, view.ProbeFact{Name: f.Name, Values: append([]string{}, f.Values...), Took: f.Took, Seconds: f.Took.Seconds()})
		}
		if s.Err != nil {
			code := mail.CodeOf(s.Err)
			step.Error = &view.ProbeError{Code: code, Kind: mail.KindOf(s.Err).String(), Text: s.Err.Error(), Hint: view.ProbeHint(s.Name, code)}
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// probeVerdict is the error of a probe that did not come to its end: a sign-in that was refused ends with a code of its
// own.
func probeVerdict(r *probe.Report) error {
	s := r.Failed()
	if s == nil {
		return nil
	}
	code := mail.CodeOf(s.Err)
	exit := exitError
	if s.Name == probe.StepSignIn && mail.KindOf(s.Err) == mail.Auth {
		exit = exitSignIn
	}
	summary := s.Err.Error()
	if s.Name == probe.StepTLS {
		summary, _, _ = strings.Cut(summary, "; ") // what may be written into the configuration stands in the hint, the digest above
	}
	where := net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
	summary = where + ": " + strings.Replace(summary, " with "+where, "", 1) // once is enough
	return &failure{exit, view.RunError{Code: code, Summary: summary, Detail: view.ProbeHint(s.Name, code)}}
}
