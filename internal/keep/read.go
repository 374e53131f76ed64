package keep

import (
	"context"
	"sync"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/keep/view"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// GetQuery asks for one row. Fields narrows the answer; Include adds rows that references point at.
type GetQuery struct {
	Collection, ID  string
	Fields, Include []string
	IfNoneMatch     string
}

// Get answers one row as the caller may see it, with an ETag; 404 for absent and unreadable rows alike.
func (k *Keep) Get(ctx context.Context, c *types.Caller, q GetQuery) (*plan.Answer, error) {
	v, err := k.views.Of(c, q.Collection)
	if err != nil {
		k.explain(ctx, c, judge.Question{Collection: q.Collection, Action: types.Read, Err: err})
		k.refuse(ctx, c, k.entry(c, types.RowRead, q.Collection, ""), err)
		return nil, err
	}
	want, err := v.Wanted(q.Fields)
	if err != nil {
		return nil, err
	}
	inc, err := k.views.Includes(c, v, q.Include)
	if err != nil {
		return nil, err
	}
	id, _ := types.ParseID(q.ID) // a malformed id takes the same way as an absent one
	buf := newBuffer()
	a := &plan.Answer{Release: release(buf)}
	b := k.bindings(c)
	err = k.db.View(ctx, func(r store.Reader) error {
		var etag string
		var err error
		if *buf, etag, err = v.AppendGet(ctx, r, (*buf)[:0], b, id, want, q.Fields, inc); err != nil {
			return err
		}
		a.Header = map[string][]string{"Etag": {etag}}
		if q.IfNoneMatch != "" && len(inc) == 0 && view.Known(q.IfNoneMatch, etag) { // the ETag is the row's, not of what is included
			a.Status, *buf = 304, (*buf)[:0]
		}
		return nil
	})
	a.Body = *buf
	if err != nil {
		a.Release()
		if types.KindOf(err) == types.NotFound {
			k.explain(ctx, c, judge.Question{Collection: v.Collection.Name, Action: types.Read, Row: id, Err: err})
			k.refuse(ctx, c, k.entry(c, types.RowRead, v.Collection.Name, id), err)
		}
		return nil, err
	}
	return a, nil
}

// ListQuery asks for a page of rows.
type ListQuery = page.Query

// List answers a page: {"items": […], "next": CURSOR or null} and, when asked, "count".
func (k *Keep) List(ctx context.Context, c *types.Caller, q ListQuery) (*plan.Answer, error) {
	p, err := k.lists.Prepare(c, q)
	if err != nil {
		if refused(err) {
			k.explain(ctx, c, judge.Question{Collection: q.Collection, Action: types.Read, Err: err})
			k.refuse(ctx, c, k.entry(c, types.RowRead, q.Collection, ""), err)
		}
		return nil, err
	}
	buf := newBuffer()
	b := k.bindings(c)
	if err := k.db.View(ctx, func(r store.Reader) error { return p.Append(ctx, r, buf, b) }); err != nil {
		release(buf)()
		return nil, err
	}
	return &plan.Answer{Body: *buf, Release: release(buf)}, nil
}

// refused reports whether an error says that this caller may not, whatever he sends.
func refused(err error) bool {
	switch types.KindOf(err) {
	case types.Forbidden, types.NotFound, types.Unauthenticated:
		return true
	}
	return false
}

// buffers are pooled: an answer returns its buffer when it was written.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

func newBuffer() *[]byte {
	b := buffers.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

// release returns a function that gives the buffer back; huge ones are left to the collector.
func release(b *[]byte) func() {
	return func() {
		if cap(*b) <= 1<<20 {
			buffers.Put(b)
		}
	}
}
