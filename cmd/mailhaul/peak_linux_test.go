package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// watchMemory reads the largest resident memory of a process, in octets, until it ends. The process's own accounts
// would count the memory of the test, whose image the child has until it begins.
func watchMemory(pid int) (peak func() int64) {
	largest := make(chan int64, 1)
	go func() {
		var most int64
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
			var kib int64
			if _, scanErr := fmt.Sscan(string(rest), &kib); err != nil || !found || scanErr != nil {
				largest <- most // a process that has ended has no memory
				return
			}
			most = max(most, kib<<10)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func() int64 { return <-largest }
}
