package hugepages

import "syscall"

// madvCollapse is MADV_COLLAPSE (Linux 6.1), which package syscall does not name: small pages that are there already become
// a huge one. An older kernel refuses it. It does so where transparent huge pages are set to "never" too: two of them then.
const madvCollapse = 25

// ask asks for one huge page, from its address on. Where memory is scarce the kernel may take long to make room for it,
// so the runtime is told of the calls: others go on meanwhile.
func ask(page uintptr) {
	_, _, refused := syscall.Syscall(syscall.SYS_MADVISE, page, hugePage, syscall.MADV_HUGEPAGE)
	if refused == 0 {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, page, hugePage, madvCollapse)
	}
}
