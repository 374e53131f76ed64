package keep

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Bounds of a list.
const (
	defaultLimit = 30
	maxLimit     = 200
	maxCount     = 10000
)

// ListQuery asks for a page of rows. Filter is CEL and belongs to search; Filters come from a query string.
type ListQuery struct {
	Collection      string
	Filters         []QueryFilter
	Filter          string
	Sort            string // a field, with a leading - for descending; "" means newest first
	Limit           int    // 0 means 30; at most 200
	After           string
	Fields, Include []string
	Count           bool
}

// listStmt is a compiled page or count.
type listStmt struct {
	stmt *store.Stmt
	args []rule.Arg // with holes for the cursor and the limit, see param
}

// Parameters of a page that are neither literals nor the caller's: their ParamKind in listStmt.args.
const (
	cursorKey rule.ParamKind = 100 + iota
	cursorID
	pageLimit
)

// List answers a page: {"items": […], "next": CURSOR or null} and, when asked, "count".
func (k *Keep) List(ctx context.Context, c *types.Caller, q ListQuery) (*plan.Answer, error) {
	col, rules, err := k.permit(c, q.Collection, types.Read)
	if err != nil {
		k.refuse(ctx, c, types.RowRead, q.Collection, "", err)
		return nil, err
	}
	v, err := k.view(c, col, rules)
	if err != nil {
		return nil, err
	}
	p, err := k.preparePage(c, v, q)
	if err != nil {
		return nil, err
	}
	buf := newBuffer()
	b := k.bindings(c)
	err = k.db.View(ctx, func(r store.Reader) error {
		*buf = append((*buf)[:0], `{"items":[`...)
		last, more, err := k.appendItems(ctx, r, buf, p, b)
		if err != nil {
			return err
		}
		*buf = append(*buf, `],"next":`...)
		if more {
			last.Issued = types.Micros(b.Now)
			next, err := k.sealCursor(c, last, p.query)
			if err != nil {
				return err
			}
			*buf = append(append(append(*buf, '"'), next...), '"')
		} else {
			*buf = append(*buf, "null"...)
		}
		if q.Count {
			if err := k.appendCount(ctx, r, buf, p, b); err != nil {
				return err
			}
		}
		*buf = append(*buf, '}')
		return nil
	})
	if err != nil {
		release(buf)()
		return nil, err
	}
	return &plan.Answer{Body: *buf, Release: release(buf)}, nil
}

// page is a prepared ListQuery.
type page struct {
	view    *view
	fields  []*plan.Field // columns of the statement
	want    map[string]bool
	inc     []include
	sort    *plan.Field
	down    bool
	limit   int
	after   *cursor
	filter  rule.Expr
	query   string // what a cursor is bound to
	stmt    *listStmt
	counter *listStmt
}

func (k *Keep) preparePage(c *types.Caller, v *view, q ListQuery) (*page, error) {
	p := &page{view: v, limit: q.Limit}
	if p.limit == 0 {
		p.limit = defaultLimit
	}
	if p.limit < 1 || p.limit > maxLimit {
		return nil, types.Refuse(types.Malformed, "bad_limit", "limit lies between 1 and "+strconv.Itoa(maxLimit))
	}
	var err error
	if p.want, err = v.want(q.Fields); err != nil {
		return nil, err
	}
	if p.inc, err = k.includes(c, v, q.Include); err != nil {
		return nil, err
	}
	if err = p.setSort(v, q.Sort); err != nil {
		return nil, err
	}
	if q.Filter != "" {
		p.filter, err = k.searchFilter(v, q.Filter)
	} else {
		p.filter, err = k.queryFilter(v, q.Filters)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range v.fields {
		if p.want == nil || p.want[f.Name] || p.needs(f) {
			p.fields = append(p.fields, f)
		}
	}
	p.query = fmt.Sprintf("%s\x00%s\x00%v\x00%s\x00%v", v.col.Name, q.Sort, q.Filters, q.Filter, q.Fields)
	if len(p.query) > 200 {
		p.query = base64.RawURLEncoding.EncodeToString(k.cfg.Ring.MAC(seal.Cursor, p.query))
	}
	if p.after, err = k.openCursor(c, q.After, p.query); err != nil {
		return nil, err
	}
	if p.stmt, err = k.pageStmt(c, p); err != nil {
		return nil, err
	}
	if q.Count {
		p.counter, err = k.countStmt(p)
	}
	return p, err
}

func (p *page) needs(f *plan.Field) bool {
	for _, i := range p.inc {
		if i.field == f {
			return true
		}
	}
	return false
}

func (p *page) setSort(v *view, text string) error {
	if text == "" {
		text = "-created"
	}
	name, down := strings.CutPrefix(text, "-")
	f, err := v.usable(name)
	if err != nil {
		return err
	}
	if !f.Indexed {
		return types.Refuse(types.Malformed, "not_indexed", "add indexed: true to "+v.col.Name+"."+f.Name)
	}
	p.sort, p.down = f, down
	return nil
}

// appendItems writes the rows of the page and returns the last one as a cursor; more tells whether there are others.
func (k *Keep) appendItems(ctx context.Context, r store.Reader, buf *[]byte, p *page, b *rule.Bindings) (last cursor, more bool, err error) {
	rows, err := r.Query(ctx, p.stmt.stmt, p.bind(p.stmt.args, b)...)
	if err != nil {
		return last, false, err
	}
	defer rows.Close()
	var ids [][]types.ID
	var ends []int // of each item in buf, for included
	n := 0
	bits := systemColumns + len(p.fields)
	for rows.Next() {
		if n == p.limit {
			more = true
			break
		}
		m, ok := p.view.mask(rows, bits)
		if !ok {
			return last, false, fmt.Errorf("keep: list of %s gave a row that no rule grants", p.view.col.Name)
		}
		if n > 0 {
			*buf = append(*buf, ',')
		}
		if *buf, err = k.appendRow(*buf, p.view, p.fields, rows, m, p.want); err != nil {
			return last, false, err
		}
		if len(p.inc) > 0 {
			ids, ends = append(ids, includeIDs(p.fields, rows, m, p.inc)), append(ends, len(*buf))
		}
		last = cursor{Key: p.key(rows, bits+len(p.view.bits)), ID: types.ID(rows.Text(0))}
		n++
	}
	if err := rows.Err(); err != nil {
		return last, false, err
	}
	if len(p.inc) > 0 {
		if err := rows.Close(); err != nil {
			return last, false, err
		}
		err = k.weaveIncluded(ctx, r, buf, b, p.inc, ids, ends)
	}
	return last, more, err
}

// weaveIncluded writes the items again with what their references point at.
func (k *Keep) weaveIncluded(ctx context.Context, r store.Reader, buf *[]byte, b *rule.Bindings, inc []include, ids [][]types.ID, ends []int) error {
	if len(ends) == 0 {
		return nil
	}
	plain := append([]byte(nil), *buf...)
	from := strings.Index(string(plain), "[") + 1
	out := append([]byte(nil), plain[:from]...)
	for i, end := range ends {
		out = append(out, plain[from:end]...)
		var err error
		if out, err = k.appendIncluded(ctx, r, out, b, inc, ids[i]); err != nil {
			return err
		}
		from = end
	}
	*buf = append(append((*buf)[:0], out...), plain[from:]...)
	return nil
}

// key reads the sort key, the last column of the statement.
func (p *page) key(rows store.Rows, i int) types.Value {
	if rows.Missing(i) {
		return types.Value{}
	}
	switch p.sort.Type {
	case plan.IntField, plan.DecimalField, plan.BoolField, plan.TimeField:
		return types.IntValue(rows.Int(i))
	}
	return types.TextValue(rows.Text(i))
}

func (p *page) bind(args []rule.Arg, b *rule.Bindings) []types.Value {
	out := make([]types.Value, 0, len(args))
	for _, a := range args {
		switch a.Param {
		case cursorKey:
			out = append(out, p.after.Key)
		case cursorID:
			out = append(out, types.IDValue(p.after.ID))
		case pageLimit:
			out = append(out, types.IntValue(int64(p.limit+1)))
		default:
			out = append(out, a.Bind(b))
		}
	}
	return out
}

// appendCount counts exactly to 10,000.
func (k *Keep) appendCount(ctx context.Context, r store.Reader, buf *[]byte, p *page, b *rule.Bindings) error {
	rows, err := r.Query(ctx, p.counter.stmt, p.bind(p.counter.args, b)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return rows.Err()
	}
	n := rows.Int(0)
	*buf = append(*buf, `,"count":`...)
	*buf = strconv.AppendInt(*buf, min(n, maxCount), 10)
	if n > maxCount {
		*buf = append(*buf, `,"more":true`...)
	}
	return nil
}
