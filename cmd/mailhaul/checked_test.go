package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"mailhaul/cmd"
	"mailhaul/cmd/view"
)

// checked is the command as scripts run it: what it answers with --json is held against the published schema. A document
// or an event that does not fit ends with an exit code that no script expects.
func checked() {
	name := schemaName(os.Args)
	if name == "" {
		main()
		return
	}
	stop, signals := make(chan struct{}), make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-signals; close(stop); <-signals; cancel() }()
	read, write, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	var text bytes.Buffer
	copied := make(chan error)
	go func() {
		_, err := io.Copy(io.MultiWriter(os.Stdout, &text), read)
		copied <- err
	}()
	code := cmd.Main(ctx, cmd.Process{Args: os.Args[1:], Stdin: os.Stdin, Stdout: write, Stderr: os.Stderr, Environ: os.Environ(), Stop: stop})
	_ = write.Close() // it is only a pipe
	if err := <-copied; err != nil {
		panic(err)
	}
	if err := fitsSchema(name, text.Bytes()); err != nil {
		fmt.Fprintf(os.Stderr, "does not fit the schema %q: %v\n", name, err)
		code = 99
	}
	os.Exit(code)
}

// schemaName is the schema of what a command line answers; empty where there is none.
func schemaName(args []string) string {
	if !slices.Contains(args, "--json") {
		return ""
	}
	for _, word := range args[1:] {
		switch {
		case word == "apply":
			return "events"
		case slices.Contains(view.SchemaNames(), word):
			return word
		}
	}
	return ""
}

// fitsSchema checks a document, or each line of events. A command that failed before it could answer has written nothing.
func fitsSchema(name string, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	described, err := view.Schema(name)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(described))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		return err
	}
	schema, err := c.Compile(name)
	if err != nil {
		return err
	}
	documents := []string{string(text)}
	if name == "events" {
		documents = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	for _, d := range documents {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(d))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			return fmt.Errorf("%w\nin %s", err, d)
		}
	}
	return nil
}
