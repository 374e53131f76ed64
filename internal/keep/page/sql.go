package page

import (
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// How a page is found. Each read rule is split into alternatives, and each alternative becomes a branch with an access path of
// its own, so that a caller who may see forty rows of a million never walks the million:
//
//   - a branch that is bound to the caller (row.author == me.id, me.id in row.team) is driven by that index; its rows are sorted
//     unless an index holds them in order already: the work is at most linear in what the caller may see;
//   - any other branch walks the sort index and tests rows until the page is full.
//
// The branches give sort keys and ids only; they are merged (UNION drops rows that several branches found), cut to the page,
// and the rows fetched by id.

// sqlText builds a statement with its arguments in order.
type sqlText struct {
	b    strings.Builder
	args []rule.Arg
}

func (s *sqlText) put(parts ...string) {
	for _, p := range parts {
		s.b.WriteString(p)
	}
}

func (s *sqlText) fragment(f rule.SQL) {
	s.put(f.Text)
	s.args = append(s.args, f.Args...)
}

func (s *sqlText) param(kind rule.ParamKind) {
	s.put("?")
	s.args = append(s.args, rule.Arg{Param: kind})
}

// listing is a compiled page or count: its arguments have holes for the cursor and the limit.
type listing struct {
	stmt *store.Stmt
	args []rule.Arg
}

// Parameters of a page that are neither literals nor the caller's: their ParamKind in listing.args.
const (
	cursorKey rule.ParamKind = 100 + iota
	cursorID
	pageLimit
)

// listing builds the statement of a page; without a client's filter it is found by a key that costs less than building it.
func (l *Lists) listing(c *types.Caller, p *Page) (*listing, error) {
	if p.filter != nil {
		s, err := l.buildPage(p)
		if err != nil {
			return nil, err
		}
		return l.compiled(s), nil
	}
	var b strings.Builder
	b.WriteString(p.view.Collection.Name + "|" + strconv.FormatUint(uint64(c.Roles), 36) + "|" + strconv.Itoa(int(c.Kind)) + "|" +
		strconv.FormatBool(c.Unruled()) + "|" + p.sort.Name + strconv.FormatBool(p.down) + "|" + p.cursorState())
	for _, f := range p.fields {
		b.WriteString("," + f.Name)
	}
	key := b.String()
	l.mu.RLock()
	known := l.known[key]
	l.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	s, err := l.buildPage(p)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxListings {
		l.known = map[string]*listing{}
	}
	l.known[key] = l.compiled(s)
	return l.known[key], nil
}

// compiled gives the one statement of a shape with the literals of this request.
func (l *Lists) compiled(s *sqlText) *listing { return &listing{l.tables().Stmt(s.b.String()), s.args} }

func (p *Page) cursorState() string {
	switch {
	case p.after == nil:
		return "first"
	case p.after.Key.Missing():
		return "null"
	}
	return "after"
}

func (l *Lists) buildPage(p *Page) (*sqlText, error) {
	s := &sqlText{}
	var head strings.Builder
	s.args = append(s.args, p.view.Select(&head, p.fields)...)
	s.put(head.String(), ", x.k FROM (")
	branches := p.branches()
	for i, branch := range branches {
		if i > 0 {
			s.put(" UNION ")
		}
		if len(branches) > 1 {
			s.put("SELECT * FROM (")
		}
		if err := l.branch(s, p, branch); err != nil {
			return nil, err
		}
		if len(branches) > 1 {
			s.put(") b", strconv.Itoa(i))
		}
	}
	if len(branches) > 1 {
		// The merged keys are cut to the page here, in the order of the whole: engines that see this need not sort whole rows again.
		s.put(" ORDER BY ", p.order("k", "id"), " LIMIT ")
		s.param(pageLimit)
	}
	s.put(") x JOIN ", store.Quote(p.view.Collection.Table), ` r ON r."id" = x.id ORDER BY `, p.order("x.k", "x.id"), " LIMIT ")
	s.param(pageLimit)
	return s, nil
}

// branches are the alternatives under which a row is readable; one unconditional rule makes the others superfluous.
func (p *Page) branches() []rule.Expr {
	if p.view.All {
		return []rule.Expr{&rule.Fixed{Truth: rule.Yes}}
	}
	var out []rule.Expr
	for _, r := range p.view.Rules {
		out = append(out, rule.Branches(r.When)...)
	}
	return out
}

// branch writes SELECT key, id of the first rows of one alternative.
func (l *Lists) branch(s *sqlText, p *Page, e rule.Expr) error {
	key := "r." + store.Quote(p.sort.Column)
	driven, ordered := driver(p.view.Collection, e, p.sort)
	sortKey, sortID := key, `r."id"`
	if driven && !ordered {
		sortKey, sortID = l.unindexed(p.sort, key), l.unindexed(&plan.Field{Type: plan.TextField}, sortID)
	}
	s.put("SELECT ", key, ` AS k, r."id" AS id FROM `, store.Quote(p.view.Collection.Table), " r WHERE ")
	conditions := append(rule.Conjuncts(e), guard(p.view, p.filter, p.sort)...)
	if p.filter != nil {
		conditions = append(conditions, p.filter)
	}
	for i, c := range conditions {
		if i > 0 {
			s.put(" AND ")
		}
		f, err := l.conditionSQL(p.view.Collection, c)
		if err != nil {
			return err
		}
		s.fragment(f)
	}
	p.afterSQL(s, key)
	s.put(" ORDER BY ", p.order(sortKey, sortID), " LIMIT ")
	s.param(pageLimit)
	return nil
}

// conditionSQL compiles a condition; membership of the caller in a list becomes `id IN (…)`, which both databases can drive.
func (l *Lists) conditionSQL(col *plan.Collection, e rule.Expr) (rule.SQL, error) {
	if in, ok := e.(*rule.In); ok {
		if path, ok := in.List.(*rule.Path); ok && len(path.Refs) == 0 && path.Root == rule.RowRoot {
			if param, ok := in.Elem.(*rule.Param); ok {
				side := col.Field(path.Field).Side
				return rule.SQL{Text: `(r."id" IN (SELECT s."row_id" FROM ` + store.Quote(side) + ` s WHERE s."value" = ?))`,
					Args: []rule.Arg{{Param: param.Kind, Shift: param.Shift}}}, nil
			}
		}
	}
	return rule.ToSQL(e, l.tables().Options(col))
}

// driver reports whether a branch is bound to the caller through an index, and whether an index holds its rows in sort order.
func driver(col *plan.Collection, e rule.Expr, sort *plan.Field) (driven, ordered bool) {
	for _, c := range rule.Conjuncts(e) {
		switch x := c.(type) {
		case *rule.In:
			path, ok := x.List.(*rule.Path)
			_, bound := x.Elem.(*rule.Param)
			if ok && bound && len(path.Refs) == 0 {
				driven = true
			}
		case *rule.Compare:
			field, bound := equality(x)
			f := col.Field(field)
			if field == "" || f == nil || !f.Indexed {
				continue
			}
			if bound {
				driven = true
			}
			for _, index := range col.Decl.Index {
				if len(index) >= 2 && index[0] == field && strings.TrimPrefix(index[1], "-") == sort.Name {
					ordered = true
				}
			}
		}
	}
	return driven, ordered
}

// equality recognises row.f == x; bound tells that x is the caller's.
func equality(x *rule.Compare) (field string, bound bool) {
	if x.Op != rule.Equal {
		return "", false
	}
	l, r := x.Left, x.Right
	if _, ok := l.(*rule.Path); !ok {
		l, r = r, l
	}
	p, ok := l.(*rule.Path)
	if !ok || p.Root != rule.RowRoot || len(p.Refs) > 0 {
		return "", false
	}
	switch r.(type) {
	case *rule.Param:
		return p.Field, true
	case *rule.Literal:
		return p.Field, false
	}
	return "", false
}

// unindexed writes a key so that the planner cannot walk the sort index instead of the caller's own.
func (l *Lists) unindexed(f *plan.Field, key string) string {
	if l.tables().Dialect == store.SQLite {
		return "+" + key
	}
	switch f.Type {
	case plan.IntField, plan.DecimalField, plan.BoolField, plan.TimeField:
		return "(" + key + " + 0)"
	}
	return "(" + key + " || '')"
}

// order writes the order of a page: NULL sorts below every value on both databases, as their indexes hold it.
func (p *Page) order(key, id string) string {
	if p.down {
		return key + " DESC NULLS LAST, " + id + " DESC NULLS LAST"
	}
	return key + " ASC NULLS FIRST, " + id + " ASC NULLS FIRST"
}

// afterSQL continues behind the cursor.
func (p *Page) afterSQL(s *sqlText, key string) {
	if p.after == nil {
		return
	}
	sign := " > "
	if p.down {
		sign = " < "
	}
	idAfter := func() {
		s.put(`r."id"`, sign)
		s.param(cursorID)
	}
	switch {
	case p.after.Key.Missing() && p.down: // the missing ones come last
		s.put(" AND (", key, " IS NULL AND ")
		idAfter()
		s.put(")")
	case p.after.Key.Missing():
		s.put(" AND (", key, " IS NOT NULL OR ")
		idAfter()
		s.put(")")
	default:
		s.put(" AND ((", key, `, r."id")`, sign, "(")
		s.param(cursorKey)
		s.put(", ")
		s.param(cursorID)
		s.put(")")
		if p.down && p.sort.Optional {
			s.put(" OR ", key, " IS NULL")
		}
		s.put(")")
	}
}

// counting counts the rows of all branches, to one beyond the bound.
func (l *Lists) counting(p *Page) (*listing, error) {
	s := &sqlText{}
	s.put("SELECT count(*) FROM (SELECT r.\"id\" FROM ", store.Quote(p.view.Collection.Table), " r WHERE (")
	for i, e := range p.branches() {
		if i > 0 {
			s.put(" OR ")
		}
		f, err := l.conditionSQL(p.view.Collection, e)
		if err != nil {
			return nil, err
		}
		s.fragment(f)
	}
	s.put(")")
	extra := guard(p.view, p.filter, p.sort)
	if p.filter != nil {
		extra = append(extra, p.filter)
	}
	for _, e := range extra {
		f, err := l.conditionSQL(p.view.Collection, e)
		if err != nil {
			return nil, err
		}
		s.put(" AND ")
		s.fragment(f)
	}
	s.put(" LIMIT ", strconv.Itoa(MaxCount+1), ") n")
	return l.compiled(s), nil
}
