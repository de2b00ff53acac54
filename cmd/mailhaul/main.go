// Command mailhaul moves mailboxes from one mail server to another.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"mailhaul/cmd"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// What is kept is blocks of mail that are used again and again; a third as much garbage beside them is enough.
		debug.SetGCPercent(30)
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
