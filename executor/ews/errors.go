package ews

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mailhaul/executor/web"
	"mailhaul/state/mail"
)

// place is where the server said no; the same code means different things in different places.
type place uint8

const (
	atSignIn place = 1 << iota
	atFolder
	atRead
	atAppend
	atUpdate

	anywhere = ^place(0)
)

// verdict is what a response code leads to.
type verdict struct {
	at   place
	kind mail.Kind
	code mail.Code
}

var (
	unavailable = verdict{anywhere, mail.Transient, mail.CodeEWSUnavailable}
	throttled   = verdict{anywhere, mail.Throttled, mail.CodeEWSThrottled}
	folderGone  = verdict{anywhere, mail.Refused, mail.CodeEWSFolderGone}
	malformed   = verdict{anywhere, mail.Malformed, mail.CodeMessageMalformed}
)

// verdicts are the response codes of MS-OXWSCDATA that lead to anything but "refused".
var verdicts = map[string][]verdict{
	"ErrorNonExistentMailbox":             {{anywhere, mail.Auth, mail.CodeEWSMailbox}},
	"ErrorMissingEmailAddress":            {{anywhere, mail.Auth, mail.CodeEWSMailbox}},
	"ErrorInvalidSmtpAddress":             {{anywhere, mail.Auth, mail.CodeEWSMailbox}},
	"ErrorImpersonateUserDenied":          {{anywhere, mail.Auth, mail.CodeEWSImpersonation}},
	"ErrorImpersonationDenied":            {{anywhere, mail.Auth, mail.CodeEWSImpersonation}},
	"ErrorImpersonationFailed":            {{anywhere, mail.Auth, mail.CodeEWSImpersonation}},
	"ErrorImpersonationRequired":          {{anywhere, mail.Auth, mail.CodeEWSImpersonation}},
	"ErrorAccountDisabled":                {{anywhere, mail.Auth, mail.CodeEWSSignIn}},
	"ErrorPasswordExpired":                {{anywhere, mail.Auth, mail.CodeEWSSignIn}},
	"ErrorTokenSerializationDenied":       {{anywhere, mail.Auth, mail.CodeEWSSignIn}},
	"ErrorAccessDenied":                   {{atSignIn, mail.Auth, mail.CodeEWSDenied}, {anywhere, mail.Refused, mail.CodeEWSDenied}},
	"ErrorCreateItemAccessDenied":         {{anywhere, mail.Refused, mail.CodeEWSDenied}},
	"ErrorItemSavePropertyError":          {malformed},
	"ErrorServerBusy":                     {throttled},
	"ErrorTooManyObjectsOpened":           {throttled},
	"ErrorExceededConnectionCount":        {throttled},
	"ErrorInsufficientResources":          {unavailable},
	"ErrorMailboxStoreUnavailable":        {unavailable},
	"ErrorMailboxMoveInProgress":          {unavailable},
	"ErrorMailboxFailover":                {unavailable},
	"ErrorConnectionFailed":               {unavailable},
	"ErrorInternalServerTransientError":   {unavailable},
	"ErrorInternalServerError":            {unavailable},
	"ErrorTimeoutExpired":                 {unavailable},
	"ErrorBatchProcessingStopped":         {unavailable},
	"ErrorMessageSizeExceeded":            {{anywhere, mail.TooLarge, mail.CodeMessageTooLarge}},
	"ErrorAttachmentSizeLimitExceeded":    {{anywhere, mail.TooLarge, mail.CodeMessageTooLarge}},
	"ErrorQuotaExceeded":                  {{anywhere, mail.Quota, mail.CodeQuotaFull}},
	"ErrorItemNotFound":                   {{anywhere, mail.Gone, mail.CodeMessageRefused}},
	"ErrorFolderNotFound":                 {folderGone},
	"ErrorParentFolderNotFound":           {folderGone},
	"ErrorToFolderNotFound":               {folderGone},
	"ErrorInvalidFolderId":                {folderGone},
	"ErrorInvalidId":                      {folderGone},
	"ErrorInvalidIdEmpty":                 {folderGone},
	"ErrorInvalidIdMalformed":             {folderGone},
	"ErrorMimeContentInvalid":             {malformed},
	"ErrorMimeContentInvalidBase64String": {malformed},
	"ErrorMimeContentConversionFailed":    {malformed},
	"ErrorContentConversionFailed":        {malformed},
	"ErrorCorruptData":                    {malformed},
	"ErrorInvalidServerVersion":           {{anywhere, mail.Auth, mail.CodeEWSProtocol}},
}

// otherwise is what a code that is not in the table leads to.
var otherwise = map[place]verdict{
	atSignIn: {anywhere, mail.Auth, mail.CodeEWSDenied},
	atFolder: {anywhere, mail.Refused, mail.CodeEWSFolder},
	atRead:   {anywhere, mail.Transient, mail.CodeEWSProtocol},
	atAppend: {anywhere, mail.Refused, mail.CodeMessageRefused},
	atUpdate: {anywhere, mail.Refused, mail.CodeEWSDenied},
}

// classify makes an error of a response code.
func classify(op string, at place, code, words string, details []value) *mail.Error {
	e := &mail.Error{Op: op, Text: strings.TrimSpace(words + " (" + code + ")"), Wait: backoff(details)}
	v := otherwise[at]
	for _, row := range verdicts[code] {
		if row.at&at != 0 {
			v = row
			break
		}
	}
	e.Kind, e.Code = v.kind, v.code
	if saysSwitchedOff(words) {
		e.Kind, e.Code = mail.Auth, mail.CodeEWSSwitchedOff
	}
	return e
}

// saysDenied reads what servers say beside HTTP 403 where it is the application's right that is missing, and not EWS. The
// words are those of Exchange's diagnostics as users report them; Microsoft does not document them.
func saysDenied(words string) bool {
	words = strings.ToLower(words)
	for _, denied := range []string{"access is denied", "access denied", "insufficient", "required permission", "not authorized", "no permission"} {
		if strings.Contains(words, denied) {
			return !saysSwitchedOff(words)
		}
	}
	return false
}

// saysSwitchedOff reads the several ways in which servers say that EWS is off.
func saysSwitchedOff(words string) bool {
	words = strings.ToLower(words)
	if !strings.Contains(words, "ews") && !strings.Contains(words, "exchange web services") {
		return false
	}
	for _, off := range []string{"disabled", "blocked", "not allowed", "not enabled", "turned off", "switched off"} {
		if strings.Contains(words, off) {
			return true
		}
	}
	return false
}

// maxBackoff bounds what a server may ask: nobody is throttled longer than this without a person knowing.
const maxBackoff = 6 * time.Hour

// backoff reads how long the server asks to wait.
func backoff(details []value) time.Duration {
	for _, v := range details {
		if v.Name == "BackOffMilliseconds" {
			n, err := strconv.ParseInt(strings.TrimSpace(v.Text), 10, 64)
			if err == nil && n > 0 {
				return time.Duration(min(n, maxBackoff.Milliseconds())) * time.Millisecond
			}
		}
	}
	return 0
}

// doubtful tells whether a response code to CreateItem leaves open what became of the item: the server's trouble may have
// come after it was stored. It is what UNAVAILABLE and SERVERBUG are to an APPEND.
func doubtful(code string) bool {
	switch code {
	case "ErrorInternalServerError", "ErrorInternalServerTransientError", "ErrorTimeoutExpired", "ErrorConnectionFailed",
		"ErrorMailboxFailover", "ErrorMailboxMoveInProgress", "ErrorMailboxStoreUnavailable", "ErrorInsufficientResources", "":
		return true
	}
	return false
}

// refused makes an error of an HTTP status; words is what the answer's text says.
func (d *Destination) refused(op string, r *http.Response, words string) *mail.Error {
	if diagnostics := r.Header.Get("X-Ms-Diagnostics"); diagnostics != "" {
		words = diagnostics
	}
	e := &mail.Error{Op: op, Text: words, Kind: mail.Auth, Err: fmt.Errorf("HTTP status %s", r.Status)}
	switch {
	case r.StatusCode == http.StatusUnauthorized:
		d.unauthorized(e, r.Header.Values("Www-Authenticate"))
	case r.StatusCode == http.StatusForbidden && saysDenied(words):
		e.Code = mail.CodeEWSDenied
	case r.StatusCode == http.StatusForbidden:
		e.Code = mail.CodeEWSSwitchedOff
		e.Err = errors.New("the server forbids EWS (HTTP 403): it is switched off for the organisation, the mailbox or this application; " +
			"for Exchange Online use the transport \"imap\"")
	case r.StatusCode == http.StatusTooManyRequests:
		e.Kind, e.Code, e.Wait = mail.Throttled, mail.CodeEWSThrottled, web.RetryAfter(r.Header, maxBackoff)
	case r.StatusCode >= 500:
		e.Kind, e.Code, e.Wait = mail.Transient, mail.CodeEWSUnavailable, web.RetryAfter(r.Header, maxBackoff)
	case r.StatusCode >= 300 && r.StatusCode < 400:
		e.Code = mail.CodeEWSProtocol
		e.Err = fmt.Errorf("the server sends us on to another address (HTTP %d), and credentials are not taken there; "+
			"write the service's own address, https://HOST/EWS/Exchange.asmx", r.StatusCode)
	case r.StatusCode == http.StatusRequestEntityTooLarge:
		e.Kind, e.Code = mail.TooLarge, mail.CodeMessageTooLarge
	default:
		e.Code = mail.CodeEWSProtocol
	}
	return e
}

// unauthorized tells a refused token from one that has run out, and a wrong password from a server that takes none.
func (d *Destination) unauthorized(e *mail.Error, offered []string) {
	e.Code = mail.CodeEWSSignIn
	e.Err = errors.New("the server does not accept the credentials (HTTP 401)")
	want := "bearer"
	if d.s.opts.Token == nil {
		want = "basic"
	}
	schemes := strings.ToLower(strings.Join(offered, ", "))
	if len(offered) > 0 && !strings.Contains(schemes, want) {
		e.Code = mail.CodeEWSSignInMethod
		e.Err = fmt.Errorf("the server offers %s, and mailhaul signs in with %s here; switch it on for the EWS directory of the server",
			names(offered), want)
		return
	}
	if d.s.opts.Token != nil && (d.another() || d.signedIn) {
		e.Kind = mail.Transient // it was good a moment ago, or there is a new one: a new session asks for it
	}
}

// another says that the token was refused. Else it would be given out again until its time has come: one that was taken back
// before that, or that has ended by the server's clock, would stop each mailbox.
func (d *Destination) another() bool { return d.s.opts.Refused != nil && d.s.opts.Refused(d.token) }

// names gives the schemes of WWW-Authenticate without their parameters.
func names(offered []string) string {
	var all []string
	for _, o := range offered {
		scheme, _, _ := strings.Cut(o, " ")
		all = append(all, scheme)
	}
	return strings.Join(all, " and ") + " only"
}

// codes are those of a request that got no answer.
var codes = web.Codes{Connect: mail.CodeEWSConnect, TLS: mail.CodeEWSTLS, Timeout: mail.CodeEWSTimeout, Lost: mail.CodeEWSLost}

// leavesOpen tells whether an error of a whole request leaves open what became of it: nobody answered, or what answered
// is not known to be the server itself. Every other refusal comes before anything is done.
func leavesOpen(e *mail.Error) bool {
	switch e.Code {
	case mail.CodeEWSLost, mail.CodeEWSTimeout, mail.CodeEWSUnavailable, mail.CodeEWSProtocol:
		return true
	}
	return false
}
