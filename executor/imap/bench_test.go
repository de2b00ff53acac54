package imap_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

const (
	benchMessages = 2000
	benchSize     = 5000
)

func benchOptions(s *dovecot.Server) imap.Options {
	return imap.Options{Host: s.Host, Port: s.Port, TLS: imap.TLSNone, Login: imap.Login{User: "u", Password: "p"}}
}

// BenchmarkAppend holds the appender against the least that a client can do: a socket into which all commands are
// written while another goroutine counts the answers.
func BenchmarkAppend(b *testing.B) {
	s := dovecot.Start(b, dovecot.Options{Users: map[string]string{"u": "p"}})
	body := "Subject: x\r\n\r\n" + strings.Repeat("x", benchSize-16) + "\r\n"
	n := 0 // each run writes to a folder of its own
	b.Run("mailhaul", func(b *testing.B) {
		ctx := context.Background()
		d, err := imap.DialDestination(ctx, benchOptions(s))
		if err != nil {
			b.Fatal(err)
		}
		defer d.Close()
		for ; b.Loop(); n++ {
			f, err := d.Create(ctx, mail.Path{fmt.Sprintf("m%d", n)}, mail.RoleNone)
			if err != nil {
				b.Fatal(err)
			}
			for i := 0; i < benchMessages; i += 200 {
				batch := make([]mail.Outgoing, 200)
				for j := range batch {
					batch[j] = mail.Outgoing{ID: int64(i + j), Size: mail.Size(len(body)), Body: strings.NewReader(body)}
				}
				if err := d.Append(ctx, f, batch, func(mail.Appended) {}); err != nil {
					b.Fatal(err)
				}
			}
			if err := d.Drain(ctx); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(benchMessages*b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("raw", func(b *testing.B) {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		r, w := bufio.NewReader(conn), bufio.NewWriterSize(conn, 64<<10)
		until := func(tag string) {
			for line, err := r.ReadString('\n'); !strings.HasPrefix(line, tag+" "); line, err = r.ReadString('\n') {
				if err != nil {
					b.Error(err)
					return
				}
			}
		}
		fmt.Fprintf(conn, "l LOGIN u p\r\n")
		until("l")
		for ; b.Loop(); n++ {
			fmt.Fprintf(conn, "c CREATE r%d\r\n", n)
			until("c")
			done := make(chan bool)
			go func() { until(fmt.Sprintf("t%d", benchMessages-1)); close(done) }()
			for i := range benchMessages {
				fmt.Fprintf(w, "t%d APPEND r%d {%d+}\r\n%s\r\n", i, n, len(body), body)
			}
			if err := w.Flush(); err != nil {
				b.Fatal(err)
			}
			<-done
		}
		b.ReportMetric(float64(benchMessages*b.N)/b.Elapsed().Seconds(), "messages/s")
	})
}
