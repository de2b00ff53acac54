//go:build race

package imap

import (
	"errors"
	"syscall"
)

// take and give are for the race detector, which learns from package syscall who waited for whom, and what memory the
// kernel has read and written.
func take(fd uintptr, p []byte) (int, syscall.Errno) { return call(syscall.Read, fd, p) }

func give(fd uintptr, p []byte) (int, syscall.Errno) { return call(syscall.Write, fd, p) }

func call(do func(int, []byte) (int, error), fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, err := do(int(fd), p)
		var errno syscall.Errno
		switch {
		case err == nil:
			return n, 0
		case errors.As(err, &errno) && errno != syscall.EINTR:
			return 0, errno
		}
	}
}
