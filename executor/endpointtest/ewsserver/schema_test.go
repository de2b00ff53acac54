package ewsserver

import (
	"strings"
	"testing"
)

// request wraps the body of a request into an envelope.
func request(body string) string {
	return `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:t="` + nsTypes + `" xmlns:m="` + nsMessages + `"><s:Header>` +
		`<t:RequestServerVersion Version="Exchange2016"/></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

const create = `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:FolderId Id="x"/></m:SavedItemFolderId>` +
	`<m:Items><t:Message><t:MimeContent>eA==</t:MimeContent><t:Categories><t:String>a</t:String></t:Categories>` +
	`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty>` +
	`<t:Flag><t:FlagStatus>Flagged</t:FlagStatus></t:Flag><t:IsRead>true</t:IsRead></t:Message></m:Items></m:CreateItem>`

// TestSchemaTellsRightFromWrong is what the other tests stand on: each document that is wrong differs from the right one
// in one thing.
func TestSchemaTellsRightFromWrong(t *testing.T) {
	swap := func(old, with string) string {
		if !strings.Contains(create, old) {
			t.Fatalf("no %s in the request", old)
		}
		return strings.Replace(create, old, with, 1)
	}
	const find = `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>` +
		`<m:Restriction><t:Exists><t:FieldURI FieldURI="item:Size"/></t:Exists></m:Restriction>` +
		`<m:ParentFolderIds><t:FolderId Id="x"/></m:ParentFolderIds></m:FindItem>`
	for name, tt := range map[string]struct {
		body  string
		valid bool
	}{
		"create":                       {create, true},
		"find":                         {find, true},
		"element order":                {swap(`<t:IsRead>true</t:IsRead>`, `<t:IsRead>true</t:IsRead><t:Size>1</t:Size>`), false},
		"MimeContent second":           {swap(`<t:MimeContent>eA==</t:MimeContent><t:Categories><t:String>a</t:String></t:Categories>`, `<t:Categories/><t:MimeContent>eA==</t:MimeContent>`), false},
		"unknown element":              {swap(`<t:IsRead>true</t:IsRead>`, `<t:Unread>true</t:Unread>`), false},
		"wrong namespace":              {swap(`<t:IsRead>true</t:IsRead>`, `<m:IsRead>true</m:IsRead>`), false},
		"enumeration of attribute":     {swap(`"SaveOnly"`, `"SaveIt"`), false},
		"enumeration of element":       {swap(`>Flagged<`, `>flagged<`), false},
		"boolean":                      {swap(`>true<`, `>yes<`), false},
		"unknown attribute":            {swap(`<t:FolderId Id="x"/>`, `<t:FolderId Id="x" Name="y"/>`), false},
		"required attribute":           {swap(`<t:FolderId Id="x"/>`, `<t:FolderId/>`), false},
		"required element":             {swap(`<t:Value>1</t:Value>`, ``), false},
		"choice twice":                 {swap(`<t:Value>1</t:Value>`, `<t:Value>1</t:Value><t:Value>2</t:Value>`), false},
		"form of a tag":                {swap(`"0x0E07"`, `"0E07h"`), false},
		"restriction of another":       {strings.Replace(find, "t:Exists", "t:Existing", 2), false},
		"abstract restriction":         {strings.Replace(find, "t:Exists", "t:SearchExpression", 2), false},
		"field":                        {strings.Replace(find, "item:Size", "item:Bulk", 1), false},
		"traversal missing":            {strings.Replace(find, ` Traversal="Shallow"`, "", 1), false},
		"shape behind the restriction": {strings.Replace(find, `<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>`, "", 1), false},
		"no request":                   {`<m:CreateItems/>`, false},
		"two requests":                 {find + find, false},
	} {
		top, err := parse(strings.NewReader(request(tt.body)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := validateEnvelope(top); (err == nil) != tt.valid {
			t.Errorf("%s: valid should be %v, and the verdict is: %v", name, tt.valid, err)
		}
	}
}
