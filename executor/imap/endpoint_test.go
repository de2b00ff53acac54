package imap_test

import (
	"mailhaul/executor"
	"mailhaul/executor/imap"
)

var (
	_ executor.Source      = (*imap.Source)(nil)
	_ executor.Destination = (*imap.Destination)(nil)
)
