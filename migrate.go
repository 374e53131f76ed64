package fastness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/store"
)

// Difference is what lies between a database and its declaration.
type Difference = migration.Difference

// Compare says what opening the declaration would change in its database, and changes nothing.
func Compare(declaration string, opt Options) (*Difference, error) {
	a, err := load(declaration, opt)
	if err != nil {
		return nil, err
	}
	if s := a.Plan.Decl.Store.Value; s == "" || s == "sqlite" {
		if _, err := os.Stat(filepath.Join(a.DataDir(), "fastness.db")); errors.Is(err, os.ErrNotExist) {
			return migration.Fresh(a.target()), nil
		}
	}
	if _, err := a.openData(); err != nil {
		return nil, err
	}
	defer a.DB.Close()
	return migration.Look(context.Background(), a.data(), a.target())
}

// Compare says what starting with the declaration as it stands now would change, while this one is served.
func (a *App) Compare(ctx context.Context, convert []string) (*Difference, error) {
	b, err := a.anew(convert)
	if err != nil {
		return nil, err
	}
	return migration.Look(ctx, b.data(), b.target())
}

// Prepare converts, beside what this server serves, the values that the declaration as it stands on disk asks for. The next start then
// only puts them in place. It returns the fields that were converted.
func (a *App) Prepare(ctx context.Context, convert []string, tell func(field string, done, all int64)) ([]string, error) {
	b, err := a.anew(convert)
	if err != nil {
		return nil, err
	}
	b.opt.Progress = tell
	return migration.Prepare(ctx, b.data(), b.target())
}

// anew reads the declaration again for the same data; the plan that is served stays as it is.
func (a *App) anew(convert []string) (*App, error) {
	b, err := load(a.path, a.opt)
	if err != nil {
		return nil, err
	}
	b.DB, b.ring, b.opt.Convert = a.DB, a.ring, convert
	return b, nil
}

func (a *App) data() migration.Data {
	return migration.Data{DB: a.DB, Ring: a.ring, Known: func(have store.Schema) (store.Schema, error) {
		return known(have), apart(have, a.schema())
	}}
}

func (a *App) target() migration.Target {
	return migration.Target{Plan: a.Plan, Schema: a.schema, Drop: a.opt.Drop, Convert: a.opt.Convert, Progress: a.opt.Progress}
}

// migrate makes the tables of a new database and brings an older one to the declaration, or refuses.
func (a *App) migrate(ctx context.Context, fresh bool) error {
	t := a.target()
	ready, stop := a.waiting()
	t.Progress = ready
	d, err := migration.Bring(ctx, a.data(), t)
	stop()
	if err != nil {
		return err
	}
	if !fresh {
		a.tellMigrated(d)
	}
	sealed, err := migration.Scrub(ctx, a.data())
	if err == nil && len(sealed) > 0 {
		a.opt.Log.Warn("values were sealed, and their text was taken out of the database; backups that were made before still hold it", "collections", strings.Join(sealed, ", "))
	}
	return err
}

// waiting tells how far a conversion is: the log at each tenth, the caller's Options.Progress and, where a server starts, readiness.
func (a *App) waiting() (tell migration.Progress, stop func()) {
	var percent atomic.Int64
	told, end := int64(-1), func() {}
	begin := sync.OnceFunc(func() {
		at := a.Plan.Decl.Listen.Operations
		if !a.opt.Serving || at == "" {
			return
		}
		stopped, err := edge.Waiting(at, func() int { return int(percent.Load()) })
		if err != nil {
			a.opt.Log.Warn("readiness cannot be asked while values are converted", "error", err.Error())
			return
		}
		end = stopped
	})
	return func(field string, done, all int64) {
		percent.Store(done * 100 / max(all, 1))
		begin()
		if tenth := done * 10 / max(all, 1); tenth != told {
			told = tenth
			a.opt.Log.Info("converting", "field", field, "done", done, "all", all)
		}
		if a.opt.Progress != nil {
			a.opt.Progress(field, done, all)
		}
	}, func() { end() }
}

func (a *App) tellMigrated(d *Difference) {
	var words []string
	for _, s := range d.Steps {
		words = append(words, s.Words())
	}
	for _, c := range d.Changes {
		words = append(words, c.Words())
	}
	if len(words) > 0 {
		a.opt.Log.Info("migrated", "changes", strings.Join(words, "; "))
	}
}
