// Package slip knows what people bring along from other languages into a declaration and its rules, and what they write here instead.
//
// Policy: it only names; who reads the declaration refuses.
package slip

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// elsewhere is what words are called in other languages, by where they stand, and what to write here.
var elsewhere = map[string]map[string]string{
	"a field": {
		"required":    "a field is mandatory unless it says optional: true; leave required out",
		"not_null":    "a field is mandatory unless it says optional: true; leave it out",
		"nullable":    "write optional: true",
		"null":        "write optional: true",
		"readonly":    "write fixed: true for what is set once and never changed",
		"read_only":   "write fixed: true for what is set once and never changed",
		"immutable":   "write fixed: true",
		"index":       "write indexed: true",
		"length":      "write max: 80",
		"size":        "write max: 80",
		"max_length":  "write max: 80",
		"maxlength":   "write max: 80",
		"min_length":  "write min: 1",
		"regex":       "write pattern: \"[a-z]+\"",
		"enum":        "write type: enum, values: [a, b]",
		"choices":     "write type: enum, values: [a, b]",
		"options":     "write type: enum, values: [a, b]",
		"references":  "write type: ref, to: COLLECTION",
		"collection":  "write type: ref, to: COLLECTION",
		"primary_key": "every row has an id of its own; leave it out",
	},
	"a rule": {
		"if":     "write when: \"row.author == me.id\"",
		"where":  "write when: \"row.author == me.id\"",
		"role":   "write when: \"has_role('editor')\"",
		"roles":  "write when: \"has_role('editor')\"",
		"fields": "write only: [title, body]",
		"action": "write to: read",
	},
	"action": {
		"list":   "write to: read, which is for lists too",
		"view":   "write to: read",
		"get":    "write to: read",
		"select": "write to: read",
		"insert": "write to: create",
		"post":   "write to: create",
		"edit":   "write to: update",
		"patch":  "write to: update",
		"put":    "write to: update",
		"remove": "write to: delete",
		"write":  "write to: [create, update, delete]",
		"all":    "write to: [read, create, update, delete]",
		"*":      "write to: [read, create, update, delete]",
	},
}

// Word says what to write for a word of another language; "" when it is none. where is "a field", "a rule" or "action".
func Word(where, got string) string { return elsewhere[where][strings.ToLower(got)] }

// slips are what rules of other languages hold and ours do not, and what to write. Texts in quotes are passed over.
var slips = []struct {
	form *regexp.Regexp
	say  string
}{
	{regexp.MustCompile(`@request\.auth\.id`), "@request belongs to PocketBase; write me.id, the caller"},
	{regexp.MustCompile(`@request\.auth\.\w+`), "@request belongs to PocketBase; write me.id, has_role('editor') or, of the caller's own row, row.author.name"},
	{regexp.MustCompile(`@request\.(?:body|data)\.\w+`), "@request belongs to PocketBase; write new.field, what is sent"},
	{regexp.MustCompile(`@request[.\w]*`), "@request belongs to PocketBase; write me for the caller, row for the row, new for what is sent"},
	{regexp.MustCompile(`@collection[.\w]*`), "@collection belongs to PocketBase; write comments.exists(c, c.article == row.id)"},
	{regexp.MustCompile(`@now`), "write now"},
	{regexp.MustCompile(`@[.\w]*`), "@ is not part of rules; rules know me, row, new, now and today"},
	{regexp.MustCompile(`\bauth\.(?:uid|jwt|role|email)\(\)`), "auth.uid() belongs to Supabase; write me.id, the caller, or has_role('editor')"},
	{regexp.MustCompile(`!==`), "write !="},
	{regexp.MustCompile(`===`), "write =="},
	{regexp.MustCompile(`<>`), "write !="},
	{regexp.MustCompile(`\?[=~><!]+`), "write me.id in row.list, or comments.exists(c, c.article == row.id)"},
	{regexp.MustCompile(`[=!<>]=`), ""}, // as it should be
	{regexp.MustCompile(`=`), "one = compares nothing; write =="},
	{regexp.MustCompile(`!?~`), "write row.title.startsWith('A')"},
	{regexp.MustCompile(`(?i)\band\b`), "write &&"},
	{regexp.MustCompile(`(?i)\bor\b`), "write ||"},
	{regexp.MustCompile(`(?i)\bnot\b`), "write !"},
	{regexp.MustCompile(`(?i)\bis\b`), "write ==, or has(row.field)"},
}

var quoted = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"`)

// Find finds what a rule that cannot be read holds of another language: the place, from 1, and what to write; "" when it holds nothing.
func Find(src string) (line, col int, say string) {
	bare := quoted.ReplaceAllStringFunc(src, func(s string) string { return strings.Repeat(" ", len(s)) })
	for at := 0; at < len(bare); {
		taken := 1
		for _, s := range slips {
			m := s.form.FindStringIndex(bare[at:])
			if m == nil || m[0] != 0 || at > 0 && word(bare[at]) && word(bare[at-1]) {
				continue
			}
			if s.say == "" {
				taken = m[1]
				break
			}
			before := bare[:at]
			return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(src[strings.LastIndexByte(before, '\n')+1:at]), s.say
		}
		at += taken
	}
	return 0, 0, ""
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Name says what to write for a name that rules of other languages begin with; "" when it is none. row and now tell whether the rule
// knows the stored and the new row, field whether its collection has a field of that name.
func Name(name string, row, now, field bool) string {
	root := "row"
	if !row {
		root = "new"
	}
	switch {
	case name == "new" && !now:
		return "new is the row as a create or an update would leave it, which is not known here; write " + root + ".field, the row as it is"
	case name == "row" && !row:
		return "row is the row as it is, and a create has none; write new.field"
	case name == "me":
		return "me is no value; write me.id, me.org or me.mfa"
	case name == "auth" || name == "user" || name == "request" || name == "current_user" || name == "session" || name == "context":
		return "write me.id, the caller, or has_role('editor')"
	case name == "resource" || name == "record" || name == "this" || name == "self" || name == "doc":
		return "write " + root + ".field"
	case name == "role" || name == "roles":
		return "write has_role('editor')"
	case name == "null" || name == "undefined" || name == "nil" || name == "None":
		return Missing
	case field:
		return "write " + root + "." + name
	}
	return ""
}

// Missing says how rules ask for what is not there.
const Missing = "nothing equals null, since a comparison with a missing value is unknown; write has(row.field) or !has(row.field)"

// Null says what to write for the comparison of a path with null; differs tells that it is !=.
func Null(path string, differs bool) string {
	root, field, _ := strings.Cut(path, ".")
	switch {
	case root == "me":
		return "a rule without public is for callers who are signed in; leave the comparison of " + path + " with null out"
	case field == "":
		return Missing
	case differs:
		return "nothing equals null; write has(" + path + ")"
	}
	return "nothing equals null; write !has(" + path + ")"
}

// Back is the column, from 1, where the word before the bracket at a column begins.
func Back(text []rune, col int) int {
	for col > 1 && text[col-2] < 128 && word(byte(text[col-2])) {
		col--
	}
	return col
}

// Distance is the Levenshtein distance of two short words.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Nearest returns the word of list that is most like got, "" when none is near.
func Nearest(got string, list []string) string {
	best, score := "", 3
	for _, w := range list {
		if d := Distance(strings.ToLower(got), w); d < score {
			best, score = w, d
		}
	}
	return best
}

// Suggest is the end of a message: the word of the list that was meant, or all of them.
func Suggest(got string, list []string) string {
	if w := Nearest(got, list); w != "" {
		return fmt.Sprintf("; did you mean %q?", w)
	}
	return "; known: " + strings.Join(list, ", ")
}
