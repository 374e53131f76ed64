package plan

import "github.com/fastness-dev/fastness/internal/store"

// longestKey is what an index of PostgreSQL holds for a row: a third of a page (BTMaxItemSize), less its head and a bitmap of missing values.
const longestKey = 2704 - 16

// checkKeys refuses, for PostgreSQL, an index whose values may be longer than it holds: a write would fail there that the declaration allows.
func (c *compiler) checkKeys() {
	if s := c.plan.Decl.Store.Value; s == "" || s == "sqlite" {
		return
	}
	for _, col := range c.plan.Collections {
		for _, i := range col.Indexes() {
			c.checkKey(col, i)
		}
		for _, f := range col.Fields {
			if f.Side != "" {
				c.fits(f, f.Elem, 8+26)
			}
		}
	}
}

func (c *compiler) checkKey(col *Collection, i store.Index) {
	var longest *Field
	sum := 0
	for _, name := range i.Columns {
		f := col.Field(trimMinus(name))
		if f == nil || f.Decl == nil {
			sum += 8 + 26 // a system field
			continue
		}
		sum += 8 + keyBytes(f)
		if longest == nil || keyBytes(f) > keyBytes(longest) {
			longest = f
		}
	}
	if longest != nil {
		c.fits(longest, longest, sum-8-keyBytes(longest))
	}
}

// fits refuses a field that is too long for an index beside others.
func (c *compiler) fits(f, held *Field, others int) {
	if room := longestKey - others - 8; keyBytes(held) > room {
		c.fail(f.Decl.Pos, "%s may have %d bytes, and an index of PostgreSQL holds %d of it; write max: %d, or index a shorter field", f.Name, keyBytes(held), room, room/held.width())
	}
}

// width is how many bytes a character may take.
func (f *Field) width() int {
	if f.Type == URLField || f.Type == JSONField {
		return 1
	}
	return 4 // UTF-8
}

// keyBytes is the most that a value takes in an index.
func keyBytes(f *Field) int {
	switch f.Type {
	case IntField, DecimalField, BoolField, TimeField:
		return 8
	case DateField, UUIDField, AccountField, RefField:
		return 36
	case EnumField, StateField:
		n := 0
		for _, v := range f.Values {
			n = max(n, len(v))
		}
		return n
	}
	return f.width() * f.MaxLen
}
