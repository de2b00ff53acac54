package ewsserver

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"
)

// conversation is one request and its answer.
type conversation struct {
	*Server
	w       http.ResponseWriter
	r       *http.Request
	request *node
	header  *node
	box     *Mailbox
}

// refusal is an error of the service.
type refusal struct {
	code, text string
	backOff    time.Duration
}

// details are those of an error, as XML.
func (e refusal) details() string {
	if e.backOff == 0 {
		return ""
	}
	return fmt.Sprintf(`<MessageXml xmlns="%s"><Value Name="BackOffMilliseconds">%d</Value></MessageXml>`, nsTypes, e.backOff.Milliseconds())
}

// fault refuses the whole request.
func (s *Server) fault(w http.ResponseWriter, status int, e refusal) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="%s"><soap:Body><soap:Fault>`+
		`<faultcode xmlns:a="%s">a:%s</faultcode><faultstring xml:lang="en-US">%s</faultstring><detail>`+
		`<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">%[3]s</e:ResponseCode>`+
		`<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">%[4]s</e:Message>%s</detail></soap:Fault></soap:Body></soap:Envelope>`,
		nsSOAP, nsTypes, e.code, html.EscapeString(e.text), e.details())
}

// operations are what the service can do; each gives its outcomes as XML.
var operations = map[string]func(*conversation) []string{
	"GetFolder": (*conversation).getFolder, "FindFolder": (*conversation).findFolder, "CreateFolder": (*conversation).createFolder,
	"FindItem": (*conversation).findItem, "GetItem": (*conversation).getItem, "CreateItem": (*conversation).createItem,
	"UpdateItem": (*conversation).updateItem,
}

// answer does what is asked.
func (c *conversation) answer() {
	operation := operations[c.request.name]
	c.mu.Lock()
	c.requests[c.request.name]++
	c.served++
	h, busy := c.habits, c.habits.Busy != NotBusy && c.served%max(1, c.habits.BusyEvery) == 0
	refused, open := c.openMailbox()
	if open && time.Now().Before(c.box.until) {
		busy, h.Busy, h.BackOff = true, BusyFault, time.Until(c.box.until)
		c.early++
	}
	meanwhile := h.Meanwhile
	c.mu.Unlock()
	switch {
	case operation == nil:
		c.fault(c.w, http.StatusInternalServerError, refusal{"ErrorInvalidRequest", "not played here: " + c.request.name, 0})
		return
	case busy && h.Busy == BusyFault:
		c.fault(c.w, http.StatusInternalServerError, refusal{"ErrorServerBusy", "The server cannot service this request right now.", h.BackOff})
		return
	case busy && h.Busy == BusyStatus:
		c.fault(c.w, http.StatusServiceUnavailable, refusal{"ErrorServerBusy", "The server cannot service this request right now.", h.BackOff})
		return
	case !open && strings.HasPrefix(refused.code, "ErrorImpersonat"):
		c.fault(c.w, http.StatusInternalServerError, refused)
		return
	}
	if meanwhile != nil && strings.HasPrefix(c.request.name, "Find") {
		meanwhile()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !open {
		c.reply([]string{c.refuse(refused)})
		return
	}
	if c.request.name == "CreateItem" {
		c.creates++
		if lose, lost := h.Lose[c.creates]; lost {
			c.lose(lose)
			return
		}
	}
	if busy && h.Busy == BusyOutcome && c.request.name != "CreateItem" {
		c.reply([]string{c.refuse(refusal{"ErrorServerBusy", "The server cannot service this request right now.", h.BackOff})})
		return
	}
	c.reply(operation(c))
}

// openMailbox finds whose mailbox is meant, as the header or the folder says.
func (c *conversation) openMailbox() (refusal, bool) {
	address, user := "", ""
	if name, _, basic := c.r.BasicAuth(); basic {
		user = name
	}
	if acting := c.header.at("ExchangeImpersonation"); acting != nil {
		address = acting.textAt("ConnectingSID", "SmtpAddress")
		if c.habits.Denied {
			return refusal{"ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user.", 0}, false
		}
		if anchor := c.r.Header.Get("X-AnchorMailbox"); anchor != address {
			c.Blame("impersonates %s with the anchor %q", address, anchor)
		}
	} else if address = c.request.textAt("FolderIds", "DistinguishedFolderId", "Mailbox", "EmailAddress"); address == "" {
		address = c.r.Header.Get("X-AnchorMailbox") // the ids name it
	}
	if address == "" {
		address = user
	}
	if c.box = c.mailboxes[strings.ToLower(address)]; c.box == nil || c.habits.Missing {
		return refusal{"ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.", 0}, false
	}
	if c.habits.Denied {
		return refusal{"ErrorAccessDenied", "Access is denied. Check credentials and try again.", 0}, false
	}
	return refusal{}, true
}

// refuse is the outcome of something that failed.
func (c *conversation) refuse(e refusal) string {
	class := "Error"
	if e.code == "ErrorBatchProcessingStopped" {
		class = "Warning"
	}
	return fmt.Sprintf(`<m:%sResponseMessage ResponseClass=%q><m:MessageText>%s</m:MessageText><m:ResponseCode>%s</m:ResponseCode>`+
		`<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>%s%s</m:%[1]sResponseMessage>`, c.request.name, class, html.EscapeString(e.text), e.code,
		messageXML(e), c.empty())
}

// messageXML are the details of an error inside an outcome, where they belong to the namespace of messages.
func messageXML(e refusal) string {
	if e.backOff == 0 {
		return ""
	}
	return fmt.Sprintf(`<m:MessageXml><Value xmlns="%s" Name="BackOffMilliseconds">%d</Value></m:MessageXml>`, nsTypes, e.backOff.Milliseconds())
}

// empty is what an outcome without a result holds.
func (c *conversation) empty() string {
	switch c.request.name {
	case "CreateItem", "GetItem", "UpdateItem":
		return "<m:Items/>"
	case "GetFolder", "CreateFolder":
		return "<m:Folders/>"
	}
	return ""
}

// success is the outcome of something that was done.
func (c *conversation) success(result string) string {
	return fmt.Sprintf(`<m:%sResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>%s</m:%[1]sResponseMessage>`,
		c.request.name, result)
}

// reply sends the outcomes. An answer that the schema does not know is a fault of this server.
func (c *conversation) reply(outcomes []string) {
	answer := c.envelope(outcomes)
	c.w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = c.w.Write([]byte(answer)) // a client that is gone is no fault
}

func (c *conversation) envelope(outcomes []string) string {
	answer := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="%s"><soap:Body>`+
		`<m:%sResponse xmlns:m="%s" xmlns="%s"><m:ResponseMessages>%s</m:ResponseMessages></m:%[2]sResponse></soap:Body></soap:Envelope>`,
		nsSOAP, c.request.name, nsMessages, nsTypes, strings.Join(outcomes, ""))
	if len(answer) > 1<<20 {
		return answer // it is one message that makes it large
	}
	top, err := parse(strings.NewReader(answer))
	if err == nil {
		err = validateEnvelope(top)
	}
	if err != nil {
		c.Blame("the answer of this server: %v", err)
	}
	return answer
}

// lose breaks a CreateItem.
func (c *conversation) lose(how Lose) {
	c.struck++
	items := c.request.list("Items")
	if how == LoseHalf {
		items = items[:len(items)/2]
	}
	if how != LoseBefore {
		store, box, folder := items, c.box, c.request.at("SavedItemFolderId").kids[0]
		if c.habits.LateBy > 0 {
			c.Late.Add(1)
			time.AfterFunc(c.habits.LateBy, func() {
				defer c.Late.Done()
				c.mu.Lock()
				defer c.mu.Unlock()
				c.storeAll(box, folder, store)
			})
		} else {
			c.storeAll(box, folder, store)
		}
	}
	switch how {
	case Internal:
		var all []string
		for range items {
			all = append(all, c.refuse(refusal{"ErrorInternalServerError", "An internal server error occurred. The operation failed.", 0}))
		}
		c.reply(all)
	case Unfinished:
		c.w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = c.w.Write([]byte(`<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="` + nsSOAP + `"><soap:Body>`))
		panic(http.ErrAbortHandler)
	default:
		panic(http.ErrAbortHandler)
	}
}
