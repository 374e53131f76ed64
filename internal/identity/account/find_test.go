package account_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// table is a database of one account, or of none, whose queries cost nothing.
type table struct{ row []types.Value }

func (t *table) Query(context.Context, *store.Stmt, ...types.Value) (store.Rows, error) {
	return &result{row: t.row}, nil
}
func (t *table) Dialect() store.Dialect                        { return store.SQLite }
func (t *table) Record(types.Entry) error                      { return nil }
func (t *table) Savepoint(context.Context, func() error) error { return nil }

// Exec keeps the row of the account that is made.
func (t *table) Exec(_ context.Context, _ *store.Stmt, v ...types.Value) (int64, error) {
	zero := types.IntValue(0)
	t.row = []types.Value{v[0], v[1], v[2], v[4], v[5], v[6], zero, zero, zero, types.IntValue(1), v[7], zero}
	return 1, nil
}

type result struct {
	row  []types.Value
	read bool
}

func (r *result) Next() bool {
	next := !r.read && r.row != nil
	r.read = true
	return next
}
func (r *result) Missing(col int) bool { return false }
func (r *result) Int(col int) int64    { return r.row[col].Int }
func (r *result) Bytes(col int) []byte { return []byte(r.row[col].Text) }
func (r *result) Text(col int) string  { return r.row[col].Text }
func (r *result) Err() error           { return nil }
func (r *result) Close() error         { return nil }

// TestAbsentAddressIsOpenedToo: looking up an address without an account opens as many sealed values as looking up one with an
// account. Openings cannot be counted from outside; what they allocate can, and it is most of what a look-up allocates.
func TestAbsentAddressIsOpenedToo(t *testing.T) {
	ring, err := seal.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(ring, types.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)))
	full, empty := &table{}, &table{}
	n := account.Fresh{ID: types.RandomID(), State: account.Active, Email: "ann@example.org", PHC: types.NewSecret(strings.Repeat("x", 97))}
	if err := accounts.Create(t.Context(), full, n); err != nil {
		t.Fatal(err)
	}
	existing := testing.AllocsPerRun(200, func() {
		if acc, err := accounts.Find(t.Context(), full, "ann@example.org"); err != nil || acc.Email != "ann@example.org" {
			t.Fatal(err)
		}
	})
	absent := testing.AllocsPerRun(200, func() {
		if _, err := accounts.Find(t.Context(), empty, "bob@example.org"); !errors.Is(err, account.ErrNone) {
			t.Fatal(err)
		}
	})
	if absent < existing*2/3 { // 24 of 33; without openings 11: what is missing is the account itself
		t.Errorf("looking up an absent address allocates %v times, an existing one %v times: nothing was opened", absent, existing)
	}
}
