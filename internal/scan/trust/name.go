package trust

import (
	_ "embed" // of the names
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
)

// names are well-known names, at most 500 of an ecosystem: "[ecosystem]" and names below it. We put them together by hand.
//
//go:embed names.txt
var names string

// wellKnown lists the names of an ecosystem.
func wellKnown(ecosystem string) []string {
	var out []string
	here := false
	for line := range strings.Lines(names) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			here = line == "["+ecosystem+"]"
		case here:
			out = append(out, strings.Fields(line)...)
		}
	}
	return out
}

// name judges whether a name looks like a well-known one without being it.
func (j *judge) name(x inventory.Component) {
	if x.Ecosystem == inventory.Docker || x.Name == "stdlib" || strings.ContainsAny(x.Name, " :") {
		return
	}
	for _, r := range x.Name {
		if r >= utf8.RuneSelf {
			j.add("look-alike", "critical", x, x.Name+" holds letters that look like others", "take it out; find out what was installed by it")
			return
		}
	}
	if like := lookAlike(x.Ecosystem, x.Name); like != "" {
		j.add("look-alike", "high", x, x.Name+" looks like "+like, "check that it is what you mean; accept it when it is")
	}
}

// least is how long a name must be before another letter makes it a look-alike: short names are all near each other. For an exchange of
// neighbours, one letter less.
const least = 6

// lookAlike is the well-known name that a name looks like; "" for none, and for one that is well known itself.
func lookAlike(ecosystem, name string) string {
	list := wellKnown(ecosystem)
	for _, known := range list {
		if known == name {
			return ""
		}
	}
	mine := folded(ecosystem, name)
	for _, known := range list {
		if len(known)-len(name) <= 12 && len(name)-len(known) <= 12 && similar(mine, folded(ecosystem, known)) {
			return known
		}
	}
	return ""
}

// folded is a name as a hasty eye reads it. Of a Go module the host stays: another host is another module.
func folded(ecosystem, name string) string {
	name = strings.ToLower(name)
	if ecosystem == inventory.PyPI {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "python-"), "py-")
	}
	return hasty.Replace(name)
}

// hasty replaces what is easily taken for something else.
var hasty = strings.NewReplacer("rn", "m", "vv", "w", "0", "o", "1", "l", "i", "l", "-", "", "_", "", ".", "")

// similar tells whether two names are one letter or one exchange of neighbours apart, or the same but for what a hasty eye passes over;
// of long names also two letters, or an ending that was left out.
func similar(a, b string) bool {
	if a == b {
		return true
	}
	if len(b) < least-1 || len(a) < least-1 {
		return false
	}
	if digit(a) != digit(b) {
		return false // a number in a name is often another release of it: urllib3, psycopg2
	}
	return distance(a, b) <= 1 && (len(b) >= least || len(a) == len(b) && sorted(a) == sorted(b)) || len(b) >= 10 && a+folded("", "lib") == b
}

// sorted is the letters of a name in their order.
func sorted(s string) string { return string(slices.Sorted(slices.Values([]byte(s)))) }

// digit is the numbers of a name.
func digit(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// distance is that of Damerau and Levenshtein (optimal string alignment); above 2 it is 3.
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 || len(a) > 100 {
		return 3
	}
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for k := range one {
		one[k] = k
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for k := 1; k <= len(b); k++ {
			cost := 1
			if a[i-1] == b[k-1] {
				cost = 0
			}
			row[k] = min(one[k]+1, row[k-1]+1, one[k-1]+cost)
			if i > 1 && k > 1 && a[i-1] == b[k-2] && a[i-2] == b[k-1] {
				row[k] = min(row[k], two[k-2]+1)
			}
		}
		two, one = one, row
	}
	return min(one[len(b)], 3)
}
