package decl

import (
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

var (
	durationForm = regexp.MustCompile(`^([1-9][0-9]{0,5})(s|m|h|d|w|y)$`)
	sizeForm     = regexp.MustCompile(`^([1-9][0-9]{0,6})(B|KiB|MiB|GiB)$`)
	rateForm     = regexp.MustCompile(`^([1-9][0-9]{0,6})/(s|m|h|d)$`)
)

var spans = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour}

// duration reads 15m, 10h, 90d, 7y.
func (r *reader) duration(n ast.Node) time.Duration {
	m := durationForm.FindStringSubmatch(r.str(n))
	shapePattern(n, durationForm)
	if m == nil {
		r.fail(pos(n), "a duration is written like 30s, 15m, 10h, 90d or 7y")
		return 0
	}
	count, _ := strconv.ParseInt(m[1], 10, 64)
	if time.Duration(count) > math.MaxInt64/spans[m[2]] {
		r.fail(pos(n), "this duration is too long; at most 290y")
		return 0
	}
	return time.Duration(count) * spans[m[2]]
}

// size reads 64KiB, 1MiB.
func (r *reader) size(n ast.Node) int64 {
	m := sizeForm.FindStringSubmatch(r.str(n))
	shapePattern(n, sizeForm)
	if m == nil {
		r.fail(pos(n), "a size is written like 64KiB or 1MiB")
		return 0
	}
	count, _ := strconv.ParseInt(m[1], 10, 64)
	return count << map[string]int{"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[m[2]]
}

// rate reads 600/m.
func (r *reader) rate(n ast.Node) Rate {
	m := rateForm.FindStringSubmatch(r.str(n))
	shapePattern(n, rateForm)
	if m == nil {
		r.fail(pos(n), "a rate is written like 10/s or 600/m")
		return Rate{}
	}
	count, _ := strconv.Atoi(m[1])
	return Rate{count, spans[m[2]]}
}
