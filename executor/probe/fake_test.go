package probe_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"mailhaul/executor/probe"
)

// host is the name that every test looks at.
const host = "mail.contoso.example"

// names is a resolver; what it lacks does not exist.
type names struct {
	four, six []string
	mx        []*net.MX
	srv       []*net.SRV
	err       error // of every lookup
}

func (n names) LookupNetIP(_ context.Context, network, _ string) ([]netip.Addr, error) {
	texts := n.four
	if network == "ip6" {
		texts = n.six
	}
	var all []netip.Addr
	for _, t := range texts {
		all = append(all, netip.MustParseAddr(t))
	}
	return all, n.orMissing(len(all))
}

func (n names) LookupMX(context.Context, string) ([]*net.MX, error) {
	return n.mx, n.orMissing(len(n.mx))
}

func (n names) LookupSRV(_ context.Context, service, _, _ string) (string, []*net.SRV, error) {
	if service != "imaps" {
		return "", nil, n.orMissing(0)
	}
	return "", n.srv, n.orMissing(len(n.srv))
}

func (n names) orMissing(found int) error {
	if n.err != nil || found > 0 {
		return n.err
	}
	return &net.DNSError{Err: "no such host", IsNotFound: true}
}

// server answers each connection by a script and keeps what clients sent, TLS taken off.
type server struct {
	tls      *tls.Config // from the first octet, unless starttls is set
	starttls bool
	endless  string            // said over and over in place of an answer
	greeting string            // what is said first; empty: nothing, ever
	answers  map[string]string // by verb; TAG stands for the tag, "!" at the end closes
	listener net.Listener
	once     sync.Once
	wait     sync.WaitGroup
	mu       sync.Mutex
	heard    strings.Builder
}

// start serves until the test ends, and gives the options that lead to it.
func (s *server) start(t *testing.T) probe.Options {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener = l
	t.Cleanup(func() {
		_ = l.Close()
		s.wait.Wait()
	})
	return probe.Options{Host: host, Port: 993, Timeout: 5 * time.Second, Resolver: names{four: []string{"192.0.2.10"}},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			s.once.Do(func() { s.wait.Go(s.accept) })
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		}}
}

// accept begins with the first client, when the script is complete.
func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wait.Go(func() { s.serve(conn) })
	}
}

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	if s.tls != nil && !s.starttls {
		conn = tls.Server(conn, s.tls)
	}
	if s.greeting == "" {
		_, _ = io.Copy(io.Discard, conn) // until the client gives up
		return
	}
	if _, err := io.WriteString(conn, s.greeting); err != nil {
		return
	}
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		s.mu.Lock()
		s.heard.WriteString(line)
		s.mu.Unlock()
		words := strings.Fields(line)
		if err != nil || len(words) < 2 {
			return
		}
		for s.endless != "" {
			if _, err := io.WriteString(conn, s.endless); err != nil {
				return
			}
		}
		answer, known := s.answers[words[1]]
		if !known {
			answer = "TAG BAD unknown\r\n"
		}
		answer, ends := strings.CutSuffix(strings.ReplaceAll(answer, "TAG", words[0]), "!")
		if _, err := io.WriteString(conn, answer); err != nil || ends {
			return
		}
		if words[1] == "STARTTLS" && s.tls != nil {
			conn = tls.Server(conn, s.tls)
			in = bufio.NewReader(conn)
		}
	}
}

func (s *server) sent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard.String()
}

// paper is a certificate to be made.
type paper struct {
	names       []string
	from, until time.Duration // from now
	signer      *tls.Certificate
	authority   bool
}

// certificate makes it. Without a signer it signs itself.
func certificate(t *testing.T, p paper) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: p.names[0], Organization: []string{"Contoso"}},
		DNSNames: p.names, NotBefore: time.Now().Add(p.from), NotAfter: time.Now().Add(p.until), IsCA: p.authority,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	parent, signing := tmpl, any(key)
	if p.signer != nil {
		parent, signing = p.signer.Leaf, p.signer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signing)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// trusted is a pool with the authority alone.
func trusted(authority tls.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	return pool
}

var errNameServer = errors.New("lookup: i/o timeout")
