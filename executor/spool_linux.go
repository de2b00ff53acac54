package executor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of one on amd64, and on arm64 with the usual pages of 4 KiB.
const hugePage = 2 << 20

// inHugePages makes memory with huge pages behind it: the first touch of each page is a fault, and with small pages the
// faults of the spool were a twentieth of all the work between two fast servers. It is a hint; a refusal changes nothing.
// What is left out to begin at a page's edge is never touched and so takes no memory.
func inHugePages(size int) []byte {
	b := make([]byte, size+hugePage)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (hugePage - 1)
	b = b[skip : skip+size : skip+size]
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	return b
}
