package migration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
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
	for range turns {
		if m, changes, err := look(ctx, d, t); m != nil || err != nil {
			return m.difference(changes, t.Drop), err
		}
	}
	return nil, errBusy
}

// look compares and inspects. It gives nothing, and no error, where another server migrated meanwhile.
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
	if err := m.Inspect(ctx, d); err != nil {
		return nil, nil, m.overtaken(ctx, d, err)
	}
	return m, store.Diff(have, t.Schema(), m.renames), nil
}

func (m *Migration) difference(changes []store.Change, drop []string) *Difference {
	if m == nil {
		return nil
	}
	d := &Difference{Steps: m.Steps}
	for _, c := range changes {
		if m.inner(c) {
			continue
		}
		if r, ok := c.(store.Rebuild); ok {
			r.Alters = slices.DeleteFunc(slices.Clone(r.Alters), fillsShadow)
			c = r
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
const turns = 12

// Bring makes the tables of a new database and brings an older one to its target. What would lose data is never done, and no value
// becomes another: a target that does not fit the rows is refused, and the declaration before still fits. It may be stopped at any
// moment; the next Bring, to this target or to the one before, goes on from there.
func Bring(ctx context.Context, d Data, t Target) (diff *Difference, err error) {
	return diff, d.inTurns(ctx, t, func(m *Migration, changes []store.Change) error {
		diff = m.difference(changes, t.Drop)
		return m.bring(ctx, d, t, changes)
	})
}

// Prepare does of Bring what can be done beside a server that serves the declaration before: it converts values. It returns the fields.
func Prepare(ctx context.Context, d Data, t Target) (fields []string, err error) {
	return fields, d.inTurns(ctx, t, func(m *Migration, _ []store.Change) error {
		fields = m.Waiting()
		have, err := d.schema(ctx)
		if err != nil {
			return err
		}
		return m.Fill(ctx, d, have, t.Progress)
	})
}

// inTurns compares, refuses, and acts; and begins again where another server migrated or wrote at the same moment.
func (d Data) inTurns(ctx context.Context, t Target, act func(*Migration, []store.Change) error) error {
	var last error
	for range turns {
		m, changes, err := look(ctx, d, t)
		switch {
		case err != nil:
			return err
		case m == nil:
			continue
		}
		if err := m.difference(changes, t.Drop).Refusals(); err != nil {
			return err
		}
		if err = act(m, changes); err == nil {
			return nil
		}
		last = err
		if err = m.overtaken(ctx, d, err); err != nil {
			return err
		}
	}
	return errors.Join(errBusy, last)
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

// errBusy: other servers wrote each time before the migration came to its end.
var errBusy = errors.New("migration: other servers change the data all the time; nothing was changed; stop them and start again")

// overtaken judges a migration that failed. Where another server migrated or wrote at the same moment it can begin again: nil. The error is
// told otherwise, in words where another one converts the same field to another form.
func (m *Migration) overtaken(ctx context.Context, d Data, err error) error {
	have, e := d.schema(ctx)
	if e != nil {
		return err
	}
	now, e := Read(ctx, d.DB, have)
	switch {
	case e != nil:
		return err
	case now.Number != m.old.Number:
		return nil
	}
	for _, pr := range m.pairs {
		for _, s := range pr.steps {
			if pr.moved[s.now.Name] == s && holds(have, pr.before.name, s.place.Column) && !holds(have, pr.before.name, s.mark) {
				return fmt.Errorf("migration: another process converts %s to another form at this moment; let it come to its end, or stop it and begin again", s.Where)
			}
		}
	}
	if errors.Is(err, store.ErrMoved) || types.KindOf(err) == types.Unavailable { // a batch that waited too long for another's
		return nil
	}
	return err
}

// holds reports whether a table has a column.
func holds(have store.Schema, table, column string) bool {
	return slices.ContainsFunc(have.Tables, func(t store.Table) bool {
		return t.Name == table && slices.ContainsFunc(t.Columns, func(c store.Column) bool { return c.Name == column })
	})
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
