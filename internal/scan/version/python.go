package version

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// pythonForm is the expression in appendix B of PEP 440, with its spellings that normalise.
var pythonForm = regexp.MustCompile(`^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
	`(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?([0-9]+)?)?` +
	`(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?` +
	`(?:[-_.]?(dev)[-_.]?([0-9]+)?)?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// python is a version of PEP 440. Numbers stay text: they have no upper bound. An absent part is "".
type python struct {
	epoch   string
	release []string
	pre     string // a, b, rc
	preN    string
	post    bool
	postN   string
	dev     bool
	devN    string
	local   []string
}

func parsePython(text string) (python, error) {
	m := pythonForm.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil || len(text) > maxVersion {
		return python{}, fmt.Errorf("%.64q is no version of PEP 440", text)
	}
	v := python{epoch: m[1], release: strings.Split(m[2], "."), preN: m[4], post: m[5] != "" || m[6] != "", postN: m[5] + m[7], dev: m[8] != "", devN: m[9]}
	for len(v.release) > 1 && strings.Trim(v.release[len(v.release)-1], "0") == "" {
		v.release = v.release[:len(v.release)-1]
	}
	switch m[3] {
	case "a", "alpha":
		v.pre = "a"
	case "b", "beta":
		v.pre = "b"
	case "c", "rc", "pre", "preview":
		v.pre = "rc"
	}
	if m[10] != "" {
		v.local = strings.FieldsFunc(m[10], func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	}
	return v, nil
}

// stage orders what stands behind the release: 1.0.dev1 < 1.0a1 < 1.0b1 < 1.0rc1 < 1.0 < 1.0.post1.
func (v python) stage() int {
	switch {
	case v.pre == "" && !v.post && v.dev:
		return 0
	case v.pre == "a":
		return 1
	case v.pre == "b":
		return 2
	case v.pre == "rc":
		return 3
	}
	return 4
}

// compare follows the summary of permitted suffixes and relative ordering of PEP 440.
func (v python) compare(o python) int {
	if c := digits(v.epoch, o.epoch); c != 0 {
		return c
	}
	for i := range max(len(v.release), len(o.release)) {
		a, b := "0", "0"
		if i < len(v.release) {
			a = v.release[i]
		}
		if i < len(o.release) {
			b = o.release[i]
		}
		if c := digits(a, b); c != 0 {
			return c
		}
	}
	if c := cmp.Or(cmp.Compare(v.stage(), o.stage()), digits(v.preN, o.preN), truth(v.post, o.post), digits(v.postN, o.postN),
		truth(o.dev, v.dev), digits(v.devN, o.devN)); c != 0 {
		return c
	}
	return localOrder(v.local, o.local)
}

// truth orders false before true.
func truth(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// localOrder compares local versions: none stands first, texts before numbers.
func localOrder(a, b []string) int {
	for i := range min(len(a), len(b)) {
		an, bn := number(a[i]), number(b[i])
		c := 0
		switch {
		case an && bn:
			c = digits(a[i], b[i])
		case an != bn:
			c = truth(an, bn)
		default:
			c = cmp.Compare(a[i], b[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}
