package oauth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"time"
)

// answerTime bounds one request to the authority.
const answerTime = 30 * time.Second

// maxAnswer bounds an answer: a token with many roles has a few thousand octets.
const maxAnswer = 1 << 20

// httpClient speaks with the authority: over TLS only, and with nobody that it is redirected to, since what it sends are
// secrets. It is MSAL's ops.HTTPClient.
type httpClient struct{ *http.Client }

func newHTTPClient(roots *x509.CertPool) *httpClient {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: answerTime,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, IdleConnTimeout: answerTime}
	return &httpClient{&http.Client{Transport: t, Timeout: answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

var errPlain = errors.New("the authority names an address without TLS")

// Do sends a request.
func (c *httpClient) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, errPlain
	}
	answer, err := c.Client.Do(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}
