// Package version orders versions as each ecosystem does: PEP 440 for PyPI, Semantic Versioning 2.0.0 for npm, and the same with a
// leading v for Go. A version that its ecosystem would not take has no order, and Compare says so: a guess could hide a hole.
package version

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// Compare returns -1, 0 or 1 as a stands before, with or after b in the order of an ecosystem of OSV.
func Compare(ecosystem, a, b string) (int, error) {
	switch ecosystem {
	case "PyPI":
		x, err := parsePython(a)
		if err != nil {
			return 0, err
		}
		y, err := parsePython(b)
		if err != nil {
			return 0, err
		}
		return x.compare(y), nil
	case "npm", "Go":
		x, err := parseSemantic(a)
		if err != nil {
			return 0, err
		}
		y, err := parseSemantic(b)
		if err != nil {
			return 0, err
		}
		return x.compare(y), nil
	}
	return 0, fmt.Errorf("the order of versions of %q is not known; PyPI, npm and Go are", ecosystem)
}

// Valid tells whether a version has a place in the order of its ecosystem.
func Valid(ecosystem, v string) bool {
	_, err := Compare(ecosystem, v, v)
	return err == nil
}

// maxVersion bounds what is taken for a version.
const maxVersion = 256

var semanticForm = regexp.MustCompile(`^[v=]?(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?(?:\.(0|[1-9][0-9]*))?` +
	`(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$`)

// semantic is a version of semver.org: three numbers, and what stands behind the hyphen. Numbers stay text: they have no upper bound.
type semantic struct {
	numbers [3]string
	pre     []string
}

func parseSemantic(text string) (semantic, error) {
	m := semanticForm.FindStringSubmatch(text)
	if m == nil || len(text) > maxVersion {
		return semantic{}, fmt.Errorf("%.64q is no semantic version", text)
	}
	v := semantic{}
	for i := range v.numbers {
		v.numbers[i] = cmp.Or(m[i+1], "0")
	}
	if m[4] != "" {
		v.pre = strings.Split(m[4], ".")
	}
	return v, nil
}

// compare follows rule 11 of semver.org.
func (v semantic) compare(o semantic) int {
	for i := range v.numbers {
		if c := digits(v.numbers[i], o.numbers[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.pre == nil && o.pre == nil:
		return 0
	case v.pre == nil:
		return 1
	case o.pre == nil:
		return -1
	}
	for i := range min(len(v.pre), len(o.pre)) {
		a, b := v.pre[i], o.pre[i]
		an, bn := number(a), number(b)
		c := 0
		switch {
		case an && bn:
			c = digits(a, b)
		case an:
			c = -1
		case bn:
			c = 1
		default:
			c = cmp.Compare(a, b)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(v.pre), len(o.pre))
}

// number tells whether a text is made of digits alone.
func number(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// digits compares numbers of any length.
func digits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
