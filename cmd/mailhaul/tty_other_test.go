//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// tty is for Linux only.
func tty(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("no pseudo-terminal here") }

// live is for Linux only.
func live(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("no pseudo-terminal here") }
