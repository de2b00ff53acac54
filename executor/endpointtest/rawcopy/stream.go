package rawcopy

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// appends writes messages to one folder. A goroutine of its own reads the answers, so that the server never waits for
// somebody to take them.
type appends struct {
	*conn
	folder             string
	group              int
	messages, commands int
	answered           chan answers
}

type answers struct {
	ok  int
	err error
}

func (c *conn) appends(folder string, group int) *appends {
	a := &appends{conn: c, folder: folder, group: max(1, group), answered: make(chan answers, 1)}
	// A server that has the folder open need not open it for each message: that makes Dovecot twice as fast.
	_, _ = fmt.Fprintf(a.w, "s SELECT %s\r\n", folder)
	go a.listen() // ends with the answer to finish, or with the connection, which the caller closes
	return a
}

// listen counts the answers up to that of finish.
func (a *appends) listen() {
	var all answers
	for {
		line, err := a.line()
		if err == nil && strings.HasPrefix(line, "* ") {
			continue
		}
		tag, rest, _ := strings.Cut(line, " ")
		if err == nil {
			err = isOK(rest)
		}
		if err != nil {
			_ = a.Close() // so that the writer ends too
			all.err = fmt.Errorf("after %d answers: %w", all.ok, err)
		}
		if err != nil || tag == "z" {
			a.answered <- all
			return
		}
		if tag != "s" {
			all.ok++
		}
	}
}

// begin announces a message; its octets follow. Errors are kept by the writer.
func (a *appends) begin(flags, date string, size int64) {
	if a.messages%a.group == 0 {
		if a.messages > 0 {
			_, _ = a.w.WriteString("\r\n")
		}
		a.commands++
		_, _ = a.w.WriteString("a" + strconv.Itoa(a.commands) + " APPEND " + a.folder)
	}
	a.messages++
	_, _ = a.w.WriteString(" " + flags + " " + date + " {" + strconv.FormatInt(size, 10) + "+}\r\n")
}

// finish waits for every answer.
func (a *appends) finish(err error) (int, error) {
	if err != nil {
		_ = a.Close() // listen ends
		return 0, errors.Join(err, (<-a.answered).err)
	}
	end := "z NOOP"
	if a.messages > 0 {
		end = "\r\n" + end
	}
	sent := a.say("%s", end)
	all := <-a.answered
	if err := errors.Join(sent, all.err); err != nil {
		return 0, err
	}
	if all.ok != a.commands {
		return 0, fmt.Errorf("%d of %d commands were answered", all.ok, a.commands)
	}
	return a.messages, nil
}

// fetched is one answer of Dovecot, as far as the literal.
var fetched = regexp.MustCompile(`^\* \d+ FETCH \((?:UID \d+ )?FLAGS \(([^)]*)\) INTERNALDATE ("[^"]+") BODY\[\] \{(\d+)\}$`)

// fetch passes the answers to a range FETCH on.
func (c *conn) fetch(to *appends) error {
	for {
		if c.r.Buffered() == 0 {
			// The source makes us wait; the destination need not wait with us.
			if err := to.w.Flush(); err != nil {
				return err
			}
		}
		line, err := c.line()
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(line, "f "):
			return isOK(line[2:])
		case strings.HasPrefix(line, "x ") && !strings.HasPrefix(line, "x OK"):
			return errors.New(line)
		case !strings.Contains(line, " FETCH ("):
			continue // what EXAMINE says, or news
		}
		if err := c.pass(line, to); err != nil {
			return err
		}
	}
}

// pass passes one message on.
func (c *conn) pass(line string, to *appends) error {
	m := fetched.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("not understood: %s", line)
	}
	size, err := strconv.ParseInt(m[3], 10, 64)
	if err != nil {
		return err
	}
	to.begin("("+keepable(m[1])+")", m[2], size)
	if _, err := io.CopyN(to.w, c.r, size); err != nil {
		return err
	}
	if end, err := c.line(); err != nil || end != ")" {
		return fmt.Errorf("a message ends with %q: %w", end, err)
	}
	return nil
}

// keepable leaves out \Recent, which no client can set (RFC 3501, 2.3.2).
func keepable(flags string) string {
	return strings.TrimSpace(strings.ReplaceAll(" "+flags, ` \Recent`, ""))
}
