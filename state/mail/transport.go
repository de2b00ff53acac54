package mail

import "strings"

// The prefixes of Folder.Raw at servers that name folders by ids of their own. A name of IMAP stands as it is. They tell
// by which transport a folder was written to: the same folder has another name by another one.
const (
	RawEWS   = "ews:"
	RawGraph = "graph:"
)

// TransportOf tells which transport names a folder so: "ews", "graph", else "imap".
func TransportOf(raw string) string {
	for _, prefix := range []string{RawEWS, RawGraph} {
		if strings.HasPrefix(raw, prefix) {
			return strings.TrimSuffix(prefix, ":")
		}
	}
	return "imap"
}
