package plan

import (
	"slices"

	"github.com/fastness-dev/fastness/internal/plan/rule"
)

// LooksAt reports whether some rule or check asks which rows the collection has. Then a row of an import may decide about the next. A
// reference does not: no row refers to one whose id the client has not been told.
func (p *Plan) LooksAt(collection string) bool {
	for _, c := range p.Collections {
		for _, list := range [][]*Rule{c.Reads, c.Creates} {
			for _, r := range list {
				if asks(r.When, collection) {
					return true
				}
			}
		}
		for _, check := range c.Checks {
			if asks(check.That, collection) {
				return true
			}
		}
	}
	return false
}

// asks reports whether a condition looks for rows of the collection.
func asks(e rule.Expr, collection string) bool {
	some := func(list []rule.Expr) bool {
		return slices.ContainsFunc(list, func(e rule.Expr) bool { return asks(e, collection) })
	}
	switch e := e.(type) {
	case *rule.And:
		return some(e.All)
	case *rule.Or:
		return some(e.Any)
	case *rule.Not:
		return asks(e.Expr, collection)
	case *rule.Exists:
		return e.Collection == collection || asks(e.Cond, collection)
	}
	return false
}
