package migration

import (
	"slices"
	"strconv"

	"github.com/fastness-dev/fastness/internal/store"
)

// finish wraps the changes of the tables into the last transaction: nothing that a conversion must have seen is missing, nobody
// else migrated meanwhile, and the record says afterwards what the tables hold. No changes: nothing differs.
func (m *Migration) finish(changes []store.Change) ([]store.Change, error) {
	if len(changes) == 0 && len(m.Steps) == 0 && m.same() {
		return nil, nil
	}
	var out []store.Change
	if m.old.Number > 0 {
		out = append(out, store.Require{That: `EXISTS (SELECT 1 FROM "` + table + `" WHERE "kind" = 'number' AND "name" = '` + strconv.FormatInt(m.old.Number, 10) + `')`,
			Else: "no other process changed the tables meanwhile"})
	}
	for _, pr := range m.pairs {
		for _, s := range pr.steps {
			if pr.moved[s.now.Name] == s {
				c := newConversion(Data{}, pr, s)
				out = append(out, store.Require{Tables: []string{pr.before.name}, That: "NOT EXISTS (SELECT 1 FROM " + store.Quote(pr.before.name) + " WHERE " + c.unfilled() + ")",
					Else: "no row of " + pr.before.name + " was written while its values were converted"})
				if s.now.Encrypted && !s.was.form.Encrypted && !slices.Contains(m.now.Scrub, pr.now.Table) {
					m.now.Scrub = append(m.now.Scrub, pr.now.Table)
				}
			}
		}
	}
	rows, err := m.now.rows()
	return append(append(out, changes...), store.ReplaceRows{Table: table, Columns: columns, Rows: rows}), err
}

// same reports whether the record would say the same as before.
func (m *Migration) same() bool {
	if m.old.Number == 0 || len(m.old.collections) != len(m.now.collections) {
		return false
	}
	for _, c := range m.now.collections {
		was := m.old.named(c.name)
		if was == nil || len(was.fields) != len(c.fields) || was.form.Per != c.form.Per || was.form.IDs != c.form.IDs ||
			was.form.Was != c.form.Was ||
			!slices.EqualFunc(was.form.Uniques, c.form.Uniques, slices.Equal) {
			return false
		}
		for _, f := range c.fields {
			if old := was.named(f.name); old == nil || old.id != f.id || old.form.Was != f.form.Was {
				return false
			}
		}
	}
	return true
}

var scrubbed = store.SQL(`DELETE FROM "` + table + `" WHERE "kind" = 'scrub'`)
