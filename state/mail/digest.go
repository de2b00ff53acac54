package mail

import "encoding/hex"

// Digest is the first 16 octets of a SHA-256. The zero Digest is "not computed".
type Digest [16]byte

// IsZero tells whether there is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// String gives lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }
