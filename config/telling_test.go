package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTelling holds what is read of the blocks whose work comes later, and that each of them is named.
func TestTelling(t *testing.T) {
	dir := project(t, "users.csv", twoUsers, "a.hcl", base+`
pass "trial" {}
pass "full" { cutover = true }
cutover {
  domains      = ["contoso.example"]
  mx           = ["*.mail.protection.outlook.com", "*.mx.microsoft"]
  autodiscover = "autodiscover.outlook.com"
  settle       = "2h"
}
smtp {
  host     = "smtp.contoso.example"
  username = "migration"
  password = env("TEST_PASSWORD")
  from     = "Migration <migration@contoso.example>"
}
notify "users" {
  before = "48h"
  on     = ["scheduled", "mailbox_done"]
}
notify "operators" {
  to = ["it@contoso.example"]
  on = ["pass_done", "mailbox_failed", "cutover_ready"]
}
report {
  html = "reports/{pass}.html"
  csv  = "/srv/{pass}.csv"
  to   = ["it@contoso.example"]
}
`)
	c := mustLoad(t, dir)
	want := &Config{
		Cutover: &Cutover{Domains: []string{"contoso.example"}, MX: []string{"*.mail.protection.outlook.com", "*.mx.microsoft"},
			Autodiscover: "autodiscover.outlook.com", MaxTTL: 5 * time.Minute, Settle: 2 * time.Hour},
		SMTP: &SMTP{Host: "smtp.contoso.example", Port: 587, Username: "migration", Password: NewSecret("canary-of-env"),
			From: "Migration <migration@contoso.example>"},
		Notify: []*Notify{{Name: "users", Before: 48 * time.Hour, On: []string{"scheduled", "mailbox_done"}},
			{Name: "operators", To: []string{"it@contoso.example"}, On: []string{"pass_done", "mailbox_failed", "cutover_ready"}}},
		Report: &Report{HTML: dir + "/reports/{pass}.html", CSV: "/srv/{pass}.csv", To: []string{"it@contoso.example"}},
	}
	got := &Config{Cutover: c.Cutover, SMTP: c.SMTP, Notify: c.Notify, Report: c.Report}
	if d := cmp.Diff(want, got, plain); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	var later []string
	for _, u := range c.Unsupported {
		later = append(later, u.What)
	}
	if d := cmp.Diff([]string{"cutover = true of pass full", "the cutover block", "the smtp block", "notify users",
		"notify operators", "the report block"}, later); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if p := c.Passes[1]; p.Kind != PassTrial || p.PerFolder != 10 || p.MaxBytes != 5_000_000 {
		t.Errorf("trial = %+v", p)
	}
}
