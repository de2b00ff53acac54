package imap

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// place is where in a session a server said no; the same words mean different things in different places.
type place uint8

const (
	atGreeting place = 1 << iota
	atSignIn
	atFolder // EXAMINE, SELECT, CREATE, STATUS
	atFetch
	atAppend
	atStore
	atBye

	anywhere = ^place(0)
)

// verdict is one row of the table of errors: what a response code or a text leads to.
type verdict struct {
	match string // the code, or a part of the text in lower case
	at    place
	kind  mail.Kind
	code  mail.Code
}

// codes are the response codes of RFC 5530, RFC 9051, RFC 7889 and RFC 9208.
var codes = []verdict{
	{"AUTHENTICATIONFAILED", anywhere, mail.Auth, mail.CodeIMAPLogin},
	{"AUTHORIZATIONFAILED", anywhere, mail.Auth, mail.CodeIMAPAdmin},
	{"EXPIRED", anywhere, mail.Auth, mail.CodeIMAPLogin},
	{"PRIVACYREQUIRED", anywhere, mail.Auth, mail.CodeIMAPSignInMethod},
	{"CONTACTADMIN", atSignIn, mail.Auth, mail.CodeIMAPLogin},
	{"UNAVAILABLE", anywhere, mail.Transient, mail.CodeIMAPUnavailable},
	{"SERVERBUG", anywhere, mail.Transient, mail.CodeIMAPUnavailable},
	{"INUSE", anywhere, mail.Transient, mail.CodeIMAPUnavailable},
	{"CORRUPTION", anywhere, mail.Refused, mail.CodeIMAPFolder},
	{"THROTTLED", anywhere, mail.Throttled, mail.CodeIMAPThrottled},
	{"OVERQUOTA", anywhere, mail.Quota, mail.CodeQuotaFull},
	{"TOOBIG", anywhere, mail.TooLarge, mail.CodeMessageTooLarge},
	{"LIMIT", atGreeting | atSignIn | atBye, mail.Throttled, mail.CodeIMAPConnections},
	{"LIMIT", atAppend, mail.Refused, mail.CodeMessageRefused},
	{"LIMIT", anywhere, mail.Refused, mail.CodeIMAPFolder},
	{"NOPERM", anywhere, mail.Refused, mail.CodeIMAPDenied},
	{"TRYCREATE", anywhere, mail.Refused, mail.CodeIMAPFolderGone},
	{"NONEXISTENT", anywhere, mail.Refused, mail.CodeIMAPFolderGone},
	{"ALREADYEXISTS", anywhere, mail.Refused, mail.CodeIMAPFolder},
	{"CANNOT", anywhere, mail.Refused, mail.CodeIMAPFolder},
	{"UNKNOWN-CTE", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"BADCHARSET", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"EXPUNGEISSUED", anywhere, mail.Transient, mail.CodeIMAPProtocol},
	{"CLIENTBUG", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"CLIENTBUG", anywhere, mail.Transient, mail.CodeIMAPProtocol},
}

// texts are the words of servers that give no code, or a wrong one. The first match counts.
var texts = []verdict{
	{"throttl", anywhere, mail.Throttled, mail.CodeIMAPThrottled},
	{"suggested backoff", anywhere, mail.Throttled, mail.CodeIMAPThrottled},
	{"rate limit", anywhere, mail.Throttled, mail.CodeIMAPThrottled},
	{"exceeded command or bandwidth", anywhere, mail.Throttled, mail.CodeIMAPThrottled},
	{"bandwidth limit", anywhere, mail.Throttled, mail.CodeIMAPThrottled},
	{"too many simultaneous", anywhere, mail.Throttled, mail.CodeIMAPConnections},
	{"too many connections", anywhere, mail.Throttled, mail.CodeIMAPConnections},
	{"maximum number of connections", anywhere, mail.Throttled, mail.CodeIMAPConnections},
	{"connection limit", anywhere, mail.Throttled, mail.CodeIMAPConnections},
	{"number of concurrent", anywhere, mail.Throttled, mail.CodeIMAPConnections},
	{"session invalidated", anywhere, mail.Transient, mail.CodeIMAPLost},
	{"accesstokenexpired", anywhere, mail.Transient, mail.CodeIMAPLost},
	{"wrongserverexception", anywhere, mail.Transient, mail.CodeIMAPUnavailable},
	{"authenticated but not connected", anywhere, mail.Auth, mail.CodeIMAPDenied},
	{"server unavailable", anywhere, mail.Transient, mail.CodeIMAPUnavailable},
	{"temporar", anywhere, mail.Transient, mail.CodeIMAPUnavailable},
	{"try again later", anywhere, mail.Transient, mail.CodeIMAPUnavailable},
	{"imap is disabled", atSignIn, mail.Auth, mail.CodeIMAPDenied},
	{"not enabled for imap", atSignIn, mail.Auth, mail.CodeIMAPDenied},
	{"over quota", atAppend | atFolder, mail.Quota, mail.CodeQuotaFull},
	{"quota exceeded", atAppend | atFolder, mail.Quota, mail.CodeQuotaFull},
	{"exceeds quota", atAppend | atFolder, mail.Quota, mail.CodeQuotaFull},
	{"mailbox is full", atAppend | atFolder, mail.Quota, mail.CodeQuotaFull},
	{"mailbox full", atAppend | atFolder, mail.Quota, mail.CodeQuotaFull},
	{"not enough disk space", atAppend | atFolder, mail.Quota, mail.CodeQuotaFull},
	{"maximum message size", atAppend, mail.TooLarge, mail.CodeMessageTooLarge},
	{"maximum size", atAppend, mail.TooLarge, mail.CodeMessageTooLarge},
	{"message size", atAppend, mail.TooLarge, mail.CodeMessageTooLarge},
	{"size limit", atAppend, mail.TooLarge, mail.CodeMessageTooLarge},
	{"message too large", atAppend, mail.TooLarge, mail.CodeMessageTooLarge},
	{"too big", atAppend, mail.TooLarge, mail.CodeMessageTooLarge},
	{"nul character", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"invalid header", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"bare newline", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"bad message", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"malformed", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"line too long", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"blank line", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"error 11", atAppend, mail.Malformed, mail.CodeMessageMalformed},
	{"doesn't exist", atAppend | atFolder, mail.Refused, mail.CodeIMAPFolderGone},
	{"does not exist", atAppend | atFolder, mail.Refused, mail.CodeIMAPFolderGone},
	{"permission denied", atAppend | atFolder | atStore, mail.Refused, mail.CodeIMAPDenied},
}

// otherwise is what a refusal without a known code or text leads to.
var otherwise = map[place]verdict{
	atGreeting: {kind: mail.Transient, code: mail.CodeIMAPGreeting},
	atSignIn:   {kind: mail.Auth, code: mail.CodeIMAPLogin},
	atFolder:   {kind: mail.Refused, code: mail.CodeIMAPFolder},
	atFetch:    {kind: mail.Transient, code: mail.CodeIMAPProtocol},
	atAppend:   {kind: mail.Refused, code: mail.CodeMessageRefused},
	atStore:    {kind: mail.Refused, code: mail.CodeIMAPDenied},
	atBye:      {kind: mail.Transient, code: mail.CodeIMAPLost},
}

// classify makes an error of a NO, a BAD or a BYE. Texts come before codes where they ask to wait, since OVERQUOTA and
// LIMIT are used for bandwidth too.
func classify(op string, s status, at place) *mail.Error {
	e := &mail.Error{Op: op, Text: s.text, Wait: backoff(s.text + " " + s.args)}
	v := findVerdict(s, at)
	e.Kind, e.Code = v.kind, v.code
	if e.Wait > 0 && e.Kind != mail.Throttled {
		e.Kind, e.Code = mail.Throttled, mail.CodeIMAPThrottled
	}
	e.Limit = limitOf(e, s)
	if e.Text == "" {
		e.Err = fmt.Errorf("the server says %s %s", s.verb, s.code)
	}
	return e
}

// The words by which servers say what they count. Dovecot's "Maximum number of connections from user+IP exceeded
// (mail_max_userip_connections=10)" is about one user, whoever else signs in from here.
var (
	ofOctets = regexp.MustCompile(`(?i)bandwidth|bytes|octets|\b[kmg]b\b`)
	ofUser   = regexp.MustCompile(`(?i)\b(user|account|mailbox)\b|userip`)
)

// limitOf says what a server that throttles counts. THROTTLED and OVERQUOTA are the codes of servers that count octets;
// what Exchange counts, messages and commands, it says in words.
func limitOf(e *mail.Error, s status) mail.Limit {
	switch {
	case e.Kind != mail.Throttled:
		return mail.LimitRate
	case e.Code == mail.CodeIMAPConnections && ofUser.MatchString(s.text+" "+s.args):
		return mail.LimitUserConnections
	case e.Code == mail.CodeIMAPConnections:
		return mail.LimitConnections
	case s.code == "THROTTLED", s.code == "OVERQUOTA", ofOctets.MatchString(s.text + " " + s.args):
		return mail.LimitOctets
	}
	return mail.LimitRate
}

func findVerdict(s status, at place) verdict {
	text := strings.ToLower(s.text + " " + s.code + " " + s.args)
	byText, inText := find(texts, at, func(match string) bool { return strings.Contains(text, match) })
	if inText && byText.kind == mail.Throttled {
		return byText
	}
	if v, found := find(codes, at, func(match string) bool { return match == s.code }); found {
		return v
	}
	if inText {
		return byText
	}
	if s.verb == "BAD" && at == atAppend {
		return verdict{kind: mail.Malformed, code: mail.CodeMessageMalformed}
	}
	return otherwise[at]
}

func find(table []verdict, at place, matches func(string) bool) (verdict, bool) {
	for _, v := range table {
		if v.at&at != 0 && matches(v.match) {
			return v, true
		}
	}
	return verdict{}, false
}

var backoffText = regexp.MustCompile(`(?i)backoff time:?\s*(\d{1,9})\s*(milliseconds|ms|seconds|s)\b`)

// maxBackoff bounds what a server may ask: nobody is throttled longer than this without a person knowing.
const maxBackoff = 6 * time.Hour

// backoff reads how long the server asks to wait ("Suggested Backoff Time: 299961 milliseconds").
func backoff(text string) time.Duration {
	m := backoffText.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	unit := time.Millisecond
	if !strings.HasPrefix(strings.ToLower(m[2]), "m") {
		unit = time.Second
	}
	return min(time.Duration(n)*unit, maxBackoff)
}

// lost makes an error of trouble with the connection.
func lost(op string, err error) *mail.Error {
	var own *mail.Error
	if errors.As(err, &own) {
		return own
	}
	e := &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: err}
	switch {
	case errors.Is(err, errSilent), errors.Is(err, errTrickle), errors.Is(err, errStalled), errors.Is(err, os.ErrDeadlineExceeded):
		e.Code = mail.CodeIMAPTimeout
	case errors.Is(err, errLineTooLong), errors.Is(err, errLiteral), errors.Is(err, errForeignTag):
		e.Code = mail.CodeIMAPProtocol
	}
	return e
}

// tlsError says what is wrong with the certificate and what to do about it.
func tlsError(opts Options, err error) *mail.Error {
	e := &mail.Error{Op: "set up TLS with " + opts.address(), Kind: mail.Auth, Code: mail.CodeIMAPTLS, Err: err}
	seen := ""
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0 {
		sum := sha256.Sum256(unverified.UnverifiedCertificates[0].Raw)
		seen = hex.EncodeToString(sum[:])
	}
	var (
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		pin     *pinError
	)
	const pinIt = "; pin_sha256 = [%q] trusts exactly this one"
	switch {
	case errors.As(err, &pin):
		e.Err = pin
	case errors.As(err, &name):
		e.Err = fmt.Errorf("the certificate is not for %s; use the name it is made for%s", opts.Host, fmt.Sprintf(pinIt, seen))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Err = fmt.Errorf("the certificate has expired or is not valid yet"+pinIt, seen)
	case errors.As(err, &unknown):
		e.Err = fmt.Errorf("the certificate's issuer is unknown; ca_file names a file with the issuer's certificate"+pinIt, seen)
	case errors.As(err, &record) && opts.TLS == TLSImplicit:
		e.Code = mail.CodeIMAPGreeting // nothing is wrong with a certificate: none was shown
		e.Err = errors.New("the server does not speak TLS on this port; tls = \"starttls\" may be right")
	case errors.As(err, &record):
		e.Err = errors.New("the server agreed to STARTTLS and then spoke no TLS")
	case seen == "":
		return tlsTrouble(opts, e, err)
	default:
		e.Err = fmt.Errorf("%v"+pinIt, err, seen)
	}
	return e
}

// tlsTrouble tells a broken connection from a refused handshake. Where TLS comes first nothing was said before it.
func tlsTrouble(opts Options, e *mail.Error, err error) *mail.Error {
	var alert tls.AlertError
	if errors.As(err, &alert) || strings.HasPrefix(err.Error(), "tls:") || strings.HasPrefix(err.Error(), "remote error: tls:") {
		return e
	}
	l := lost(e.Op, cutShort(err))
	if l.Code == mail.CodeIMAPLost && opts.TLS == TLSImplicit {
		l.Code = mail.CodeIMAPGreeting
	}
	return l
}
