package value

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// exact reports whether every number of a JSON value survives as a double (RFC 8785 section 3.2.2.3): one that would be stored
// as another number is refused instead.
func exact(raw jsontext.Value) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		t, err := dec.ReadToken()
		if err != nil {
			return true // the end, or what Canonicalize refuses
		}
		if t.Kind() != '0' {
			continue
		}
		f, err := strconv.ParseFloat(t.String(), 64)
		if err != nil {
			return false
		}
		digits, exponent, ok := scientific(t.String())
		d, e, _ := scientific(strconv.FormatFloat(f, 'e', -1, 64))
		if !ok || digits != d || exponent != e {
			return false
		}
	}
}

// scientific writes a number as its digits without zeros around them and the power of ten of the first; the sign is left out.
func scientific(s string) (digits string, exponent int, ok bool) {
	s = strings.TrimPrefix(s, "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(s), "e")
	if power != "" {
		n, err := strconv.Atoi(power)
		if err != nil {
			return "", 0, false
		}
		exponent = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = whole + fraction
	exponent += len(whole)
	trimmed := strings.TrimLeft(digits, "0")
	exponent -= len(digits) - len(trimmed)
	if trimmed = strings.TrimRight(trimmed, "0"); trimmed == "" {
		return "", 0, true
	}
	return trimmed, exponent, true
}

// integer reads a JSON number, whole in any notation (1, 1.0, 1e0 are one number); fits is false beyond ±(2^53-1).
func integer(s string) (n int64, whole, fits bool) {
	digits, exponent, ok := scientific(s)
	switch {
	case !ok: // an exponent of many digits: no number that anybody means
		return 0, false, false
	case len(digits) > exponent && digits != "":
		return 0, false, false
	case exponent > 16:
		return 0, true, false
	}
	n, err := strconv.ParseInt("0"+digits+strings.Repeat("0", exponent-len(digits)), 10, 64)
	if strings.HasPrefix(s, "-") {
		n = -n
	}
	return n, true, err == nil && n <= maxInt && n >= -maxInt
}
