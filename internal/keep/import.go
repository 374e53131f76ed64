package keep

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// MaxImport is how many rows one transaction of an import may make.
const MaxImport = 1000

// Import creates rows of one collection in order, under the same rules as Create, each of them in a transaction. While one transaction is
// written the next is prepared. done is how many rows are in: the first refusal rolls its transaction back and ends the import; at is then
// the number of the refused row, from 0, else -1. The evidence of a transaction is one entry that lists the ids.
func (k *Keep) Import(ctx context.Context, c *types.Caller, collection string, rows []jsontext.Value, each int) (done, at int, err error) {
	if len(rows) == 0 || each < 1 || each > MaxImport {
		return 0, -1, types.Refuse(types.Malformed, "bad_batch", "an import makes 1 to 1000 rows at once")
	}
	stop := make(chan struct{})
	defer close(stop)
	parts := make(chan prepared)
	go func() {
		defer close(parts)
		for list := range slices.Chunk(rows, each) {
			p := k.prepareAll(c, collection, list)
			select {
			case parts <- p:
			case <-stop:
				return
			}
			if p.err != nil {
				return
			}
		}
	}()
	for p := range parts {
		if p.err == nil {
			p.at, p.err = k.make(ctx, c, p.acts)
		} else if refused(p.err) {
			k.refuse(ctx, c, k.entry(c, types.RowCreate, collection, ""), p.err)
		}
		if p.err != nil {
			if p.at >= 0 {
				p.at += done
			}
			return done, p.at, p.err
		}
		done += len(p.acts)
	}
	return done, -1, nil
}

// make stores prepared rows in one transaction.
func (k *Keep) make(ctx context.Context, c *types.Caller, acts []*act) (at int, err error) {
	apart := k.plan.LooksAt(acts[0].col.Name)
	settle, err := k.guesses(ctx, acts...)
	if err != nil {
		return -1, err
	}
	defer settle()
	err = k.db.Write(turn(ctx, c), func(tx store.Tx) error {
		var err error
		if at, err = makeAll(ctx, tx, acts, apart); err != nil {
			return err
		}
		return tx.Record(k.imported(c, acts))
	})
	if err != nil && at >= 0 {
		acts[at].denied(ctx, err)
	}
	return at, err
}

// prepared are the rows of a transaction before it begins; err is what is wrong with the row at.
type prepared struct {
	acts []*act
	at   int
	err  error
}

// prepareAll does for every row what needs no stored data, on every processor: html is sanitised here, and values sealed.
func (k *Keep) prepareAll(c *types.Caller, collection string, rows []jsontext.Value) prepared {
	acts := make([]*act, len(rows))
	errs := make([]error, len(rows))
	workers := min(runtime.GOMAXPROCS(0), len(rows))
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(rows); i += workers {
				acts[i], errs[i] = k.prepare(c, types.Create, Write{Collection: collection, Body: rows[i]})
			}
		})
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			return prepared{at: i, err: err}
		}
	}
	return prepared{acts: acts}
}

// makeAll judges and stores the rows in order, or gives the number of the one that was refused. Rows that no rule looks at are stored
// together when all are judged. apart: each is stored before the next is judged.
func makeAll(ctx context.Context, tx store.Tx, acts []*act, apart bool) (at int, err error) {
	var rows []*row.Row
	for i, a := range acts {
		if a.gather = &rows; apart {
			a.gather = nil
		}
		if _, err := a.apply(ctx, tx); err != nil {
			if at, e := storeAll(ctx, tx, acts, rows); e != nil { // what came before is refused first
				return at, e
			}
			return i, err
		}
	}
	return storeAll(ctx, tx, acts, rows)
}

// storeAll stores rows together; when a constraint is broken, one by one, to find whose.
func storeAll(ctx context.Context, tx store.Tx, acts []*act, rows []*row.Row) (at int, err error) {
	if len(rows) == 0 {
		return -1, nil
	}
	err = tx.Savepoint(ctx, func() error { return acts[0].k.tables.InsertAll(ctx, tx, rows) })
	var broken *store.ConstraintError
	if !errors.As(err, &broken) {
		return -1, err
	}
	for i, r := range rows {
		if err := acts[i].insert(ctx, tx, r); err != nil {
			return i, err
		}
	}
	return -1, nil
}

// imported is the evidence of rows that one transaction made: their ids, and the fields that any of them named.
func (k *Keep) imported(c *types.Caller, acts []*act) types.Entry {
	col := acts[0].col
	e := k.entry(c, types.RowImport, col.Name, "")
	var named plan.Mask
	for _, a := range acts {
		named |= a.change.Mask
		e.Rows = append(e.Rows, a.id)
	}
	for _, f := range col.Fields {
		if named.Has(f) {
			e.Fields = append(e.Fields, f.Name)
		}
	}
	e.Version, e.Count = 1, int64(len(acts))
	return e
}
