package page

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
)

// The statements of a page. Each scan of an option becomes a sub-select of sort keys and ids, in which the engine is left no choice of
// its own: SQLite is told the index, PostgreSQL sees only what bounds the range, and the rest stands outside a fence. The scans are
// merged (UNION drops rows that several found), cut to the page, and the rows fetched by id.

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
	rowBound
)

// shape is what a page may be found by, with its statement where there is nothing to choose from, and otherwise those that were needed
// so far: by the option, and the one that counts under "".
type shape struct {
	*choice
	direct *listing

	mu   sync.Mutex
	made map[string]*listing
}

// once makes the statement of a key when it is first asked for.
func (s *shape) once(key string, make func() (*listing, error)) (*listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.made[key]; q != nil {
		return q, nil
	}
	q, err := make()
	if err != nil {
		return nil, err
	}
	if s.made == nil {
		s.made = map[string]*listing{}
	}
	s.made[key] = q
	return q, nil
}

// shape works out how a segment is found; without a client's filter it is known by a key that costs less than working it out.
func (l *Lists) shape(p *Page, seg segment) (*shape, error) {
	if p.filter != nil {
		return l.newShape(p, seg)
	}
	var b strings.Builder
	b.WriteString(p.view.Collection.Name + "|" + strconv.FormatUint(uint64(p.caller.Roles), 36) + "|" + strconv.Itoa(int(p.caller.Kind)) + "|" +
		strconv.FormatBool(p.caller.Unruled()) + "|" + p.sort.Name + strconv.FormatBool(p.down) + "|" + strconv.Itoa(int(seg)))
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
	s, err := l.newShape(p, seg)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxListings {
		l.known = map[string]*shape{}
	}
	l.known[key] = s
	return s, nil
}

func (l *Lists) newShape(p *Page, seg segment) (*shape, error) {
	s := &shape{choice: p.choose()}
	var err error
	if s.choice.direct != nil {
		s.direct, err = l.listing(p, s.choice.direct, seg)
	}
	return s, err
}

// compiled gives the one statement of a shape with the literals of this request.
func (l *Lists) compiled(s *sqlText) *listing { return &listing{l.tables().Stmt(s.b.String()), s.args} }

// listing is the statement that reads a segment by an option.
func (l *Lists) listing(p *Page, o option, seg segment) (*listing, error) {
	s := &sqlText{}
	var head strings.Builder
	s.args = append(s.args, p.view.Select(&head, p.fields)...)
	s.put(head.String(), ", x.k FROM (")
	for i, one := range o {
		if i > 0 {
			s.put(" UNION ")
		}
		if len(o) > 1 {
			s.put("SELECT * FROM (")
		}
		if err := l.scan(s, p, one, seg); err != nil {
			return nil, err
		}
		if len(o) > 1 {
			s.put(") b", strconv.Itoa(i))
		}
	}
	if len(o) > 1 {
		// The merged keys are cut to the page here, in the order of the whole: engines that see this need not sort whole rows again.
		s.put(" ORDER BY ", p.order("k", "id"), " LIMIT ")
		s.param(pageLimit)
	}
	table := store.Quote(p.view.Collection.Table)
	if l.tables().Dialect == store.Postgres { // row by row: it would read a whole small table instead
		s.put(") x CROSS JOIN LATERAL (SELECT * FROM ", table, ` t WHERE t."id" = x.id OFFSET 0) r`)
	} else {
		s.put(") x JOIN ", table, ` r ON r."id" = x.id`)
	}
	s.put(" ORDER BY ", p.order("x.k", "x.id"), " LIMIT ")
	s.param(pageLimit)
	return l.compiled(s), nil
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

// scan writes SELECT key, id of the first rows of one scan. The fence of PostgreSQL is a sub-select that it does not look into; a walk
// that stops is one on both.
func (l *Lists) scan(s *sqlText, p *Page, c scan, seg segment) error {
	key, col := "r."+store.Quote(p.sort.Column), p.view.Collection
	w := &where{s: s, opt: l.tables().Options(col)}
	fenced := c.bounded || l.tables().Dialect == store.Postgres
	s.put("SELECT ", key, ` AS k, r."id" AS id FROM `)
	if fenced {
		s.put("(SELECT r.* FROM ")
	}
	l.from(s, col, c.arm)
	w.bounds(col, c.arm)
	if c.ordered || !fenced {
		w.segment(p, seg, key)
	}
	if fenced {
		if c.ordered {
			s.put(" ORDER BY ")
			p.ordered(s, c.arm)
		}
		if c.bounded {
			s.put(" LIMIT ")
			s.param(rowBound)
		} else {
			s.put(" OFFSET 0")
		}
		s.put(") r")
		w.begun = false
		if !c.ordered {
			w.segment(p, seg, key)
		}
	}
	w.all(c.tests)
	if !c.ordered || !fenced { // what comes out of the fence in order is not sorted again, so that it stops when the page is full
		s.put(" ORDER BY ", p.order(key, `r."id"`))
	}
	s.put(" LIMIT ")
	s.param(pageLimit)
	return w.err
}

// from writes the table, and for SQLite the index by which it is read. The rows of a list are found through its side table.
func (l *Lists) from(s *sqlText, col *plan.Collection, a arm) {
	lite, table := l.tables().Dialect == store.SQLite, store.Quote(col.Table)
	switch {
	case a.list != nil && lite:
		s.put(table, " r INDEXED BY ", store.Quote(keys(col)[0].name))
	case a.list != nil:
		s.put("(")
		s.members(col, a.list)
		s.put(") d CROSS JOIN LATERAL (SELECT * FROM ", table, ` t WHERE t."id" = d.id OFFSET 0) r`)
	case lite && a.index != "":
		s.put(table, " r INDEXED BY ", store.Quote(a.index))
	default:
		s.put(table, " r")
	}
}

// probe counts what the options of a shape give, each up to a bound, at one moment.
func (p *Page) probe(ctx context.Context, r store.Reader, s *shape, b *rule.Bindings, bound int64) ([]int64, error) {
	q, err := s.once("", func() (*listing, error) { return p.probing(s.counted()) })
	if err != nil {
		return nil, err
	}
	rows, err := r.Query(ctx, q.stmt, p.bind(q.args, b, 0, bound)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make([]int64, s.count())
	if !rows.Next() {
		return nil, rows.Err()
	}
	for i := range out {
		out[i] = rows.Int(i)
	}
	return out, rows.Err()
}

// probing is the statement that counts options.
func (p *Page) probing(options []option) (*listing, error) {
	l, s := p.lists, &sqlText{}
	w := &where{s: s, opt: l.tables().Options(p.view.Collection)}
	s.put("SELECT ")
	for i, o := range options {
		if i > 0 {
			s.put(", ")
		}
		for j, c := range o {
			if j > 0 {
				s.put(" + ")
			}
			s.put("(SELECT count(*) FROM (")
			if c.list != nil {
				s.members(p.view.Collection, c.list)
			} else {
				s.put("SELECT 1 FROM ")
				l.from(s, p.view.Collection, c.arm)
				w.begun = false
				w.bounds(p.view.Collection, c.arm)
			}
			s.put(" LIMIT ")
			s.param(rowBound)
			s.put(") n)")
		}
	}
	return l.compiled(s), w.err
}

// order writes the order of a page.
func (p *Page) order(key, id string) string { return key + p.direction() + ", " + id + p.direction() }

// direction puts NULL below every value on both databases, as their indexes hold it.
func (p *Page) direction() string {
	if p.down {
		return " DESC NULLS LAST"
	}
	return " ASC NULLS FIRST"
}

// ordered writes the order in which an arm's index holds its rows. PostgreSQL takes neither a column that is missing in all of them for
// one that has one value, nor an order with NULLs for that of a primary key, which has none.
func (p *Page) ordered(s *sqlText, a arm) {
	if a.index == keys(p.view.Collection)[0].name {
		way := " ASC"
		if p.down {
			way = " DESC"
		}
		s.put(`r."id"`, way)
		return
	}
	for _, col := range a.prefix {
		s.put("r.", store.Quote(bare(col)), p.direction(), ", ")
	}
	s.put(p.order("r."+store.Quote(p.sort.Column), `r."id"`))
}

// conditionSQL compiles a condition of a count; membership of the caller in a list becomes `id IN (…)`, which both databases can drive.
func (l *Lists) conditionSQL(col *plan.Collection, e rule.Expr) (rule.SQL, error) {
	if in, ok := e.(*rule.In); ok && member(col, in) {
		s := &sqlText{}
		s.put(`(r."id" IN (`)
		s.members(col, in)
		s.put("))")
		return rule.SQL{Text: s.b.String(), Args: s.args}, nil
	}
	return rule.ToSQL(e, l.tables().Options(col))
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
