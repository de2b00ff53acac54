package ews

import "encoding/xml"

// What is read of answers. Names are matched without their namespaces' prefixes, which are the server's choice; what is
// not named here is passed over.
type envelope struct {
	XMLName xml.Name `xml:"Envelope"`
	Body    struct {
		Fault  *fault   `xml:"Fault"`
		Answer []answer `xml:",any"`
	} `xml:"Body"`
}

// answer is the one element of the body, whatever was asked.
type answer struct {
	Outcomes struct {
		List []outcome `xml:",any"`
	} `xml:"ResponseMessages"`
}

// outcome is the server's word on one thing that was asked for.
type outcome struct {
	Class   string  `xml:"ResponseClass,attr"`
	Text    string  `xml:"MessageText"`
	Code    string  `xml:"ResponseCode"`
	Values  []value `xml:"MessageXml>Value"`
	Folders folders `xml:"Folders"`
	Items   items   `xml:"Items"`
	Root    root    `xml:"RootFolder"`
}

// value is a detail of an error.
type value struct {
	Name string `xml:"Name,attr"`
	Text string `xml:",chardata"`
}

// fault is a refusal of the whole request.
type fault struct {
	Text   string `xml:"faultstring"`
	Detail struct {
		Code   string  `xml:"ResponseCode"`
		Text   string  `xml:"Message"`
		Values []value `xml:"MessageXml>Value"`
	} `xml:"detail"`
}

// root is one page of a listing.
type root struct {
	Last    bool    `xml:"IncludesLastItemInRange,attr"`
	Folders folders `xml:"Folders"`
	Items   items   `xml:"Items"`
}

type folders struct {
	List []folder `xml:",any"` // Folder, CalendarFolder, ...
}

type items struct {
	List []item `xml:",any"` // Message, MeetingRequest, ...
}

type itemID struct {
	ID string `xml:"Id,attr"`
}

type folder struct {
	XMLName xml.Name
	ID      itemID `xml:"FolderId"`
	Parent  itemID `xml:"ParentFolderId"`
	Class   string `xml:"FolderClass"`
	Name    string `xml:"DisplayName"`
	Total   uint32 `xml:"TotalCount"`
}

type item struct {
	Holds      *struct{}  `xml:"MimeContent"` // nil: without its message
	ID         itemID     `xml:"ItemId"`
	Received   string     `xml:"DateTimeReceived"`
	Size       int64      `xml:"Size"`
	Categories []string   `xml:"Categories>String"`
	Draft      bool       `xml:"IsDraft"`
	Read       bool       `xml:"IsRead"`
	Flag       string     `xml:"Flag>FlagStatus"`
	Extended   []extended `xml:"ExtendedProperty"`

	mime []byte // in base64, a part of the answer
}

type extended struct {
	URI   extendedFieldURI `xml:"ExtendedFieldURI"`
	Value string           `xml:"Value"`
}

type extendedFieldURI struct {
	PropertySetID string `xml:"PropertySetId,attr"`
	PropertyTag   string `xml:"PropertyTag,attr"`
	PropertyName  string `xml:"PropertyName,attr"`
}

// value gives an extended property, if the item has it.
func (i *item) value(p property) (string, bool) {
	for _, e := range i.Extended {
		if p.is(e.URI) {
			return e.Value, true
		}
	}
	return "", false
}
