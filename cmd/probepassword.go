package cmd

import (
	"errors"
	"fmt"

	"golang.org/x/term"

	"mailhaul/cmd/view"
)

// probePasswordVariable holds the password of a probe where nobody can be asked. It is no flag: others would see it in
// the list of processes and in the shell's history.
const probePasswordVariable = "MAILHAUL_PROBE_PASSWORD"

// probePassword takes the password from the environment, or asks for it without an echo.
func (a *app) probePassword(user string) (string, error) {
	if password, set := a.env(probePasswordVariable); set && password != "" {
		return password, nil
	}
	if !a.canAsk() {
		return "", usage(fmt.Sprintf("nobody is there to ask for the password of %s", user),
			"Without a terminal, or with --no-input, it is taken from the variable "+probePasswordVariable+".")
	}
	if _, err := fmt.Fprintf(a.term.Err, "Password of %s: ", view.Safe(user)); err != nil {
		return "", err
	}
	password, err := a.readSilently()
	blank(a.term.Err) // the line end that was typed had no echo
	if err == nil && password == "" {
		return "", usage("no password was given, nothing was sent")
	}
	return password, err
}

// readSilently reads a line from the terminal without an echo. An interrupt gives the terminal its echo back, which the
// read that is still under way can't.
func (a *app) readSilently() (string, error) {
	terminal := int(a.io.Stdin.Fd())
	before, err := term.GetState(terminal)
	if err != nil {
		return "", fail("", "the terminal can't be asked for a password", sentence(err))
	}
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	// A read from a terminal can't be called off; the process ends soon after an interrupt.
	go func() {
		line, err := term.ReadPassword(terminal)
		answers <- answer{line, err}
	}()
	select {
	case <-a.io.Stop:
		return "", errors.Join(errInterrupted, term.Restore(terminal, before))
	case got := <-answers:
		if got.err != nil {
			return "", usage("no password was given, nothing was sent")
		}
		return string(got.line), nil
	}
}
