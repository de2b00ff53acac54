package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/tokenserver"
)

// TestMicrosoft365PeopleLeaveNoSecret carries the example out with a device code, and with an administrator's password, by
// every command that signs in or tells of what was done, each with a trace where it takes one, and with a refusal at the end.
// No password, token, device code or refresh token is in what is printed or in any
// file; the code that a person enters is shown on the terminal, and kept nowhere.
func TestMicrosoft365PeopleLeaveNoSecret(t *testing.T) {
	for way, c := range map[string]struct{ block, refuse, shown string }{
		"device code": {"  device_code = true", "50076", tokenserver.Message},
		"password": {"  admin {\n    user     = \"admin@contoso.example\"\n    password = env(\"ADMIN_PASSWORD\")\n  }", "50126",
			"deprecated by Microsoft"},
	} {
		t.Run(way, func(t *testing.T) {
			x := newExampleCloud(t, imapserver.Dovecot())
			x.fill()
			x.people(c.block)
			var said strings.Builder
			run := func(code int, args ...string) {
				r := x.must(code, args...)
				said.WriteString(r.stdout + r.stderr)
			}
			trace := []string{"--trace", "trace"}
			for _, args := range [][]string{{"verify"}, {"verify", "--json"}, {"folders", people[0][0]}, {"plan", "--pass", "full", "--out", "full.plan"},
				{"plan", "--json"}, {"apply", "--auto-approve"}, {"apply", "--auto-approve", "--json"}, {"apply", "--auto-approve"},
				{"check"}, {"check", "--json"}} {
				x.authority.Revoke() // each command signs in anew, and meets nothing of the one before
				run(0, append(args, trace...)...)
			}
			for _, args := range [][]string{{"status", "--json"}, {"failures", "--json"}, {"state", "show"}, {"state", "export"},
				{"setup", "microsoft365", "--delegated"}, {"validate"}} {
				run(0, args...)
			}
			x.authority.Set(tokenserver.Settings{Refuse: c.refuse})
			run(4, append([]string{"verify", "--json"}, trace...)...)
			if !strings.Contains(said.String(), c.shown) {
				t.Errorf("nothing says %q:\n%s", c.shown, said.String())
			}
			x.noCanary()
			x.noToken(said.String(), "AUTHENTICATE XOAUTH2 ***")
			x.nowhere("ABCD1234")
		})
	}
}

// people lets persons sign in to Microsoft 365 in place of the application.
func (c *cloud) people(block string) {
	c.t.Helper()
	file := filepath.Join(c.dir, "mailhaul.hcl")
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	c.put("mailhaul.hcl", regexp.MustCompile(`(?m)^  client_secret .*$`).ReplaceAllString(string(text), block))
	c.env = []string{"ADMIN_PASSWORD=CANARY-administrator"}
	c.authority.Set(tokenserver.Settings{Users: map[string]string{"admin@contoso.example": "CANARY-administrator"}})
	c.authority.EnterCode()
}

// nowhere looks for a text in every file.
func (c *cloud) nowhere(text string) {
	c.t.Helper()
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		octets, err := os.ReadFile(path)
		if bytes.Contains(octets, []byte(text)) {
			c.t.Errorf("%s holds %q", path, text)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}
