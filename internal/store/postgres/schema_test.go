package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// TestSchemaIsOfOneMoment: replicas start at the same time on an empty database; who reads the tables while another makes them sees all
// of a table or nothing.
func TestSchemaIsOfOneMoment(t *testing.T) {
	storetest.Each(t, storetest.Options{}, func(t *testing.T, db store.DB) {
		if db.Dialect() != store.Postgres {
			return // one process holds an embedded database
		}
		made := make(chan error, 1)
		go func() {
			var err error
			for n := 0; n < 60 && err == nil; n++ {
				table := store.Table{Name: fmt.Sprintf("made_%d", n), Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true},
					{Name: "at", Type: store.IntColumn, NotNull: true}}, Indexes: []store.Index{{Name: fmt.Sprintf("made_%d_at", n), Columns: []string{"at"}}}}
				have, e := db.Schema(context.Background())
				if err = e; err == nil {
					err = db.Migrate(context.Background(), store.Diff(have, store.Schema{Tables: append(have.Tables, table)}, store.Renames{}))
				}
			}
			made <- err
		}()
		for {
			select {
			case err := <-made:
				if err != nil {
					t.Fatal(err)
				}
				return
			default:
			}
			have, err := db.Schema(context.Background())
			if err != nil {
				t.Fatalf("while tables were made: %v", err)
			}
			for _, table := range have.Tables {
				if strings.HasPrefix(table.Name, "made_") && (len(table.Primary) != 1 || len(table.Indexes) != 1) {
					t.Fatalf("half a table: %+v", table)
				}
			}
		}
	})
}
