package strength

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/ccojocar/zxcvbn-go/entropy"
	"github.com/ccojocar/zxcvbn-go/match"
)

const apart, year = `(\s|-|/|\\|_|\.)`, `(19\d{2}|200\d|201\d|\d{2})`

// forms are how dates are written.
var forms = sync.OnceValue(func() (f struct{ last, first, bare *regexp.Regexp }) {
	f.last = regexp.MustCompile(`(\d{1,2})` + apart + `(\d{1,2})` + apart + year)
	f.first = regexp.MustCompile(year + apart + `(\d{1,2})` + apart + `(\d{1,2})`)
	f.bare = regexp.MustCompile(`\d{4,8}`)
	return f
})

// dates finds days of a year, with separators and as six or eight digits.
func dates(password string) []match.Match {
	var out []match.Match
	add := func(text, day, month, year, apart string) {
		d, e1 := strconv.ParseInt(day, 10, 16)
		m, e2 := strconv.ParseInt(month, 10, 16)
		y, e3 := strconv.ParseInt(year, 10, 16)
		if e1 != nil || e2 != nil || e3 != nil {
			return
		}
		if plausible(d, m, y) {
			i := strings.Index(password, text)
			date := match.DateMatch{Pattern: "date", Day: d, Month: m, Year: y, Separator: apart, I: i, J: i + len(text)}
			out = append(out, match.Match{I: date.I, J: date.J, Entropy: entropy.DateEntropy(date)})
		}
	}
	f := forms()
	for _, g := range f.last.FindAllStringSubmatch(password, -1) {
		add(g[0], g[3], g[1], g[5], g[4])
	}
	for _, g := range f.first.FindAllStringSubmatch(password, -1) {
		add(g[0], g[3], g[5], g[1], g[4])
	}
	for _, v := range f.bare.FindAllString(password, -1) {
		switch len(v) {
		case 6:
			add(v, v[2:4], v[4:6], v[0:2], "")
		case 8:
			add(v, v[4:6], v[6:8], v[0:4], "")
			add(v, v[0:2], v[2:4], v[4:8], "")
		}
	}
	return out
}

// plausible reports whether it may be a date, day and month in either order.
func plausible(day, month, year int64) bool {
	if 12 <= month && month <= 31 && day <= 12 {
		day, month = month, day
	}
	return day <= 31 && month <= 12 && (1900 <= year && year <= 2025 || 0 <= year && year <= 99)
}
