package fastness

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/store"
)

// known leaves out the tables that this program did not make: they are nobody's here to compare, and their rows not ours to drop.
func known(have store.Schema) store.Schema {
	return store.Schema{Tables: slices.DeleteFunc(slices.Clone(have.Tables), func(t store.Table) bool { return !made(t) })}
}

// made reports whether a table has the form of those that this program makes: its own by their name, collections and the side tables of
// lists by the columns they begin with.
func made(t store.Table) bool {
	if strings.HasPrefix(t.Name, "fastness_") {
		return true
	}
	begins := func(columns ...store.Column) bool {
		return len(t.Columns) >= len(columns) && slices.EqualFunc(t.Columns[:len(columns)], columns, func(a, b store.Column) bool { return a.Name == b.Name && a.Type == b.Type })
	}
	row := begins(store.Column{Name: "id", Type: store.TextColumn}, store.Column{Name: "created", Type: store.IntColumn},
		store.Column{Name: "updated", Type: store.IntColumn}, store.Column{Name: "version", Type: store.IntColumn})
	side := begins(store.Column{Name: "row_id", Type: store.TextColumn}, store.Column{Name: "position", Type: store.IntColumn})
	return row && slices.Equal(t.Primary, []string{"id"}) || side && slices.Equal(t.Primary, []string{"row_id", "position"})
}

// apart refuses a database in which somebody else's table has the name of one of ours.
func apart(have, want store.Schema) error {
	for _, t := range have.Tables {
		if !made(t) && slices.ContainsFunc(want.Tables, func(w store.Table) bool { return w.Name == t.Name }) {
			return fmt.Errorf("fastness: the database has a table %q that this program did not make; rename it, or give this service a schema of its own: search_path=NAME in the URL", t.Name)
		}
	}
	return nil
}
