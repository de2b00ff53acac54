package imap

import (
	"testing"
	"time"

	"mailhaul/state/mail"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		line string
		at   place
		kind mail.Kind
		code mail.Code
		wait time.Duration
	}{
		{"NO [AUTHENTICATIONFAILED] x", atSignIn, mail.Auth, mail.CodeIMAPLogin, 0},
		{"NO [AUTHORIZATIONFAILED] x", atSignIn, mail.Auth, mail.CodeIMAPAdmin, 0},
		{"NO [EXPIRED] x", atSignIn, mail.Auth, mail.CodeIMAPLogin, 0},
		{"NO [PRIVACYREQUIRED] x", atSignIn, mail.Auth, mail.CodeIMAPSignInMethod, 0},
		{"NO [CONTACTADMIN] x", atSignIn, mail.Auth, mail.CodeIMAPLogin, 0},
		{"NO [LIMIT] x", atSignIn, mail.Throttled, mail.CodeIMAPConnections, 0},
		{"NO Maximum number of connections from user+IP exceeded", atSignIn, mail.Throttled, mail.CodeIMAPConnections, 0},
		{"NO IMAP is disabled for this user", atSignIn, mail.Auth, mail.CodeIMAPDenied, 0},
		{"BAD User is authenticated but not connected.", atFolder, mail.Auth, mail.CodeIMAPDenied, 0},
		{"NO [NOPERM] x", atFolder, mail.Refused, mail.CodeIMAPDenied, 0},
		{"NO [NONEXISTENT] x", atFolder, mail.Refused, mail.CodeIMAPFolderGone, 0},
		{"NO Mailbox doesn't exist: x", atFolder, mail.Refused, mail.CodeIMAPFolderGone, 0},
		{"NO [ALREADYEXISTS] x", atFolder, mail.Refused, mail.CodeIMAPFolder, 0},
		{"NO [CANNOT] x", atFolder, mail.Refused, mail.CodeIMAPFolder, 0},
		{"NO x", atFolder, mail.Refused, mail.CodeIMAPFolder, 0},
		{"NO [UNAVAILABLE] x", atFetch, mail.Transient, mail.CodeIMAPUnavailable, 0},
		{"NO Server Unavailable. 15", atFetch, mail.Transient, mail.CodeIMAPUnavailable, 0},
		{"NO [OVERQUOTA] x", atAppend, mail.Quota, mail.CodeQuotaFull, 0},
		{"NO [LIMIT] too many equal copies", atAppend, mail.Refused, mail.CodeMessageRefused, 0},
		{"NO Message size exceeds fixed maximum message size", atAppend, mail.TooLarge, mail.CodeMessageTooLarge, 0},
		{"NO [CLIENTBUG] x", atAppend, mail.Malformed, mail.CodeMessageMalformed, 0},
		{"BAD x", atAppend, mail.Malformed, mail.CodeMessageMalformed, 0},
		{"NO x", atAppend, mail.Refused, mail.CodeMessageRefused, 0},
		{"NO x", atStore, mail.Refused, mail.CodeIMAPDenied, 0},
		{"BYE x", atBye, mail.Transient, mail.CodeIMAPLost, 0},
		{"BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds", atBye, mail.Throttled, mail.CodeIMAPThrottled, 299961 * time.Millisecond},
		{"NO [OVERQUOTA] Account exceeded command or bandwidth limits", atFetch, mail.Throttled, mail.CodeIMAPThrottled, 0},
		{"NO Suggested Backoff Time: 999999999 seconds", atAppend, mail.Throttled, mail.CodeIMAPThrottled, maxBackoff},
	} {
		verb := c.line[:2]
		if c.line[:3] == "BAD" || c.line[:3] == "BYE" {
			verb = c.line[:3]
		}
		e := classify("do something", parseStatus(verb, []byte(c.line[len(verb):])), c.at)
		if e.Kind != c.kind || e.Code != c.code || e.Wait != c.wait {
			t.Errorf("%s: %v %s %v, want %v %s %v", c.line, e.Kind, e.Code, e.Wait, c.kind, c.code, c.wait)
		}
	}
}

// TestSourceVerbs: a source can't send what writes, whoever asks.
func TestSourceVerbs(t *testing.T) {
	c := &client{readOnly: true, tags: newTagger()}
	for _, verb := range []string{"SELECT", "STORE", "UID STORE", "EXPUNGE", "UID EXPUNGE", "CLOSE", "CREATE", "DELETE", "RENAME",
		"SUBSCRIBE", "UNSUBSCRIBE", "COPY", "UID COPY", "MOVE", "UID MOVE", "APPEND", "REPLACE", "SETACL", "SETQUOTA", "FETCH", "examine", ""} {
		if _, err := c.begin(verb, nil); mail.KindOf(err) != mail.Internal || err == nil {
			t.Errorf("a source may send %s", verb)
		}
	}
	if _, err := c.begin("UID FETCH", newCommand("").raw("1 (UID BODY[])").pieces); err == nil {
		t.Error("a source may set \\Seen")
	}
	if _, err := c.begin("UID FETCH", newCommand("").raw("1 "+bodyItems).pieces); err != nil {
		t.Error(err)
	}
}

// TestLimitOf holds what a server that says no has too much of: octets, connections of everybody or of one user, or what
// it does not say.
func TestLimitOf(t *testing.T) {
	for _, c := range []struct {
		line string
		at   place
		want mail.Limit
	}{
		{"NO [OVERQUOTA] Account exceeded command or bandwidth limits", atFetch, mail.LimitOctets},
		{"BYE [THROTTLED] slow down", atBye, mail.LimitOctets},
		{"NO Bandwidth limit exceeded", atAppend, mail.LimitOctets},
		{"BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", atAppend, mail.LimitRate},
		{"BYE Too many connections", atGreeting, mail.LimitConnections},
		{"NO [LIMIT] no more", atSignIn, mail.LimitConnections},
		{"NO too many simultaneous connections", atSignIn, mail.LimitConnections},
		{"NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", atSignIn, mail.LimitUserConnections},
		{"NO [OVERQUOTA] mailbox is full", atAppend, mail.LimitRate},
	} {
		verb := c.line[:2]
		if c.line[:3] == "BAD" || c.line[:3] == "BYE" {
			verb = c.line[:3]
		}
		if e := classify("do something", parseStatus(verb, []byte(c.line[len(verb):])), c.at); e.Limit != c.want {
			t.Errorf("%s: limit %v, want %v", c.line, e.Limit, c.want)
		}
	}
}
