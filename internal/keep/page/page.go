// Package page is lists: what a client may filter and sort by, where a list goes on, and the statements that find a page
// without walking what the caller may not see.
//
// Policy: a filter, a sort, a count and a cursor use a field only on rows where the caller's mask contains it; rows where it
// is masked behave as if they were not there. Client values are parameters, SQL text is made of names from the plan. Cursors
// are sealed and bound to caller, query and plan.
//
// The map: page.go (Query, Page), filter.go (conditions), sql.go (access paths), cursor.go, parse.go (the wire), schema.go
// (their description).
package page

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/view"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Bounds of a list.
const (
	DefaultLimit = 30
	MaxLimit     = 200
	MaxCount     = 10000
	MaxBytes     = 4 << 20 // of items, beyond which a page has no further one
)

// Query asks for a page of rows. Filter is CEL and belongs to search; Filters come from a query string.
type Query struct {
	Collection      string
	Filters         []Filter
	Filter          string
	Sort            string // a field, with a leading - for descending; "" means newest first
	Limit           int    // 0 means 30; at most 200
	After           string
	Fields, Include []string
	Count           bool
}

// Lists makes pages. Safe for concurrent use.
type Lists struct {
	Views *view.Views
	Clock types.Clock

	mu    sync.RWMutex
	known map[string]*shape
}

// maxListings bounds the statements that are found by what the request asks for.
const maxListings = 1000

func (l *Lists) tables() *row.Tables { return l.Views.Tables }

// Page is a prepared Query.
type Page struct {
	lists   *Lists
	caller  *types.Caller
	view    *view.View
	fields  []*plan.Field // columns of the statement
	want    view.Want
	inc     []view.Include
	sort    *plan.Field
	down    bool
	limit   int
	after   *cursor
	filter  rule.Expr
	query   string   // what a cursor is bound to
	shapes  []*shape // of each segment
	counter *listing
}

// Prepare judges a query by the plan and the caller alone and compiles its statements.
func (l *Lists) Prepare(c *types.Caller, q Query) (*Page, error) {
	v, err := l.Views.Of(c, q.Collection)
	if err != nil {
		return nil, err
	}
	p := &Page{lists: l, caller: c, view: v, limit: q.Limit}
	if p.limit == 0 {
		p.limit = DefaultLimit
	}
	if p.limit < 1 || p.limit > MaxLimit {
		return nil, errLimit
	}
	if p.want, err = v.Wanted(q.Fields); err != nil {
		return nil, err
	}
	if p.inc, err = l.Views.Includes(c, v, q.Include); err != nil {
		return nil, err
	}
	if err = p.setSort(v, q.Sort); err != nil {
		return nil, err
	}
	if q.Filter != "" {
		p.filter, err = l.searchFilter(v, q.Filter)
	} else {
		p.filter, err = l.queryFilter(v, q.Filters)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range v.Fields {
		if p.want == nil || p.want[f.Name] || p.needs(f) {
			p.fields = append(p.fields, f)
		}
	}
	p.query = fmt.Sprintf("%s\x00%s\x00%q\x00%q\x00%q", v.Collection.Name, q.Sort, q.Filters, q.Filter, q.Fields)
	if len(p.query) > 200 {
		p.query = base64.RawURLEncoding.EncodeToString(l.tables().Ring.MAC(seal.Cursor, p.query))
	}
	if p.after, err = l.openCursor(c, q.After, p.query); err != nil {
		return nil, err
	}
	for _, seg := range p.segments() {
		s, err := l.shape(p, seg)
		if err != nil {
			return nil, err
		}
		p.shapes = append(p.shapes, s)
	}
	if q.Count {
		p.counter, err = l.counting(p)
	}
	return p, err
}

// Append writes the page: {"items": […], "next": CURSOR or null} and, when asked, "count". It begins buf anew.
func (p *Page) Append(ctx context.Context, r store.Reader, buf *[]byte, b *rule.Bindings) error {
	if err := p.find(ctx, r, b); err != nil {
		return err
	}
	*buf = append((*buf)[:0], `{"items":[`...)
	last, more, err := p.appendItems(ctx, r, buf, b)
	if err != nil {
		return err
	}
	*buf = append(*buf, `],"next":`...)
	if more {
		last.Issued = types.Micros(b.Now)
		next, err := p.lists.sealCursor(p.caller, last, p.query)
		if err != nil {
			return err
		}
		*buf = append(append(append(*buf, '"'), next...), '"')
	} else {
		*buf = append(*buf, "null"...)
	}
	if p.counter != nil {
		if err := p.appendCount(ctx, r, buf, b); err != nil {
			return err
		}
	}
	*buf = append(*buf, '}')
	return nil
}

func (p *Page) needs(f *plan.Field) bool {
	for _, i := range p.inc {
		if i.Field == f {
			return true
		}
	}
	return false
}

func (p *Page) setSort(v *view.View, text string) error {
	if text == "" {
		text = "-created"
	}
	name, down := strings.CutPrefix(text, "-")
	f, err := v.Usable(name)
	if err != nil {
		return err
	}
	if !f.Indexed {
		return types.Refuse(types.Malformed, "not_indexed", "add indexed: true to "+v.Collection.Name+"."+f.Name)
	}
	p.sort, p.down = f, down
	return nil
}

// items is a page as it is being written.
type items struct {
	n     int
	last  cursor
	more  bool // there are others behind the last
	woven []woven
	bytes int // of buf, behind the last item
}

// woven is an item that included rows are to be written into.
type woven struct {
	ids []types.ID
	end int // of the item in buf
	at  cursor
}

// appendItems writes the rows of the page and returns the last one as a cursor; more tells whether there are others.
func (p *Page) appendItems(ctx context.Context, r store.Reader, buf *[]byte, b *rule.Bindings) (last cursor, more bool, err error) {
	got := items{bytes: len(*buf)}
	for i, seg := range p.segments() {
		if err := p.segment(ctx, r, buf, b, p.shapes[i], seg, &got); err != nil {
			return last, false, err
		}
		if got.more {
			break
		}
	}
	if len(p.inc) > 0 {
		err = p.weaveIncluded(ctx, r, buf, b, &got)
	}
	return got.last, got.more, err
}

// segment writes the rows of one part of the order, found as choose.go says.
func (p *Page) segment(ctx context.Context, r store.Reader, buf *[]byte, b *rule.Bindings, s *shape, seg segment, got *items) error {
	if s.direct != nil {
		return p.read(ctx, r, buf, b, s.direct, 0, got)
	}
	for bound := int64(firstBound); ; bound *= growth {
		best, err := s.settle(ctx, r, p, b, bound)
		if err != nil {
			return err
		}
		o := best
		if best.option == nil {
			if o = s.stopping(); o.option == nil {
				continue
			}
		}
		q, err := s.once(o.key, func() (*listing, error) { return p.lists.listing(p, o.option, seg) })
		if err != nil {
			return err
		}
		before := *got
		if err := p.read(ctx, r, buf, b, q, bound, got); err != nil || best.option != nil || got.more {
			return err
		}
		*buf, *got = (*buf)[:before.bytes], before // the walk stopped before the page was full
	}
}

// read writes the rows of one statement, up to the end of the page.
func (p *Page) read(ctx context.Context, r store.Reader, buf *[]byte, b *rule.Bindings, q *listing, bound int64, got *items) error {
	rows, err := r.Query(ctx, q.stmt, p.bind(q.args, b, p.limit+1-got.n, bound)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	key := p.view.Width(p.fields)
	for rows.Next() {
		if got.n == p.limit || got.n > 0 && got.bytes > MaxBytes {
			got.more = true
			break
		}
		m, ok := p.view.Mask(rows, p.fields)
		if !ok {
			return fmt.Errorf("page: list of %s gave a row that no rule grants", p.view.Collection.Name)
		}
		if got.n > 0 {
			*buf = append(*buf, ',')
		}
		if *buf, err = p.view.AppendRow(*buf, p.fields, rows, m, p.want); err != nil {
			return err
		}
		got.last = cursor{Key: p.key(rows, key), ID: types.ID(rows.Text(0))}
		if len(p.inc) > 0 {
			got.woven = append(got.woven, woven{p.view.Targets(p.fields, rows, m, p.inc), len(*buf), got.last})
		}
		got.bytes = len(*buf)
		got.n++
	}
	return rows.Err()
}

// weaveIncluded writes the items again with what their references point at, as many as fit.
func (p *Page) weaveIncluded(ctx context.Context, r store.Reader, buf *[]byte, b *rule.Bindings, got *items) error {
	plain := slices.Clone(*buf)
	from := bytes.IndexByte(plain, '[') + 1
	out := (*buf)[:from]
	for i, item := range got.woven {
		if i > 0 && len(out) > MaxBytes {
			got.last, got.more = got.woven[i-1].at, true
			break
		}
		out = append(out, plain[from:item.end]...)
		var err error
		if out, err = view.AppendIncluded(ctx, r, out, b, p.inc, item.ids); err != nil {
			return err
		}
		from = item.end
	}
	*buf = out
	return nil
}

// key reads the sort key, the last column of the statement.
func (p *Page) key(rows store.Rows, i int) types.Value {
	if rows.Missing(i) {
		return types.Value{}
	}
	if row.Whole(p.sort) {
		return types.IntValue(rows.Int(i))
	}
	return types.TextValue(rows.Text(i))
}

// bind gives the values of a statement that reads a number of rows at most, and walks or counts up to a bound.
func (p *Page) bind(args []rule.Arg, b *rule.Bindings, rows int, bound int64) []types.Value {
	out := make([]types.Value, 0, len(args))
	for _, a := range args {
		switch a.Param {
		case cursorKey:
			out = append(out, p.after.Key)
		case cursorID:
			out = append(out, types.IDValue(p.after.ID))
		case pageLimit:
			out = append(out, types.IntValue(int64(rows)))
		case rowBound:
			out = append(out, types.IntValue(bound))
		default:
			out = append(out, a.Bind(b))
		}
	}
	return out
}

// appendCount counts exactly to 10,000.
func (p *Page) appendCount(ctx context.Context, r store.Reader, buf *[]byte, b *rule.Bindings) error {
	rows, err := r.Query(ctx, p.counter.stmt, p.bind(p.counter.args, b, 0, 0)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return rows.Err()
	}
	n := rows.Int(0)
	*buf = append(*buf, `,"count":`...)
	*buf = strconv.AppendInt(*buf, min(n, MaxCount), 10)
	if n > MaxCount {
		*buf = append(*buf, `,"more":true`...)
	}
	return nil
}
