package config

// kind says how an attribute's value is read; units.go and value.go have a reader for each.
type kind uint8

const (
	text      kind = iota // a string
	number                // a whole number of at least min and at most max
	yesNo                 // true or false
	texts                 // a list of strings
	word                  // one of words
	size                  // "36MB"
	rate                  // "400Mbit"
	span                  // "60s", "15m", "1h"
	bound                 // an age or a date
	reference             // endpoint.imap.old, read as a static traversal
	password              // a string that is never shown
	clock                 // "19:00"
	zone                  // "Europe/Stockholm"
	moment                // a date with or without a time and a zone
	kept                  // an expression that is computed later
)

// attrSpec is one attribute of the language.
type attrSpec struct {
	name     string
	kind     kind
	words    []string // of a word, or of a list that takes no others
	min, max int      // of a number
	login    bool     // only a server sees it: it may hold a secret, as a password may
	heading  bool     // names a column: never a secret, whatever it is called
}

// blockSpec is one block of the language: the tables of this file are the whole of it, so that every unknown name can
// be answered with the known ones.
type blockSpec struct {
	name   string
	labels []string // what the labels are, for messages
	attrs  []attrSpec
	blocks []*blockSpec
	many   bool // may stand more than once with other labels, or at all where it has none
	free   bool // its attributes have names of the user's own
}

func (b *blockSpec) attr(name string) (attrSpec, bool) {
	for _, a := range b.attrs {
		if a.name == name {
			return a, true
		}
	}
	return attrSpec{}, false
}

func (b *blockSpec) block(name string) (*blockSpec, bool) {
	for _, k := range b.blocks {
		if k.name == name {
			return k, true
		}
	}
	return nil, false
}

// names lists what may be written, in the order of the tables.
func (b *blockSpec) names() (attrs, blocks []string) {
	for _, a := range b.attrs {
		attrs = append(attrs, a.name)
	}
	for _, k := range b.blocks {
		blocks = append(blocks, k.name)
	}
	return attrs, blocks
}

// outOfScope are words for what mailhaul never moves. The language knows them only to say so.
var outOfScope = []string{"archive", "archives", "archive_mailbox", "archive_mailboxes", "in_place_archive",
	"public_folder", "public_folders", "contact", "contacts", "calendar", "calendars", "task", "tasks", "rule", "rules",
	"inbox_rules"}

const scopeSentence = "Archive mailboxes, public folders, contacts, calendars, tasks and rules are not moved: mailhaul moves " +
	"the mail of primary mailboxes only."

var mailhaulSpec = &blockSpec{name: "mailhaul", attrs: []attrSpec{
	{name: "version", kind: text},
	{name: "customer", kind: text},
	{name: "state", kind: text},
	{name: "mailboxes", kind: number, min: 1, max: 1000},
}}

var variableSpec = &blockSpec{name: "variable", labels: []string{"name"}, many: true,
	blocks: []*blockSpec{{name: "validation", many: true, attrs: []attrSpec{
		{name: "condition", kind: kept},
		{name: "error_message", kind: kept},
	}}},
	attrs: []attrSpec{
		{name: "type", kind: kept},
		{name: "default", kind: kept},
		{name: "sensitive", kind: yesNo},
		{name: "description", kind: text},
	}}

var localsSpec = &blockSpec{name: "locals", many: true, free: true}

var adminSpec = &blockSpec{name: "admin", attrs: []attrSpec{
	{name: "user", kind: text, login: true},
	{name: "password", kind: password},
	{name: "style", kind: word, words: []string{string(StyleSASLPlain), string(StyleDovecotMaster), string(StyleExchange)}},
}}

var endpointSpec = &blockSpec{name: "endpoint", labels: []string{"type", "name"}, many: true,
	blocks: []*blockSpec{adminSpec},
	attrs: []attrSpec{
		{name: "host", kind: text},
		{name: "port", kind: number, min: 1, max: 65535},
		{name: "tls", kind: word, words: []string{string(TLSImplicit), string(TLSStartTLS), string(TLSNone)}},
		{name: "allow_plaintext", kind: yesNo},
		{name: "ca_file", kind: text},
		{name: "pin_sha256", kind: texts},
		{name: "connections", kind: number, min: 1, max: 10_000},
		{name: "per_mailbox", kind: number, min: 1, max: 100},
		{name: "grace", kind: span},
		{name: "bandwidth", kind: rate},
		{name: "compress", kind: word, words: []string{CompressAuto, CompressAlways, CompressNever}},
		{name: "messages_per_second", kind: number, min: 1, max: 1_000_000},
		{name: "max_message", kind: size},
	}}

// accountSpec is the admin block of a microsoft365 endpoint, where there is one way only to name the mailbox.
var accountSpec = &blockSpec{name: "admin", attrs: []attrSpec{
	{name: "user", kind: text, login: true},
	{name: "password", kind: password},
}}

// microsoft365Spec is the endpoint block with the type microsoft365. It stands for endpointSpec once the label is known.
var microsoft365Spec = &blockSpec{name: "endpoint", labels: []string{"type", "name"}, many: true,
	blocks: []*blockSpec{accountSpec},
	attrs: []attrSpec{
		{name: "tenant_id", kind: text},
		{name: "client_id", kind: text},
		{name: "client_secret", kind: password},
		{name: "certificate", kind: text},
		{name: "device_code", kind: yesNo},
		{name: "transports", kind: texts, words: transports},
		{name: "impersonate", kind: yesNo},
		{name: "connections", kind: number, min: 1, max: 10_000},
		{name: "per_mailbox", kind: number, min: 1, max: 4}, // more is throttled, and no faster
		{name: "max_message", kind: size},
		{name: "bandwidth", kind: rate},
		{name: "messages_per_second", kind: number, min: 1, max: 1_000_000},
		{name: "grace", kind: span},
		{name: "authority", kind: text},
		{name: "imap_host", kind: text},
		{name: "imap_port", kind: number, min: 1, max: 65535},
		{name: "ews_url", kind: text},
		{name: "graph_url", kind: text},
		{name: "ca_file", kind: text},
	}}

var columnsSpec = &blockSpec{name: "columns", attrs: []attrSpec{
	{name: "source", kind: text, heading: true},
	{name: "username", kind: text, heading: true},
	{name: "password", kind: text, heading: true},
	{name: "destination", kind: text, heading: true},
	{name: "destination_username", kind: text, heading: true},
	{name: "destination_password", kind: text, heading: true},
	{name: "wave", kind: text, heading: true},
}}

var renameSpec = &blockSpec{name: "rename", labels: []string{"pattern"}, many: true, attrs: []attrSpec{
	{name: "to", kind: text},
}}

var foldersSpec = &blockSpec{name: "folders", blocks: []*blockSpec{renameSpec}, attrs: []attrSpec{
	{name: "special", kind: word, words: []string{SpecialAuto, SpecialNone}},
	{name: "include", kind: texts},
	{name: "exclude", kind: texts},
	{name: "mapping", kind: texts},
	{name: "empty", kind: yesNo},
	{name: "merge", kind: word, words: []string{MergeReport, MergeAllow}},
	{name: "under", kind: text},
}}

var messagesSpec = &blockSpec{name: "messages", attrs: []attrSpec{
	{name: "max_size", kind: size},
	{name: "too_large", kind: word, words: []string{TooLargeReport, TooLargeFail}},
	{name: "receipts", kind: word, words: []string{ReceiptsKeep, ReceiptsDisarm, ReceiptsAuto}},
	{name: "keywords", kind: word, words: []string{KeywordsDrop, KeywordsFail}},
	{name: "repair", kind: yesNo},
	{name: "existing", kind: word, words: []string{ExistingAdopt, ExistingIgnore}},
}}

var usersSpec = &blockSpec{name: "users", labels: []string{"name"}, many: true,
	blocks: []*blockSpec{columnsSpec, foldersSpec, messagesSpec},
	attrs: []attrSpec{
		{name: "from", kind: reference},
		{name: "to", kind: reference},
		{name: "csv", kind: text},
		{name: "windows", kind: texts},
	}}

var mailboxSpec = &blockSpec{name: "mailbox", labels: []string{"address"}, many: true,
	blocks: []*blockSpec{foldersSpec, messagesSpec},
	attrs: []attrSpec{
		{name: "destination", kind: text},
		{name: "skip", kind: text},
		{name: "merge", kind: yesNo},
		{name: "allow_quote_in_folder", kind: yesNo},
		{name: "windows", kind: texts},
		{name: "wave", kind: text},
		{name: "username", kind: text},
		{name: "password", kind: password},
		{name: "destination_username", kind: text},
		{name: "destination_password", kind: password},
	}}

var passSpec = &blockSpec{name: "pass", labels: []string{"name"}, many: true, attrs: []attrSpec{
	{name: "kind", kind: text},
	{name: "after", kind: text},
	{name: "older_than", kind: bound},
	{name: "newer_than", kind: bound},
	{name: "order", kind: word, words: []string{OrderOldestFirst, OrderNewestFirst}},
	{name: "attempts", kind: number, min: 1, max: 100},
	{name: "wait", kind: span},
	{name: "start", kind: moment},
	{name: "windows", kind: texts},
	{name: "cutover", kind: yesNo},
	{name: "per_folder", kind: number, min: 1, max: 1_000_000},
	{name: "max_bytes", kind: size},
}}

var windowSpec = &blockSpec{name: "window", labels: []string{"name"}, many: true, attrs: []attrSpec{
	{name: "days", kind: texts, words: dayWords()},
	{name: "from", kind: clock},
	{name: "to", kind: clock},
	{name: "timezone", kind: zone},
}}

var cutoverSpec = &blockSpec{name: "cutover", attrs: []attrSpec{
	{name: "domains", kind: texts},
	{name: "mx", kind: texts},
	{name: "autodiscover", kind: text},
	{name: "max_ttl", kind: span},
	{name: "settle", kind: span},
	{name: "resolvers", kind: texts},
}}

var smtpSpec = &blockSpec{name: "smtp", attrs: []attrSpec{
	{name: "host", kind: text},
	{name: "port", kind: number, min: 1, max: 65535},
	{name: "username", kind: text, login: true},
	{name: "password", kind: password},
	{name: "from", kind: text},
}}

var notifySpec = &blockSpec{name: "notify", labels: []string{"name"}, many: true, attrs: []attrSpec{
	{name: "to", kind: texts},
	{name: "before", kind: span},
	{name: "on", kind: texts, words: notifyEvents},
}}

var reportSpec = &blockSpec{name: "report", attrs: []attrSpec{
	{name: "html", kind: text},
	{name: "json", kind: text},
	{name: "csv", kind: text},
	{name: "to", kind: texts},
	{name: "subjects", kind: yesNo},
}}

// project is the language: what may stand at the top of a file.
var projectSpec = &blockSpec{name: "", blocks: []*blockSpec{
	mailhaulSpec, variableSpec, localsSpec, endpointSpec, usersSpec, mailboxSpec, foldersSpec, messagesSpec, windowSpec, passSpec,
	cutoverSpec, smtpSpec, notifySpec, reportSpec,
}}
