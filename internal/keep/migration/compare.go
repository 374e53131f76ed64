package migration

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/store"
)

// Kind is what becomes of a difference.
type Kind uint8

// The kinds. The zero kind refuses.
const (
	Refused   Kind = iota // rows, or the declaration itself, stand in the way
	Noted                 // of no consequence for values that are stored
	Fits                  // every stored value is the same value under the new form
	Converted             // every stored value gets its exact counterpart
)

// Step is one difference between what the database records and what the declaration says.
type Step struct {
	Where string   // "articles" or "articles.fee"
	What  string   // in English
	Kind  Kind     // before Inspect: what it will be if no row stands in the way
	Why   string   // of a refusal: what stands in the way and what to do
	Rows  int64    // how many rows stand in the way
	IDs   []string // of the first three of them

	asked bool // by from, or by the operator
	now   *plan.Field
	was   *field
	place plan.Place // of a conversion: where the new values go
	mark  string     // and the column that says of which version of the row they are
	names map[string]string
}

// Words is the step on one line.
func (s *Step) Words() string {
	verb := map[Kind]string{Refused: "REFUSED", Noted: "change", Fits: "change", Converted: "convert"}[s.Kind]
	out := verb + " " + s.Where + ": " + s.What
	if s.Why != "" {
		out += "; " + s.Why
	}
	return out
}

// pair is a collection before and now; before is nil for a new one.
type pair struct {
	before *collection
	now    *plan.Collection
	record *collection
	steps  []*Step          // of its fields
	arrive []*plan.Field    // mandatory fields that are new and have no value for rows that exist
	unique []plan.Unique    // sets of fields whose values must be found different
	moved  map[string]*Step // by field: conversions
}

// Migration is the way from one record to one plan.
type Migration struct {
	Steps []*Step

	plan    *plan.Plan
	old     *Catalogue
	now     *Catalogue
	pairs   []*pair
	renames store.Renames
	left    map[string]bool // columns and side tables that conversions leave behind: "table" or "table.column"
}

// Compare says what differs between the record and a plan. convert names fields whose values the operator wants converted. The plan is
// bound to the record: its fields now know their ids and columns.
func Compare(old *Catalogue, p *plan.Plan, convert []string) *Migration {
	m := compare(old, p, convert, newID)
	m.bind()
	return m
}

func compare(old *Catalogue, p *plan.Plan, convert []string, id func(string) string) *Migration {
	m := &Migration{plan: p, old: old, now: &Catalogue{Number: old.Number + 1, Scrub: old.Scrub}, left: map[string]bool{},
		renames: store.Renames{Tables: map[string]string{}, Columns: map[string]map[string]string{}}}
	ids, taken := map[string]string{}, map[*collection]bool{}
	for _, c := range p.Collections {
		own, former := old.named(c.Name), old.named(c.Decl.Was)
		obeyed := own != nil && own.form.Was == c.Decl.Was
		m.claim(c.Name, c.Decl.Was, own != nil, former != nil && !obeyed, p.Collection(c.Decl.Was) != nil, taken[former])
		before := own
		if own == nil && former != nil && p.Collection(c.Decl.Was) == nil && !taken[former] {
			before = former
			m.renames.Tables[c.Table] = former.name
		}
		taken[before] = before != nil
		pr := &pair{before: before, now: c, record: &collection{id: id(c.Name), name: c.Name}, moved: map[string]*Step{}}
		if before != nil {
			pr.record.id = before.id
		}
		ids[c.Name] = pr.record.id
		m.pairs = append(m.pairs, pr)
		m.now.collections = append(m.now.collections, pr.record)
	}
	for _, pr := range m.pairs {
		m.fields(pr, ids, convert, id)
		m.whole(pr)
	}
	return m
}

// fields compares the fields of a collection.
func (m *Migration) fields(pr *pair, ids map[string]string, convert []string, id func(string) string) {
	taken := map[*field]bool{}
	for _, f := range pr.now.Fields {
		rec := &field{id: id(pr.now.Name + "." + f.Name), name: f.Name, column: f.Name, form: formOf(f, ids)}
		pr.record.fields = append(pr.record.fields, rec)
		if pr.before == nil {
			continue
		}
		was, former := pr.before.named(f.Name), pr.before.named(f.Decl.Was)
		obeyed := was != nil && was.form.Was == f.Decl.Was
		m.claim(pr.now.Name+"."+f.Name, f.Decl.Was, was != nil, former != nil && !obeyed, pr.now.Field(f.Decl.Was) != nil, taken[former])
		if was == nil && former != nil && pr.now.Field(f.Decl.Was) == nil && !taken[former] {
			was = former
		}
		if was == nil {
			if !f.Optional && f.Fill == nil {
				pr.arrive = append(pr.arrive, f)
			}
			continue
		}
		taken[was] = true
		rec.id, rec.column = was.id, renamed(f.Name, was.column)
		m.field(pr, f, was, rec, slices.Contains(convert, pr.now.Name+"."+f.Name))
	}
}

// claim refuses a word was that leaves open whose values the name has: own and former say whether the database holds both names, declared
// and taken whether the former one is still declared, or was claimed by another. A word that was obeyed once means nothing any more. A
// name never passes from one to another in one step: the declaration before would then read the other's values under it.
func (m *Migration) claim(where, was string, own, former, declared, taken bool) {
	s := &Step{Where: where}
	switch {
	case !former:
		return
	case own:
		s.What = "was " + was + ", and the database holds both"
		s.refuse("take out the word was, and each keeps its own values; to pass a name on, first start with its holder under " +
			"a name that is new (" + was + " and " + where[strings.LastIndex(where, ".")+1:] + " exchange names in three starts)")
	case declared:
		s.What = "was " + was + ", and " + was + " is still declared"
		s.refuse("start once without " + was + " to rename it and declare it anew afterwards, or take out the word was")
	case taken:
		s.What = "was " + was + ", and another says so too"
		s.refuse("leave the word was where the values of " + was + " shall be")
	default:
		return
	}
	m.Steps = append(m.Steps, s)
}

// field compares one field that is recorded.
func (m *Migration) field(pr *pair, f *plan.Field, was, rec *field, convert bool) {
	if what := differs(was.form, rec.form); what != "" {
		s := &Step{Where: pr.now.Name + "." + f.Name, What: what, Kind: Noted, now: f, was: was}
		switch {
		case was.form.stored() != rec.form.stored():
			s.Kind = Converted
		case binds(was.form, rec.form):
			s.Kind = Fits
		}
		s.asked = convert
		if from := f.Decl.From; from != nil && s.Kind != Noted {
			s.from(from, was.form, rec.form)
		}
		if s.asked && s.Kind == Fits {
			s.Kind = Converted
		}
		if s.Kind == Converted {
			rec.column = next(f.Name, was.column)
			pr.moved[f.Name] = s
		}
		pr.steps = append(pr.steps, s)
		m.Steps = append(m.Steps, s)
		s.place = plan.Place{ID: rec.id, Column: rec.column, Side: side(pr.now.Table, rec.column)}
		s.mark = mark(rec.column, was.form.plain(), rec.form.plain(), s.names, f.Fill)
	}
	if pr.moved[f.Name] != nil {
		m.left[pr.now.Table+"."+was.column] = true
		m.left[side(pr.before.name, was.column)] = true
		return
	}
	if rec.column != was.column {
		if m.renames.Columns[pr.now.Table] == nil {
			m.renames.Columns[pr.now.Table] = map[string]string{}
		}
		m.renames.Columns[pr.now.Table][rec.column] = was.column
	}
	if before, now := side(pr.before.name, was.column), side(pr.now.Table, rec.column); f.Side != "" && before != now {
		m.renames.Tables[now] = before
	}
}

// from takes the declaration's word for what is to be converted: it must be what the database records. Once the new form is reached
// the word means nothing.
func (s *Step) from(from *decl.From, was, now Form) {
	said := Form{Type: from.Field.Type, Digits: from.Field.Digits, Encrypted: from.Field.Encrypted, Profile: from.Field.Profile}
	if from.Field.Of != nil {
		said.Of = &Form{Type: from.Field.Of.Type, Digits: from.Field.Of.Digits}
	}
	fits := said.String() == was.String() && (said.Profile == was.Profile || now.Type != "html" || was.Type != "html")
	gone := true
	for old := range from.Map {
		gone = gone && !slices.Contains(now.Values, old)
	}
	if len(from.Map) > 0 { // no map says no more than no word from does: what was filled without it stands
		s.names = from.Map
	}
	switch {
	case len(from.Map) > 0 && !gone:
		s.refuse("map takes values that the field no longer has; remove the others from it")
	case len(from.Map) > 0 && !slices.ContainsFunc(was.Values, func(v string) bool { return from.Map[v] != "" }):
		s.names = nil // reached before
	case fits:
		s.asked = true
	case s.Kind == Converted:
		s.refuse(fmt.Sprintf("from says %s, and the database holds %s; write what it holds", said, was))
	}
}

func (s *Step) refuse(why string) { s.Kind, s.Why = Refused, why }

// whole compares what is recorded of a collection itself.
func (m *Migration) whole(pr *pair) {
	now := collectionForm{Per: pr.now.Decl.Per, IDs: pr.now.Decl.IDs, Was: pr.now.Decl.Was}
	var known [][]string
	border := false
	if pr.before != nil {
		known, border = pr.before.form.Uniques, pr.before.form.Per != now.Per
	}
	for _, u := range pr.now.Uniques {
		var set []string
		moved := false
		for _, f := range u.Fields {
			set = append(set, pr.record.named(f.Name).id)
			moved = moved || pr.moved[f.Name] != nil
		}
		now.Uniques = append(now.Uniques, set)
		if pr.before != nil && (moved || border || !slices.ContainsFunc(known, func(k []string) bool { return slices.Equal(k, set) })) {
			pr.unique = append(pr.unique, u)
		}
	}
	pr.record.form = now
	if pr.before == nil {
		return
	}
	say := func(kind Kind, what string) {
		m.Steps = append(m.Steps, &Step{Where: pr.now.Name, What: what, Kind: kind})
	}
	if pr.before.name != pr.now.Name {
		say(Noted, "was "+pr.before.name)
	}
	if border && now.Per != "" {
		say(Fits, "its rows belong to organisations now")
	} else if border {
		say(Fits, "its rows belong to no organisation any more")
	}
	if pr.before.form.IDs != now.IDs {
		say(Noted, "new rows get ids of another kind")
	}
}

// bind tells the plan where its fields lie.
func (m *Migration) bind() {
	ids, places := map[string]string{}, map[string]map[string]plan.Place{}
	for _, c := range m.now.collections {
		ids[c.name], places[c.name] = c.id, map[string]plan.Place{}
		for _, f := range c.fields {
			places[c.name][f.name] = plan.Place{ID: f.id, Column: f.column, Side: side(c.name, f.column)}
		}
	}
	m.plan.Bind(ids, places)
}

// inner reports whether a change is a part of a conversion, or clears up after one: nothing is lost by it.
func (m *Migration) inner(c store.Change) bool {
	switch c := c.(type) {
	case store.AddColumn:
		return strings.Contains(c.Column.Name, "__")
	case store.DropColumn:
		return m.free(c.Table, c.Column)
	case store.DropTable:
		return m.left[c.Table]
	case store.CreateTable:
		return slices.ContainsFunc(m.pairs, func(pr *pair) bool {
			return slices.ContainsFunc(pr.steps, func(s *Step) bool { return pr.moved[s.now.Name] == s && s.place.Side == c.Table.Name })
		})
	case store.Rebuild:
		return !slices.ContainsFunc(c.Alters, func(a store.Change) bool { return !fillsShadow(a) })
	}
	return false
}

// fillsShadow reports whether a change makes a converted column as mandatory as the one whose place it takes.
func fillsShadow(a store.Change) bool {
	n, ok := a.(store.Nullable)
	return ok && strings.Contains(n.Column, "__")
}

// free reports whether a column may go without being named: it holds what a conversion leaves behind, or what one that was given up had
// begun.
func (m *Migration) free(table, column string) bool {
	if m.left[table+"."+column] || strings.HasSuffix(column, marker) {
		return true
	}
	i := slices.IndexFunc(m.pairs, func(pr *pair) bool { return pr.now.Table == table && pr.before != nil })
	return i >= 0 && m.pairs[i].before.begun(column)
}

// begun reports whether a column of a collection's table holds what a conversion had begun to fill and has not put in place.
func (c *collection) begun(column string) bool {
	return strings.Contains(column, "__") && !strings.HasSuffix(column, marker) &&
		!slices.ContainsFunc(c.fields, func(f *field) bool { return f.column == column })
}

// leave notes the side tables of lists whose conversion was given up. Their names may be digests; what they hang on tells what they are.
func (m *Migration) leave(have store.Schema) {
	for _, t := range have.Tables {
		if m.old.named(t.Name) != nil || !slices.Equal(t.Primary, []string{"row_id", "position"}) {
			continue
		}
		for _, k := range t.Foreign {
			if c := m.old.named(k.RefTable); c != nil && k.Columns[0] == "row_id" && m.list(t.Name) == "" {
				m.left[t.Name] = true
			}
		}
	}
}

// list is the recorded list whose side table this is, as it is called now; "" for none.
func (m *Migration) list(table string) string {
	for _, x := range m.old.collections {
		for _, f := range x.fields {
			if f.form.Of != nil && side(x.name, f.column) == table {
				return m.today(x) + "." + f.name
			}
		}
	}
	return ""
}

// destroyed is the name under which a change that loses data must be asked for: "articles" or "articles.fee"; "" for one that loses
// none. A list's side table goes with its field.
func (m *Migration) destroyed(c store.Change) string {
	switch c := c.(type) {
	case store.DropColumn:
		name, _, _ := strings.Cut(c.Column, "__") // a converted column has a number after its name
		return c.Table + "." + name
	case store.DropTable:
		return cmp.Or(m.list(c.Table), c.Table)
	}
	return ""
}

// today is what a recorded collection is called from now on; one that is gone keeps its name.
func (m *Migration) today(x *collection) string {
	if i := slices.IndexFunc(m.pairs, func(pr *pair) bool { return pr.before == x }); i >= 0 {
		return m.pairs[i].now.Name
	}
	return x.name
}

// Waiting are the fields whose values must be converted before the plan can be served.
func (m *Migration) Waiting() []string {
	out := map[string]bool{}
	for _, pr := range m.pairs {
		for name := range pr.moved {
			out[pr.now.Name+"."+name] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}
