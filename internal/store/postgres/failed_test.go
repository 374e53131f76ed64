package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	// late fails with the error class that it is given, if any.
	createLate = store.SQL(`CREATE FUNCTION late(class text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	IF class <> '' THEN RAISE EXCEPTION 'late' USING ERRCODE = class; END IF;
	RETURN 0;
END $$`)
	lateRows = store.SQL("SELECT CASE WHEN g = 900 THEN late(?) ELSE g END FROM generate_series(1, 1000) g")
	countAll = store.SQL("SELECT count(*) FROM thing")
)

// first reads one row and looks no further, as whoever looks up one row does.
func first(ctx context.Context, r store.Reader, class string) (int64, error) {
	rows, err := r.Query(ctx, lateRows, types.TextValue(class))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, errors.New("no row")
	}
	return rows.Int(0), nil
}

// TestAFailureBehindTheRow: an error that arrives behind the row that was wanted ends the transaction all the same. The next statement and
// the end tell it, not that the transaction is over; a serialization failure is a reason to run again, and nothing is half done.
func TestAFailureBehindTheRow(t *testing.T) {
	_, db := through(t)
	ctx := t.Context()
	if err := db.Write(ctx, func(tx store.Tx) error { _, err := tx.Exec(ctx, createLate); return err }); err != nil {
		t.Fatal(err)
	}
	for _, then := range []struct {
		name string
		do   func(tx store.Tx) error
	}{
		{"a statement follows", func(tx store.Tx) error { _, err := tx.Exec(ctx, addOne, types.TextValue("b")); return err }},
		{"a query follows", func(tx store.Tx) error { _, err := tx.Query(ctx, countAll); return err }},
		{"a savepoint follows", func(tx store.Tx) error { return tx.Savepoint(ctx, func() error { return nil }) }},
		{"a refusal follows", func(store.Tx) error { return types.Refuse(types.Invalid, "invalid", "no") }},
		{"nothing follows", func(store.Tx) error { return nil }},
	} {
		t.Run(then.name, func(t *testing.T) {
			for class, more := range map[string]int{"40001": 1, "22012": 0} {
				runs := 0
				err := db.Write(ctx, func(tx store.Tx) error {
					if runs++; runs > 1 {
						class = ""
					}
					if _, err := tx.Exec(ctx, addOne, types.TextValue("a")); err != nil {
						return err
					}
					if n, err := first(ctx, tx, class); n != 1 || err != nil {
						t.Errorf("the first row: %d, %v", n, err)
					}
					if class == "" {
						return nil
					}
					return then.do(tx)
				})
				var e *pgconn.PgError
				switch {
				case runs != 1+more:
					t.Errorf("%s: %d runs, and %v", class, runs, err)
				case more == 1 && err != nil:
					t.Errorf("a serialization failure, and again: %v", err)
				case more == 0 && (!errors.As(err, &e) || e.Code != "22012"):
					t.Errorf("the error is not told: %v", err)
				}
				if rows := storetest.Rows(t, db, "SELECT id FROM thing"); len(rows) != more {
					t.Errorf("%d runs left %v", runs, rows)
				}
				if err := db.Write(ctx, func(tx store.Tx) error { _, err := tx.Exec(ctx, store.SQL("DELETE FROM thing")); return err }); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestWhatFailedIsNotAbsent: a snapshot on which a query failed gives no result, whatever was made of the rows before; a savepoint takes
// the failure back together with what was done in it.
func TestWhatFailedIsNotAbsent(t *testing.T) {
	_, db := through(t)
	ctx := t.Context()
	if err := db.Write(ctx, func(tx store.Tx) error { _, err := tx.Exec(ctx, createLate); return err }); err != nil {
		t.Fatal(err)
	}
	var e *pgconn.PgError
	if err := db.View(ctx, func(r store.Reader) error { _, err := first(ctx, r, "22012"); return err }); !errors.As(err, &e) || e.Code != "22012" {
		t.Errorf("a snapshot: %v", err)
	}
	err := db.Write(ctx, func(tx store.Tx) error {
		err := tx.Savepoint(ctx, func() error {
			_, err := first(ctx, tx, "22012")
			return errors.Join(err, errors.New("no"))
		})
		if err == nil || err.Error() != "no" {
			t.Errorf("the savepoint: %v", err)
		}
		_, err = tx.Exec(ctx, addOne, types.TextValue("a"))
		return err
	})
	if rows := storetest.Rows(t, db, "SELECT id FROM thing"); err != nil || len(rows) != 1 {
		t.Errorf("after a savepoint: %v, %v", rows, err)
	}
}
