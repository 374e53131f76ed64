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

// readCatalog reads pairs of lines, English and then (indented by a tab) the translation. Lines that begin with # and empty ones are
// not read.
func readCatalog(into map[string]string, text string) error {
	key := ""
	for n, line := range strings.Split(text, "\n") {
		switch value, translation := strings.CutPrefix(line, "\t"); {
		case translation && key != "":
			into[key], key = value, ""
		case line == "" || strings.HasPrefix(line, "#"):
		case translation || key != "":
			return fmt.Errorf("page: catalogue line %d: a translation stands on the line after its text, behind a tab", n+1)
		default:
			if into[line] != "" {
				return fmt.Errorf("page: catalogue line %d: %q stands twice", n+1, line)
			}
			key = line
		}
	}
	return nil
}

// text looks a text up and fills in what it takes.
func (k *Kit) text(l Language, s string, args ...any) string {
	if l == German {
		if translated, ok := k.catalog[s]; ok {
			s = translated
		}
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
