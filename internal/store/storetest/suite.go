package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// columns counts what a SELECT lists; for tests' simple statements only.
func columns(sql string) []string {
	list, _, _ := strings.Cut(strings.TrimPrefix(sql, "SELECT "), " FROM ")
	return strings.Split(list, ",")
}

// Tables of the conformance suite.
var suiteTables = []store.Table{
	{Name: "parent", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true},
		{Name: "n", Type: store.IntColumn, NotNull: true}, {Name: "name", Type: store.TextColumn}, {Name: "sealed", Type: store.BytesColumn}},
		Indexes: []store.Index{{Name: "parent_name", Columns: []string{"name"}, Unique: true}, {Name: "parent_n", Columns: []string{"-n", "id"}}}},
	{Name: "child", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true},
		{Name: "parent", Type: store.TextColumn, NotNull: true}, {Name: "soft", Type: store.TextColumn}},
		Foreign: []store.ForeignKey{{Name: "child_parent", Columns: []string{"parent"}, RefTable: "parent", RefColumn: "id"},
			{Name: "child_soft", Columns: []string{"soft"}, RefTable: "parent", RefColumn: "id", OnDelete: store.SetNull}}},
}

var (
	addParent  = store.SQL("INSERT INTO parent (id, n, name, sealed) VALUES (?, ?, ?, ?)")
	addChild   = store.SQL("INSERT INTO child (id, parent, soft) VALUES (?, ?, ?)")
	sumParents = store.SQL("SELECT CAST(coalesce(sum(n), 0) AS BIGINT), count(*) FROM parent")
	readParent = store.SQL("SELECT n FROM parent WHERE id = ?")
	setParent  = store.SQL("UPDATE parent SET n = ? WHERE id = ?")
	getParent  = store.SQL("SELECT id, n, name, sealed FROM parent WHERE id = ?")
)

func text(s string) types.Value { return types.TextValue(s) }
func num(n int64) types.Value   { return types.IntValue(n) }

// parent inserts a row.
func parent(ctx context.Context, tx store.Tx, id string, n int64) error {
	_, err := tx.Exec(ctx, addParent, text(id), num(n), types.Value{}, types.Value{})
	return err
}

// one reads the first column of one row.
func one(ctx context.Context, r store.Reader, s *store.Stmt, args ...types.Value) (int64, error) {
	rows, err := r.Query(ctx, s, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, errors.Join(errors.New("no row"), rows.Err())
	}
	return rows.Int(0), rows.Err()
}

// Run is the conformance suite: what every room above relies on, on both engines.
func Run(t *testing.T) {
	cases := map[string]func(*testing.T, store.DB){
		"values": values, "rollback": rollback, "keep": keepEvidence, "savepoint": savepoints, "constraints": constraints,
		"snapshot": snapshot, "transfers": transfers, "write skew": writeSkew, "panic": panics, "schema": schemaRoundTrip,
		"soon": soon, "arity": arity, "forward": forward, "hung up": hungUp, "require": require,
	}
	for name, fn := range cases {
		t.Run(name, func(t *testing.T) { Each(t, Options{Tables: suiteTables}, fn) })
	}
}

func values(t *testing.T, db store.DB) {
	ctx := context.Background()
	name, sealed := "Ünï\u2028code'\"; DROP TABLE parent; --", []byte{0, 255, 1, '\'', 0}
	err := db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, addParent, text("a"), num(-1<<62), text(name), types.BytesValue(sealed))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(ctx, func(r store.Reader) error {
		rows, err := r.Query(ctx, getParent, text("a"))
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() || rows.Text(0) != "a" || rows.Int(1) != -1<<62 || string(rows.Bytes(2)) != name || string(rows.Bytes(3)) != string(sealed) {
			t.Errorf("values came back changed: %v %v %q %q", rows.Text(0), rows.Int(1), rows.Text(2), rows.Bytes(3))
		}
		if rows.Missing(2) || rows.Next() {
			t.Error("a present value reads as missing, or there is a second row")
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rollback(t *testing.T, db store.DB) {
	ctx, boom := context.Background(), errors.New("boom")
	err := db.Write(ctx, func(tx store.Tx) error {
		if err := parent(ctx, tx, "a", 1); err != nil {
			return err
		}
		if err := tx.Record(types.Entry{Event: types.RowCreate}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("the error of the function is %v", err)
	}
	if got := Rows(t, db, "SELECT id FROM parent"); len(got) != 0 {
		t.Errorf("a failed write left %v", got)
	}
	if got := Rows(t, db, "SELECT event FROM evidence"); len(got) != 0 {
		t.Errorf("a failed write left evidence %v", got)
	}
}

func keepEvidence(t *testing.T, db store.DB) {
	ctx, no := context.Background(), types.Refuse(types.NotFound, "not_found", "")
	err := db.Write(ctx, func(tx store.Tx) error {
		if err := parent(ctx, tx, "a", 1); err != nil {
			return err
		}
		if err := tx.Record(types.Entry{Event: types.RowUpdate, Code: "not_found"}); err != nil {
			return err
		}
		return store.Keep(no)
	})
	if err != error(no) {
		t.Fatalf("the refusal came back as %#v", err)
	}
	if got := Rows(t, db, "SELECT id FROM parent"); len(got) != 0 {
		t.Errorf("a refused write left %v", got)
	}
	if got := Rows(t, db, "SELECT event FROM evidence"); len(got) != 1 {
		t.Errorf("the evidence of a refusal: %v, want one entry", got)
	}
}

func savepoints(t *testing.T, db store.DB) {
	ctx := context.Background()
	err := db.Write(ctx, func(tx store.Tx) error {
		if err := parent(ctx, tx, "a", 1); err != nil {
			return err
		}
		err := tx.Savepoint(ctx, func() error {
			if err := parent(ctx, tx, "b", 2); err != nil {
				return err
			}
			return errors.New("undo")
		})
		if err == nil {
			t.Error("a savepoint swallowed the error")
		}
		return tx.Savepoint(ctx, func() error { return parent(ctx, tx, "c", 3) })
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(Rows(t, db, "SELECT id FROM parent ORDER BY id")); got != "[[a] [c]]" {
		t.Errorf("after savepoints: %s", got)
	}
}

func constraints(t *testing.T, db store.DB) {
	ctx := context.Background()
	err := db.Write(ctx, func(tx store.Tx) error {
		var broken *store.ConstraintError
		for _, id := range []string{"a", "b"} {
			_, err := tx.Exec(ctx, addParent, text(id), num(1), text("same"), types.Value{})
			if id == "a" && err != nil {
				return err
			}
			if id == "b" && (!errors.As(err, &broken) || broken.Kind != store.Unique || broken.Constraint != "parent_name") {
				t.Errorf("unique: %v (%+v)", err, broken)
			}
		}
		_, err := tx.Exec(ctx, addChild, text("x"), text("nobody"), types.Value{})
		if !errors.As(err, &broken) || broken.Kind != store.Foreign {
			t.Errorf("foreign key: %v", err)
		}
		_, err = tx.Exec(ctx, addParent, text("n"), types.Value{}, types.Value{}, types.Value{})
		if !errors.As(err, &broken) || broken.Kind != store.NotNull {
			t.Errorf("not null: %v", err)
		}
		_, err = tx.Exec(ctx, addChild, text("ok"), text("a"), text("a"))
		return err
	})
	if err != nil {
		t.Fatalf("the transaction must stay usable after a broken constraint: %v", err)
	}
	if got := Rows(t, db, "SELECT id FROM child"); len(got) != 1 {
		t.Errorf("children: %v", got)
	}
}

func snapshot(t *testing.T, db store.DB) {
	ctx := context.Background()
	err := db.View(ctx, func(r store.Reader) error {
		before, err := one(ctx, r, sumParents)
		if err != nil {
			return err
		}
		if err := db.Write(ctx, func(tx store.Tx) error { return parent(ctx, tx, "late", 7) }); err != nil {
			return err
		}
		after, err := one(ctx, r, sumParents)
		if before != after {
			t.Errorf("a view saw a later commit: %d, then %d", before, after)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// transfers: many small transfers from concurrent callers keep their sum.
func transfers(t *testing.T, db store.DB) {
	ctx := context.Background()
	const accounts, workers, each = 10, 8, 100
	err := db.Write(ctx, func(tx store.Tx) error {
		for i := range accounts {
			if err := parent(ctx, tx, fmt.Sprint(i), 100); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				from, to := fmt.Sprint((w+i)%accounts), fmt.Sprint((w*3+i*7+1)%accounts)
				err := db.Write(ctx, func(tx store.Tx) error { return transfer(ctx, tx, from, to) })
				if err != nil && types.KindOf(err) != types.Unavailable {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := Rows(t, db, "SELECT CAST(sum(n) AS BIGINT) FROM parent"); got[0][0] != fmt.Sprint(accounts*100) {
		t.Errorf("the sum is %v", got)
	}
}

func transfer(ctx context.Context, tx store.Tx, from, to string) error {
	if from == to {
		return nil
	}
	a, err := one(ctx, tx, readParent, text(from))
	if err != nil {
		return err
	}
	b, err := one(ctx, tx, readParent, text(to))
	if err != nil {
		return err
	}
	if _, err = tx.Exec(ctx, setParent, num(a-1), text(from)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, setParent, num(b+1), text(to))
	return err
}

// writeSkew: two callers each may take one off duty while two are on; one of them must lose. READ COMMITTED lets both win.
func writeSkew(t *testing.T, db store.DB) {
	ctx := context.Background()
	for round := range 5 {
		a, b := fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round)
		err := db.Write(ctx, func(tx store.Tx) error {
			_, err := tx.Exec(ctx, store.SQL("UPDATE parent SET n = 0"))
			if err == nil {
				err = parent(ctx, tx, a, 1)
			}
			if err == nil {
				err = parent(ctx, tx, b, 1)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var wg, both sync.WaitGroup
		both.Add(2)
		for _, id := range []string{a, b} {
			wg.Go(func() {
				var once sync.Once
				db.Write(ctx, func(tx store.Tx) error {
					on, err := one(ctx, tx, sumParents)
					if err != nil {
						return err
					}
					once.Do(both.Done) // engines that run writes side by side have both read by now
					if db.Dialect() == store.Postgres {
						both.Wait()
					}
					if on < 2 {
						return errors.New("the last one stays")
					}
					_, err = tx.Exec(ctx, setParent, num(0), text(id))
					return err
				})
				once.Do(both.Done)
			})
		}
		wg.Wait()
		if got := Rows(t, db, "SELECT CAST(sum(n) AS BIGINT) FROM parent"); got[0][0] == "0" {
			t.Fatalf("round %d: both went off duty", round)
		}
	}
}

func panics(t *testing.T, db store.DB) {
	ctx := context.Background()
	err := db.Write(ctx, func(tx store.Tx) error {
		parent(ctx, tx, "a", 1)
		panic("boom")
	})
	if err == nil || types.KindOf(err) != types.Internal {
		t.Errorf("a panic became %v", err)
	}
	if err := db.Write(ctx, func(tx store.Tx) error { return parent(ctx, tx, "b", 1) }); err != nil {
		t.Fatalf("the writer is gone after a panic: %v", err)
	}
	if got := fmt.Sprint(Rows(t, db, "SELECT id FROM parent")); got != "[[b]]" {
		t.Errorf("after a panic: %s", got)
	}
}

func schemaRoundTrip(t *testing.T, db store.DB) {
	ctx := context.Background()
	have, err := db.Schema(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Schema{Tables: append([]store.Table{Table}, suiteTables...)}
	for _, c := range store.Diff(have, want, store.Renames{}) {
		t.Errorf("a fresh database differs from its plan: %s", c.Words())
	}
	changed := suiteTables[0]
	changed.Columns = append(changed.Columns[:3:3], store.Column{Name: "seal", Type: store.BytesColumn},
		store.Column{Name: "kind", Type: store.TextColumn, NotNull: true, Default: &store.Literal{Text: "it's", IsText: true}})
	changed.Columns[2].NotNull = true
	changed.Columns = append(changed.Columns, store.Column{Name: "up", Type: store.TextColumn})
	changed.Foreign = []store.ForeignKey{{Name: "parent_up", Columns: []string{"up"}, RefTable: "parent", RefColumn: "id", OnDelete: store.SetNull}}
	want.Tables = []store.Table{Table, changed, suiteTables[1]}
	changes := store.Diff(have, want, store.Renames{Columns: map[string]map[string]string{"parent": {"seal": "sealed"}}})
	if err := db.Migrate(ctx, changes); err != nil {
		t.Fatal(err)
	}
	if have, err = db.Schema(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range store.Diff(have, want, store.Renames{}) {
		t.Errorf("after the migration the database still differs: %s", c.Words())
	}
}

// require: a migration whose condition does not hold does nothing, and says that the data moved.
func require(t *testing.T, db store.DB) {
	ctx, fresh := context.Background(), store.Table{Name: "fresh", Columns: []store.Column{{Name: "a", Type: store.IntColumn}}}
	for that, ok := range map[string]bool{"EXISTS (SELECT 1 FROM parent)": false, "NOT EXISTS (SELECT 1 FROM parent)": true} {
		err := db.Migrate(ctx, []store.Change{store.CreateTable{Table: fresh}, store.Require{Tables: []string{"parent"}, That: that, Else: "nobody wrote"}, store.DropTable{Table: "fresh"}})
		if (err == nil) != ok || !ok && !errors.Is(err, store.ErrMoved) {
			t.Errorf("%s: %v", that, err)
		}
		have, err := db.Schema(ctx)
		if err != nil || slices.ContainsFunc(have.Tables, func(t store.Table) bool { return t.Name == "fresh" }) {
			t.Errorf("%s: a table was left: %v", that, err)
		}
	}
}

func soon(t *testing.T, db store.DB) {
	ctx := context.Background()
	for i := range 50 {
		if err := db.WriteSoon(ctx, func(tx store.Tx) error { return parent(ctx, tx, fmt.Sprint(i), 1) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Write(ctx, func(store.Tx) error { return nil }); err != nil { // joins after them
		t.Fatal(err)
	}
	if got := Rows(t, db, "SELECT count(*) FROM parent"); got[0][0] != "50" {
		t.Errorf("of 50 soon writes %v arrived", got)
	}
}

func arity(t *testing.T, db store.DB) {
	err := db.View(context.Background(), func(r store.Reader) error {
		_, err := r.Query(context.Background(), getParent)
		return err
	})
	if err == nil {
		t.Error("a statement ran without its value")
	}
}

// forward: tables may refer to tables that are listed after them, and to each other; the keys hold, and go with what they point at.
func forward(t *testing.T, db store.DB) {
	ctx := context.Background()
	id := store.Column{Name: "id", Type: store.TextColumn, NotNull: true}
	refers := func(name, to string) store.Table {
		return store.Table{Name: name, Primary: []string{"id"}, Columns: []store.Column{id, {Name: "other", Type: store.TextColumn}},
			Foreign: []store.ForeignKey{{Name: name + "_other", Columns: []string{"other"}, RefTable: to, RefColumn: "id"}}}
	}
	have, err := db.Schema(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Schema{Tables: append(append([]store.Table{}, have.Tables...), refers("early", "late"), refers("late", "early"), refers("self", "self"))}
	if err := db.Migrate(ctx, store.Diff(have, want, store.Renames{})); err != nil {
		t.Fatal(err)
	}
	now, err := db.Schema(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if left := store.Diff(now, want, store.Renames{}); len(left) != 0 {
		t.Errorf("after the migration there is still %v to do", left)
	}
	for _, name := range []string{"early", "late", "self"} {
		err := db.Write(ctx, func(tx store.Tx) error {
			_, err := tx.Exec(ctx, store.SQL(`INSERT INTO "`+name+`" (id, other) VALUES ('1', 'nobody')`))
			return err
		})
		var broken *store.ConstraintError
		if !errors.As(err, &broken) || broken.Kind != store.Foreign {
			t.Errorf("%s refers to nobody: %v", name, err)
		}
	}
	if err := db.Migrate(ctx, store.Diff(now, have, store.Renames{})); err != nil {
		t.Errorf("drop: %v", err)
	}
}
