package page

import (
	"html/template"
	"strings"
	"time"
)

// View is what a page is given.
type View struct {
	Title   string            // English, looked up in the catalogue
	Here    string            // the path of the entry of the navigation that is current; "" on pages of people who are not signed in
	Person  string            // address of whoever is signed in, or the account's id where a refusal is told; "" for nobody
	Self    string            // where the switch of language comes back to; "" hides the switch (the page cannot be shown twice)
	Errors  []FieldError      // told in a summary that has the focus, and beside their fields
	Values  map[string]string // what was typed; never a password
	Notice  string            // English; "" takes what a redirect left
	Scripts bool              // the page uses passkeys
	Data    any
}

// FieldError is what is wrong with an input, in the reader's language. Field "" means the form as a whole.
type FieldError struct{ Field, Message string }

// sheet is what templates see: the view and what every page needs.
type sheet struct {
	View
	kit      *Kit
	language Language
	now      time.Time
	labels   map[string]string // of the fields, by name
}

// Called is the label of a field: the summary of errors stands before the fields and must tell them apart.
func (s *sheet) Called(field string) string { return s.labels[field] }

// Lang is the value of the lang attribute.
func (s *sheet) Lang() string { return s.language.String() }

// Heading is the title in the reader's language.
func (s *sheet) Heading() string { return s.kit.text(s.language, s.Title) }

// Service is what the service is called.
func (s *sheet) Service() string { return s.kit.cfg.Name }

// Initial stands where no logo was declared.
func (s *sheet) Initial() string { return strings.ToUpper(string([]rune(s.kit.cfg.Name)[:1])) }

// Logo is the path of the declared logo, "" for none.
func (s *sheet) Logo() string { return s.kit.logo }

// Style is the path of the style sheet.
func (s *sheet) Style() string { return s.kit.style }

// Script is the path of the one script.
func (s *sheet) Script() string { return s.kit.script }

// Links is the navigation.
func (s *sheet) Links() []Link { return s.kit.cfg.Links }

// Err is what is wrong with a field.
func (s *sheet) Err(field string) string {
	for _, e := range s.Errors {
		if e.Field == field {
			return e.Message
		}
	}
	return ""
}

// Others are languages that the page could be read in instead.
func (s *sheet) Others() []Language {
	var out []Language
	for l := range languages {
		if l != s.language {
			out = append(out, l)
		}
	}
	return out
}

// functions are what templates call.
func (k *Kit) functions(l Language) template.FuncMap {
	return template.FuncMap{
		"t":    func(s string, args ...any) string { return k.text(l, s, args...) },
		"ago":  func(s *sheet, t time.Time) string { return k.ago(l, s.now, t) },
		"date": func(t time.Time) string { return k.date(l, t) },
		"iso":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"device": func(label string) string {
			return k.device(l, label)
		},
		"icon":     icon,
		"field":    func(s *sheet, name, label string, options ...string) Input { return s.input(name, label, options) },
		"declared": func(s *sheet, in Input) Input { return s.declared(in) },
		"on":       func(s *sheet, v any) part { return part{s, v} },
	}
}

// part hands a piece of a page together with the sheet to a template that is shared.
type part struct {
	Sheet *sheet
	Of    any
}

// icon draws one of the house's icons. They say nothing that the text beside them does not say, so readers skip them.
func icon(name string) template.HTML {
	path, ok := icons[name]
	if !ok {
		return ""
	}
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="` + path + `"/></svg>`) // #nosec G203 -- from the constant table below
}

var icons = map[string]string{ // #nosec G101 -- shapes of icons
	"home":    "M4 11.5 12 5l8 6.5M6.5 10v9h11v-9M10 19v-5h4v5",
	"person":  "M12 12.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c.8-3.4 3.8-5 7.5-5s6.7 1.6 7.5 5",
	"shield":  "M12 3.5 5 6v5.5c0 4.3 2.9 7.5 7 9 4.1-1.5 7-4.7 7-9V6l-7-2.5ZM9 12l2.2 2.2L15.2 10",
	"device":  "M4 5.5h16v10.5H4zM9 20h6M12 16v4",
	"phone":   "M7.5 3h9v18h-9zM11 18h2",
	"key":     "M14.5 13.5a5 5 0 1 0-4-4L4 16v4h4v-2.5h2.5V15l1.5-1.5c.8.2 1.7.2 2.5 0ZM16 8.5h.01",
	"token":   "M8 8.5 4.5 12 8 15.5M16 8.5l3.5 3.5-3.5 3.5M13.5 6l-3 12",
	"passkey": "M9.5 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM3.5 19c.6-3 3-4.5 6-4.5 1 0 1.9.15 2.7.5M17.5 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM17.5 14.5V20l1.5-1.3-1.2-1.3 1.2-1.2",
	"paper":   "M7 3.5h7l4 4v13H7zM14 3.5v4h4M10 12h5M10 15.5h5",
	"mail":    "M4 6.5h16v11H4zM4.5 7l7.5 6 7.5-6",
	"lock":    "M6.5 11h11v9h-11zM9 11V8a3 3 0 0 1 6 0v3",
	"group":   "M9 11.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3.5 18.5c.5-2.7 2.6-4 5.5-4s5 1.3 5.5 4M15.5 6a3 3 0 0 1 0 5.5M17 14.8c1.9.5 3.1 1.7 3.5 3.7",
	"leave":   "M14 7V4.5H5v15h9V17M10 12h10M17 9l3 3-3 3",
	"plus":    "M12 5.5v13M5.5 12h13",
	"check":   "M5 12.5 10 17.5 19.5 7",
	"warn":    "M12 4 3 19.5h18L12 4ZM12 10v4.5M12 17h.01",
}

// Ask is what the page "ask" shows, which asks before something is done.
type Ask struct {
	Action, Text, Button string
	Danger               bool
	Back, Return         string
	Name                 string // of the thing it is about; "" for none
}
