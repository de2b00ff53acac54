package cmd

import (
	"fmt"
	"io"
	"strings"

	"mailhaul/cmd/view"
)

// question is one thing to ask; its flag answers it without a terminal.
type question struct {
	flag     string
	text     string
	answer   *string
	optional bool // an empty answer leaves the default
	// check says why an answer can't be used; nil takes every one.
	check func(answer string) error
}

// wrong says why the answer can't be used, or nil.
func (q question) wrong(answer string) error {
	if q.check == nil {
		return nil
	}
	return q.check(answer)
}

// canAsk tells whether somebody is there to answer.
func (a *app) canAsk() bool {
	return !a.flags.noInput && a.term.InIsTerminal
}

// askOrDefault asks q; where nobody can answer, an optional one keeps its default and the others are an error.
func (a *app) askOrDefault(q question) error {
	if !a.canAsk() {
		if q.optional {
			return nil
		}
		return usage(fmt.Sprintf("nobody is there to ask %q", strings.TrimSpace(q.text)),
			"Without a terminal, or with --no-input, the answer is given by the flag --"+q.flag+".")
	}
	for {
		answer, err := a.ask(q.text)
		if err != nil {
			return err
		}
		if answer == "" && q.optional {
			return nil
		}
		if answer == "" {
			continue
		}
		if err := q.wrong(answer); err != nil {
			a.sayWrong(sentence(err) + " Please answer again.")
			continue
		}
		*q.answer = answer
		return nil
	}
}

// sayWrong tells what is wrong with an answer; the next question tells if it can't be written. A log gets it as one line.
func (a *app) sayWrong(text string) {
	if a.term.Err.IsTerminal {
		_ = view.Paragraph(a.term.Err, text, "")
		return
	}
	_, _ = fmt.Fprintln(a.term.Err, view.Safe(text))
}

// ask prints the text and reads one line. The end of the input is an error: a question can't be answered by silence.
func (a *app) ask(text string) (string, error) {
	if _, err := fmt.Fprint(a.term.Err, text); err != nil {
		return "", err
	}
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	// A read from a terminal can't be called off; the process ends soon after an interrupt.
	go func() {
		line, err := readLine(a.term.In)
		answers <- answer{line, err}
	}()
	select {
	case <-a.io.Stop:
		blank(a.term.Err) // the terminal has written ^C behind the question
		return "", errInterrupted
	case got := <-answers:
		if got.err != nil {
			blank(a.term.Err) // nobody has ended the line of the question
			return "", usage("no answer was given, nothing was done")
		}
		return strings.TrimSpace(got.line), nil
	}
}

// readLine reads octet by octet, so that nothing meant for the next question is lost in a buffer.
func readLine(in io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		_, err := io.ReadFull(in, one)
		if err != nil && len(line) == 0 {
			return "", err
		}
		if err != nil || one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[0])
	}
}
