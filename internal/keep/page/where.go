package page

import (
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
)

// where writes conditions with AND between them.
type where struct {
	s     *sqlText
	opt   rule.SQLOptions
	begun bool
	err   error
}

func (w *where) and() {
	if w.begun {
		w.s.put(" AND ")
	} else {
		w.s.put(" WHERE ")
	}
	w.begun = true
}

func (w *where) all(conds []rule.Expr) {
	for _, c := range conds {
		f, err := rule.ToSQL(c, w.opt)
		if err != nil {
			w.err = err
			return
		}
		w.and()
		w.s.fragment(f)
	}
}

// bounds writes what bounds the range of an arm. On PostgreSQL the rows of a list are bounded by the join that from writes.
func (w *where) bounds(col *plan.Collection, a arm) {
	w.all(a.within)
	if a.list != nil && w.opt.Dialect == store.SQLite {
		w.and()
		w.s.put(`r."id" IN (`)
		w.s.members(col, a.list)
		w.s.put(")")
	}
}

// members writes SELECT of the ids of the rows whose list has a value, each once.
func (s *sqlText) members(col *plan.Collection, x *rule.In) {
	side := col.Field(x.List.(*rule.Path).Field).Side
	s.put(`SELECT DISTINCT s."row_id" AS id FROM `, store.Quote(side), ` s WHERE s."value" = `)
	switch v := x.Elem.(type) {
	case *rule.Param:
		s.b.WriteString("?")
		s.args = append(s.args, rule.Arg{Param: v.Kind, Shift: v.Shift})
	case *rule.Literal:
		s.b.WriteString("?")
		s.args = append(s.args, rule.Arg{Value: v.Value})
	}
}

// segment is a part of the order that an index holds in one piece. A page that goes on behind a cursor is read from one or two: rows
// whose key is missing stand at one end.
type segment uint8

const (
	whole   segment = iota // from the beginning
	behind                 // after a cursor's key and id
	tail                   // keys that are missing, after a cursor's id
	missing                // keys that are missing
	present                // keys that are not
)

// segments are the parts that a page is read from, in order.
func (p *Page) segments() []segment {
	switch {
	case p.after == nil:
		return []segment{whole}
	case p.after.Key.Missing() && p.down:
		return []segment{tail}
	case p.after.Key.Missing():
		return []segment{tail, present}
	case p.down && p.sort.Optional:
		return []segment{behind, missing}
	}
	return []segment{behind}
}

// segment bounds a scan to a part of the order.
func (w *where) segment(p *Page, seg segment, key string) {
	sign := " > "
	if p.down {
		sign = " < "
	}
	if seg != whole {
		w.and()
	}
	switch seg {
	case behind:
		w.s.put("(", key, `, r."id")`, sign, "(")
		w.s.param(cursorKey)
		w.s.put(", ")
		w.s.param(cursorID)
		w.s.put(")")
	case tail:
		w.s.put(key, ` IS NULL AND r."id"`, sign)
		w.s.param(cursorID)
	case missing:
		w.s.put(key, " IS NULL")
	case present:
		w.s.put(key, " IS NOT NULL")
	}
}
