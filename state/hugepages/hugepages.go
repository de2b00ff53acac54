// Package hugepages asks for huge pages.
//
// The first touch of each page of memory is a fault. With pages of 4 KiB a run of 450 messages between two fast servers had
// 3,400 of them, most before its first message, and on the virtual machine where that was counted one took 18 microseconds.
// Linux gives huge pages where they are asked for (madvise, Documentation/admin-guide/mm/transhuge.rst); the Go runtime does
// not ask. All here is advice: where it is refused, and on other systems, nothing changes.
package hugepages

import "unsafe"

// hugePage is the size of one on amd64, and on arm64 with the usual pages of 4 KiB.
const hugePage = 2 << 20

// chunk is by how much the runtime's heap grows, at multiples of it: what lies around an object within its chunk is heap.
const chunk = 4 << 20

// early is how far the heap of a command grows before its first collection.
const early = 4 * chunk

// first is an early object of the heap, which grows upwards from there. That it is made is the one thing in the house that
// runs by itself: most of what a command touches before its first connection is made by packages as they are initialized,
// before main.
var first = begin()

func begin() *[64]byte {
	object := new([64]byte)
	advise(unsafe.Pointer(object), early)
	return object
}

// Heap advises huge pages for the heap of a program that has begun a short while ago, as far as it has grown. It takes
// less than a millisecond, and is worth it where much is about to be made for the first time.
func Heap() { advise(unsafe.Pointer(first), early) }

// Make makes memory for octets that begins at a huge page. What is left out for that is never touched and so takes no
// memory.
func Make(size int) []byte {
	b := make([]byte, size+hugePage)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (hugePage - 1)
	b = b[skip : skip+size : skip+size]
	advise(unsafe.Pointer(unsafe.SliceData(b)), size)
	return b
}

// advise asks for huge pages behind so many octets from an object on, and behind all else in their chunks.
func advise(object unsafe.Pointer, size int) {
	from := uintptr(object) &^ (chunk - 1)
	to := (uintptr(object) + uintptr(size) + chunk - 1) &^ (chunk - 1)
	for ; from < to; from += hugePage {
		ask(from)
	}
}
