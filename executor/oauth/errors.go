package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"mailhaul/state/mail"
)

const op = "get an access token"

// causes are the numbers of AADSTS errors that people can do something about.
var causes = map[string]mail.Code{
	"7000215": mail.CodeOAuthSecret, // invalid client secret
	"70002":   mail.CodeOAuthSecret,
	"7000222": mail.CodeOAuthSecretExpired,

	"700027":  mail.CodeOAuthCertificate, // the key is not one of the application's
	"7000229": mail.CodeOAuthApplication, // no service principal in this tenant
	"700016":  mail.CodeOAuthApplication,
	"7000112": mail.CodeOAuthApplication, // disabled
	"70001":   mail.CodeOAuthApplication,

	"90002":  mail.CodeOAuthTenant,
	"900023": mail.CodeOAuthTenant,
	"900021": mail.CodeOAuthTenant,
	"90038":  mail.CodeOAuthTenant, // of another cloud

	"65001":  mail.CodeOAuthConsent,
	"65004":  mail.CodeOAuthConsent, // declined by whoever signed in
	"650052": mail.CodeOAuthConsent,
	"500011": mail.CodeOAuthConsent, // the service is not in the tenant
	"650057": mail.CodeOAuthConsent, // the permission was never added
	"90094":  mail.CodeOAuthConsent, // only an administrator may consent

	"50126": mail.CodeOAuthPassword,
	"50034": mail.CodeOAuthPassword, // no such user
	"50053": mail.CodeOAuthPassword, // locked
	"50055": mail.CodeOAuthPassword, // expired
	"50056": mail.CodeOAuthPassword, // there is none
	"50057": mail.CodeOAuthPassword, // disabled
	"50144": mail.CodeOAuthPassword, // expired on premises

	"50072": mail.CodeOAuthMFA,
	"50074": mail.CodeOAuthMFA,
	"50076": mail.CodeOAuthMFA,
	"50078": mail.CodeOAuthMFA,
	"50079": mail.CodeOAuthMFA,
	"50158": mail.CodeOAuthMFA,
	"53004": mail.CodeOAuthMFA,

	"50131":  mail.CodeOAuthConditional,
	"53000":  mail.CodeOAuthConditional,
	"53001":  mail.CodeOAuthConditional,
	"53002":  mail.CodeOAuthConditional,
	"53003":  mail.CodeOAuthConditional,
	"530003": mail.CodeOAuthConditional,

	"7000218": mail.CodeOAuthPublicClient,
	"70018":   mail.CodeOAuthDeviceCode,
	"70019":   mail.CodeOAuthDeviceCode,
	"70020":   mail.CodeOAuthDeviceCode,
}

// passing are the numbers that Microsoft calls temporary, whatever the HTTP status says.
var passing = map[string]mail.Kind{
	"90006": mail.Transient,
	"90024": mail.Transient,
	"90033": mail.Transient,
	"50033": mail.Transient,
	"90055": mail.Throttled, // too many requests of the tenant
}

// temporarily is the OAuth error (RFC 6749, 4.1.2.1) of a server that has too much to do.
const temporarily = "temporarily_unavailable"

// words are the OAuth errors (RFC 6749, 5.2; RFC 8628, 3.5) for answers without a number that is known.
var words = map[string]mail.Code{
	"expired_token":          mail.CodeOAuthDeviceCode,
	"authorization_declined": mail.CodeOAuthDeviceCode,
	"access_denied":          mail.CodeOAuthDeviceCode,
	"consent_required":       mail.CodeOAuthConsent,
	"invalid_client":         mail.CodeOAuthSecret,
	"unauthorized_client":    mail.CodeOAuthApplication,
}

// answer is the authority's refusal.
type answer struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
}

// explain makes an error of MSAL's, whose request and response stay behind: the one holds the secret, the other may.
func explain(err error, o Options) error {
	var call msal.CallErr
	if !errors.As(err, &call) || call.Resp == nil {
		return unreachable(err, o)
	}
	a, found := refusal(call.Error())
	e := &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeOAuthRefused, Text: clean(a.Description, o)}
	if e.Text == "" {
		e.Err = errors.New("the authority answers " + strconv.Itoa(call.Resp.StatusCode) + " " + oneLine(a.Error))
	}
	switch status := call.Resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		e.Kind, e.Code = mail.Throttled, mail.CodeOAuthThrottled
		e.Wait = wait(call.Resp.Header)
	case status >= 500:
		e.Kind, e.Code = mail.Transient, mail.CodeOAuthUnreachable
		e.Wait = wait(call.Resp.Header)
	case found:
		e.Kind, e.Code = judge(a)
	}
	return e
}

// judge says what a refusal leads to.
func judge(a answer) (mail.Kind, mail.Code) {
	code, passes := cause(a), mail.Kind(0)
	for _, n := range a.numbers() {
		if kind, known := passing[n]; known && code == mail.CodeOAuthRefused {
			passes = kind
		}
	}
	switch {
	case passes == mail.Throttled:
		return mail.Throttled, mail.CodeOAuthThrottled
	case passes == mail.Transient, code == mail.CodeOAuthRefused && a.Error == temporarily:
		return mail.Transient, mail.CodeOAuthUnreachable
	}
	return mail.Auth, code
}

// refusal finds the refusal in MSAL's words: it stands behind a line of MSAL's own.
func refusal(text string) (a answer, found bool) {
	at := strings.IndexByte(text, '{')
	if at < 0 {
		return a, false
	}
	// What follows the document does not count.
	return a, json.NewDecoder(strings.NewReader(text[at:])).Decode(&a) == nil && a.Error != ""
}

var number = regexp.MustCompile(`AADSTS(\d{4,9})`)

// numbers gives those of AADSTS in the answer, the ones in its sentence first.
func (a answer) numbers() (list []string) {
	for _, m := range number.FindAllStringSubmatch(a.Description, -1) {
		list = append(list, m[1])
	}
	for _, n := range a.Codes {
		list = append(list, strconv.Itoa(n))
	}
	return list
}

func cause(a answer) mail.Code {
	for _, n := range a.numbers() {
		if code, known := causes[n]; known {
			return code
		}
	}
	if code, known := words[a.Error]; known {
		return code
	}
	return mail.CodeOAuthRefused
}

// unreachable is an error without an answer: the network, TLS, or an answer that makes no sense.
func unreachable(err error, o Options) error {
	e := &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeOAuthUnreachable, Err: errors.New(clean(err.Error(), o))}
	text := err.Error()
	for _, lasting := range []string{"x509:", "tls: ", errPlain.Error(), "unknown account type"} {
		if strings.Contains(text, lasting) {
			e.Kind = mail.Auth
		}
	}
	return e
}

// maxWait bounds what an authority may ask.
const maxWait = time.Hour

func wait(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}

// clean keeps the sentence, and drops the secrets and the ids for Microsoft's support that follow it.
func clean(text string, o Options) string {
	for _, secret := range []string{o.Secret, o.Password, o.Hidden} {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	if at := strings.Index(text, "Trace ID:"); at >= 0 {
		text = text[:at]
	}
	return oneLine(text)
}

// maxText bounds what is kept of somebody's words.
const maxText = 500

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
