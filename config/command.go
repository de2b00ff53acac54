package config

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// The bounds of a command(): a password manager may ask a person, but not for ever.
const (
	commandTime   = 2 * time.Minute
	commandOutput = 64 << 10
)

// runIn gives the function that runs programs for command() in the project's directory, without a shell.
func runIn(dir string) commandFunc {
	return func(ctx context.Context, prog string, args []string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, commandTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, prog, args...)
		cmd.Dir = dir
		cmd.WaitDelay = time.Second // a grandchild may hold the pipe open
		out, problem := &bounded{limit: commandOutput}, &bounded{limit: 4 << 10}
		cmd.Stdout, cmd.Stderr = out, problem
		err := cmd.Run()
		switch {
		case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, fmt.Errorf("it did not end within %s", commandTime)
		case err != nil:
			return nil, commandTrouble(err, string(problem.kept))
		case out.over:
			return nil, fmt.Errorf("it printed more than %d KiB", commandOutput>>10)
		}
		return out.kept, nil
	}
}

// commandTrouble says why a program failed: the first line it wrote to standard error, if any, is meant for people.
func commandTrouble(err error, stderr string) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		var start *exec.Error
		if errors.As(err, &start) {
			err = start.Err
		}
		return fmt.Errorf("it can't be started: %v", err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if first == "" {
		return fmt.Errorf("it ended with %s", exit)
	}
	return fmt.Errorf("it ended with %s and wrote: %s", exit, first)
}

// bounded keeps the first octets written to it and drops the rest, so that the program is not stopped by a full pipe.
type bounded struct {
	kept  []byte
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - len(b.kept)
	b.over = b.over || len(p) > room
	b.kept = append(b.kept, p[:min(len(p), room)]...)
	return len(p), nil
}
