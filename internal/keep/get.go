package keep

import (
	"context"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
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
	col, rules, err := k.permit(c, q.Collection, types.Read)
	if err != nil {
		k.refuse(ctx, c, types.RowRead, q.Collection, "", err)
		return nil, err
	}
	v, err := k.view(c, col, rules)
	if err != nil {
		return nil, err
	}
	want, err := v.want(q.Fields)
	if err != nil {
		return nil, err
	}
	inc, err := k.includes(c, v, q.Include)
	if err != nil {
		return nil, err
	}
	id, _ := types.ParseID(q.ID) // a malformed id takes the same way as an absent one
	buf := newBuffer()
	a := &plan.Answer{Release: release(buf)}
	b := k.bindings(c)
	err = k.db.View(ctx, func(r store.Reader) error {
		*buf = (*buf)[:0]
		etag, err := k.appendGet(ctx, r, buf, v, b, id, want, q.Fields, inc)
		if err != nil {
			return err
		}
		a.Header = map[string][]string{"Etag": {etag}}
		if q.IfNoneMatch != "" && matches(q.IfNoneMatch, etag) {
			a.Status, *buf = 304, (*buf)[:0]
		}
		return nil
	})
	a.Body = *buf
	if err != nil {
		a.Release()
		if types.KindOf(err) == types.NotFound {
			k.explain(ctx, c, col, types.Read, id)
			k.refuse(ctx, c, types.RowRead, col.Name, id, err)
		}
		return nil, err
	}
	return a, nil
}

// appendGet writes the row and returns its ETag.
func (k *Keep) appendGet(ctx context.Context, r store.Reader, buf *[]byte, v *view, b *rule.Bindings, id types.ID, want map[string]bool, fields []string, inc []include) (string, error) {
	args := rule.BindAll(make([]types.Value, 0, len(v.args)+1), v.args, b)
	rows, err := r.Query(ctx, v.get, append(args, types.TextValue(string(id)))...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return "", err
		}
		return "", errNoRow
	}
	m, ok := v.mask(rows, systemColumns+len(v.fields))
	if !ok {
		return "", errNoRow
	}
	etag := k.etag(id, rows.Int(3), m, fields)
	if *buf, err = k.appendRow(*buf, v, v.fields, rows, m, want); err != nil {
		return "", err
	}
	if len(inc) == 0 {
		return etag, rows.Err()
	}
	targets := includeIDs(v.fields, rows, m, inc)
	if err := rows.Close(); err != nil {
		return "", err
	}
	*buf, err = k.appendIncluded(ctx, r, *buf, b, inc, targets)
	return etag, err
}

// want turns `fields` into a set; a field that the caller's roles can never see is unknown.
func (v *view) want(fields []string) (map[string]bool, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	out := map[string]bool{}
	for _, name := range fields {
		f := v.col.Field(name)
		if f == nil || !f.System && !v.able.Has(f) {
			return nil, types.Refuse(types.Malformed, "unknown_field", "fields names a field that does not exist: "+printable(name))
		}
		out[name] = true
	}
	return out, nil
}

// printable keeps a client's word short and plain in a message.
func printable(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// include is one reference that the answer shall follow.
type include struct {
	field *plan.Field
	view  *view
}

// includes resolves `include`: at most three references, each target under its own read rules.
func (k *Keep) includes(c *types.Caller, v *view, names []string) ([]include, error) {
	if len(names) > 3 {
		return nil, types.Refuse(types.Malformed, "too_many_includes", "include follows at most three references")
	}
	var out []include
	for _, name := range names {
		f := v.col.Field(name)
		if f == nil || f.To == "" || !v.able.Has(f) {
			return nil, types.Refuse(types.Malformed, "unknown_field", "include names a field that is no reference: "+printable(name))
		}
		col, rules, err := k.permit(c, f.To, types.Read)
		if err != nil {
			continue // nothing of that collection is readable: included shows nothing
		}
		target, err := k.view(c, col, rules)
		if err != nil {
			return nil, err
		}
		out = append(out, include{f, target})
	}
	return out, nil
}

// includeIDs copies what the references of the row under the cursor point at; "" for masked and missing ones.
func includeIDs(fields []*plan.Field, rows store.Rows, m plan.Mask, inc []include) []types.ID {
	out := make([]types.ID, len(inc))
	for i, x := range inc {
		if at := slices.Index(fields, x.field); at >= 0 && m.Has(x.field) {
			out[i] = types.ID(rows.Text(systemColumns + at))
		}
	}
	return out
}

// appendIncluded replaces the closing brace by an "included" object with the targets that the caller may read.
func (k *Keep) appendIncluded(ctx context.Context, r store.Reader, dst []byte, b *rule.Bindings, inc []include, ids []types.ID) ([]byte, error) {
	dst = append(dst[:len(dst)-1], `,"included":{`...)
	first := true
	for i, x := range inc {
		if ids[i] == "" {
			continue
		}
		mark := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		dst = append(dst, `"`+x.field.Name+`":`...)
		_, err := k.appendGet(ctx, r, &dst, x.view, b, ids[i], nil, nil, nil)
		if types.KindOf(err) == types.NotFound {
			dst = dst[:mark]
			continue
		}
		if err != nil {
			return dst, err
		}
		first = false
	}
	return append(dst, '}', '}'), nil
}
