//go:build unix

package state

import "syscall"

// noFollow keeps others of a shared machine from pointing our lock file at a file of ours.
const noFollow = syscall.O_NOFOLLOW
