package oauth

import (
	"encoding/base64"
	"strings"
	"testing"
)

// FuzzToken looks into tokens whose inside is anything: nobody checked who wrote it. What they say to be for is one word of
// theirs, or nothing.
func FuzzToken(f *testing.F) {
	f.Add(`{"tid":"t","appid":"a","roles":["IMAP.AccessAsApp"],"scp":"a b","aud":"https://outlook.office365.com"}`, "https://graph.microsoft.com/.default")
	f.Add(`{"aud":["a","b"],"roles":"one","tid":7}`, "")
	f.Add(`{"aud":{"a":[[[[1e999]]]]}} {`, "/")
	f.Fuzz(func(t *testing.T, inside, scope string) {
		for _, token := range []string{inside, "e30." + base64.RawURLEncoding.EncodeToString([]byte(inside)) + ".x"} {
			c, _ := read(token)
			if to := elsewhere(c.audience(), []string{scope}); to != "" && to != c.audience() {
				t.Errorf("a token for %q is said to be for %q", c.audience(), to)
			}
		}
	})
}

// FuzzRefusal reads whatever an authority may answer: there is always a code, and what is kept of its words is one short line
// without the secret.
func FuzzRefusal(f *testing.F) {
	const secret = "s3cret/&+%"
	f.Add(`MSAL says: {"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret s3cret/&+%.\r\nTrace ID: 1","error_codes":[7000215]}`)
	f.Add(`{"error":1,"error_codes":["x",-1]}`)
	f.Add(`{{{"error":"x"`)
	f.Fuzz(func(t *testing.T, text string) {
		a, found := refusal(text)
		if found && cause(a) == "" {
			t.Errorf("%q has no code", text)
		}
		for _, words := range []string{text, a.Description} {
			got := clean(words, Options{Secret: secret})
			if strings.Contains(got, secret) || strings.ContainsAny(got, "\r\n") || len(got) > maxText+len("...") {
				t.Errorf("of %q this is kept: %q", words, got)
			}
		}
	})
}
