package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/rangetable"

	"github.com/fastness-dev/fastness/internal/types"
)

// MaxAddress bounds an address in bytes (RFC 5321 §4.5.3.1.3: a path is 256 octets with its brackets).
const MaxAddress = 254

// Canonical brings an e-mail address to the one form under which it is stored, compared and written to.
//
//   - The domain becomes lower-case ASCII by IDNA (UTS 46), so that a look-alike domain shows itself as xn--….
//   - The local part becomes NFC and lower case: no mail provider worth the name tells Ann@ from ann@, and two accounts
//     that differ in case only are an impersonation waiting to happen.
//   - Refused: characters that only look like others by compatibility (NFKC changes them: fullwidth letters, ligatures),
//     invisible and directional ones, letters of more than one script, quoted local parts, and anything that could
//     break out of a mail header.
//
// Nothing is ever folded onto a look-alike (the attack: ask for a reset of mıke@ and have it sent for mike@). Dots and
// +tags are kept: what they mean is the provider's affair.
func Canonical(address string) (string, error) {
	if len(address) > MaxAddress || !utf8.ValidString(address) {
		return "", errAddress
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 {
		return "", errAddress
	}
	local, err := canonicalLocal(address[:at])
	if err != nil {
		return "", err
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || domain == "" || strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || len(domain) > 253 {
		return "", errAddress
	}
	for i := range len(domain) {
		if c := domain[i]; c != '.' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "", errAddress
		}
	}
	whole := local + "@" + domain
	if len(whole) > MaxAddress {
		return "", errAddress
	}
	return whole, nil
}

var errAddress = types.Refuse(types.Invalid, "email_not_accepted", "this is not an e-mail address that mail can be sent to; check the spelling")

// localPunctuation is what RFC 5322 allows in an atom besides letters and digits, plus the dot.
const localPunctuation = "!#$%&'*+-/=?^_`{|}~."

func canonicalLocal(s string) (string, error) {
	s = norm.NFC.String(s)
	if norm.NFKC.String(s) != s || len(s) > 64 {
		return "", errAddress
	}
	lower := strings.ToLower(s)
	if strings.HasPrefix(lower, ".") || strings.HasSuffix(lower, ".") || strings.Contains(lower, "..") {
		return "", errAddress
	}
	var script *unicode.RangeTable
	for _, r := range lower {
		if r < utf8.RuneSelf {
			letter := r >= 'a' && r <= 'z'
			if !letter && (r < '0' || r > '9') && !strings.ContainsRune(localPunctuation, r) {
				return "", errAddress
			}
			if !letter {
				continue
			}
		} else if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
			return "", errAddress
		}
		if unicode.Is(unicode.Mn, r) || unicode.IsDigit(r) {
			continue
		}
		if script == nil {
			script = scriptOf(r)
		}
		if script == nil || !unicode.Is(script, r) {
			return "", errAddress
		}
	}
	return norm.NFC.String(lower), nil
}

// scriptOf returns the letters that may stand beside r in one word; nil for a script that is not listed.
func scriptOf(r rune) *unicode.RangeTable {
	for _, t := range scripts {
		if unicode.Is(t, r) {
			return t
		}
	}
	return nil
}

// scripts are those that people write addresses in. Japanese mixes three by custom; nothing else may mix.
var scripts = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Arabic, unicode.Hebrew, unicode.Devanagari,
	unicode.Thai, unicode.Hangul, unicode.Armenian, unicode.Georgian, unicode.Bengali, unicode.Tamil, japanese}

var japanese = rangetable.Merge(unicode.Han, unicode.Hiragana, unicode.Katakana)
