package cmd

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// scripts are what `mailhaul setup` prints, as templates.
//
//go:embed setup/*.tmpl
var scripts embed.FS

type setupFlags struct{ users, delegated, sourceOnly, destinationOnly bool }

func setupCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "setup SERVICE",
		Short: "print the script that prepares a service: microsoft365",
		RunE: func(_ *cobra.Command, words []string) error {
			const answer = "Type: mailhaul setup microsoft365"
			if len(words) > 0 {
				return usage(fmt.Sprintf("there is no service %q", words[0]), answer)
			}
			return usage("setup needs the name of a service", answer)
		},
	}
	c.AddCommand(setupMicrosoft365Command(a))
	return c
}

func setupMicrosoft365Command(a *app) *cobra.Command {
	f := &setupFlags{}
	c := &cobra.Command{
		Use:   "microsoft365 [MAILBOX...]",
		Short: "print the least-privilege script for Entra and Exchange, and its teardown",
		Long: `Print the PowerShell and az script that lets mailhaul open exactly the mailboxes of
the configuration: an application with a certificate, IMAP.AccessAsApp, admin
consent, the service principal, and full access to each mailbox. Its -Teardown
takes all of that away again. Nothing is contacted and nothing is changed.

  mailhaul setup microsoft365 > setup.ps1`,
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			if f.users && f.delegated {
				return usage("--users and --delegated exclude each other", "Each prints a script of its own.")
			}
			if f.sourceOnly && f.destinationOnly {
				return usage("--source-only and --destination-only exclude each other", "A script is for one side, where both are at Microsoft 365.")
			}
			cfg, mailboxes, err := a.loadChosen(c.Context(), chosen{patterns: words})
			if err != nil {
				return err
			}
			return f.print(a.term.Out, cfg, mailboxes)
		},
	}
	c.Flags().BoolVar(&f.users, "users", false, "print the admin centre's bulk-add CSV and the script that creates users with licences")
	c.Flags().BoolVar(&f.delegated, "delegated", false, "print the older route, in which a person signs in")
	c.Flags().BoolVar(&f.sourceOnly, "source-only", false, "leave the destination alone")
	c.Flags().BoolVar(&f.destinationOnly, "destination-only", false, "leave the source alone")
	return c
}

// script names the template. An endpoint that speaks IMAP at all gets IMAP's, since a source and an undo need it; what EWS and
// Graph need stands in it where they may be used too.
func (f *setupFlags) script(e *config.Endpoint) (string, error) {
	switch {
	case e.Microsoft365.Basic:
		return "", fail(mail.Code(config.CodeNotSupported), fmt.Sprintf("setup has nothing to print for %s, an Exchange Server on premises", e.Ref()),
			"Its account needs a role there: New-ManagementRoleAssignment -Name mailhaul -Role ApplicationImpersonation -User ACCOUNT")
	case f.users:
		return "users.ps1.tmpl", nil
	case f.delegated && (e.SpeaksIMAP() || slices.Contains(e.Transports(), config.TransportEWS)):
		return "delegated.ps1.tmpl", nil
	case f.delegated: // what Microsoft documents for importMime has no form for shared mailboxes
		return "", fail(mail.Code(config.CodeNotSupported), "setup prints no delegated script for the transport \"graph\"",
			"Microsoft documents no permission by which a person may import into somebody else's mailbox. "+
				"Without --delegated it prints the script for the application. See: mailhaul help microsoft365")
	case e.SpeaksIMAP():
		return "microsoft365.ps1.tmpl", nil
	case slices.Contains(e.Transports(), config.TransportEWS):
		return "ews.ps1.tmpl", nil
	}
	return "graph.ps1.tmpl", nil
}

// prepared is what a script is made for.
type prepared struct {
	Endpoint, Tenant, Client string
	Mailboxes                []string
	Size                     string // of the largest message; empty: the default
	IMAP, EWS, Graph         bool   // it may be reached by them
}

// print writes the script of the microsoft365 endpoint that the mailboxes use.
func (f *setupFlags) print(w io.Writer, cfg *config.Config, mailboxes []*config.Mailbox) error {
	var used *config.Endpoint
	for _, e := range cfg.Endpoints {
		switch {
		case len(f.prepare(e, mailboxes).Mailboxes) == 0:
		case used != nil:
			return usage("the mailboxes use more than one endpoint of type microsoft365",
				"Each needs a script of its own: choose by --source-only or --destination-only, or by naming mailboxes.")
		default:
			used = e
		}
	}
	if used == nil {
		return fail("CONFIG-MISSING", "no mailbox uses an endpoint of type microsoft365",
			"Write one, with tenant_id and client_id, and name it in a users block. See: mailhaul help microsoft365")
	}
	script, err := f.script(used)
	if err != nil {
		return err
	}
	t, err := template.New("").Funcs(template.FuncMap{"q": psQuote, "cell": psCell}).ParseFS(scripts, "setup/*.tmpl")
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, script, f.prepare(used, mailboxes))
}

// largest is what a mailbox takes by default, in octets.
const largest = 35_000_000

// prepare gathers what the endpoint's script is made for; without a mailbox none is needed.
func (f *setupFlags) prepare(e *config.Endpoint, mailboxes []*config.Mailbox) prepared {
	if e.Microsoft365 == nil {
		return prepared{}
	}
	p := prepared{Endpoint: e.Ref(), Tenant: e.Microsoft365.TenantID, Client: e.Microsoft365.ClientID, IMAP: e.SpeaksIMAP(),
		EWS: slices.Contains(e.Transports(), config.TransportEWS), Graph: slices.Contains(e.Transports(), config.TransportGraph)}
	for _, m := range mailboxes {
		if m.Skip != "" {
			continue
		}
		if m.From == e && !f.destinationOnly {
			p.Mailboxes = append(p.Mailboxes, m.Source.Username)
		}
		if m.To == e && !f.sourceOnly {
			p.Mailboxes = append(p.Mailboxes, m.Destination.Username)
		}
	}
	slices.Sort(p.Mailboxes)
	p.Mailboxes = slices.Compact(p.Mailboxes)
	if e.MaxMessage > largest {
		p.Size = fmt.Sprintf("%dMB", min(150, (e.MaxMessage+999_999)/1_000_000))
	}
	return p
}

// psQuotes are the signs that end a single-quoted string of PowerShell; twice they stand for themselves.
const psQuotes = "'\u2018\u2019\u201a\u201b"

// psQuote writes a string that PowerShell takes as it is.
func psQuote(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(psQuotes, r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	return "'" + b.String() + "'"
}

// psCell writes a cell of a CSV file within a here-string, which ends at a line that begins with a quote: no cell begins so.
func psCell(s string) string {
	if strings.ContainsAny(s, ",\"\n\r") || strings.IndexAny(s, "'=+-@") == 0 || strings.ContainsRune(psQuotes, []rune(s + " ")[0]) {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
