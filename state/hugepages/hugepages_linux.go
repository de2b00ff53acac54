package hugepages

import "syscall"

// madvCollapse is MADV_COLLAPSE (Linux 6.1), which package syscall does not name: small pages that are there already become
// a huge one. An older kernel refuses it.
const madvCollapse = 25

// ask asks for one huge page, from its address on.
func ask(page uintptr) {
	_, _, refused := syscall.RawSyscall(syscall.SYS_MADVISE, page, hugePage, syscall.MADV_HUGEPAGE)
	if refused == 0 {
		_, _, _ = syscall.RawSyscall(syscall.SYS_MADVISE, page, hugePage, madvCollapse)
	}
}
