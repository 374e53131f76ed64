package strength

import (
	"slices"
	"strings"
)

// sign is a letter and what it is written as.
type sign struct{ letter, as string }

// signs are zxcvbn's; 1, | and 7 stand for two letters each.
var signs = []sign{{"a", "4"}, {"a", "@"}, {"b", "8"}, {"c", "("}, {"c", "{"}, {"c", "["}, {"c", "<"}, {"e", "3"},
	{"g", "6"}, {"g", "9"}, {"i", "1"}, {"i", "!"}, {"i", "|"}, {"l", "1"}, {"l", "|"}, {"l", "7"}, {"o", "0"},
	{"s", "$"}, {"s", "5"}, {"t", "+"}, {"t", "7"}, {"x", "%"}, {"z", "2"}}

// undisguised are the readings of a password in which signs stand for letters: each sign for one letter, each letter
// behind one of its signs.
func undisguised(password string) []string {
	var there []sign
	for _, s := range signs {
		if strings.Contains(password, s.as) {
			there = append(there, s)
		}
	}
	if len(there) == 0 {
		return nil
	}
	var out []string
	for _, plain := range decided(there) {
		readings := []string{password}
		for len(plain) > 0 {
			letter := plain[0].letter
			var next []string
			for len(plain) > 0 && plain[0].letter == letter {
				for _, r := range readings {
					next = append(next, strings.ReplaceAll(r, plain[0].as, letter))
				}
				plain = plain[1:]
			}
			readings = next
		}
		for _, r := range readings {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// decided are the ways in which every sign stands for one letter.
func decided(there []sign) [][]sign {
	for i, s := range there {
		if !slices.ContainsFunc(there[i+1:], func(o sign) bool { return o.as == s.as }) {
			continue
		}
		var out [][]sign
		for _, one := range there {
			if one.as == s.as {
				rest := slices.DeleteFunc(slices.Clone(there), func(o sign) bool { return o.as == one.as && o != one })
				out = append(out, decided(rest)...)
			}
		}
		return out
	}
	return [][]sign{there}
}
