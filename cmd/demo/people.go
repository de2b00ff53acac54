package demo

// Person is one mailbox of the demo, on both sides.
type Person struct {
	Source, Destination                 string // addresses, which are the user names too
	SourcePassword, DestinationPassword string
}

// People are the three mailboxes that Seed fills.
func People() []Person {
	return []Person{
		{"anna@old.example", "anna@new.example", "old-anna-7GqkX2", "new-anna-Lw93Tz"},
		{"bo@old.example", "bo@new.example", "old-bo-Hf55rD", "new-bo-Vy61Me"},
		{"carla@old.example", "carla@new.example", "old-carla-Pn08Kc", "new-carla-Zb42Ja"},
	}
}

// SourceUsers are the user names and passwords of the source, for Options.
func SourceUsers() map[string]string {
	users := make(map[string]string)
	for _, p := range People() {
		users[p.Source] = p.SourcePassword
	}
	return users
}

// DestinationUsers are the user names and passwords of the destination, for Options.
func DestinationUsers() map[string]string {
	users := make(map[string]string)
	for _, p := range People() {
		users[p.Destination] = p.DestinationPassword
	}
	return users
}
