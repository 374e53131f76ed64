package page

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
)

// way is one means of finding the rows on which some conditions hold: ranges of an index, or the side table of a list. It gives every
// such row, and may give others.
type way struct {
	arms    []arm
	takes   uint64 // the conditions whose rows it gives, by their place in the list
	settled uint64 // those of them that need no test of their own
	ordered bool   // it has one arm, whose rows come in the order of the page
	few     bool   // a unique index bounds what it gives
	rank    int    // how narrow it looks, where nothing is counted
}

// arm is one range of an index, or the rows of one value in the side table of a list.
type arm struct {
	index  string      // what SQLite is told to use
	within []rule.Expr // what bounds the range
	prefix []string    // the columns of the index that are held to one value
	list   *rule.In    // set: membership in a list, found through its side table
}

// span is what the index of one field finds of a condition.
type span struct {
	field  string
	ranges [][]rule.Expr // the condition holds within one of them
	equal  bool          // one range, in which the field has one value
	points bool          // one range, made of single values, which come in no order
	loose  bool          // the ranges hold rows on which the condition fails
}

// keyed is an index as ways are sought in it.
type keyed struct {
	name    string
	columns []string
	unique  bool
}

// keys are the indexes of a collection's table, the primary key first.
func keys(col *plan.Collection) []keyed {
	out := []keyed{{"sqlite_autoindex_" + col.Table + "_1", []string{"id"}, true}}
	for _, x := range col.Indexes() {
		out = append(out, keyed{x.Name, x.Columns, x.Unique})
	}
	return out
}

// ways finds every way to rows on which all conditions hold, without those that another one cannot be worse than. The walk in the order
// of the page, with whatever bounds it, is among them when sort is given.
func ways(col *plan.Collection, conds []rule.Expr, sort *plan.Field) []way {
	spans := make([]*span, len(conds))
	var out []way
	for i, e := range conds[:min(len(conds), 64)] {
		spans[i] = spanOf(col, e)
		bit := uint64(1) << i
		switch x := e.(type) {
		case *rule.In:
			if member(col, x) {
				out = append(out, way{arms: []arm{{list: x}}, takes: bit, settled: bit, rank: 10})
			}
		case *rule.Or:
			if arms := eachArm(col, conds, x); arms != nil {
				out = append(out, way{arms: arms, takes: bit})
			}
		}
	}
	for _, k := range keys(col) {
		for _, w := range []way{k.way(spans, sort), k.way(spans, nil)} {
			if w.takes != 0 || w.ordered {
				out = append(out, w)
			}
		}
	}
	var best []way
	for i, w := range out {
		worse := slices.ContainsFunc(out, func(o way) bool { return o.beats(w) }) ||
			slices.ContainsFunc(out[:i], func(o way) bool { return !w.beats(o) && w.covers(o) && o.covers(w) })
		if !worse {
			best = append(best, w)
		}
	}
	return best
}

// covers reports whether a way gives at most the rows that another one gives, in its order if that has one.
func (w way) covers(o way) bool { return w.takes&o.takes == o.takes && (w.ordered || !o.ordered) }

// beats reports whether a way covers another one and is better in some respect.
func (w way) beats(o way) bool {
	return w.covers(o) && (w.takes != o.takes || w.ordered != o.ordered || w.few && !o.few)
}

// way reads the columns of an index from the left: single values as long as there are some, then one range.
func (k keyed) way(spans []*span, sort *plan.Field) way {
	var w way
	a := arm{index: k.name}
	take := func(i int) {
		w.takes |= 1 << i
		if !spans[i].loose {
			w.settled |= 1 << i
		}
	}
	rest := k.columns
	for ; len(rest) > 0; rest = rest[1:] {
		i := slices.IndexFunc(spans, func(s *span) bool { return s != nil && s.equal && s.field == bare(rest[0]) })
		if i < 0 {
			break
		}
		take(i)
		a.within, a.prefix = append(a.within, spans[i].ranges[0]...), append(a.prefix, rest[0])
	}
	w.few, w.rank = k.unique && len(rest) == 0, 10*len(a.prefix)
	several, points := [][]rule.Expr{nil}, false
	if len(rest) > 0 {
		for i, s := range spans {
			switch {
			case s == nil || s.equal || s.field != bare(rest[0]):
			case len(s.ranges) == 1 && !s.points:
				take(i)
				a.within = append(a.within, s.ranges[0]...)
			}
		}
		if i := slices.IndexFunc(spans, func(s *span) bool {
			return s != nil && !s.equal && s.field == bare(rest[0]) && (len(s.ranges) > 1 || s.points)
		}); i >= 0 && !(sort != nil && k.leads(rest, a.prefix, sort)) {
			take(i)
			several, points = spans[i].ranges, spans[i].points
			w.few = k.unique && len(rest) == 1 && points
		}
		if len(a.within) > len(a.prefix) || len(several) > 1 || points {
			w.rank += 3
		}
	}
	for _, r := range several {
		one := a
		one.within = append(slices.Clone(a.within), r...)
		w.arms = append(w.arms, one)
	}
	w.ordered = sort != nil && len(several) == 1 && !points && k.leads(rest, a.prefix, sort)
	return w
}

// leads reports whether an index gives rows in the order of sort and id, behind columns that are held to one value.
func (k keyed) leads(rest, prefix []string, sort *plan.Field) bool {
	switch {
	case len(rest) == 1 && bare(rest[0]) == "id":
		return sort.Name == "id" || slices.ContainsFunc(prefix, func(c string) bool { return bare(c) == sort.Name })
	case len(rest) == 2 && bare(rest[0]) == sort.Name && bare(rest[1]) == "id":
		return strings.HasPrefix(rest[0], "-") == strings.HasPrefix(rest[1], "-")
	}
	return k.unique && len(rest) == 0 && slices.Contains(prefix, "id")
}

func bare(column string) string { return strings.TrimPrefix(column, "-") }

// eachArm finds the rows of an alternative by the arms of each of its parts; nil when a part has none.
func eachArm(col *plan.Collection, conds []rule.Expr, or *rule.Or) []arm {
	var out []arm
	for _, part := range rule.Branches(or) {
		of := rule.Conjuncts(part)
		if i := slices.IndexFunc(conds, rule.BindsOrganisation); i >= 0 {
			of = append([]rule.Expr{conds[i]}, of...)
		}
		found := slices.DeleteFunc(ways(col, of, nil), func(w way) bool { return w.onlyBorder(of) })
		if len(found) == 0 {
			return nil
		}
		best := slices.MaxFunc(found, func(a, b way) int { return a.narrow() - b.narrow() })
		out = append(out, best.arms...)
	}
	return out
}

// onlyBorder reports a way that gives a whole organisation.
func (w way) onlyBorder(conds []rule.Expr) bool {
	return bits.OnesCount64(w.takes) == 1 && rule.BindsOrganisation(conds[bits.TrailingZeros64(w.takes)])
}

func (w way) narrow() int {
	if w.few {
		return 1000
	}
	return w.rank*4 - len(w.arms)
}

// exact reports whether a way gives the rows of a page in its order and no others.
func (w way) exact(conds []rule.Expr) bool {
	return w.ordered && len(conds) <= 64 && bits.OnesCount64(w.settled) == len(conds)
}

// tests are the conditions that a way leaves to be tested.
func (w way) tests(conds []rule.Expr) []rule.Expr {
	var out []rule.Expr
	for i, e := range conds {
		if i >= 64 || w.settled&(1<<i) == 0 {
			out = append(out, e)
		}
	}
	return out
}

// member reports whether a condition is membership of one value in a list of the row.
func member(col *plan.Collection, x *rule.In) bool {
	p, ok := x.List.(*rule.Path)
	if !ok || p.Root != rule.RowRoot || len(p.Refs) > 0 || isPath(x.Elem) {
		return false
	}
	f := col.Field(p.Field)
	return f != nil && f.Side != ""
}

func isPath(o rule.Operand) bool {
	_, is := o.(*rule.Path)
	return is
}
