package executor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of one on amd64, and on arm64 with the usual pages of 4 KiB.
const hugePage = 2 << 20

// inHugePages asks for huge pages behind fresh memory: the first touch of each page is a fault, and with small pages the
// faults of the spool were a twentieth of all the work between two fast servers. It is a hint; a refusal changes nothing.
func inHugePages(b []byte) {
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (hugePage - 1)
	if whole := (len(b) - skip) &^ (hugePage - 1); whole > 0 {
		_ = unix.Madvise(b[skip:skip+whole], unix.MADV_HUGEPAGE)
	}
}
