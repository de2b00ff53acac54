package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"mailhaul/state/mail"
)

// probed are two looks at servers: one that succeeded and one that failed at a hostile server.
func probed() (right, wrong ProbeReport) {
	dns := ProbeStep{Step: "dns", OK: true, Took: 12 * time.Millisecond, Seconds: 0.012, Facts: []ProbeFact{
		{Name: "A", Values: []string{"192.0.2.10", "192.0.2.11"}}, {Name: "AAAA", Values: []string{}}, {Name: "MX", Values: []string{"10 mx.contoso.example"}},
		{Name: "SRV _imaps._tcp", Values: []string{"imap.contoso.example:993"}}, {Name: "SRV _imap._tcp", Values: []string{}}},
		Notes: []string{"The domain says that its IMAP server is imap.contoso.example:993."}}
	tcp := ProbeStep{Step: "tcp", OK: true, Took: 10010 * time.Millisecond, Seconds: 10.01, Facts: []ProbeFact{
		{Name: "192.0.2.10", Values: []string{"connected"}, Took: 31 * time.Millisecond, Seconds: 0.031},
		{Name: "192.0.2.11", Values: []string{"no answer in time"}, Took: 10 * time.Second, Seconds: 10}},
		Notes: []string{"1 of 2 addresses can't be reached: connections may now and then take longer."}}
	right = ProbeReport{Host: "mail.contoso.example", Port: 993, TLS: "implicit", OK: true, PasswordSent: true, Steps: []ProbeStep{dns, tcp,
		{Step: "tls", OK: true, Took: 60 * time.Millisecond, Seconds: 0.06, Facts: []ProbeFact{
			{Name: "version", Values: []string{"TLS 1.3"}}, {Name: "certificate", Values: []string{"mail.contoso.example"}},
			{Name: "names", Values: []string{"mail.contoso.example", "imap.contoso.example", "smtp.contoso.example", "autodiscover.contoso.example"}},
			{Name: "sha256", Values: []string{strings.Repeat("0123456789abcdef", 4)}}},
			Notes: []string{"The certificate expires on 2026-12-02, in 5 days."}},
		{Step: "greeting", OK: true, Facts: []ProbeFact{{Name: "text", Values: []string{"Dovecot ready."}}}},
		{Step: "capabilities", OK: true, Took: time.Millisecond, Seconds: 0.001, Facts: []ProbeFact{
			{Name: "before sign-in", Values: []string{"AUTH=PLAIN", "IMAP4REV1", "SASL-IR"}}, {Name: "sign-in methods", Values: []string{"PLAIN", "the command LOGIN"}}}},
		{Step: "sign_in", OK: true, Took: time.Second, Seconds: 1, Facts: []ProbeFact{
			{Name: "method", Values: []string{"AUTHENTICATE PLAIN"}},
			{Name: "after sign-in", Values: strings.Fields(strings.Repeat("CAPABILITY ", 20))}}},
		{Step: "id", OK: true, Facts: []ProbeFact{{Name: "ID", Values: []string{"name Dovecot"}}, {Name: "delimiter", Values: []string{`"/"`}}}},
		{Step: "quota", OK: true, Facts: []ProbeFact{{Name: "limits", Values: []string{"STORAGE: 12 of 512 KiB"}}}},
	}}
	text := "read greeting: " + nasty
	wrong = ProbeReport{Host: "mail." + nasty, Port: 143, TLS: "starttls", Steps: []ProbeStep{{Step: "dns", OK: true, Facts: []ProbeFact{{Name: "MX", Values: []string{nasty}}},
		Notes: []string{nasty}}, {Step: "greeting", Facts: []ProbeFact{{Name: nasty, Values: []string{nasty, nasty}}},
		Error: &ProbeError{Code: mail.CodeIMAPGreeting, Kind: "auth", Text: text, Hint: ProbeHint("greeting", mail.CodeIMAPGreeting)}}}}
	return right, wrong
}

func TestProbe(t *testing.T) {
	right, wrong := probed()
	for name, r := range map[string]ProbeReport{"probe": right, "probe-failed": wrong} {
		everyWay(t, name, func(o Output) error { return Probe(o, r) })
		var doc bytes.Buffer
		if err := ProbeJSON(&doc, r); err != nil {
			t.Fatal(err)
		}
		harmless(t, doc.String())
		var back ProbeReport
		if err := json.Unmarshal(doc.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		golden(t, "doc-"+name+".json", doc.String())
	}
}

// TestProbeHints asks for advice on every code at every step: a step that failed is never left without.
func TestProbeHints(t *testing.T) {
	for _, step := range []string{"dns", "tcp", "tls", "greeting", "starttls", "capabilities", "sign_in", "id", "quota"} {
		for _, code := range mail.Codes() {
			if hint := ProbeHint(step, code); len(hint) < 20 || strings.Contains(hint, "apply") {
				t.Errorf("%s, %s: %q", step, code, hint)
			}
		}
	}
}
