package view

import (
	"maps"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// adviceFor is the table of all codes.
func adviceFor(code string) advice {
	if a, found := runAdvice()[mail.Code(code)]; found {
		return a
	}
	return advice{hint: configHints()[config.Code(code)]}
}

// runAdvice is the table of the codes that a run can meet.
func runAdvice() map[mail.Code]advice {
	all := map[mail.Code]advice{
		mail.CodeInternal: {"met an error that mailhaul does not know",
			`run again; if it comes back, report it with the output of: mailhaul apply --trace DIR`},

		mail.CodeQuotaFull: {"is full", `give the mailbox more space, then run: mailhaul apply`},

		mail.CodeMessageTooLarge:  {"does not take messages of this size", `raise max_size if the destination takes more; otherwise it stays behind`},
		mail.CodeMessageMalformed: {"refused a message as malformed", `see what is wrong with it: mailhaul explain MESSAGE-MALFORMED`},
		mail.CodeMessageRefused:   {"refused a message", `read the server's words and mend the cause, then run: mailhaul apply`},
		mail.CodeMessageDamaged:   {"does not hand over a message whole", `open it in the old mailbox; if it shows, run: mailhaul apply`},
		mail.CodeMessageAmbiguous: {"may or may not hold a message", `look for it at the destination; if it is missing: mailhaul apply --pass retry --resend-ambiguous`},
		mail.CodeMessageKeywords:  {"can't hold the keywords of a message", `set keywords = "drop" in the messages block to copy it without them`},
		mail.CodeMessageUnknown:   {"has not confirmed a message yet", `run: mailhaul apply, which settles it`},

		mail.CodeStateLocked:  {"", `wait until the other mailhaul ends, watch it with: mailhaul status`},
		mail.CodeStateDamaged: {"", `restore the state file from a backup, check it with: mailhaul state check`},
		mail.CodeStateNewer:   {"", `install the release that wrote the state file, or a newer one`},
		mail.CodeStateWrite:   {"", `make room on the disk and check the file's permissions, then run: mailhaul apply`},
		mail.CodeStateChanged: {"", `make the plan again: mailhaul plan --out FILE`},
	}
	maps.Copy(all, imapAdvice())
	maps.Copy(all, exchangeAdvice())
	maps.Copy(all, microsoft365Advice())
	maps.Copy(all, graphAdvice())
	return all
}

// imapAdvice is the part of IMAP servers.
func imapAdvice() map[mail.Code]advice {
	return map[mail.Code]advice{
		mail.CodeIMAPConnect:      {"can't be reached", `check host, port and firewall of the endpoint, then run: mailhaul apply`},
		mail.CodeIMAPTLS:          {"can't be trusted: certificate or TLS version", `set ca_file or pin_sha256 of the endpoint if the certificate is right; run: mailhaul apply`},
		mail.CodeIMAPGreeting:     {"does not answer like an IMAP server", `check host, port and tls of the endpoint, then run: mailhaul apply`},
		mail.CodeIMAPPlaintext:    {"offers no protected connection", `set tls = "implicit" with port 993, or ask the server's administrator for TLS`},
		mail.CodeIMAPLogin:        {"refused the password", `correct the password in users.csv, then run: mailhaul apply`},
		mail.CodeIMAPSignInMethod: {"offers no sign-in method that mailhaul knows", `the message names the methods offered; see: mailhaul explain IMAP-SIGN-IN-METHOD`},
		mail.CodeIMAPAdmin:        {"does not let the admin account in", `check user, password, style and rights of that endpoint's admin block, then run: mailhaul apply`},
		mail.CodeIMAPDenied:       {"denied access", `ask the server's administrator for the missing right, then run: mailhaul apply`},
		mail.CodeIMAPConnections:  {"takes no more connections", `lower "connections" or "per_mailbox" of the endpoint`},
		mail.CodeIMAPThrottled:    {"asked to wait", `nothing to do: mailhaul waits as told; lower "connections" if it comes often`},
		mail.CodeIMAPUnavailable:  {"says it can't work now", `try again later: mailhaul apply`},
		mail.CodeIMAPLost:         {"broke the connection", `run again: mailhaul apply goes on where it stopped`},
		mail.CodeIMAPTimeout:      {"fell silent", `run again: mailhaul apply goes on where it stopped`},
		mail.CodeIMAPProtocol:     {"gave an answer that makes no sense", `run again with --trace DIR and look at the last lines of the trace`},
		mail.CodeIMAPFolder:       {"refused a folder", `rename or exclude the folder in the folders block, see: mailhaul folders MAILBOX`},
		mail.CodeIMAPFolderGone:   {"no longer has a folder", `nothing to do: the next plan looks again`},
		mail.CodeIMAPNoUIDPlus:    {"can't remove exactly the messages that are named", `remove them with a mail client; mailhaul removes nothing there`},
		mail.CodeIMAPValidity:     {"made a folder anew meanwhile", `run again: mailhaul apply matches its messages anew`},
	}
}

// exchangeAdvice is the part of servers that are spoken to by EWS.
func exchangeAdvice() map[mail.Code]advice {
	return map[mail.Code]advice{
		mail.CodeEWSConnect:       {"can't be reached", `check the address of EWS, the firewall and the proxy, then run: mailhaul apply`},
		mail.CodeEWSTLS:           {"can't be trusted: certificate or TLS version", `set ca_file if the certificate is right; EWS is used over https only`},
		mail.CodeEWSLost:          {"broke the connection", `run again: mailhaul apply goes on where it stopped`},
		mail.CodeEWSTimeout:       {"fell silent", `run again: mailhaul apply goes on where it stopped`},
		mail.CodeEWSProtocol:      {"does not answer as EWS does", `check the address: https://HOST/EWS/Exchange.asmx`},
		mail.CodeEWSSignIn:        {"did not accept the credentials", `check the application and its permissions, or user and password: mailhaul verify`},
		mail.CodeEWSSignInMethod:  {"offers no sign-in method that mailhaul knows for EWS", `switch on Basic or OAuth for EWS, or use the transport "imap"`},
		mail.CodeEWSSwitchedOff:   {"has EWS switched off", `use the transport "imap", or have EWS allowed for this application`},
		mail.CodeEWSDenied:        {"denied access", `give the account the right on the mailbox, then run: mailhaul apply`},
		mail.CodeEWSImpersonation: {"does not let the account act for the mailbox", `give the account the role ApplicationImpersonation, then run: mailhaul apply`},
		mail.CodeEWSMailbox:       {"has no mailbox of that address", `create the mailbox or correct the address, then run: mailhaul apply`},
		mail.CodeEWSThrottled:     {"asked to wait", `nothing to do: mailhaul waits as told; lower "connections" if it comes often`},
		mail.CodeEWSUnavailable:   {"says it can't work now", `try again later: mailhaul apply`},
		mail.CodeEWSFolder:        {"refused a folder", `rename or exclude the folder in the folders block, see: mailhaul folders MAILBOX`},
		mail.CodeEWSFolderGone:    {"no longer has a folder", `nothing to do: the next plan looks again`},
	}
}

// microsoft365Advice is the part of Microsoft 365 and of the authority that issues its tokens.
func microsoft365Advice() map[mail.Code]advice {
	return map[mail.Code]advice{
		mail.CodeM365Undo:           {"was written over EWS or Graph, which can't be asked to remove exactly that", `remove the messages with a mail client, see: mailhaul explain M365-UNDO`},
		mail.CodeM365Denied:         {"gave no permission on the mailbox", `Add-MailboxPermission -Identity MAILBOX -User SERVICE_PRINCIPAL_ID -AccessRights FullAccess`},
		mail.CodeM365Missing:        {"has no such mailbox", `correct the address in users.csv or create the mailbox, then run: mailhaul verify`},
		mail.CodeM365Licence:        {"has no mailbox for a user without a licence", `assign a licence with Exchange Online, then run: mailhaul verify`},
		mail.CodeM365IMAPOff:        {"has IMAP switched off for the mailbox", `switch it on: Set-CASMailbox -Identity MAILBOX -ImapEnabled $true`},
		mail.CodeM365SignIn:         {"does not know the application", `give Exchange the Enterprise application's object id: mailhaul explain M365-SIGN-IN-REFUSED`},
		mail.CodeM365Token:          {"does not take the access token", `tenant_id, authority and imap_host must belong together: mailhaul explain M365-TOKEN-REFUSED`},
		mail.CodeM365Transport:      {"can't go on by another transport", `mend the one it was copied by, or begin anew: mailhaul explain M365-TRANSPORT-CHANGED`},
		mail.CodeOAuthSecret:        {"refused the application's secret", `put the secret's value where client_secret takes it from, then run: mailhaul verify`},
		mail.CodeOAuthSecretExpired: {"says that the application's secret has expired", `make a new secret in Entra, then run: mailhaul verify`},
		mail.CodeOAuthCertificate:   {"does not know the application's certificate", `upload the certificate to the application in Entra, then run: mailhaul verify`},
		mail.CodeOAuthTenant:        {"knows no such tenant", `correct tenant_id, or authority for another cloud`},
		mail.CodeOAuthApplication:   {"knows no such application in the tenant", `correct client_id: it is called Application (client) ID`},
		mail.CodeOAuthConsent:       {"misses an administrator's consent", `add IMAP.AccessAsApp to the application in Entra and grant admin consent, then run: mailhaul verify`},
		mail.CodeOAuthPassword:      {"refused the administrator's password", `correct user and password of the admin block, or sign in as an application`},
		mail.CodeOAuthMFA:           {"wants more than a password", `use client_secret, certificate or device_code: mailhaul explain OAUTH-MFA-NEEDED`},
		mail.CodeOAuthConditional:   {"has a policy that forbids the sign-in", `the sign-in logs in Entra name the policy: mailhaul explain OAUTH-CONDITIONAL-ACCESS`},
		mail.CodeOAuthPublicClient:  {"lets the application sign nobody in without a secret", `allow public client flows in Entra, or use client_secret or certificate`},
		mail.CodeOAuthDeviceCode:    {"got no answer to the device code", `run again and enter the new code in time`},
		mail.CodeOAuthThrottled:     {"asked to wait before the next token", `nothing to do: mailhaul waits as told`},
		mail.CodeOAuthUnreachable:   {"can't be reached for an access token", `check network, proxy and authority, then run: mailhaul verify`},
		mail.CodeOAuthRefused:       {"refused to issue an access token", `the number in the message says why: mailhaul explain OAUTH-REFUSED`},
	}
}

// configHints is the table of the codes of the configuration.
func configHints() map[config.Code]string {
	return map[config.Code]string{
		config.CodeSyntax:       `mend the place shown, check with: mailhaul validate`,
		config.CodeUnknown:      `write one of the names listed; the language: mailhaul help config`,
		config.CodeMissing:      `add what is missing; a starter: mailhaul init`,
		config.CodeValue:        `write a value as described; units are words: "90d", "36MB"`,
		config.CodeReference:    `write a name that exists, or add the block it names`,
		config.CodeDuplicate:    `remove one of the two`,
		config.CodeConflict:     `keep one of the two settings`,
		config.CodeRegexp:       `mend the regular expression (RE2, backslashes doubled), see: mailhaul help folders`,
		config.CodeFile:         `check the path, which starts at the project's directory, and its permissions`,
		config.CodeCommand:      `run the program by hand, or set the variable, and see what it gives`,
		config.CodeCSV:          `save the users file as CSV with a line of headings`,
		config.CodeCSVRow:       `correct the row in the users file`,
		config.CodeSecret:       `take the secret from env("NAME"), file("path") or command("program")`,
		config.CodeDeprecated:   `sign in as an application: client_secret or certificate, see: mailhaul help microsoft365`,
		config.CodeNotSupported: `remove that part; this version does not carry it out`,
		config.CodeVersion:      `install a release that the project asks for, or change "version"`,
		config.CodeMerge:        `rename one of the two, or allow it with merge`,
		config.CodeFolderName:   `add a rename rule for the folder, see: mailhaul help folders`,
		config.CodePass:         `choose a pass that is written in the file, see: mailhaul help passes`,
		config.CodeArguments:    `see the flags of the command: mailhaul help`,
		config.CodeChanged:      `make the plan again: mailhaul plan --out FILE`,
	}
}
