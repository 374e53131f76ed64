package migration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
)

// Target is what a database shall become.
type Target struct {
	Plan     *plan.Plan
	Schema   func() store.Schema // every table of the rooms and the plan, asked for after the plan was bound
	Drop     []string            // what may be destroyed, as Lost names it
	Convert  []string            // fields that are converted although the declaration does not ask for it
	Progress Progress            // nil: nobody is told
}

// Change is a change of the tables. Loses is the name under which it must be asked for when it loses data: "articles" or
// "articles.fee"; "" when it loses none.
type Change struct {
	store.Change
	Loses string
}

// Difference is what lies between a database and its target. The zero value: nothing does.
type Difference struct {
	Changes []Change // of the tables, without what conversions do by themselves
	Steps   []*Step  // of the declared data: what changes, is converted, or is refused with the rows in the way
	Lost    []string // what would be destroyed and was not named
}

// Refusals are the steps that cannot be taken and the losses that nobody named, as one error; nil: there are none.
func (d *Difference) Refusals() error {
	var lines []string
	for _, s := range d.Steps {
		if s.Kind == Refused {
			lines = append(lines, s.Words())
		}
	}
	if len(d.Lost) > 0 {
		lines = append(lines, "the declaration no longer names what holds data: "+strings.Join(d.Lost, ", ")+"; put it back, rename it with "+
			"the word was, or destroy it for good: fastness migrate --drop "+strings.Join(d.Lost, " --drop ")+" --yes")
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("migration: the declaration does not fit the data; nothing was changed, and the declaration before still fits:\n%s",
		strings.Join(lines, "\n"))
}

// Fresh compares a plan with a database that does not exist yet.
func Fresh(t Target) *Difference {
	m := Compare(&Catalogue{}, t.Plan, nil)
	return m.difference(store.Diff(store.Schema{}, t.Schema(), m.renames), nil)
}

// Look compares a database with its target and looks at the rows. It changes nothing; the plan is bound.
func Look(ctx context.Context, d Data, t Target) (*Difference, error) {
	m, changes, err := look(ctx, d, t)
	if err != nil {
		return nil, err
	}
	return m.difference(changes, t.Drop), nil
}

func look(ctx context.Context, d Data, t Target) (*Migration, []store.Change, error) {
	have, err := d.schema(ctx)
	if err != nil {
		return nil, nil, err
	}
	catalogue, err := Read(ctx, d.DB, have)
	if err != nil {
		return nil, nil, err
	}
	m := Compare(catalogue, t.Plan, t.Convert)
	m.leave(have)
	return m, store.Diff(have, t.Schema(), m.renames), m.Inspect(ctx, d)
}

func (m *Migration) difference(changes []store.Change, drop []string) *Difference {
	d := &Difference{Steps: m.Steps}
	for _, c := range changes {
		if m.inner(c) {
			continue
		}
		name := m.destroyed(c)
		if name != "" && !slices.Contains(drop, name) && !slices.Contains(d.Lost, name) {
			d.Lost = append(d.Lost, name)
		}
		d.Changes = append(d.Changes, Change{c, name})
	}
	return d
}

// turns bounds how often a migration begins again because other servers write meanwhile.
const turns = 30

// Bring makes the tables of a new database and brings an older one to its target. What would lose data is never done, and no value
// becomes another: a target that does not fit the rows is refused, and the declaration before still fits. It may be stopped at any
// moment; the next Bring, to this target or to the one before, goes on from there.
func Bring(ctx context.Context, d Data, t Target) (*Difference, error) {
	for turn := 1; ; turn++ {
		m, changes, err := look(ctx, d, t)
		if err != nil {
			return nil, err
		}
		diff := m.difference(changes, t.Drop)
		if err := diff.Refusals(); err != nil {
			return nil, err
		}
		if err = m.bring(ctx, d, t, changes); err == nil {
			return diff, nil
		}
		if turn == turns || !overtaken(ctx, d, m, err) {
			return nil, err
		}
	}
}

func (m *Migration) bring(ctx context.Context, d Data, t Target, changes []store.Change) error {
	if len(m.Waiting()) > 0 {
		have, err := d.schema(ctx)
		if err == nil {
			err = m.Fill(ctx, d, have, t.Progress)
		}
		if err == nil {
			have, err = d.schema(ctx)
		}
		if err != nil {
			return err
		}
		changes = store.Diff(have, t.Schema(), m.renames)
	}
	last, err := m.finish(changes)
	if err != nil {
		return err
	}
	return d.DB.Migrate(ctx, last)
}

// Prepare does of Bring what can be done beside a server that serves the declaration before: it converts values. It returns the fields.
func Prepare(ctx context.Context, d Data, t Target) ([]string, error) {
	m, changes, err := look(ctx, d, t)
	if err == nil {
		err = m.difference(changes, t.Drop).Refusals()
	}
	if err != nil {
		return nil, err
	}
	have, err := d.schema(ctx)
	if err != nil {
		return nil, err
	}
	return m.Waiting(), m.Fill(ctx, d, have, t.Progress)
}

// overtaken reports whether a migration failed because another server migrated or wrote at the same moment.
func overtaken(ctx context.Context, d Data, m *Migration, err error) bool {
	if errors.Is(err, store.ErrMoved) {
		return true
	}
	have, e := d.schema(ctx)
	if e != nil {
		return false
	}
	now, e := Read(ctx, d.DB, have)
	return e == nil && now.Number != m.old.Number
}

// Scrub takes out of the database's files what conversions have sealed, if there is any, and names the tables. What it does not finish it
// does at the next start. Backups that were made before still hold the text.
func Scrub(ctx context.Context, d Data) ([]string, error) {
	have, err := d.schema(ctx)
	if err != nil {
		return nil, err
	}
	c, err := Read(ctx, d.DB, have)
	if err != nil || len(c.Scrub) == 0 {
		return nil, err
	}
	if err := d.DB.Scrub(ctx, c.Scrub); err != nil {
		return nil, fmt.Errorf("migration: what is sealed now may still stand in the files of the database: %w; start again", err)
	}
	return c.Scrub, d.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, scrubbed)
		return err
	})
}
