package postgres_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestRoles: a role needs no right on the database, only those on the schema that the URL names; what is missing is said by name.
func TestRoles(t *testing.T) {
	at := storetest.Database(t)
	conn, err := pgx.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	role := "role_" + strings.ToLower(string(types.RandomID()))
	do := func(ctx context.Context, sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	do(t.Context(), "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		do(context.Background(), "DROP OWNED BY "+role+" CASCADE; DROP ROLE "+role)
		conn.Close(context.Background())
	})
	do(t.Context(), "CREATE SCHEMA app; CREATE SCHEMA closed; CREATE SCHEMA seen; GRANT USAGE, CREATE ON SCHEMA app TO "+role+"; GRANT USAGE ON SCHEMA seen TO "+role)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	as := func(schema string) types.Secret { return types.NewSecret(u.String() + "&search_path=" + schema) }
	db := mustOpen(t, as("app"))
	storetest.Create(t, db, things)
	if err := add(t.Context(), db, "x"); err != nil {
		t.Error(err)
	}
	var lies string
	if err := conn.QueryRow(t.Context(), "SELECT schemaname FROM pg_tables WHERE tablename = 'thing'").Scan(&lies); err != nil || lies != "app" {
		t.Errorf("the table lies in %q (%v)", lies, err)
	}
	for schema, want := range map[string]string{"absent": "CREATE SCHEMA", "closed": "GRANT USAGE"} {
		if _, err := openAt(t, as(schema), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; it should say %q", schema, err, want)
		}
	}
	seen := mustOpen(t, as("seen"))
	if err := seen.Migrate(t.Context(), store.Diff(store.Schema{}, store.Schema{Tables: things}, store.Renames{})); err == nil || !strings.Contains(err.Error(), "CREATE ON SCHEMA") {
		t.Errorf("without CREATE: %v", err)
	}
}
