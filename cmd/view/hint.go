package view

// Hint says in one line what to do about a code; an unknown code gives "".
func Hint(code string) string { return "" }
