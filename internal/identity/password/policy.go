package password

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/fastness-dev/fastness/internal/identity/password/guess"
	"github.com/fastness-dev/fastness/internal/identity/password/strength"
	"github.com/fastness-dev/fastness/internal/types"
)

// Policy judges new passwords (NIST SP 800-63B-4 §3.1.1): length, not a common one, not made of what everybody knows about the
// account, not one that leaked. Composition only where the declaration asks for it with a reason; no expiry.
type Policy struct {
	Min        int       // code points; 0 means 15
	MinWithMFA int       // with a second factor enrolled; 0 means 8
	Compose    []string  // letter, digit, upper, symbol: each must occur
	Breached   *Breached // nil: not asked
}

// leastScore is the zxcvbn score (0 to 4) below which a password is guessable, whatever its length.
const leastScore = 2

// maxEstimate is how much of a password the estimate reads: it costs 0.3 s at 256 characters.
const maxEstimate = 64

func refuse(code, limit, detail string) error {
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "choose another password",
		Fields: []types.FieldError{{Path: "password", Code: code, Limit: limit, Detail: detail}}}
}

// Check returns nil or an Invalid error that says what to do. mfa: the account has a second factor. context holds words that must
// not carry the password: parts of the address, the service's name.
func (p *Policy) Check(password types.Secret, mfa bool, context []string) error {
	text := norm.NFC.String(password.Reveal())
	least := p.Min
	if least == 0 {
		least = 15
	}
	if mfa {
		if least = p.MinWithMFA; least == 0 {
			least = 8
		}
	}
	runes := []rune(text)
	if len(runes) < least {
		return refuse("too_short", strconv.Itoa(least), "use at least "+strconv.Itoa(least)+" characters; a few words do well")
	}
	for _, class := range p.Compose {
		if !strings.ContainsFunc(text, classes[class]) {
			return refuse("composition", class, "use at least one "+class)
		}
	}
	if bare := without(text, context); len([]rune(bare)) < min(least, 8) {
		return refuse("context", "", "do not build it from your address or the name of the service")
	}
	if guess.Common(text) {
		return refuse("common", "", "it is among the first that are tried; use a few words of your own")
	}
	if strength.Score(string(runes[:min(len(runes), maxEstimate)]), context) < leastScore {
		return refuse("guessable", "", "it would be guessed early; use a few words that do not belong together")
	}
	if p.Breached != nil {
		found, err := p.Breached.Has(text)
		if err != nil {
			return &types.Error{Kind: types.Unavailable, Code: "breached_unread", Detail: "passwords cannot be checked now; try again later", Err: err}
		}
		if found {
			return refuse("breached", "", "it is in a list of passwords that leaked; use another one")
		}
	}
	return nil
}

var classes = map[string]func(rune) bool{"letter": unicode.IsLetter, "digit": unicode.IsDigit, "upper": unicode.IsUpper,
	"symbol": func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r) }}

// without takes the words of the context out of a text, whatever their case.
func without(text string, context []string) string {
	text = strings.ToLower(text)
	for _, w := range context {
		if w = strings.ToLower(w); len([]rune(w)) >= 3 {
			text = strings.ReplaceAll(text, w, "")
		}
	}
	return text
}
