package mail

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"github.com/fastness-dev/fastness/internal/types"
)

// maxAccept bounds an Accept-Language header that is looked at.
const maxAccept = 200

// choose picks the language of a letter: the best that the request accepts, else the service's own, else English.
func choose(accept, own string) string {
	fallback := Languages[0]
	for _, l := range Languages {
		if l == own {
			fallback = l
		}
	}
	if accept == "" || len(accept) > maxAccept {
		return fallback
	}
	wanted, q, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return fallback
	}
	for i, tag := range wanted { // best first
		base, sure := tag.Base()
		for _, l := range Languages {
			if sure != language.No && q[i] > 0 && base.String() == l {
				return l
			}
		}
	}
	return fallback
}

var germanMonths = []string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}

// moment writes a time in words.
func moment(t time.Time, language string) string {
	t = t.UTC()
	if language == "de" {
		return fmt.Sprintf("%d. %s %d um %02d:%02d UTC", t.Day(), germanMonths[t.Month()-1], t.Year(), t.Hour(), t.Minute())
	}
	return t.Format("2 January 2006 at 15:04 UTC")
}

// span writes a duration in words that follow "within" or "innerhalb von".
func span(d time.Duration, language string) string {
	n, unit := int(d/time.Minute), 0
	switch {
	case d >= 48*time.Hour:
		n, unit = int(d/(24*time.Hour)), 2
	case d >= 2*time.Hour:
		n, unit = int(d/time.Hour), 1
	}
	if language == "de" {
		return fmt.Sprintf("%d %s", n, []string{"Minuten", "Stunden", "Tagen"}[unit])
	}
	return fmt.Sprintf("%d %s", n, []string{"minutes", "hours", "days"}[unit])
}

// factorWords names factors.
func factorWords(f types.Factor, language string) string {
	var out []string
	for _, w := range []struct {
		bit    types.Factor
		en, de string
	}{{types.TOTP, "an authenticator app", "eine Authenticator-App"}, {types.Passkey, "a passkey", "ein Passkey"},
		{types.RecoveryCode, "recovery codes", "Wiederherstellungscodes"}, {types.Federated, "an account elsewhere", "ein Konto anderswo"}} {
		switch {
		case f&w.bit == 0:
		case language == "de":
			out = append(out, w.de)
		default:
			out = append(out, w.en)
		}
	}
	return strings.Join(out, ", ")
}

// maxWords bounds, in characters, what somebody else's words may take of a letter.
const maxWords = 80

// line makes a word from elsewhere fit for a letter and its subject: one line, without control, invisible and directional
// characters, without what mail programs would decode ("=?utf-8?…") or turn into a link ("https://…", "evil.example"): a
// letter of ours must not carry somebody else's.
func line(s string) string {
	var b strings.Builder
	n, space := 0, false
	runes := []rune(norm.NFKC.String(strings.ToValidUTF8(s, " ")))
	for i, r := range runes {
		switch {
		case unicode.Is(unicode.Cf, r):
			continue
		case unicode.IsSpace(r), unicode.IsControl(r), !unicode.IsPrint(r):
			space = true
			continue
		}
		if n == maxWords {
			b.WriteString("…")
			break
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		next := ' '
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		switch {
		case r == '.' && !unicode.IsSpace(next), r == ':' && next == '/', r == '=' && next == '?', r == '@':
			b.WriteRune(r)
			space = true
		default:
			b.WriteRune(r)
		}
		n++
	}
	return b.String()
}
