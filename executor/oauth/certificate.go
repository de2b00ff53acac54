package oauth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// Certificate is an application's certificate with its private key.
type Certificate struct {
	chain []*x509.Certificate
	key   *rsa.PrivateKey
}

// maxCertificate bounds the file.
const maxCertificate = 1 << 20

// What is wrong with a certificate's file.
var (
	ErrEncrypted = errors.New("the private key is encrypted, and there is nobody to ask for its passphrase; write it without one " +
		"(openssl pkcs8 -topk8 -nocrypt -in OLD.pem -out NEW.pem) and protect the file with chmod 600")
	ErrNotRSA = errors.New("the private key is not an RSA key, and Microsoft accepts RSA only")
	ErrPair   = errors.New("the private key does not belong to the certificate")
)

// ReadCertificate reads a PEM file with a certificate and its private key, not encrypted. A file that others on this
// machine may read is refused: whoever has the key has every mailbox.
func ReadCertificate(file string) (*Certificate, error) {
	f, err := os.Open(file)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return nil, path.Err
		}
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("others on this machine may read the private key: its permissions are %04o; chmod 600 keeps it to yourself", mode)
	}
	octets, err := io.ReadAll(io.LimitReader(f, maxCertificate))
	if err != nil {
		return nil, err
	}
	return parseCertificate(octets)
}

func parseCertificate(octets []byte) (*Certificate, error) {
	if encrypted(octets) {
		return nil, ErrEncrypted
	}
	chain, key, err := confidential.CertFromPEM(octets, "")
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	own, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, ErrNotRSA
	}
	// The key's own certificate may stand anywhere in the file; MSAL signs with the first.
	for i, c := range chain {
		if own.PublicKey.Equal(c.PublicKey) {
			chain[0], chain[i] = chain[i], chain[0]
			return &Certificate{chain: chain, key: own}, nil
		}
	}
	return nil, ErrPair
}

func encrypted(octets []byte) bool {
	for {
		block, rest := pem.Decode(octets)
		if block == nil {
			return false
		}
		if _, old := block.Headers["DEK-Info"]; old || block.Type == "ENCRYPTED PRIVATE KEY" {
			return true
		}
		octets = rest
	}
}
