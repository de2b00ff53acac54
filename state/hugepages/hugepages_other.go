//go:build !linux

package hugepages

func ask(uintptr) {}
