package state

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// castagnoli is computed in hardware on common machines. It is a table that nobody changes.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of a row: of its values in the order of its columns, each with its kind and length, so that no two
// rows of one table look the same.
func sum(values ...any) int64 {
	var space [256]byte
	b := space[:0]
	for _, v := range values {
		b = appendValue(b, v)
	}
	return sumOf(b)
}

// sumOf is the checksum of values that appendValue has put together.
func sumOf(b []byte) int64 { return int64(crc32.Checksum(b, castagnoli)) }

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case int64:
		return binary.AppendVarint(append(b, 'i'), v)
	case string:
		return append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...)
	case []byte:
		return append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...)
	default:
		panic("a column's value is nil, int64, string or []byte")
	}
}

// number gives 1 and 0 for yes and no.
func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// nonZero gives a column's value: NULL for zero.
func nonZero(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// instant is our own instants' column: nanoseconds, NULL for the zero Time.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

// instantOf is the opposite of instant, in UTC.
func instantOf(ns *int64) time.Time {
	if ns == nil {
		return time.Time{}
	}
	return time.Unix(0, *ns).UTC()
}
