package dovecot_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/dovecot"
)

// talk sends one command after the greeting and gives all lines up to its tagged answer.
func talk(t *testing.T, c net.Conn, command string) string {
	t.Helper()
	return talkTo(t, c, "a ", "a "+command)
}

// talkTo sends lines after the greeting and gives all answers up to the one that begins with last.
func talkTo(t *testing.T, c net.Conn, last, lines string) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "%s\r\n", lines)
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", all.String(), err)
		}
		all.WriteString(line)
		if strings.HasPrefix(line, last) {
			return all.String()
		}
	}
}

func dial(t *testing.T, s *dovecot.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSignIn(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{
		Users:   map[string]string{"anna@old.example": `s"e\c:ret`, "bo@old.example": "other"},
		Masters: map[string]string{"admin": "master"},
	})
	tests := []struct{ command, want string }{
		{`LOGIN anna@old.example "s\"e\\c:ret"`, "a OK"},
		{`LOGIN anna@old.example wrong`, "a NO"},
		{`LOGIN anna@old.example*admin master`, "a OK"},
		{`LOGIN anna@old.example*admin wrong`, "a NO"},
		{`LOGIN nobody@old.example*admin master`, "a NO"},
		{`LOGIN bo@old.example other`, "a OK"},
	}
	for _, tt := range tests {
		if got := talk(t, dial(t, s), tt.command); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.command, got, tt.want)
		}
	}
	s.SetPassword("bo@old.example", "new")
	if got := talk(t, dial(t, s), "LOGIN bo@old.example new"); !strings.Contains(got, "a OK") {
		t.Errorf("after the password changed: %q", got)
	}
}

func TestTLSAndRestart(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"anna": "secret"}, RefusePlaintext: true})
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("the CA file holds no certificate")
	}
	signIn := func() {
		t.Helper()
		c, err := tls.Dial("tcp", s.TLSAddr(), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := talk(t, c, "LOGIN anna secret"); !strings.Contains(got, "a OK") {
			t.Errorf("over TLS: %q", got)
		}
	}
	signIn()
	if got := talk(t, dial(t, s), "CAPABILITY"); !strings.Contains(got, "STARTTLS") || !strings.Contains(got, "LOGINDISABLED") {
		t.Errorf("capabilities without TLS: %q", got)
	}
	s.Kill()
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		c.Close()
		t.Error("the killed server still listens")
	}
	s.Restart()
	signIn()
}

func TestLayouts(t *testing.T) {
	tests := []struct {
		opts dovecot.Options
		want string
	}{
		{dovecot.Options{}, `(("" "/"))`},
		{dovecot.Options{Layout: "maildir++", Prefix: "INBOX."}, `(("INBOX." "."))`},
		{dovecot.Options{Layout: "sdbox", Quota: "*:storage=5M"}, `(("" "/"))`},
	}
	for _, tt := range tests {
		tt.opts.Users = map[string]string{"anna": "secret"}
		s := dovecot.Start(t, tt.opts)
		got := talk(t, dial(t, s), "LOGIN anna secret\r\nb NAMESPACE\r\na NOOP")
		if !strings.Contains(got, "a OK") {
			t.Errorf("%+v: %q", tt.opts, got)
		}
		if list := s.Doveadm("mailbox", "status", "-u", "anna", "messages", "INBOX"); !strings.Contains(list, "messages=0") {
			t.Errorf("doveadm says %q", list)
		}
	}
}

func TestUserQuota(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"anna": "secret", "bo": "secret"},
		UserQuota: map[string]string{"bo": "*:bytes=1000"}})
	text := strings.Repeat("0123456789", 200)
	for user, want := range map[string]string{"anna": "a OK", "bo": "a NO [OVERQUOTA]"} {
		command := fmt.Sprintf("LOGIN %s secret\r\na APPEND INBOX {%d+}\r\n%s\r\nb NOOP", user, len(text), text)
		got := talkTo(t, dial(t, s), "b ", "x "+command)
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", user, got, want)
		}
	}
}
