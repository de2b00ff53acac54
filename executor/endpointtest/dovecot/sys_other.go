//go:build unix && !linux

package dovecot

import "syscall"

// processAttributes give the server a process group of its own.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
