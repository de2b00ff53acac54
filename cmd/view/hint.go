package view

import "mailhaul/state/mail"

// advice is what is known of a code in one line: what happened, to follow "source" or "destination", and what to do.
type advice struct{ cause, hint string }

// Hint says in one line what to do about a code, of the configuration or of a run. An unknown code gives "".
func Hint(code string) string { return adviceFor(code).hint }

// cause says in half a sentence what happened; "" where the server's own words are better.
func cause(code mail.Code) string { return adviceFor(string(code)).cause }
