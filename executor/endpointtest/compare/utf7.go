package compare

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// base is the alphabet of modified UTF-7 (RFC 3501, 5.1.3).
func base() *base64.Encoding {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"
	return base64.NewEncoding(alphabet).WithPadding(base64.NoPadding)
}

// decodeUTF7 decodes a folder name; what can't be decoded stays as it is.
func decodeUTF7(name string) string {
	var out strings.Builder
	for rest := name; rest != ""; {
		plain, shifted, found := strings.Cut(rest, "&")
		out.WriteString(plain)
		if !found {
			break
		}
		coded, after, ended := strings.Cut(shifted, "-")
		octets, err := base().DecodeString(coded)
		if !ended || err != nil || len(octets)%2 != 0 {
			return name
		}
		if coded == "" {
			out.WriteByte('&')
		}
		units := make([]uint16, len(octets)/2)
		for i := range units {
			units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
		}
		out.WriteString(string(utf16.Decode(units)))
		rest = after
	}
	return out.String()
}

// encodeUTF7 is the opposite.
func encodeUTF7(name string) string {
	var out strings.Builder
	var shifted []rune
	flush := func() {
		if len(shifted) == 0 {
			return
		}
		var octets []byte
		for _, u := range utf16.Encode(shifted) {
			octets = append(octets, byte(u>>8), byte(u))
		}
		out.WriteString("&" + base().EncodeToString(octets) + "-")
		shifted = nil
	}
	for _, r := range name {
		if r < 0x20 || r > 0x7e {
			shifted = append(shifted, r)
			continue
		}
		flush()
		out.WriteRune(r)
		if r == '&' {
			out.WriteByte('-')
		}
	}
	flush()
	return out.String()
}
