package plan

import "github.com/fastness-dev/fastness/internal/store"

// ColumnType is the storage class of a field in both databases.
func ColumnType(f *Field) store.ColumnType {
	if f.Encrypted {
		return store.BytesColumn
	}
	switch f.Type {
	case IntField, DecimalField, BoolField, TimeField:
		return store.IntColumn
	}
	return store.TextColumn
}

func tables(p *Plan) []store.Table {
	var out []store.Table
	for _, c := range p.Collections {
		out = append(out, c.table())
		for _, f := range c.Fields {
			if f.Side != "" {
				out = append(out, c.SideTable(f, c.Table))
			}
		}
	}
	return out
}

// table is the main table of a collection: system columns, one column per field (lists as canonical JSON beside their
// side table, so that a row can be answered without a second look-up).
func (c *Collection) table() store.Table {
	t := store.Table{Name: c.Table, Primary: []string{"id"}, Columns: []store.Column{
		{Name: "id", Type: store.TextColumn, NotNull: true},
		{Name: "created", Type: store.IntColumn, NotNull: true},
		{Name: "updated", Type: store.IntColumn, NotNull: true},
		{Name: "version", Type: store.IntColumn, NotNull: true},
	}}
	if c.PerOrg {
		t.Columns = append(t.Columns, store.Column{Name: "org", Type: store.TextColumn, NotNull: true})
		t.Foreign = append(t.Foreign, store.ForeignKey{Name: store.Name(c.Table, "_org"), Columns: []string{"org"},
			RefTable: "organisations", RefColumn: "id"})
	}
	for _, f := range c.Fields {
		t.Columns = append(t.Columns, store.Column{Name: f.Column, Type: ColumnType(f), NotNull: !f.Optional, Default: f.Fill})
		if f.To != "" && f.Type != ListField {
			t.Foreign = append(t.Foreign, store.ForeignKey{Name: store.Name(c.Table, "_", f.Column), Columns: []string{f.Column},
				RefTable: f.To, RefColumn: "id", OnDelete: f.onDelete()})
		}
	}
	t.Indexes = c.Indexes()
	return t
}

// SideTable holds a list's elements so that membership is an index look-up. table is what the table of the rows is called now.
func (c *Collection) SideTable(f *Field, table string) store.Table {
	t := store.Table{Name: f.Side, Primary: []string{"row_id", "position"},
		Columns: []store.Column{
			{Name: "row_id", Type: store.TextColumn, NotNull: true},
			{Name: "position", Type: store.IntColumn, NotNull: true},
			{Name: "value", Type: ColumnType(f.Elem), NotNull: true},
		},
		Indexes: []store.Index{{Name: store.Name(f.Side, "_value"), Columns: []string{"value", "row_id"}}},
		Foreign: []store.ForeignKey{{Name: store.Name(f.Side, "_row"), Columns: []string{"row_id"}, RefTable: table, RefColumn: "id", OnDelete: store.Cascade}},
	}
	if f.Elem.To != "" {
		t.Foreign = append(t.Foreign, store.ForeignKey{Name: store.Name(f.Side, "_to"), Columns: []string{"value"}, RefTable: f.Elem.To,
			RefColumn: "id", OnDelete: f.onDelete()})
	}
	return t
}

// Indexes are those of the collection's table beside its primary key: every filterable field gets (field, id), so that filter, sort and
// cursor walk one index; composites follow. The id behind a column that sorts down sorts down as well, as the order of a list does.
func (c *Collection) Indexes() []store.Index {
	out := []store.Index{{Name: store.Name(c.Table, "_by_created"), Columns: c.scoped("created", "id")},
		{Name: store.Name(c.Table, "_by_updated"), Columns: c.scoped("updated", "id")}}
	for _, f := range c.Fields {
		if f.Indexed && f.Type != ListField && !f.Encrypted {
			out = append(out, store.Index{Name: store.Name(c.Table, "_by_", f.Column), Columns: c.scoped(f.Column, "id")})
		}
	}
	for _, cols := range c.Decl.Index {
		name, keys := c.Table+"_on", make([]string, 0, len(cols)+1)
		for _, col := range cols {
			keys = append(keys, col)
			name += "_" + trimMinus(col)
		}
		id := "id"
		if last := cols[len(cols)-1]; last != trimMinus(last) {
			id = "-id"
		}
		out = append(out, store.Index{Name: store.Name(name), Columns: append(c.scoped(keys...), id)})
	}
	for _, u := range c.Uniques {
		keys := make([]string, 0, len(u.Fields))
		for _, f := range u.Fields {
			keys = append(keys, f.Column)
		}
		out = append(out, store.Index{Name: u.Name, Columns: c.scoped(keys...), Unique: true})
	}
	return out
}

// scoped puts the organisation first, so that uniqueness and order are per organisation.
func (c *Collection) scoped(cols ...string) []string {
	if !c.PerOrg {
		return cols
	}
	return append([]string{"org"}, cols...)
}

func trimMinus(s string) string {
	if len(s) > 0 && s[0] == '-' {
		return s[1:]
	}
	return s
}
