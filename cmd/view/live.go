package view

import "mailhaul/executor"

// Live is the screen that is redrawn in place. It never handles signals and never reads the keyboard.
type Live struct{}

// NewLive starts the screen on t.Err.
func NewLive(t *Terminal) *Live { return &Live{} }

// Event updates the screen.
func (l *Live) Event(e executor.Event) {}

// Close draws the last state, leaves it standing and shows the cursor.
func (l *Live) Close() error { return nil }
