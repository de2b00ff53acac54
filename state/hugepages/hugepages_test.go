package hugepages

import (
	"slices"
	"testing"
	"unsafe"
)

// TestMakeBeginsAtAHugePage: memory of any size begins at one, has that size and no more, and is zero.
func TestMakeBeginsAtAHugePage(t *testing.T) {
	for _, size := range []int{1, hugePage - 1, hugePage, chunk, chunk + 1} {
		b := Make(size)
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(b))); at%hugePage != 0 {
			t.Errorf("%d octets begin at %#x", size, at)
		}
		if len(b) != size || cap(b) != size {
			t.Errorf("%d octets have length %d and capacity %d", size, len(b), cap(b))
		}
		if slices.ContainsFunc(b, func(o byte) bool { return o != 0 }) {
			t.Errorf("%d octets are not zero", size)
		}
	}
}

// TestHeapKeepsWhatIsThere: advice, and the making of a huge page out of small ones, change no octet.
func TestHeapKeepsWhatIsThere(t *testing.T) {
	var all [][]byte
	for n := range 10_000 {
		all = append(all, slices.Repeat([]byte{byte(n)}, 100))
		if n%1000 == 0 {
			Heap()
		}
	}
	for n, b := range all {
		if !slices.Equal(b, slices.Repeat([]byte{byte(n)}, 100)) {
			t.Fatalf("object %d is now %x", n, b)
		}
	}
}
