package fastness

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/types"
)

// schema is every table of the rooms and the plan, referenced ones first.
func (a *App) schema() store.Schema {
	meta := store.Table{Name: "fastness_meta", Primary: []string{"name"}, Columns: []store.Column{
		{Name: "name", Type: store.TextColumn, NotNull: true}, {Name: "value", Type: store.BytesColumn, NotNull: true}}}
	tables := append([]store.Table{meta}, a.Plan.Tables()...)
	tables = append(tables, identity.Tables()...)
	if a.Plan.Organisations != nil {
		tables = append(tables, identity.OrganisationTables()...)
	}
	tables = append(tables, keep.Tables()...)
	tables = append(tables, migration.Tables()...)
	tables = append(tables, job.Tables()...)
	return store.Schema{Tables: append(tables, ledger.Tables()...)}
}

var (
	readMeta  = store.SQL("SELECT value FROM fastness_meta WHERE name = ?")
	writeMeta = store.SQL("INSERT INTO fastness_meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING")
)

// meta returns what is stored under the name; nil: nothing.
func (a *App) meta(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := a.DB.View(ctx, func(r store.Reader) error {
		rows, err := r.Query(ctx, readMeta, types.TextValue(name))
		if err != nil {
			return err
		}
		defer rows.Close()
		if value = nil; rows.Next() {
			value = append([]byte{}, rows.Bytes(0)...)
		}
		return rows.Err()
	})
	return value, err
}

// agree stores a value under a name unless there is one, and returns the one that is there: of replicas that start at once, all
// go by the word of the first.
func (a *App) agree(ctx context.Context, name string, value []byte) ([]byte, error) {
	if err := a.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, writeMeta, types.TextValue(name), types.BytesValue(value))
		return err
	}); err != nil {
		return nil, err
	}
	return a.meta(ctx, name)
}

// checkCanary refuses to start over data that were sealed under another root key, and records that somebody tried.
func (a *App) checkCanary(ctx context.Context) error {
	canary, err := a.meta(ctx, "canary")
	if err != nil {
		return err
	}
	if canary == nil {
		if canary, err = a.ring.NewCanary(); err != nil {
			return err
		}
		if canary, err = a.agree(ctx, "canary", canary); err != nil {
			return err
		}
	}
	refused := a.ring.CheckCanary(canary)
	if refused == nil {
		return nil
	}
	who := &types.Caller{Kind: types.System, Reason: "start with another root key"}
	e := types.NewEntry(types.KeyChange, types.Refused, who, a.opt.Clock.Now())
	e.Code = "root_key_of_another_place"
	return errors.Join(refused, a.DB.Write(ctx, func(tx store.Tx) error { return tx.Record(e) }))
}

// DataDirOf reads the declaration only to tell where its data lie.
func DataDirOf(declaration, environment string) (string, error) {
	path := Declaration(declaration)
	p, err := plan.Load(path, environment)
	if err != nil {
		return "", err
	}
	return dataDir(p, filepath.Dir(path)), nil
}
