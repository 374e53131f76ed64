package types

import (
	"crypto/rand"
	"encoding/base32"
	"time"
)

// ID names a row, an account, a session or a request. It is 128 bits written as 26 lower-case base32hex characters,
// whose byte order is the order of the bits, so that time-ordered ids sort as text in both databases. Clients must
// treat it as opaque. An ID is a name and never a secret: knowing one grants nothing. The zero value means "none".
type ID string

// idLen is the length of an ID as text: 128 bits in groups of five, no padding.
const idLen = 26

var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// NewID returns an id whose first 48 bits are the milliseconds of now (UTC, since 1970) and whose other 80 bits are random.
func NewID(now time.Time) ID {
	var b [16]byte
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	rand.Read(b[6:]) // never fails: crypto/rand ends the process instead
	return ID(idEncoding.EncodeToString(b[:]))
}

// RandomID returns an id of 128 random bits, for rows whose time of creation must not show.
func RandomID() ID {
	var b [16]byte
	rand.Read(b[:])
	return ID(idEncoding.EncodeToString(b[:]))
}

// ParseID accepts exactly the canonical form of an id: 26 characters of the alphabet with zero trailing bits.
func ParseID(s string) (ID, bool) {
	if len(s) != idLen {
		return "", false
	}
	var b [20]byte
	n, err := idEncoding.Decode(b[:], []byte(s))
	if err != nil || n != 16 || idEncoding.EncodeToString(b[:16]) != s {
		return "", false
	}
	return ID(s), true
}

// Token returns nBytes of crypto/rand as text of the URL-safe alphabet of ids. Use at least 32 bytes for credentials.
func Token(nBytes int) string {
	b := make([]byte, nBytes)
	rand.Read(b)
	return idEncoding.EncodeToString(b)
}
