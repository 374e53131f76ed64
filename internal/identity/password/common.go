package password

import (
	_ "embed" // the list is part of the program
	"strings"
	"sync"
	"unicode"
)

// common.txt holds the cores of the passwords that every list of guesses begins with, put together by us: words, keyboard
// walks, and sentences that everybody knows. What people add to a core is taken away before it is looked up.
//
//go:embed common.txt
var commonText string

// commonCores reads the list once, when a password is first judged.
var commonCores = sync.OnceValue(func() map[string]bool {
	cores := map[string]bool{}
	for _, w := range strings.Fields(commonText) {
		cores[w] = true
	}
	return cores
})

// maxTrim is how many characters around a core count as decoration.
const maxTrim = 8

// common reports whether a password is a common one in disguise: other case, digits and signs around it, spaces between,
// letters written as digits, or the same thing twice or more.
func common(password string) bool {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' || r == '_' || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, password)
	cores := commonCores()
	core := strings.TrimFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, form := range []string{plain, core, letters.Replace(plain), letters.Replace(core)} {
		if len([]rune(plain))-len([]rune(form)) > maxTrim {
			continue
		}
		if cores[form] || cores[once(form)] {
			return true
		}
	}
	return false
}

// letters undoes the usual writing of letters as digits and signs.
var letters = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// once gives the shortest text of which s is a repetition.
func once(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			return s[:n]
		}
	}
	return s
}
