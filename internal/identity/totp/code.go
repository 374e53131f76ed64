package totp

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- RFC 6238 section 1.2 names HMAC-SHA-1, and every authenticator app computes it; HMAC does not rest on collisions
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"
)

// What authenticator apps understand without being told: RFC 6238 section 4, RFC 4226 section 5.3.
const (
	period = 30 * time.Second
	digits = 6
	drift  = 1 // steps of clock drift that are forgiven either way, RFC 6238 section 5.2
)

// Code is the code of a secret in a step of 30 seconds since 1970, RFC 6238 section 4.2.
func Code(secret []byte, step int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step)) // #nosec G115 -- a step is the number of half minutes since 1970
	mac := hmac.New(sha1.New, secret)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf // dynamic truncation, RFC 4226 section 5.3
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%0*d", digits, n%1_000_000)
}

// Step is the step that a time lies in.
func Step(at time.Time) int64 { return at.Unix() / int64(period/time.Second) }

// match finds the step whose code was given, among those that drift forgives and that are later than last; ok is false when none
// is. Every candidate is computed and compared in constant time.
func match(secret []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	for s := Step(now) - drift; s <= Step(now)+drift; s++ {
		same := subtle.ConstantTimeCompare([]byte(Code(secret, s)), []byte(code)) == 1
		if same && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}
