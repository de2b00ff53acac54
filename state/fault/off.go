//go:build !faults

package fault

// At does nothing.
func At(Point) {}

// AtIf does nothing.
func AtIf(bool, Point) {}
