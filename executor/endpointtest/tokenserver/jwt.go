package tokenserver

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Claims are what a token says.
type Claims struct {
	Issuer      string   `json:"iss,omitempty"`
	Audience    string   `json:"aud,omitempty"`
	Tenant      string   `json:"tid,omitempty"`
	Application string   `json:"appid,omitempty"`
	Roles       []string `json:"roles,omitempty"`
	Scopes      string   `json:"scp,omitempty"`
	User        string   `json:"upn,omitempty"`
	Expires     int64    `json:"exp,omitempty"`
	Number      int      `json:"number"` // of the token
	Name        string   `json:"sub,omitempty"`
	Email       string   `json:"email,omitempty"`
}

// Canary is a part of every token, which must be found nowhere else.
const Canary = "CANARYTOKEN"

// Issue signs a token with these claims.
func (s *Server) Issue(c Claims) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Number = len(s.issued) + 1
	head := encode(map[string]string{"alg": "RS256", "typ": "JWT", "kid": Canary})
	signed := head + "." + encode(c)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is big enough
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	s.issued = append(s.issued, token)
	return token
}

// What is wrong with a token.
var (
	ErrForm      = errors.New("this is no token")
	ErrSignature = errors.New("the signature is wrong")
	ErrExpired   = errors.New("the token has expired or was revoked")
)

// Check tells whether a token is one of this authority's and still good.
func (s *Server) Check(token string) (Claims, error) {
	var c Claims
	signed, signature, ok := split(token)
	if !ok {
		return c, ErrForm
	}
	sum := sha256.Sum256([]byte(signed))
	if rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return c, ErrSignature
	}
	if !decode(signed[strings.IndexByte(signed, '.')+1:], &c) {
		return c, ErrForm
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Unix() >= c.Expires || c.Number <= s.revoked {
		return c, ErrExpired
	}
	return c, nil
}

// signed checks a client assertion (RFC 7523): it is the application's, for this authority, of now, and signed with one
// of its certificates.
func (s *Server) signed(assertion string, set Settings) bool {
	var c struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}
	text, signature, ok := split(assertion)
	if !ok || !decode(text[strings.IndexByte(text, '.')+1:], &c) || c.Issuer != Client || c.Subject != Client ||
		!strings.HasPrefix(c.Audience, s.web.URL+"/"+Tenant+"/") || c.Expires < time.Now().Unix() {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	for _, cert := range set.Certificates {
		key, isRSA := cert.PublicKey.(*rsa.PublicKey)
		if isRSA && rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, nil) == nil {
			return true
		}
	}
	return false
}

// split gives the signed part of a token and its signature.
func split(token string) (signed string, signature []byte, ok bool) {
	at := strings.LastIndexByte(token, '.')
	if strings.Count(token, ".") != 2 {
		return "", nil, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	return token[:at], signature, err == nil
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // all that is encoded here can be
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decode(part string, v any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, v) == nil
}
