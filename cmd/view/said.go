package view

import "mailhaul/state/mail"

// said quotes what stands behind a failure: the server's own words where the code comes from an answer of the server,
// else what mailhaul found. What may be either is not put into a server's mouth.
func said(code mail.Code, text string) string {
	if answered(code) {
		return "The server said: \"" + Safe(text) + "\""
	}
	return "Reason: " + Safe(text)
}

// answered tells whether failures with the code are made of a server's answer only.
func answered(code mail.Code) bool {
	switch code {
	case mail.CodeIMAPLogin, mail.CodeIMAPAdmin, mail.CodeIMAPDenied, mail.CodeIMAPConnections, mail.CodeIMAPThrottled,
		mail.CodeIMAPUnavailable, mail.CodeMessageMalformed, mail.CodeMessageRefused:
		return true
	}
	return false
}
