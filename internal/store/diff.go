package store

import "slices"

// Renames tells Diff which names are old: table to its former name, and per table column to its former name.
type Renames struct {
	Tables  map[string]string
	Columns map[string]map[string]string
}

// Diff returns the steps from have to want: renames first, then what is added (new tables, their keys, columns, values), then what
// becomes stricter, then what is dropped (contract). Tables and columns that want does not mention are dropped by steps that
// Destroy; the caller runs those only when a person named them. Foreign keys are compared by column, target and what a deletion
// does. What columns mean is not seen here: their types are those of storage.
func Diff(have, want Schema, renames Renames) []Change {
	d := differ{have: map[string]Table{}, renames: renames, renamed: map[string]bool{}}
	for _, t := range have.Tables {
		d.have[t.Name] = t
	}
	for _, t := range want.Tables { // first which tables have new names: keys of others follow
		_, there := d.have[t.Name]
		was := renames.Tables[t.Name]
		_, old := d.have[was]
		d.renamed[t.Name] = !there && old && was != ""
	}
	for _, t := range want.Tables {
		d.table(t)
	}
	for _, t := range have.Tables {
		if _, left := d.have[t.Name]; left {
			d.drop = append(d.drop, DropTable{t.Name})
		}
	}
	slices.Reverse(d.drop) // children were created after their parents
	return slices.Concat(d.rename, d.created(), d.expand, d.fill, d.index, d.strict, d.drop)
}

// created makes the new tables, each with the foreign keys whose tables are there by then, and connects them afterwards: they may
// refer to each other.
func (d *differ) created() []Change {
	var out, connect []Change
	for n, t := range d.create {
		c := CreateTable{Table: t}
		for _, f := range t.Foreign {
			if slices.ContainsFunc(d.create[n+1:], func(later Table) bool { return later.Name == f.RefTable }) {
				c.Later = append(c.Later, f.Name)
				connect = append(connect, AddForeign{t.Name, f})
			}
		}
		out = append(out, c)
	}
	return append(out, connect...)
}

type differ struct {
	have    map[string]Table
	create  []Table
	renames Renames
	renamed map[string]bool // tables of want that exist under a former name

	rename, expand, fill, index, strict, drop []Change
}

func (d *differ) table(want Table) {
	have, ok := d.have[want.Name]
	if !ok {
		was := d.renames.Tables[want.Name]
		if have, ok = d.have[was]; !ok || was == "" {
			d.create = append(d.create, want)
			return
		}
		d.rename = append(d.rename, RenameTable{was, want.Name})
		delete(d.have, was)
	}
	delete(d.have, want.Name)
	d.columns(have, want)
	d.indexes(have, want)
}

// columns compares the columns of a table, and the keys that hang on them.
func (d *differ) columns(have, want Table) {
	left := map[string]Column{}
	for _, c := range have.Columns {
		left[c.Name] = c
	}
	r := Rebuild{After: want}
	kept := map[string]string{} // columns of want to their former names
	for _, c := range want.Columns {
		old, ok := left[c.Name]
		if !ok {
			was := d.renames.Columns[want.Name][c.Name]
			if old, ok = left[was]; ok && was != "" {
				d.rename = append(d.rename, RenameColumn{want.Name, was, c.Name})
				delete(left, was)
			}
		}
		delete(left, c.Name)
		if !ok {
			r.Alters = append(r.Alters, d.add(want, c)...)
			continue
		}
		kept[c.Name] = old.Name
		if old.NotNull != c.NotNull && !slices.Contains(want.Primary, c.Name) {
			if c.NotNull && c.Default != nil {
				d.fill = append(d.fill, Fill{want.Name, c.Name, *c.Default})
			}
			r.Alters = append(r.Alters, Nullable{want.Name, c.Name, c.NotNull})
		}
		was, now := d.key(have, old.Name), key(want, c.Name)
		if !same(was, now) {
			r.Alters = append(r.Alters, ReplaceForeign{want.Name, was, now})
		}
	}
	var dropped []DropColumn
	for _, c := range have.Columns {
		if _, gone := left[c.Name]; gone {
			dropped = append(dropped, DropColumn{Table: want.Name, Column: c.Name})
			if was := d.key(have, c.Name); was != nil { // SQLite drops no column that is part of a key
				r.Alters = append(r.Alters, ReplaceForeign{want.Name, was, nil})
			}
		}
	}
	if len(r.Alters) > 0 {
		d.strict = append(d.strict, r)
	}
	for _, c := range dropped {
		c.Rebuilt = len(r.Alters) > 0
		d.drop = append(d.drop, c)
	}
}

// add makes a column. Where it is mandatory and rows get no value, SQLite takes it only as optional at first.
func (d *differ) add(want Table, c Column) []Change {
	add := AddColumn{Table: want.Name, Column: c, Foreign: key(want, c.Name)}
	var then []Change
	if c.NotNull && c.Default == nil {
		add.Column.NotNull = false
		then = append(then, Nullable{want.Name, c.Name, true})
	}
	d.expand = append(d.expand, add)
	return then
}

// key is the foreign key of a single column; nil: none.
func key(t Table, column string) *ForeignKey {
	for _, f := range t.Foreign {
		if len(f.Columns) == 1 && f.Columns[0] == column {
			return &f
		}
	}
	return nil
}

// key is the key that an existing column has, by the names that tables are given.
func (d *differ) key(have Table, column string) *ForeignKey {
	f := key(have, column)
	if f == nil {
		return nil
	}
	for now, was := range d.renames.Tables {
		if f.RefTable == was && d.renamed[now] {
			f.RefTable = now
		}
	}
	return f
}

func same(a, b *ForeignKey) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.RefTable == b.RefTable && a.RefColumn == b.RefColumn && a.OnDelete == b.OnDelete
}

func (d *differ) indexes(have, want Table) {
	left := map[string]Index{}
	for _, i := range have.Indexes {
		left[i.Name] = i
	}
	for _, i := range want.Indexes {
		old, ok := left[i.Name]
		delete(left, i.Name)
		if ok && slices.Equal(old.Columns, i.Columns) && old.Unique == i.Unique {
			continue
		}
		if ok {
			d.index = append(d.index, DropIndex{want.Name, i.Name})
		}
		d.index = append(d.index, CreateIndex{want.Name, i})
	}
	for _, i := range have.Indexes {
		if _, gone := left[i.Name]; gone {
			d.rename = append(d.rename, DropIndex{want.Name, i.Name}) // before a column of it is renamed or dropped
		}
	}
}
