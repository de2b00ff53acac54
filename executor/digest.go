package executor

import (
	"github.com/zeebo/blake3"

	"mailhaul/state/mail"
)

// exactDigest is an io.Writer that digests octets as they are: tier h0. Every octet that is copied passes it, and between
// two fast servers it was a third of all the work with SHA-256; BLAKE3 takes less than half of that.
type exactDigest struct{ h *blake3.Hasher }

func newExactDigest() exactDigest { return exactDigest{blake3.New()} }

// Write never fails.
func (e exactDigest) Write(p []byte) (int, error) { return e.h.Write(p) }

// reset starts anew.
func (e exactDigest) reset() { e.h.Reset() }

// sum gives the digest of what was written.
func (e exactDigest) sum() mail.Digest {
	var full [32]byte
	return mail.Digest(e.h.Sum(full[:0])[:len(mail.Digest{})])
}
