package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// hungUp: a caller who hangs up is no fault of the storage. A write that began is carried out, its evidence too, so that no guess goes
// uncounted; one that did not begin does not; a read ends with an error of its own class.
func hungUp(t *testing.T, db store.DB) {
	isHungUp := func(what string, err error) {
		t.Helper()
		if types.KindOf(err) != types.HungUp || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the class of callers who hung up", what, err)
		}
	}
	ctx, hangUp := context.WithCancel(context.Background())
	err := db.Write(ctx, func(tx store.Tx) error {
		if err := parent(ctx, tx, "a", 1); err != nil {
			return err
		}
		hangUp()
		if err := parent(ctx, tx, "b", 2); err != nil {
			return err
		}
		return tx.Savepoint(ctx, func() error { return tx.Record(types.Entry{Event: types.SignInFail}) })
	})
	if err != nil {
		t.Errorf("a write that began before its caller hung up: %v", err)
	}
	if got := Rows(t, db, "SELECT count(*) FROM parent"); got[0][0] != "2" {
		t.Errorf("%v of its 2 rows arrived", got)
	}
	if got := Rows(t, db, "SELECT count(*) FROM evidence"); got[0][0] != "1" {
		t.Errorf("%v of its entries arrived, want 1", got)
	}
	write := func(tx store.Tx) error { return parent(context.Background(), tx, "c", 3) }
	isHungUp("a write after its caller hung up", db.Write(ctx, write))
	isHungUp("evidence after its caller hung up", db.WriteSoon(ctx, write))
	isHungUp("a read after its caller hung up", db.View(ctx, func(r store.Reader) error { return nil }))
	ctx, hangUp = context.WithCancel(context.Background())
	isHungUp("a read whose caller hangs up", db.View(ctx, func(r store.Reader) error {
		if _, err := one(ctx, r, getParent, text("a")); err != nil {
			return err
		}
		hangUp()
		one(ctx, r, getParent, text("b")) // whatever it made of it
		return nil
	}))
	late, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	if err := db.View(late, func(store.Reader) error { return nil }); types.KindOf(err) != types.Unavailable {
		t.Errorf("a read beyond its own deadline: %v, want Unavailable", err)
	}
	if got := Rows(t, db, "SELECT count(*) FROM parent"); got[0][0] != "2" {
		t.Errorf("%v rows after writes that did not begin, want 2", got)
	}
}
