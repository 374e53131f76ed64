package keep

import (
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// viewKey names what a view depends on: the collection and what folds its rules.
type viewKey struct {
	collection string
	roles      types.RoleSet
	kind       types.CallerKind
	unruled    bool
}

// view is a collection as the callers of one class may read it.
type view struct {
	col    *plan.Collection
	rules  []plan.Folded
	always plan.Mask     // granted on every row
	all    bool          // every row is readable
	able   plan.Mask     // fields that some rule may grant
	fields []*plan.Field // the columns of a statement, in order: those of able
	bits   []rule.SQL    // one per conditional rule, over alias r
	masks  []plan.Mask
	get    *store.Stmt
	args   []rule.Arg // of get, before the id
}

// maxViews bounds the cache; beyond it it is emptied, which costs time and nothing else.
const maxViews = 1000

// view returns the collection as the caller's class may read it.
func (k *Keep) view(c *types.Caller, col *plan.Collection, rules []plan.Folded) (*view, error) {
	key := viewKey{col.Name, c.Roles, c.Kind, c.Unruled()}
	k.mu.RLock()
	v := k.views[key]
	k.mu.RUnlock()
	if v != nil {
		return v, nil
	}
	v, err := k.newView(col, rules)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	if len(k.views) >= maxViews {
		clear(k.views)
	}
	k.views[key] = v
	k.mu.Unlock()
	return v, nil
}

func (k *Keep) newView(col *plan.Collection, rules []plan.Folded) (*view, error) {
	v := &view{col: col, rules: rules}
	for _, r := range rules {
		v.able |= r.Mask
		if f, ok := r.When.(*rule.Fixed); ok && f.Truth == rule.Yes {
			v.always |= r.Mask
			v.all = true
			continue
		}
		s, err := rule.ToSQL(r.When, k.sqlOptions(col))
		if err != nil {
			return nil, err
		}
		v.bits = append(v.bits, s)
		v.masks = append(v.masks, r.Mask)
	}
	for _, f := range col.Fields {
		if v.able.Has(f) {
			v.fields = append(v.fields, f)
		}
	}
	var b strings.Builder
	v.args = v.selectList(&b, v.fields)
	b.WriteString(" FROM " + store.Quote(col.Table) + ` r WHERE r."id" = ?`)
	v.get = store.SQL(b.String())
	return v, nil
}

func (k *Keep) sqlOptions(col *plan.Collection) rule.SQLOptions {
	return rule.SQLOptions{Dialect: k.db.Dialect(), Shapes: k.plan.Shapes, Alias: "r", Self: col.Name}
}

// selectList writes SELECT with the system columns, the fields and one bit per conditional rule.
func (v *view) selectList(b *strings.Builder, fields []*plan.Field) []rule.Arg {
	b.WriteString(`SELECT r."id", r."created", r."updated", r."version"`)
	for _, f := range fields {
		b.WriteString(`, r.` + store.Quote(f.Column))
	}
	var args []rule.Arg
	for _, bit := range v.bits {
		b.WriteString(", CASE WHEN " + bit.Text + " THEN 1 ELSE 0 END")
		args = append(args, bit.Args...)
	}
	return args
}

// mask is what the caller may see of the row under the cursor; ok is false when no rule holds.
func (v *view) mask(rows store.Rows, firstBit int) (m plan.Mask, ok bool) {
	m, ok = v.always, v.all
	for i := range v.bits {
		if rows.Int(firstBit+i) == 1 {
			m |= v.masks[i]
			ok = true
		}
	}
	return m, ok
}

// granting gives the conditions of the rules that grant the field; always is true when it is granted wherever the row is
// readable at all.
func (v *view) granting(f *plan.Field) (conditions []rule.Expr, always bool) {
	if f.System || v.always.Has(f) {
		return nil, true
	}
	everywhere := !v.all
	for _, r := range v.rules {
		if r.Mask.Has(f) {
			conditions = append(conditions, r.When)
		} else {
			everywhere = false
		}
	}
	return conditions, everywhere
}
