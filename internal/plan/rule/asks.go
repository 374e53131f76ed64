package rule

import "slices"

// Asks reports whether a condition looks for rows of the collection.
func Asks(e Expr, collection string) bool {
	some := func(list []Expr) bool {
		return slices.ContainsFunc(list, func(e Expr) bool { return Asks(e, collection) })
	}
	switch e := e.(type) {
	case *And:
		return some(e.All)
	case *Or:
		return some(e.Any)
	case *Not:
		return Asks(e.Expr, collection)
	case *Exists:
		return e.Collection == collection || Asks(e.Cond, collection)
	}
	return false
}
