package mail

// Code names a cause for people: stable, documented, explained by `mailhaul explain CODE`.
type Code string

// The codes of endpoints, messages and the state file. Those of the configuration are in package config.
const (
	CodeInternal Code = "STATE-INTERNAL" // a bug, or an error nobody classified

	CodeIMAPConnect      Code = "IMAP-CONNECT"              // name or port can't be reached
	CodeIMAPTLS          Code = "IMAP-TLS"                  // certificate or handshake refused
	CodeIMAPGreeting     Code = "IMAP-GREETING"             // not an IMAP server, or it says BYE at once
	CodeIMAPPlaintext    Code = "IMAP-PLAINTEXT"            // STARTTLS missing, PREAUTH or injected octets before TLS
	CodeIMAPLogin        Code = "IMAP-LOGIN-REFUSED"        // wrong user name or password
	CodeIMAPSignInMethod Code = "IMAP-SIGN-IN-METHOD"       // no method that both sides know
	CodeIMAPAdmin        Code = "IMAP-ADMIN-REFUSED"        // the admin account may not open this mailbox
	CodeIMAPDenied       Code = "IMAP-DENIED"               // signed in, but no right to do this
	CodeIMAPConnections  Code = "IMAP-TOO-MANY-CONNECTIONS" // the server's limit of connections
	CodeIMAPThrottled    Code = "IMAP-THROTTLED"            // the server asks to wait
	CodeIMAPUnavailable  Code = "IMAP-UNAVAILABLE"          // the server says it can't work now
	CodeIMAPLost         Code = "IMAP-CONNECTION-LOST"      // the connection broke
	CodeIMAPTimeout      Code = "IMAP-TIMEOUT"              // the server fell silent
	CodeIMAPProtocol     Code = "IMAP-PROTOCOL"             // an answer that makes no sense
	CodeIMAPFolder       Code = "IMAP-FOLDER-REFUSED"       // a folder can't be opened or created
	CodeIMAPFolderGone   Code = "IMAP-FOLDER-GONE"          // a folder vanished
	CodeIMAPValidity     Code = "IMAP-UIDVALIDITY-CHANGED"  // a folder was made anew meanwhile
	CodeIMAPNoUIDPlus    Code = "IMAP-UIDPLUS-MISSING"      // the server can't remove exactly the messages that are named

	CodeEWSConnect       Code = "EWS-CONNECT"              // name or port can't be reached
	CodeEWSTLS           Code = "EWS-TLS"                  // certificate or handshake refused
	CodeEWSLost          Code = "EWS-CONNECTION-LOST"      // the connection broke before the answer came
	CodeEWSTimeout       Code = "EWS-TIMEOUT"              // the server fell silent
	CodeEWSProtocol      Code = "EWS-PROTOCOL"             // an answer that is not one of EWS, or makes no sense
	CodeEWSSignIn        Code = "EWS-SIGN-IN-REFUSED"      // the token or password is not accepted
	CodeEWSSignInMethod  Code = "EWS-SIGN-IN-METHOD"       // the server offers NTLM or Negotiate only
	CodeEWSSwitchedOff   Code = "EWS-SWITCHED-OFF"         // EWS is off for the organisation, the mailbox or the application
	CodeEWSDenied        Code = "EWS-DENIED"               // signed in, but no right to do this
	CodeEWSImpersonation Code = "EWS-IMPERSONATION-DENIED" // the account may not act for this mailbox
	CodeEWSMailbox       Code = "EWS-MAILBOX-MISSING"      // the address has no mailbox there
	CodeEWSThrottled     Code = "EWS-THROTTLED"            // the server asks to wait
	CodeEWSUnavailable   Code = "EWS-UNAVAILABLE"          // the server says it can't work now
	CodeEWSFolder        Code = "EWS-FOLDER-REFUSED"       // a folder can't be opened or created
	CodeEWSFolderGone    Code = "EWS-FOLDER-GONE"          // a folder vanished

	CodeGraphConnect     Code = "GRAPH-CONNECT"         // name or port can't be reached
	CodeGraphTLS         Code = "GRAPH-TLS"             // certificate or handshake refused
	CodeGraphLost        Code = "GRAPH-CONNECTION-LOST" // the connection broke before the answer came
	CodeGraphTimeout     Code = "GRAPH-TIMEOUT"         // the server fell silent
	CodeGraphProtocol    Code = "GRAPH-PROTOCOL"        // an answer that is not one of Graph, or makes no sense
	CodeGraphSignIn      Code = "GRAPH-SIGN-IN-REFUSED" // the token is not accepted
	CodeGraphDenied      Code = "GRAPH-DENIED"          // signed in, but no right to do this
	CodeGraphImport      Code = "GRAPH-IMPORT-MISSING"  // the tenant does not have importMime
	CodeGraphThrottled   Code = "GRAPH-THROTTLED"       // the server asks to wait
	CodeGraphUnavailable Code = "GRAPH-UNAVAILABLE"     // the server says it can't work now
	CodeGraphFolder      Code = "GRAPH-FOLDER-REFUSED"  // a folder can't be opened or created
	CodeGraphFolderGone  Code = "GRAPH-FOLDER-GONE"     // a folder vanished

	CodeOAuthSecret        Code = "OAUTH-SECRET-REFUSED"      // the application's secret is not the right one
	CodeOAuthSecretExpired Code = "OAUTH-SECRET-EXPIRED"      // it was, once
	CodeOAuthCertificate   Code = "OAUTH-CERTIFICATE-REFUSED" // the certificate is not one of the application's
	CodeOAuthTenant        Code = "OAUTH-TENANT-UNKNOWN"      // there is no such tenant
	CodeOAuthApplication   Code = "OAUTH-APPLICATION-UNKNOWN" // the tenant knows no such application
	CodeOAuthConsent       Code = "OAUTH-CONSENT-MISSING"     // no administrator has consented to the permission
	CodeOAuthPassword      Code = "OAUTH-PASSWORD-REFUSED"    // wrong user or password of an administrator
	CodeOAuthMFA           Code = "OAUTH-MFA-NEEDED"          // a password alone is not enough
	CodeOAuthConditional   Code = "OAUTH-CONDITIONAL-ACCESS"  // a policy of the tenant forbids the sign-in
	CodeOAuthPublicClient  Code = "OAUTH-PUBLIC-CLIENT"       // the application may not sign people in without a secret
	CodeOAuthDeviceCode    Code = "OAUTH-DEVICE-CODE"         // the code was not entered, or declined
	CodeOAuthThrottled     Code = "OAUTH-THROTTLED"           // the authority asks to wait
	CodeOAuthUnreachable   Code = "OAUTH-UNREACHABLE"         // the authority can't be reached or can't work now
	CodeOAuthRefused       Code = "OAUTH-REFUSED"             // refused for a reason that has no code of its own

	CodeM365Denied  Code = "M365-MAILBOX-DENIED"  // signed in, without permission on this mailbox
	CodeM365Missing Code = "M365-MAILBOX-MISSING" // the tenant has no such mailbox
	CodeM365Licence Code = "M365-LICENCE-MISSING" // the user has no mailbox for want of a licence
	CodeM365IMAPOff Code = "M365-IMAP-OFF"        // IMAP is switched off for the mailbox
	CodeM365SignIn  Code = "M365-SIGN-IN-REFUSED" // the token is good, and Exchange does not know whose it is
	CodeM365Token   Code = "M365-TOKEN-REFUSED"   // Exchange does not take the token
	// CodeM365Transport: the transport that the mailbox was copied over so far can't be used any more.
	CodeM365Transport Code = "M365-TRANSPORT-CHANGED"
	// CodeM365Undo: what was copied over EWS or Graph is not taken back.
	CodeM365Undo Code = "M365-UNDO"

	CodeQuotaFull Code = "QUOTA-FULL" // the destination mailbox is full

	CodeMessageTooLarge  Code = "MESSAGE-TOO-LARGE" // over the size limit
	CodeMessageMalformed Code = "MESSAGE-MALFORMED" // refused for its content
	CodeMessageRefused   Code = "MESSAGE-REFUSED"   // refused for a reason of the server's own
	CodeMessageDamaged   Code = "MESSAGE-DAMAGED"   // the source does not hand it over whole
	CodeMessageAmbiguous Code = "MESSAGE-AMBIGUOUS" // it can't be told whether it arrived
	CodeMessageKeywords  Code = "MESSAGE-KEYWORDS"  // the destination can't hold its keywords and keywords = "fail"
	CodeMessageUnknown   Code = "MESSAGE-UNKNOWN"   // its outcome is not settled yet

	CodeStateLocked  Code = "STATE-LOCKED"  // another mailhaul is working with the state file
	CodeStateDamaged Code = "STATE-DAMAGED" // the state file is truncated or corrupt
	CodeStateNewer   Code = "STATE-NEWER"   // written by a newer release
	CodeStateWrite   Code = "STATE-WRITE"   // can't be written: disk full, read-only, I/O error
	CodeStateChanged Code = "STATE-CHANGED" // the plan file was made from another state
)

// Codes lists every code above, sorted, so that a test can hold the explanations against it.
func Codes() []Code {
	return []Code{CodeEWSConnect, CodeEWSLost, CodeEWSDenied, CodeEWSFolderGone, CodeEWSFolder, CodeEWSImpersonation,
		CodeEWSMailbox, CodeEWSProtocol, CodeEWSSignInMethod, CodeEWSSignIn, CodeEWSSwitchedOff, CodeEWSThrottled,
		CodeEWSTimeout, CodeEWSTLS, CodeEWSUnavailable, CodeIMAPAdmin, CodeIMAPConnect, CodeIMAPLost, CodeIMAPDenied, CodeIMAPFolderGone, CodeIMAPFolder,
		CodeIMAPGreeting, CodeIMAPLogin, CodeIMAPPlaintext, CodeIMAPProtocol, CodeIMAPSignInMethod, CodeIMAPThrottled,
		CodeIMAPTimeout, CodeIMAPTLS, CodeIMAPConnections, CodeIMAPNoUIDPlus, CodeIMAPValidity, CodeIMAPUnavailable, CodeMessageAmbiguous,
		CodeMessageDamaged, CodeMessageKeywords, CodeMessageMalformed, CodeMessageRefused, CodeMessageTooLarge,
		CodeMessageUnknown, CodeQuotaFull, CodeStateChanged, CodeStateDamaged, CodeInternal, CodeStateLocked,
		CodeStateNewer, CodeStateWrite, CodeOAuthSecret, CodeOAuthSecretExpired, CodeOAuthCertificate, CodeOAuthTenant,
		CodeOAuthApplication, CodeOAuthConsent, CodeOAuthPassword, CodeOAuthMFA, CodeOAuthConditional, CodeOAuthPublicClient,
		CodeOAuthDeviceCode, CodeOAuthThrottled, CodeOAuthUnreachable, CodeOAuthRefused, CodeM365Denied,
		CodeM365Missing, CodeM365Licence, CodeM365IMAPOff, CodeM365SignIn, CodeM365Token, CodeM365Transport, CodeM365Undo, CodeGraphConnect,
		CodeGraphTLS, CodeGraphLost, CodeGraphTimeout, CodeGraphProtocol, CodeGraphSignIn, CodeGraphDenied, CodeGraphImport,
		CodeGraphThrottled, CodeGraphUnavailable, CodeGraphFolder, CodeGraphFolderGone}
}

// FolderGone tells whether the code says that a folder vanished, at whatever kind of server.
func (c Code) FolderGone() bool {
	return c == CodeIMAPFolderGone || c == CodeEWSFolderGone || c == CodeGraphFolderGone
}

// Lost tells whether the code says that the connection broke or fell silent, at whatever kind of server: nothing is known
// of the server's own mind then.
func (c Code) Lost() bool {
	switch c {
	case CodeIMAPLost, CodeIMAPTimeout, CodeEWSLost, CodeEWSTimeout, CodeGraphLost, CodeGraphTimeout:
		return true
	}
	return false
}
