// Command mailhaul moves mailboxes from one mail server to another.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"mailhaul/cmd"
)

func main() {
	if os.Getenv("GOGC") == "" {
		collectLittle()
	}
	ctx, cancel := context.WithCancel(context.Background())
	stop := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		close(stop)
		<-signals
		cancel()
	}()
	os.Exit(cmd.Main(ctx, cmd.Process{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Stop:    stop,
	}))
}

// collectLittle has the garbage collected that a long run makes, and not that of a start. What a run keeps is blocks of
// mail that are used again and again; a third as much garbage beside them is enough. Before the first collection the heap
// may grow to four times the least that the runtime collects at (16 MiB): with a third of it a program that has just
// started would collect ten times before it sends anything.
func collectLittle() {
	debug.SetGCPercent(400)
	first := new([16]byte)
	runtime.AddCleanup(first, func(percent int) { debug.SetGCPercent(percent) }, 30)
}
