// Package guess knows the passwords that are tried first, and recognises them in their usual disguises.
//
// Policy: the list is shipped as truncated hashes, so that the program is no list of words and stays small. A password is common when one of its
// plain forms is in the list: other case, blanks and dots between, letters written as digits and signs, digits and signs around it, the same
// thing twice or more. So each entry stands for all its variants. Forty bits of a hash make one mistake in a million passwords.
//
// The map: guess.go (forms and the look-up), list.bin (the hashes, sorted), own.txt (words of ours that go into it), mklist (makes list.bin from
// its sources; see docs/adr/0077-common-passwords.md).
package guess

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the list is part of the program
	"sort"
	"strings"
	"unicode"
)

//go:generate go run ./mklist

//go:embed list.bin
var list string

// Size is the bytes of one entry: the beginning of a SHA-256.
const Size = 5

// maxTrim is how many characters around a core count as decoration.
const maxTrim = 8

// maxLength is the most characters of a password that is looked up: no entry repeated is longer in any list.
const maxLength = 256

// Hash is what the list holds of a plain form.
func Hash(form string) [Size]byte {
	sum := sha256.Sum256([]byte(form))
	return [Size]byte(sum[:])
}

// Plain is a password without what people vary for its own sake: case, blanks and marks between words.
func Plain(password string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' || r == '_' || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, password)
}

// Core is a plain form without the digits and signs around its letters; "" when it has none or more is decoration than core ever is.
func Core(plain string) string {
	return trimmed(plain, strings.TrimFunc)
}

func trimmed(plain string, trim func(string, func(rune) bool) string) string {
	core := trim(plain, func(r rune) bool { return !unicode.IsLetter(r) })
	if len([]rune(plain))-len([]rune(core)) > maxTrim {
		return ""
	}
	return core
}

// Common reports whether a password, or what it is a disguise of, is among those that are tried first.
func Common(password string) bool {
	runes := []rune(password)
	plain := Plain(string(runes[:min(len(runes), maxLength)]))
	if plain == "" {
		return true // nothing but blanks and dots
	}
	signs := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for _, form := range []string{plain, Core(plain), strings.TrimFunc(plain, signs), trimmed(plain, strings.TrimRightFunc)} {
		for _, spelt := range []string{form, letters.Replace(form), letters1.Replace(form)} {
			if spelt != "" && (has(spelt) || has(Once(spelt))) {
				return true
			}
		}
	}
	return false
}

// Entries is how many forms the list holds.
func Entries() int { return len(list) / Size }

func has(form string) bool {
	h := Hash(form)
	at := sort.Search(Entries(), func(i int) bool { return list[i*Size:(i+1)*Size] >= string(h[:]) })
	return at < Entries() && bytes.Equal([]byte(list[at*Size:(at+1)*Size]), h[:])
}

// letters and letters1 undo the usual writing of letters as digits and signs. A one is an i or an l.
var (
	letters = strings.NewReplacer("0", "o", "1", "i", "2", "z", "3", "e", "4", "a", "5", "s", "6", "g", "7", "t", "8", "b", "9", "g", "@", "a", "$", "s",
		"!", "i", "|", "l", "+", "t", "(", "c")
	letters1 = strings.NewReplacer("0", "o", "1", "l", "2", "z", "3", "e", "4", "a", "5", "s", "6", "g", "7", "t", "8", "b", "9", "g", "@", "a", "$", "s",
		"!", "l", "|", "i", "+", "t", "(", "c")
)

// Once gives the shortest text of which s is a repetition.
func Once(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			return s[:n]
		}
	}
	return s
}
