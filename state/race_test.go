//go:build race

package state_test

// slow divides the amount of work where the race detector makes SQLite twenty times slower.
const slow = 10
