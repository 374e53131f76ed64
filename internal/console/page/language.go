package page

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/fastness-dev/fastness/internal/plan"
)

// Language is one that pages can be read in.
type Language int

// The languages. The first is what everybody gets who asks for none of them.
const (
	English Language = iota
	German
	languages
)

// String is the language's tag (BCP 47).
func (l Language) String() string { return [...]string{"en", "de"}[l] }

// Name is what the language calls itself.
func (l Language) Name() string { return [...]string{"English", "Deutsch"}[l] }

// languageCookie remembers a choice.
const languageCookie = "language"

// Language is what the reader chose, else what his browser prefers.
func (k *Kit) Language(r *plan.Request) Language {
	if r.Cookie != nil {
		if l, ok := languageOf(r.Cookie(languageCookie)); ok {
			return l
		}
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return English
	}
	_, at, sure := language.NewMatcher([]language.Tag{language.English, language.German}).Match(tags...)
	if sure == language.No {
		return English
	}
	return Language(at)
}

func languageOf(tag string) (Language, bool) {
	for l := range languages {
		if l.String() == tag {
			return l, true
		}
	}
	return English, false
}

// readCatalog reads pairs of lines, English and then (indented by a tab) what it is in the file's language, and hands them to put. Lines
// that begin with # and empty ones are not read. name is how errors call the file.
func readCatalog(name, text string, put func(english, other string) error) error {
	key, at := "", 0
	for n, line := range strings.Split(text, "\n") {
		switch other, indented := strings.CutPrefix(line, "\t"); {
		case indented && key != "" && strings.TrimSpace(other) != "":
			if err := put(key, other); err != nil {
				return fmt.Errorf("%s:%d: %w", name, at, err)
			}
			key = ""
		case !indented && key == "" && (line == "" || strings.HasPrefix(line, "#")):
		case indented || key != "":
			return fmt.Errorf("%s:%d: after an English text its replacement stands on the next line, behind a tab; write it so", name, n+1)
		default:
			key, at = line, n+1
		}
	}
	if key != "" {
		return fmt.Errorf("%s:%d: %q has nothing below it; write its replacement on the next line, behind a tab", name, at, key)
	}
	return nil
}

// once puts pairs of a catalogue into a map that has none of them yet.
func once(into map[string]string) func(english, other string) error {
	return func(english, other string) error {
		if into[english] != "" {
			return fmt.Errorf("%q stands twice; keep one", english)
		}
		into[english] = other
		return nil
	}
}

// text looks a text up and fills in what it takes.
func (k *Kit) text(l Language, s string, args ...any) string {
	if other, ok := k.catalog[l][s]; ok {
		s = other
	}
	if len(args) > 0 {
		return fmt.Sprintf(s, args...)
	}
	return s
}

// Text is a text in a language, for what is put together in code.
func (k *Kit) Text(l Language, s string, args ...any) string { return k.text(l, s, args...) }

var months = [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}

// date writes a day in full. Days are counted in UTC: nobody told us where the reader sits.
func (k *Kit) date(l Language, t time.Time) string {
	t = t.UTC()
	if l == German {
		return fmt.Sprintf("%d. %s %d", t.Day(), months[t.Month()-1], t.Year())
	}
	return t.Format("2 January 2006")
}

// ago says how long something is past, which is the same in every time zone.
func (k *Kit) ago(l Language, now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return k.text(l, "never")
	case d < 2*time.Minute:
		return k.text(l, "just now")
	case d < 2*time.Hour:
		return k.text(l, "%d minutes ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return k.text(l, "%d hours ago", int(d.Hours()))
	case d < 48*time.Hour:
		return k.text(l, "yesterday")
	case d < 14*24*time.Hour:
		return k.text(l, "%d days ago", int(d.Hours()/24))
	}
	return k.date(l, t)
}

// device puts what session.Label says into the reader's language.
func (k *Kit) device(l Language, label string) string {
	if program, system, ok := strings.Cut(label, " on "); ok {
		if program == "a program" {
			return k.text(l, "A program on %s", system)
		}
		return k.text(l, "%s on %s", program, system)
	}
	if label == "an unknown device" {
		return k.text(l, "An unknown device")
	}
	return label
}
