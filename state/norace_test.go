//go:build !race

package state_test

// slow divides the amount of work; there is no reason to here.
const slow = 1
