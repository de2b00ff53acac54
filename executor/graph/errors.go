package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	atImport
	atFinish
	atMove
	atStaging

	anywhere = ^place(0)
)

// verdict is what an error leads to.
type verdict struct {
	at   place
	kind mail.Kind
	code mail.Code
}

var (
	folderGone = verdict{atFolder | atMove, mail.Refused, mail.CodeGraphFolderGone}
	noImport   = verdict{atImport, mail.Auth, mail.CodeGraphImport}
	missing    = verdict{anywhere, mail.Auth, mail.CodeM365Missing}
	licence    = verdict{anywhere, mail.Auth, mail.CodeM365Licence}
	gone       = verdict{atRead | atFinish, mail.Gone, mail.CodeMessageRefused}
	malformed  = verdict{atImport, mail.Malformed, mail.CodeMessageMalformed}
	tooLarge   = verdict{anywhere, mail.TooLarge, mail.CodeMessageTooLarge}
	full       = verdict{anywhere, mail.Quota, mail.CodeQuotaFull}
	busy       = verdict{anywhere, mail.Throttled, mail.CodeGraphThrottled}
)

// verdicts are the error codes of Graph that say more than the HTTP status. What is not in the table the status decides.
var verdicts = map[string][]verdict{
	"MailboxNotEnabledForRESTAPI":         {licence},
	"MailboxNotHostedInExchangeOnline":    {licence},
	"ErrorMailboxNotEnabledForRESTAPI":    {licence},
	"ErrorInvalidUser":                    {missing},
	"ErrorNonExistentMailbox":             {missing},
	"ResourceNotFound":                    {missing},
	"Request_ResourceNotFound":            {missing},
	"ErrorItemNotFound":                   {gone, folderGone},
	"ErrorFolderNotFound":                 {folderGone},
	"ErrorParentFolderNotFound":           {folderGone},
	"ErrorToFolderNotFound":               {folderGone},
	"ErrorInvalidIdMalformed":             {gone, folderGone},
	"ErrorInvalidId":                      {gone, folderGone},
	"ErrorMimeContentInvalid":             {malformed},
	"ErrorMimeContentInvalidBase64String": {malformed},
	"ErrorMimeContentConversionFailed":    {malformed},
	"ErrorContentConversionFailed":        {malformed},
	"ErrorCorruptData":                    {malformed},
	"UnableToDeserializePostBody":         {malformed},
	"ErrorMessageSizeExceeded":            {tooLarge},
	"ErrorExceededMaxSize":                {tooLarge},
	"RequestEntityTooLarge":               {tooLarge},
	"ErrorQuotaExceeded":                  {full},
	"ErrorMailboxQuotaExceeded":           {full},
	"ErrorSendAsQuotaExceeded":            {full},
	"ErrorServerBusy":                     {busy},
	"ApplicationThrottled":                {busy},
	"MailboxConcurrency":                  {busy},
	"TooManyRequests":                     {busy},
	"ErrorExceededConnectionCount":        {busy},
	"ErrorInsufficientResources":          {{anywhere, mail.Transient, mail.CodeGraphUnavailable}},
	"ErrorInternalServerTransientError":   {{anywhere, mail.Transient, mail.CodeGraphUnavailable}},
	"ErrorMailboxStoreUnavailable":        {{anywhere, mail.Transient, mail.CodeGraphUnavailable}},
	"ErrorMailboxMoveInProgress":          {{anywhere, mail.Transient, mail.CodeGraphUnavailable}},
	"RequestBroker--ParseUri":             {noImport},
	"ErrorAccessDenied":                   {{anywhere, mail.Auth, mail.CodeGraphDenied}},
	"Authorization_RequestDenied":         {{anywhere, mail.Auth, mail.CodeGraphDenied}},
	"ErrorCreateItemAccessDenied":         {{anywhere, mail.Auth, mail.CodeGraphDenied}},
	"AccessDenied":                        {{anywhere, mail.Auth, mail.CodeGraphDenied}},
}

// otherwise is what a refusal without a verdict leads to.
var otherwise = map[place]verdict{
	atSignIn:  {anywhere, mail.Auth, mail.CodeGraphDenied},
	atFolder:  {anywhere, mail.Refused, mail.CodeGraphFolder},
	atRead:    {anywhere, mail.Transient, mail.CodeGraphProtocol},
	atImport:  {anywhere, mail.Refused, mail.CodeMessageRefused},
	atFinish:  {anywhere, mail.Refused, mail.CodeMessageRefused},
	atMove:    {anywhere, mail.Refused, mail.CodeMessageRefused},
	atStaging: {anywhere, mail.Auth, mail.CodeGraphDenied},
}

// refusal is the body of an answer that refuses.
type refusal struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// refused makes an error of an answer.
func (c *client) refused(q call, r *http.Response, token string) *mail.Error {
	var said refusal
	octets, err := io.ReadAll(io.LimitReader(r.Body, 64<<10)) // what there is
	if err == nil {
		_ = json.Unmarshal(octets, &said) // an answer of a proxy says nothing more
	}
	e := &mail.Error{Op: q.op, Wait: web.RetryAfter(r.Header, maxWait), Err: &statusError{r.StatusCode, said.Error.Code}}
	if said.Error.Code != "" {
		c.trace.Code(1, 1, said.Error.Code)
		e.Text = strings.TrimSpace(web.Clip(said.Error.Message) + " (" + web.Clip(said.Error.Code) + ")")
	}
	v := judge(q.at, r.StatusCode, said)
	if r.StatusCode == http.StatusUnauthorized && (c.s.opts.Tokens.Refused(token) || c.signedIn.Load()) {
		v.kind = mail.Transient // it was good a moment ago: a new session asks for a new one
	}
	e.Kind, e.Code = v.kind, v.code
	c.atOneTime(e, said)
	return e
}

// statusError is the cause of a refusal: what decides lies in it.
type statusError struct {
	status int
	code   string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP status %d", e.status) }

// statusOf gives the status and the code of a refusal; zero: it was none.
func statusOf(err *mail.Error) (status int, code string) {
	var s *statusError
	if errors.As(err.Err, &s) {
		return s.status, s.code
	}
	return 0, ""
}

// judge says what a refusal leads to: its code, else its status.
func judge(at place, status int, said refusal) verdict {
	for _, v := range verdicts[said.Error.Code] {
		if v.at&at != 0 {
			return v
		}
	}
	switch {
	case status == http.StatusUnauthorized:
		return verdict{anywhere, mail.Auth, mail.CodeGraphSignIn}
	case status == http.StatusForbidden:
		return verdict{anywhere, mail.Auth, mail.CodeGraphDenied}
	case status == http.StatusTooManyRequests:
		return busy
	case status == http.StatusRequestEntityTooLarge:
		return tooLarge
	case status == http.StatusInsufficientStorage:
		return full
	case status >= 500:
		return verdict{anywhere, mail.Transient, mail.CodeGraphUnavailable}
	case at == atImport && (status == http.StatusMethodNotAllowed || status == http.StatusNotFound && said.Error.Code == "" ||
		strings.Contains(said.Error.Message, "importMime")):
		return noImport
	case at == atImport && status == http.StatusNotFound:
		return verdict{anywhere, mail.Transient, mail.CodeGraphUnavailable} // the staging folder is gone: it is made anew
	case at == atSignIn && status == http.StatusNotFound && said.Error.Code != "":
		return missing
	case status < 400 || said.Error.Code == "":
		return verdict{anywhere, mail.Auth, mail.CodeGraphProtocol} // a redirect, or not Graph
	}
	return otherwise[at]
}

// maxWait bounds what a server may ask: nobody is throttled longer than this without a person knowing.
const maxWait = 6 * time.Hour

// codes are those of a request that got no answer.
var codes = web.Codes{Connect: mail.CodeGraphConnect, TLS: mail.CodeGraphTLS, Timeout: mail.CodeGraphTimeout, Lost: mail.CodeGraphLost}

// leavesOpen tells whether an error leaves open what became of the request: nobody answered, or the server's trouble may
// have come after it was done. Every other refusal comes before anything is done.
func leavesOpen(e *mail.Error) bool {
	if status, _ := statusOf(e); status >= 500 {
		return true
	}
	// What is no TLS may come in the middle of a connection, after a request.
	return slices.Contains([]mail.Code{mail.CodeGraphLost, mail.CodeGraphTimeout, mail.CodeGraphUnavailable, mail.CodeGraphProtocol, mail.CodeGraphTLS}, e.Code)
}
