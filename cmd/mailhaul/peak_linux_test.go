package main

import (
	"os"
	"syscall"
)

// peakMemory is the largest resident memory of an ended process, in octets.
func peakMemory(p *os.ProcessState) int64 {
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss << 10 // Linux counts in KiB
	}
	return 0
}
