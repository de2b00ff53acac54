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
	go obey(interrupts(), stop, cancel)
	os.Exit(cmd.Main(ctx, cmd.Process{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Stop:    stop,
	}))
}

// interrupts gives the signals that ask to stop. A hang-up is one of them, for a lost SSH session is no reason to leave a
// message in doubt; where the program was started to survive it (nohup), it does.
func interrupts() <-chan os.Signal {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	return signals
}

// obey closes stop at the first signal and cancels at the second. A hang-up is no second one: the shell and the kernel both
// tell of it, and some that end a service send it behind SIGTERM. Who hung up reads nothing any more, so a pipe that is
// broken must not end the program before it has written down where it is.
func obey(signals <-chan os.Signal, stop chan<- struct{}, cancel func()) {
	stopped := false
	for s := range signals {
		if s == syscall.SIGHUP {
			signal.Ignore(syscall.SIGPIPE)
		}
		switch {
		case !stopped:
			close(stop)
			stopped = true
		case s != syscall.SIGHUP:
			cancel()
			return
		}
	}
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
