package cmd

import "mailhaul/config"

// idle warns of settings that change nothing where they stand: messages are counted when they are written.
func idle(cfg *config.Config) config.Diagnostics {
	destinations := map[*config.Endpoint]bool{}
	for _, m := range cfg.Mailboxes {
		destinations[m.To] = true
	}
	var found config.Diagnostics
	for _, e := range cfg.Endpoints {
		if e.MessagesPerSecond > 0 && !destinations[e] {
			found = append(found, config.Diagnostic{Severity: config.Warning, Code: config.CodeValue,
				Summary: "messages_per_second of " + e.Ref() + " slows nothing down",
				Detail:  "It bounds the messages written to a destination, and nothing is written there. Use bandwidth."})
		}
	}
	return found
}
