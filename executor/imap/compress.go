package imap

import (
	"compress/flate"
	"io"
	"net"

	"mailhaul/state/mail"
)

// deflated is a connection under COMPRESS=DEFLATE (RFC 4978). Each write is flushed, so that what was handed over can be
// read by the server; the limits on lines, literals and time hold for what comes out of it, and so bound what a server can
// do with a few octets that stand for many.
type deflated struct {
	net.Conn
	in  io.Reader
	out *flate.Writer
}

func newDeflated(conn net.Conn) *deflated {
	out, err := flate.NewWriter(conn, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant of the package
	}
	return &deflated{Conn: conn, in: flate.NewReader(conn), out: out}
}

// Read gives what the server meant.
func (d *deflated) Read(p []byte) (int, error) { return d.in.Read(p) }

// Write sends p, all of it.
func (d *deflated) Write(p []byte) (int, error) {
	n, err := d.out.Write(p)
	if err == nil {
		err = d.out.Flush()
	}
	return n, err
}

// compress asks for compression where it is wanted and offered. A server that offers and then refuses it is used
// without.
func (c *client) compress() error {
	const op = "ask for compression"
	if !c.opts.Compress || !c.caps.has("COMPRESS=DEFLATE") {
		return nil
	}
	st, err := c.run(op, newCommand("COMPRESS").raw("DEFLATE"), nil)
	if err != nil || st.verb != "OK" {
		return err
	}
	if c.in.buffered() > 0 {
		return &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPProtocol,
			Text: "the server went on in plain after agreeing to COMPRESS"}
	}
	c.link.conn = newDeflated(c.link.conn)
	c.in.reset(c.link)
	return nil
}
