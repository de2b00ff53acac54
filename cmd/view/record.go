package view

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
)

// Recording is what a test terminal was written.
type Recording struct{ Out, Err Buffer }

// Buffer keeps what is written; safe for use by several goroutines.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps p.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String gives everything so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Record makes a Terminal for tests: nothing is a terminal, no colour, UTF-8, UTC, the width given, and the input as
// typed. The test changes what it wants otherwise.
func Record(columns int, typed string) (*Terminal, *Recording) {
	rec := &Recording{}
	return &Terminal{
		In:       io.Reader(strings.NewReader(typed)),
		Out:      Output{Writer: &rec.Out, Width: columns, Unicode: true},
		Err:      Output{Writer: &rec.Err, Width: columns, Unicode: true},
		Location: time.UTC, Now: time.Now,
	}, rec
}
