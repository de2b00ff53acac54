package view

import "mailhaul/state/mail"

// graphAdvice is the part of Microsoft Graph.
func graphAdvice() map[mail.Code]advice {
	return map[mail.Code]advice{
		mail.CodeGraphConnect:     {"can't be reached", `check graph_url, the firewall and the proxy, then run: mailhaul apply`},
		mail.CodeGraphTLS:         {"can't be trusted: certificate or TLS version", `set ca_file if the certificate is right; Graph is used over https only`},
		mail.CodeGraphLost:        {"broke the connection", `run again: mailhaul apply goes on where it stopped`},
		mail.CodeGraphTimeout:     {"fell silent", `run again: mailhaul apply goes on where it stopped`},
		mail.CodeGraphProtocol:    {"does not answer as Graph does", `check graph_url; it is https://graph.microsoft.com unless you say otherwise`},
		mail.CodeGraphSignIn:      {"did not accept the access token", `check the application's permissions and the consent, then run: mailhaul verify`},
		mail.CodeGraphDenied:      {"denied access", `give the application Mail.ReadWrite and Mail-Advanced.ReadWrite.All for the mailbox`},
		mail.CodeGraphImport:      {"does not have importMime", `use the transport "imap": the import of Graph is a preview`},
		mail.CodeGraphThrottled:   {"asked to wait", `nothing to do: mailhaul waits as told; lower "connections" if it comes often`},
		mail.CodeGraphUnavailable: {"says it can't work now", `try again later: mailhaul apply`},
		mail.CodeGraphFolder:      {"refused a folder", `rename or exclude the folder in the folders block, see: mailhaul folders MAILBOX`},
		mail.CodeGraphFolderGone:  {"no longer has a folder", `nothing to do: the next plan looks again`},
	}
}
