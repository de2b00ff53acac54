package endpointtest_test

import (
	"context"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

func TestMemory(t *testing.T) {
	endpointtest.Run(t, func(*testing.T) endpointtest.Pair {
		s := endpointtest.NewStore()
		return endpointtest.Pair{
			Source:      func(context.Context) (executor.Source, error) { return s.Source() },
			Destination: func(context.Context) (executor.Destination, error) { return s.Destination() },
			Remove:      func(_ *testing.T, folder string, uid mail.UID) { s.Remove(folder, uid) },
		}
	})
}
