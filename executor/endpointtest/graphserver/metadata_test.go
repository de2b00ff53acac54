package graphserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestMetadata takes what Microsoft describes and refuses everything else: the judge of the requests must be able to say no.
func TestMetadata(t *testing.T) {
	m, err := loadMetadata()
	if err != nil {
		t.Fatal(err)
	}
	const id, set = "/beta/users/a%40b.example", "{5e0c6c3a-6a43-4f0e-9a0b-2d1f7b8c94e1}"
	for request, good := range map[string]bool{
		"GET " + id + "/mailFolders/inbox?$select=id,displayName":                                                                        true,
		"GET " + id + "/mailFolders/inbox?$select=id,colour":                                                                             false,
		"GET " + id + "/mailFolders/inbox?$top=5":                                                                                        false,
		"GET " + id + "/mailFolders/inbox/messages?$top=1001":                                                                            false,
		"GET " + id + "/mailFolders/inbox/messages?$count=yes":                                                                           false,
		"GET " + id + "/mailFolders/inbox/letters":                                                                                       false,
		"GET /v1.0/users/a/mailFolders/inbox":                                                                                            false,
		"DELETE " + id + "/messages/x":                                                                                                   false,
		"GET " + id + "/messages/x?$expand=singleValueExtendedProperties($filter=id eq 'String " + set + " Name a')":                     true,
		"GET " + id + "/messages/x?$expand=singleValueExtendedProperties":                                                                false,
		"GET " + id + "/messages/x?$expand=attachments":                                                                                  false,
		"GET " + id + "/mailFolders/x/messages?$filter=isRead eq true and subject eq 'x'":                                                false,
		"POST " + id + "/mailFolders/x/importMime text/plain QQ==":                                                                       true,
		"POST " + id + "/mailFolders/x/importMime application/json {}":                                                                   false,
		"POST " + id + "/messages/x/move application/json {\"DestinationId\":\"inbox\"}":                                                 true,
		"POST " + id + "/messages/x/move application/json {\"destinationId\":\"inbox\"}":                                                 false,
		"POST " + id + "/messages/x/move application/json {\"DestinationId\":1}":                                                         false,
		"POST " + id + "/messages/x/importMime text/plain QQ==":                                                                          false,
		"POST " + id + "/mailFolders/x/messages application/json {\"subject\":\"a\"}":                                                    false,
		"POST " + id + "/messages/x/move application/json {}":                                                                            false,
		"POST " + id + "/mailFolders/x/childFolders application/json {\"displayName\":\"a\",\"isHidden\":true}":                          true,
		"POST " + id + "/mailFolders/x/childFolders application/json {\"displayName\":7}":                                                false,
		"PATCH " + id + "/messages/x application/json {\"isRead\":true,\"flag\":{\"flagStatus\":\"flagged\"}}":                           true,
		"PATCH " + id + "/messages/x application/json {\"flag\":{\"flagStatus\":\"red\"}}":                                               false,
		"PATCH " + id + "/messages/x application/json {\"isDraft\":false}":                                                               false,
		"PATCH " + id + "/messages/x application/json {\"receivedDateTime\":\"2023-01-01T00:00:00Z\"}":                                   false,
		"PATCH " + id + "/messages/x application/json {\"singleValueExtendedProperties\":[{\"id\":\"Integer 0x1081\",\"value\":\"x\"}]}": false,
		"PATCH " + id + "/messages/x application/json {\"singleValueExtendedProperties\":[{\"id\":\"Number 0x1081\",\"value\":\"1\"}]}":  false,
		"PATCH " + id + "/messages/x application/json {\"categories\":[\"a\",1]}":                                                        false,
	} {
		method, rest, _ := strings.Cut(request, " ")
		address, content, kind := rest, "", ""
		if at := strings.IndexAny(rest, " "); at >= 0 && method != http.MethodGet {
			address = rest[:at]
			kind, content, _ = strings.Cut(rest[at+1:], " ")
		}
		r := httptest.NewRequest(method, strings.ReplaceAll(address, " ", "%20"), strings.NewReader(content))
		r.Header.Set("Content-Type", kind)
		op, _, err := m.find(method, r.URL.EscapedPath())
		if err == nil {
			err = m.check(op, r, []byte(content))
		}
		if (err == nil) != good {
			t.Errorf("%s: %v", request, err)
		}
	}
}

// TestFilters: only the documented form is understood, and it compares numbers as numbers.
func TestFilters(t *testing.T) {
	const id = "Integer {5e0c6c3a-6a43-4f0e-9a0b-2d1f7b8c94e1} Name n"
	f, err := parseFilter("singleValueExtendedProperties/any(p:p/id eq '" + id + "' and cast(p/value, Edm.Int32) ge 100)")
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]bool{"99": false, "100": true, "1000": true, "": false} {
		m := &message{extended: map[string]string{key(id): value}}
		if f.fits(m) != want {
			t.Errorf("%q fits: %v", value, !want)
		}
	}
	for _, text := range []string{"singleValueExtendedProperties/any(p:q/id eq '" + id + "' and cast(p/value, Edm.Int32) ge 1)",
		"singleValueExtendedProperties/any(p:p/id eq '" + id + "' and p/value eq '1')", "receivedDateTime ge 2020-01-01"} {
		if _, err := parseFilter(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
