package view

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// ProbeReport is what a look at one server showed.
type ProbeReport struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	TLS  string `json:"tls"` // implicit, starttls, none
	OK   bool   `json:"ok"`
	// PasswordSent tells whether a password went to the server.
	PasswordSent bool        `json:"password_sent"`
	Steps        []ProbeStep `json:"steps"`
}

// ProbeStep is one step and what it showed.
type ProbeStep struct {
	Step    string        `json:"step"` // a name of executor/probe
	OK      bool          `json:"ok"`
	Took    time.Duration `json:"-"`
	Seconds float64       `json:"seconds"`
	Facts   []ProbeFact   `json:"facts"`
	Notes   []string      `json:"notes,omitempty"`
	Error   *ProbeError   `json:"error,omitempty"`
}

// ProbeFact is one thing that a step showed; no Values: there is none.
type ProbeFact struct {
	Name    string        `json:"name"`
	Values  []string      `json:"values"`
	Took    time.Duration `json:"-"`
	Seconds float64       `json:"seconds,omitempty"`
}

// ProbeError is why a step failed.
type ProbeError struct {
	Code mail.Code `json:"code"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	Hint string    `json:"hint"`
}

// ProbeJSON writes the report as one document.
func ProbeJSON(w io.Writer, r ProbeReport) error { return document(w, r) }

// Probe writes the steps, each with its time and what it showed.
func Probe(o Output, r ProbeReport) error {
	var b strings.Builder
	head := net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) + ", " + protection(r.TLS)
	b.WriteString(strings.Join(wrap(Safe(head), o.Width), "\n") + "\n\n")
	for _, s := range r.Steps {
		s.write(&b, o)
	}
	if r.OK {
		b.WriteByte('\n')
		paragraph(&b, r.verdict(), "", o.Width)
	}
	return o.put(b.String())
}

func protection(tls string) string {
	switch tls {
	case "implicit":
		return "TLS from the first octet"
	case "starttls":
		return "TLS by STARTTLS"
	}
	return "without TLS"
}

// verdict is the last sentence of a probe that came to its end.
func (r ProbeReport) verdict() string {
	end := "No password was sent; --user NAME signs in too."
	if r.PasswordSent {
		end = "The password was accepted."
	}
	if r.TLS == "none" {
		end = "The connection is not protected, so no password can be sent."
	}
	return "Every step succeeded. " + end
}

// write writes the line of a step, its facts below it and then what deserves a look.
func (s ProbeStep) write(b *strings.Builder, o Output) {
	p := palette{o.Color}
	sign, paint := o.signs().done, p.green
	if !s.OK {
		sign, paint = "!", p.red
	}
	b.WriteString(" " + paint(pad(sign, 2)) + " " + pad(stepTitle(s.Step), 14) + padLeft(milliseconds(s.Took), 9) + "\n")
	t := table{indent: 6, columns: []column{{min: 15}, {}}}
	for _, f := range s.Facts {
		t.add("", nil, Safe(f.Name), f.text())
	}
	t.render(b, o.Width, false)
	for _, n := range s.Notes {
		paragraph(b, "? "+Safe(n), "      ", o.Width)
	}
}

// text joins the values; where the fact has a time of its own, that too.
func (f ProbeFact) text() string {
	if len(f.Values) == 0 {
		return "none"
	}
	separator := ", "
	if f.Name == "before sign-in" || f.Name == "after sign-in" || f.Name == "in plain text" {
		separator = " " // capabilities, as the server writes them
	}
	var values []string
	for _, v := range f.Values {
		values = append(values, Safe(v))
	}
	text := strings.Join(values, separator)
	if f.Took > 0 {
		text += " in " + milliseconds(f.Took)
	}
	return text
}

// stepTitle names a step for people.
func stepTitle(step string) string {
	switch step {
	case "dns", "tcp", "tls", "starttls":
		return strings.ToUpper(step)
	case "sign_in":
		return "sign-in"
	case "id":
		return "ID, namespace"
	}
	return step
}

// milliseconds writes a short time: "31 ms", "1.2 s".
func milliseconds(d time.Duration) string {
	switch ms := d.Round(time.Millisecond).Milliseconds(); {
	case ms < 1:
		return "< 1 ms"
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// ProbeHint says what to do about a step that failed. Other than Hint it speaks to somebody who has no project yet.
func ProbeHint(step string, code mail.Code) string {
	switch {
	case step == "dns":
		return "Check the spelling of the name. If it is right, ask whoever looks after the domain, or try the server's address."
	case step == "tcp":
		return "Check the port: 993 is IMAP with TLS, 143 IMAP with STARTTLS. If it is right, a firewall on the way may be in between: " +
			"ask the server's administrator to let this machine in."
	case code == mail.CodeIMAPTimeout:
		return "The connection stands, and nothing comes. A firewall may swallow the answers, or the port speaks another protocol; --timeout waits longer."
	}
	if hint, found := probeHints()[code]; found {
		return hint
	}
	return "The server's words are above; ask its administrator. --trace DIR writes down the conversation."
}

func probeHints() map[mail.Code]string {
	return map[mail.Code]string{
		mail.CodeIMAPTLS: "The administrator of the server can mend the certificate. For a server of your own authority write ca_file " +
			"into its endpoint; pin_sha256 trusts exactly this certificate. Nothing was sent to the server.",
		mail.CodeIMAPGreeting:     "Another service may listen there. IMAP with TLS has port 993 (--tls implicit), IMAP with STARTTLS port 143 (--tls starttls).",
		mail.CodeIMAPPlaintext:    "Try port 993, which has TLS from the first octet. If that is closed, ask the server's administrator for TLS.",
		mail.CodeIMAPLogin:        "Check user name and password: many servers want the whole address. Some want a password for applications, or IMAP allowed for the mailbox.",
		mail.CodeIMAPSignInMethod: "The server takes no password by the methods that it offers; they are listed above.",
		mail.CodeIMAPDenied:       "The password is right. Ask the server's administrator to allow IMAP for this mailbox.",
		mail.CodeIMAPConnections:  "Close other mail programs of this mailbox and try again in a few minutes.",
		mail.CodeIMAPThrottled:    "The server asks to wait. Try again later.",
		mail.CodeIMAPUnavailable:  "The server says that it can't work now. Try again later.",
		mail.CodeIMAPLost:         "The server ended the connection. It may refuse this machine's address; its administrator sees the reason in its log.",
	}
}
