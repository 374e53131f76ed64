package fastness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/keep"
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
	tables = append(tables, job.Tables()...)
	return store.Schema{Tables: append(tables, ledger.Tables()...)}
}

// Changes are the steps from the database to the declaration.
func (a *App) Changes(ctx context.Context) ([]store.Change, error) {
	have, err := a.DB.Schema(ctx)
	if err != nil {
		return nil, err
	}
	if err := apart(have, a.schema()); err != nil {
		return nil, err
	}
	return a.changesFrom(known(have)), nil
}

func (a *App) changesFrom(have store.Schema) []store.Change {
	renames := store.Renames{Tables: map[string]string{}, Columns: map[string]map[string]string{}}
	for _, c := range a.Plan.Collections {
		if c.Decl.Was != "" {
			renames.Tables[c.Table] = c.Decl.Was
		}
		for _, f := range c.Fields {
			if f.Decl.Was != "" {
				if renames.Columns[c.Table] == nil {
					renames.Columns[c.Table] = map[string]string{}
				}
				renames.Columns[c.Table][f.Column] = f.Decl.Was
			}
			if was := f.FormerSide(c.Table, a.dialect()); was != "" {
				renames.Tables[f.Side] = was
			}
		}
	}
	return store.Diff(have, a.schema(), renames)
}

func (a *App) dialect() store.Dialect {
	if a.DB == nil {
		return store.SQLite // there is no database yet
	}
	return a.DB.Dialect()
}

// Difference says what opening the declaration would change in its database, and changes nothing.
func Difference(declaration string, opt Options) ([]store.Change, error) {
	a, err := load(declaration, opt)
	if err != nil {
		return nil, err
	}
	if s := a.Plan.Decl.Store.Value; s == "" || s == "sqlite" {
		if _, err := os.Stat(filepath.Join(a.DataDir(), "fastness.db")); errors.Is(err, os.ErrNotExist) {
			return a.changesFrom(store.Schema{}), nil
		}
	}
	if _, err := a.openData(); err != nil {
		return nil, err
	}
	defer a.DB.Close()
	return a.Changes(context.Background())
}

// Destroyed is the name under which a change that loses data must be asked for: "articles" or "articles.fee"; "" for one that loses none.
func Destroyed(c store.Change) string {
	switch c := c.(type) {
	case store.DropColumn:
		return c.Table + "." + c.Column
	case store.DropTable:
		return strings.Replace(c.Table, "__", ".", 1) // a list's side table goes with its field
	}
	return ""
}

// migrate makes the tables of a new database and adds what a declaration gained. What would lose data is never done here.
func (a *App) migrate(ctx context.Context, fresh bool) error {
	changes, err := a.Changes(ctx)
	if err != nil {
		return err
	}
	var lost []string
	for _, c := range changes {
		if name := Destroyed(c); c.Destroys() && !slices.Contains(a.opt.Drop, name) && !slices.Contains(lost, name) {
			lost = append(lost, name)
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("fastness: the declaration no longer names what holds data: %s; put it back, rename it with the word was, or destroy it for good: fastness migrate --drop %s --yes",
			strings.Join(lost, ", "), strings.Join(lost, " --drop "))
	}
	if err := a.checkBorders(ctx, changes); err != nil {
		return err
	}
	if err := a.DB.Migrate(ctx, changes); err != nil {
		if now, e := a.Changes(ctx); e == nil && len(now) == 0 {
			return nil // a replica that started at the same moment was first
		}
		return err
	}
	if len(changes) > 0 && !fresh {
		words := make([]string, len(changes))
		for i, c := range changes {
			words[i] = c.Words()
		}
		a.opt.Log.Info("migrated", "changes", strings.Join(words, "; "))
	}
	return nil
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
