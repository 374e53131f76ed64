package store

import "slices"

// Renames tells Diff which names are old: table to its former name, and per table column to its former name.
type Renames struct {
	Tables  map[string]string
	Columns map[string]map[string]string
}

// Diff returns the steps from have to want: renames first, then what is added (new tables, their keys, columns), then what becomes stricter, then
// what is dropped (contract). Tables and columns that want does not mention are dropped by steps that Destroy; the caller
// runs those only when a person named them. Foreign keys of existing columns are compared by columns and target.
func Diff(have, want Schema, renames Renames) []Change {
	d := differ{have: map[string]Table{}, renames: renames}
	for _, t := range have.Tables {
		d.have[t.Name] = t
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
	return slices.Concat(d.rename, d.created(), d.expand, d.index, d.strict, d.drop)
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
	have                                map[string]Table
	create                              []Table
	renames                             Renames
	rename, expand, index, strict, drop []Change
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

func (d *differ) columns(have, want Table) {
	left := map[string]Column{}
	for _, c := range have.Columns {
		left[c.Name] = c
	}
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
			add := AddColumn{Table: want.Name, Column: c}
			for _, f := range want.Foreign {
				if len(f.Columns) == 1 && f.Columns[0] == c.Name {
					add.Foreign = &f
				}
			}
			d.expand = append(d.expand, add)
			continue
		}
		if old.NotNull != c.NotNull && !slices.Contains(want.Primary, c.Name) {
			d.strict = append(d.strict, Nullable{want.Name, c.Name, c.NotNull, want})
		}
	}
	for _, c := range have.Columns {
		if _, gone := left[c.Name]; gone {
			d.drop = append(d.drop, DropColumn{want.Name, c.Name})
		}
	}
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
