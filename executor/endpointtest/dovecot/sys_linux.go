package dovecot

import "syscall"

// processAttributes give the server a process group of its own, and end it if the test's process dies without cleanup.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
