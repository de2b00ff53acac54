//go:build !unix

package state

// noFollow has no meaning here.
const noFollow = 0
