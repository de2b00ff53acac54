package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
)

// traces names the files of --trace: one for each session, by number and never by a name from outside.
type traces struct {
	dir    string
	number atomic.Int64
}

// traceFile is opened for each line, so that a session needs nobody to close it and a killed process loses nothing.
type traceFile struct{ name string }

// open begins a file whose first line says what it is about; nil where nothing is traced.
func (t *traces) open(side, mailbox string) *traceFile {
	if t == nil {
		return nil
	}
	name := fmt.Sprintf("%s-%05d-%04d.txt", side, os.Getpid(), t.number.Add(1))
	f := &traceFile{filepath.Join(t.dir, name)}
	_, _ = fmt.Fprintf(f, "session of %s at the %s\n", strconv.QuoteToASCII(mailbox), side) // see Write
	return f
}

// Write appends p. A trace that can't be written must not stop a migration, so imap ignores the error.
func (f *traceFile) Write(p []byte) (int, error) {
	file, err := os.OpenFile(f.name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := file.Write(p)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return n, err
}
