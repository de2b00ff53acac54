package graphserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conversation is one request and its answer.
type conversation struct {
	*Server
	w     http.ResponseWriter
	r     *http.Request
	op    *operation
	names map[string]string // from the path
	query url.Values
	body  []byte
	box   *Mailbox
}

// reply is what an operation leads to.
type reply struct {
	status int
	json   any
	mime   []byte
	no     *refusal
}

func no(status int, code, text string) reply { return reply{no: &refusal{status, code, text}} }

// handlers are what the server can do.
var handlers = map[string]func(*conversation) reply{
	"get folder": (*conversation).getFolder, "list folders": (*conversation).listFolders, "create folder": (*conversation).createFolder,
	"list messages": (*conversation).listMessages, "get message": (*conversation).getMessage, "get MIME": (*conversation).getMIME,
	"importMime": (*conversation).importMIME, "update message": (*conversation).updateMessage, "move": (*conversation).move,
}

// answer does what is asked.
func (c *conversation) answer() {
	c.mu.Lock()
	refused := c.open()
	if refused == nil {
		c.box.active++
		c.active++
		if refused = c.throttled(c.w, c.box, int64(len(c.body))); refused == nil {
			refused = c.forbidden()
		}
		if refused != nil {
			c.box.active--
			c.active--
		}
	}
	meanwhile, takes := c.habits.Meanwhile, c.habits.Takes
	c.mu.Unlock()
	if refused != nil {
		refuse(c.w, *refused)
		return
	}
	time.Sleep(takes)
	if meanwhile != nil && strings.HasPrefix(c.op.name, "list") {
		meanwhile()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.box.active-- // before the answer: the client's next request may come with its last octet
	c.active--
	c.writes[c.op.name]++
	if how, lost := c.habits.Lose[c.op.name][c.writes[c.op.name]]; lost {
		c.lose(how)
		return
	}
	c.say(handlers[c.op.name](c))
}

// open finds whose mailbox is meant.
func (c *conversation) open() *refusal {
	c.requests[c.op.name]++
	c.served++
	h := c.habits
	c.box = c.mailboxes[strings.ToLower(c.names["user"])]
	switch {
	case c.box == nil || h.Missing:
		return &refusal{http.StatusNotFound, "ErrorInvalidUser", "The requested user '" + c.names["user"] + "' is invalid."}
	case h.Unlicensed:
		return &refusal{http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise."}
	}
	return nil
}

// forbidden tells what the application has no right to.
func (c *conversation) forbidden() *refusal {
	h := c.habits
	switch {
	case h.NoImport && c.op.name == "importMime":
		return &refusal{http.StatusBadRequest, "BadRequest", "Resource not found for the segment 'importMime'."}
	case h.Denied || h.ReadOnly && c.op.method != http.MethodGet:
		return &refusal{http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again."}
	}
	return nil
}

// say sends a reply.
func (c *conversation) say(r reply) {
	switch {
	case r.no != nil:
		refuse(c.w, *r.no)
	case r.mime != nil:
		c.w.Header().Set("Content-Type", "text/plain")
		if !c.habits.Chunked {
			c.w.Header().Set("Content-Length", strconv.Itoa(len(r.mime)))
		}
		_, _ = c.w.Write(r.mime[:len(r.mime)/2]) // a client that is gone is no fault
		if f, can := c.w.(http.Flusher); can && c.habits.Chunked {
			f.Flush()
		}
		_, _ = c.w.Write(r.mime[len(r.mime)/2:])
	default:
		if err := c.meta.checkAnswer(c.op, r.json); err != nil {
			c.Blame("the answer of this server: %v", err)
		}
		c.w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		c.w.WriteHeader(r.status)
		_ = json.NewEncoder(c.w).Encode(r.json) // likewise
	}
}

// lose breaks a request.
func (c *conversation) lose(how Lose) {
	c.struck++
	handler := handlers[c.op.name]
	switch {
	case how == LoseBefore:
	case c.habits.LateBy > 0:
		c.Late.Add(1)
		time.AfterFunc(c.habits.LateBy, func() {
			defer c.Late.Done()
			c.mu.Lock()
			defer c.mu.Unlock()
			handler(c)
		})
	default:
		handler(c)
	}
	switch how {
	case Internal:
		refuse(c.w, refusal{http.StatusInternalServerError, "ErrorInternalServerError", "An internal server error occurred. The operation failed."})
	case Vanished:
		refuse(c.w, *noMessage.no)
	case Gateway:
		c.w.Header().Set("Retry-After", "0")
		c.w.WriteHeader(http.StatusGatewayTimeout)
	case Unfinished:
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(http.StatusCreated)
		_, _ = c.w.Write([]byte(`{"id":"`))
		panic(http.ErrAbortHandler)
	default:
		panic(http.ErrAbortHandler)
	}
}

// immutable tells which ids are asked for (the page "Get immutable identifiers for Outlook resources").
func (c *conversation) immutable() bool {
	return slices.ContainsFunc(c.r.Header.Values("Prefer"), func(p string) bool {
		return strings.ReplaceAll(strings.ToLower(p), " ", "") == `idtype="immutableid"`
	})
}

func (c *conversation) idOf(m *message) string {
	if c.immutable() {
		return m.id
	}
	return m.place
}

// selected leaves of a resource what $select names, its id, and what begins with "@".
func (c *conversation) selected(all map[string]any) map[string]any {
	names := c.query.Get("$select")
	if names == "" {
		return all
	}
	wanted := strings.Split(names, ",")
	maps.DeleteFunc(all, func(k string, _ any) bool {
		return k != "id" && k != "singleValueExtendedProperties" && !strings.HasPrefix(k, "@") && !slices.Contains(wanted, k)
	})
	return all
}

// paged gives one page of a list, with the address of the next.
func (c *conversation) paged(all []map[string]any) reply {
	skip, _ := strconv.Atoi(c.query.Get("$skip"))
	top, _ := strconv.Atoi(c.query.Get("$top"))
	if top == 0 {
		top = 10 // Graph's own page
	}
	if c.habits.Page > 0 {
		top = min(top, c.habits.Page)
	}
	answer := map[string]any{"@odata.context": c.URL() + "/beta/$metadata"}
	if c.query.Get("$count") == "true" {
		answer["@odata.count"] = len(all)
	}
	from := min(skip, len(all))
	until := min(from+top, len(all))
	answer["value"] = append([]map[string]any{}, all[from:until]...)
	if until < len(all) {
		next := maps.Clone(map[string][]string(c.query))
		next["$skip"] = []string{strconv.Itoa(until)}
		host := c.URL()
		if c.habits.Elsewhere {
			host = "https://elsewhere.example"
		}
		answer["@odata.nextLink"] = fmt.Sprintf("%s%s?%s", host, c.r.URL.EscapedPath(), url.Values(next).Encode())
	}
	return reply{status: http.StatusOK, json: answer}
}
