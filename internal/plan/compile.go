package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Load reads and compiles the declaration at path for an environment.
func Load(path, env string) (*Plan, error) {
	f, err := decl.ParseFile(path, env)
	if err != nil {
		return nil, err
	}
	return Compile(f, env)
}

// Compile turns a declaration into a plan. The error names every problem with its place (decl.Error, joined).
func Compile(f *decl.File, env string) (*Plan, error) {
	c := &compiler{plan: &Plan{Environment: env, Decl: f, byName: map[string]*Collection{}, Shapes: map[string]*rule.Shape{}}}
	c.settings()
	c.roles()
	c.collection(&f.Accounts)
	if f.Organisations != nil {
		c.collection(organisations(f.Organisations))
		c.collection(memberships(f.Organisations))
		c.plan.Organisations, c.plan.Memberships = c.plan.byName["organisations"], c.plan.byName["memberships"]
	}
	for i := range f.Collections {
		c.collection(&f.Collections[i])
	}
	c.plan.Accounts = c.plan.byName["accounts"]
	c.shapes()
	for _, col := range c.plan.Collections {
		c.rules(col)
	}
	c.unbuilt()
	c.check()
	c.checkNames()
	c.checkKeys()
	c.warnUncovered()
	c.notePairs()
	c.warnPinned()
	c.warnUnseen()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	meaning, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	sum := sha256.Sum256(append(meaning, env...))
	c.plan.Version = hex.EncodeToString(sum[:8])
	return c.plan, nil
}

// compiler collects what is wrong while it builds.
type compiler struct {
	plan *Plan
	errs []error
}

func (c *compiler) fail(at decl.Pos, format string, args ...any) {
	c.errs = append(c.errs, c.plan.Decl.Wrong(at, fmt.Sprintf(format, args...)))
}

func (c *compiler) roles() {
	for i, r := range c.plan.Decl.Roles {
		role := Role{Name: r.Name, Set: types.RoleSet(1) << i, ReadOnly: r.ReadOnly, Manages: r.Manages, Approve: r.Approve == "two"}
		switch r.Requires {
		case "mfa":
			role.Requires = AnyMFA
		case "passkey":
			role.Requires = PasskeyFactor
		}
		c.plan.Roles = append(c.plan.Roles, role)
	}
	c.organisationRoles()
}

// RoleNames lists the roles in bit order.
func (p *Plan) RoleNames() []string {
	out := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		out[i] = r.Name
	}
	return out
}

// RoleSet returns the set of the named roles; unknown names are left out.
func (p *Plan) RoleSet(names ...string) types.RoleSet {
	var set types.RoleSet
	for _, r := range p.Roles {
		if slices.Contains(names, r.Name) {
			set |= r.Set
		}
	}
	return set
}

// systemFields are those of every row.
func systemFields() []*Field {
	return []*Field{
		{Name: "id", Column: "id", Bit: 99, Type: TextField, System: true, Indexed: true, Rule: rule.Type{Kind: rule.RefType}},
		{Name: "created", Column: "created", Bit: 99, Type: TimeField, System: true, Indexed: true, Rule: rule.Type{Kind: rule.TimeType}},
		{Name: "updated", Column: "updated", Bit: 99, Type: TimeField, System: true, Indexed: true, Rule: rule.Type{Kind: rule.TimeType}},
		{Name: "version", Column: "version", Bit: 99, Type: IntField, System: true, Rule: rule.Type{Kind: rule.IntType}},
	}
}

func (c *compiler) collection(d *decl.Collection) {
	col := &Collection{Name: d.Name, ID: d.Name, Table: d.Name, Decl: d, System: systemFields(), PerOrg: d.Per == "organisation",
		Random: d.IDs == "random", IfMatch: d.IfMatch == "required", byName: map[string]*Field{}}
	col.System[0].Rule.To = d.Name
	if col.PerOrg {
		col.System = append(col.System, orgField())
	}
	for _, f := range col.System {
		col.byName[f.Name] = f
	}
	for i := range d.Fields {
		f := c.field(col, &d.Fields[i], uint(i))
		col.Fields = append(col.Fields, f)
		col.byName[f.Name] = f
		col.All |= 1 << f.Bit
		if f.Unique {
			col.Uniques = append(col.Uniques, Unique{store.Name(col.Table, "_unique_", f.Column), []*Field{f}})
		}
	}
	for _, names := range d.Unique {
		u := Unique{Name: store.Name(col.Table, "_unique_", strings.Join(names, "_"))}
		for _, n := range names {
			if f := col.byName[n]; f != nil && !f.Encrypted && f.Type != ListField {
				u.Fields = append(u.Fields, f)
			} else {
				c.fail(d.Pos, "unique takes plain fields; %s.%s is not one", d.Name, n)
			}
		}
		col.Uniques = append(col.Uniques, u)
	}
	c.plan.Collections = append(c.plan.Collections, col)
	c.plan.byName[d.Name] = col
}

var fieldTypes = map[string]FieldType{"text": TextField, "int": IntField, "decimal": DecimalField, "bool": BoolField, "date": DateField,
	"time": TimeField, "enum": EnumField, "email": EmailField, "url": URLField, "uuid": UUIDField, "json": JSONField, "html": HTMLField,
	"list": ListField, "account": AccountField, "ref": RefField, "state": StateField}

// defaults of bounds: what a type may hold when the declaration does not say.
// mostHTML bounds rich text, in characters: to clean a longer one costs over twenty bytes of memory for each that was received.
const mostHTML = 200_000

var defaultMax = map[FieldType]int{EmailField: 254, URLField: 2048, UUIDField: 36, JSONField: 65536, HTMLField: 20000, EnumField: 200, StateField: 200}

func (c *compiler) field(col *Collection, d *decl.Field, bit uint) *Field {
	f := &Field{Name: d.Name, ID: d.Name, Column: d.Name, Bit: bit, Type: fieldTypes[d.Type], Decl: d, Optional: d.Optional, Fixed: d.Fixed,
		Unique: d.Unique, Personal: d.Personal, Sensitive: d.Sensitive, Encrypted: d.Encrypted, Digits: d.Digits, Profile: d.Profile, Images: d.Images,
		Values: d.Values, Start: d.Start, To: d.To}
	f.Indexed = !f.Encrypted && (d.Indexed || d.Unique || f.Type == AccountField || f.Type == RefField || f.Type == StateField || f.Type == DateField && d.Indexed)
	f.MaxLen = defaultMax[f.Type]
	switch f.Type {
	case AccountField:
		f.To = "accounts"
	case StateField:
		f.Steps = map[string][]string{}
		for _, s := range d.Steps {
			f.Steps[s.From] = s.To
			for _, name := range append([]string{s.From}, s.To...) {
				if !slices.Contains(f.Values, name) {
					f.Values = append(f.Values, name)
				}
			}
		}
	case ListField:
		f.Elem = c.field(col, d.Of, 99)
		if !f.Encrypted {
			f.Side = store.Name(col.Table, "__", f.Name)
		}
	case HTMLField:
		if f.Profile == "" {
			f.Profile = "basic"
		}
	}
	if d.Pattern != nil {
		f.Pattern = d.Pattern.Value
		f.Match = regexp.MustCompile(`^(?:` + f.Pattern + `)$`) // the reader has compiled it before
	}
	c.bounds(f, d)
	f.Rule = ruleType(f)
	c.defaults(f, d)
	return f
}

// ruleType is what rules see of a field.
func ruleType(f *Field) rule.Type {
	switch {
	case f.Encrypted:
		return rule.Type{Kind: rule.SealedType}
	case f.Type == ListField:
		elem := ruleType(f.Elem)
		return rule.Type{Kind: rule.ListType, Elem: &elem}
	}
	switch f.Type {
	case IntField:
		return rule.Type{Kind: rule.IntType}
	case DecimalField:
		return rule.Type{Kind: rule.DecimalType, Digits: f.Digits}
	case BoolField:
		return rule.Type{Kind: rule.BoolType}
	case DateField:
		return rule.Type{Kind: rule.DateType}
	case TimeField:
		return rule.Type{Kind: rule.TimeType}
	case JSONField:
		return rule.Type{Kind: rule.JSONType}
	case AccountField, RefField:
		return rule.Type{Kind: rule.RefType, To: f.To}
	}
	return rule.Type{Kind: rule.TextType, Values: f.Values}
}

// bounds reads min and max by the field's type.
func (c *compiler) bounds(f *Field, d *decl.Field) {
	read := func(t *decl.Text, into func(string) error) bool {
		if t == nil {
			return false
		}
		if err := into(t.Value); err != nil {
			c.fail(t.Pos, "%v", err)
			return false
		}
		return true
	}
	number := func(dst *int64) func(string) error {
		return func(s string) (err error) { *dst, err = scalarInt(f, s); return err }
	}
	length := func(dst *int) func(string) error {
		return func(s string) (err error) {
			if *dst, err = strconv.Atoi(s); err != nil || *dst < 0 || *dst > 1<<20 {
				return errors.New("a length is a whole number up to 1048576")
			}
			if f.Type == HTMLField && *dst > mostHTML {
				return fmt.Errorf("markup has at most %d characters; keep what is longer as text, or in several rows", mostHTML)
			}
			return nil
		}
	}
	switch f.Type {
	case IntField, DecimalField, TimeField:
		f.HasMin, f.HasMax = read(d.Min, number(&f.MinInt)), read(d.Max, number(&f.MaxInt))
	case DateField:
		day := func(dst *string) func(string) error {
			return func(s string) error { *dst = s; return dateForm(s) }
		}
		f.HasMin, f.HasMax = read(d.Min, day(&f.MinText)), read(d.Max, day(&f.MaxText))
	default:
		f.HasMin = read(d.Min, length(&f.MinLen))
		f.HasMax = read(d.Max, length(&f.MaxLen))
	}
	if f.HasMin && f.HasMax && (f.MinInt > f.MaxInt || f.MinLen > f.MaxLen || f.MinText > f.MaxText) {
		c.fail(d.Pos, "%s: min is above max", d.Name)
	}
}

func dateForm(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return errors.New("a date is written like \"2026-01-31\"")
	}
	return nil
}

// scalarInt reads a literal of an int, decimal, bool or time field in its stored form.
func scalarInt(f *Field, s string) (int64, error) {
	switch f.Type {
	case DecimalField:
		return rule.Scale(s, f.Digits)
	case BoolField:
		if s != "true" && s != "false" {
			return 0, errors.New("write true or false")
		}
		return types.BoolValue(s == "true").Int, nil
	case TimeField:
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return 0, errors.New("a time is written like \"2026-01-31T12:00:00Z\"")
		}
		return types.Micros(at), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > 1<<53-1 || n < -(1<<53-1) {
		return 0, errors.New("a whole number within ±(2^53-1) is needed")
	}
	return n, nil
}

// defaults reads default and fill: a literal of the field's type, or me.id, me.org, now, today, [] and [me.id].
func (c *compiler) defaults(f *Field, d *decl.Field) {
	if f.Type == StateField {
		f.Default = &Default{Value: types.TextValue(f.Start)}
	}
	if d.Default != nil {
		def, err := readDefault(f, d.Default.Value)
		if err != nil {
			c.fail(d.Default.Pos, "default of %s: %v", f.Name, err)
		}
		f.Default = def
	}
	if d.Fill == nil {
		return
	}
	def, err := readDefault(f, d.Fill.Value)
	if err != nil || def.Param != 0 || f.Encrypted {
		c.fail(d.Fill.Pos, "fill takes a literal of the field's type")
		return
	}
	f.Fill = &store.Literal{Int: def.Value.Int, Text: def.Value.Text, IsText: def.Value.Kind != types.Int}
	if f.Type == ListField {
		f.Fill = &store.Literal{Text: "[]", IsText: true}
	}
}

var defaultParams = map[string]rule.ParamKind{"me.id": rule.MeID, "me.org": rule.MeOrg, "now": rule.Now, "today": rule.Today}

func readDefault(f *Field, s string) (*Default, error) {
	if f.Type == ListField {
		switch s {
		case "[]":
			return &Default{Value: types.ListValue()}, nil
		case "[me.id]":
			if f.Elem.To == "accounts" {
				return &Default{Param: rule.MeID, List: true}, nil
			}
		}
		return nil, errors.New("a list's default is \"[]\" or \"[me.id]\"")
	}
	if p, ok := defaultParams[s]; ok {
		kind := map[rule.ParamKind]rule.TypeKind{rule.MeID: rule.RefType, rule.MeOrg: rule.RefType, rule.Now: rule.TimeType, rule.Today: rule.DateType}[p]
		to := map[rule.ParamKind]string{rule.MeID: "accounts", rule.MeOrg: "organisations"}[p]
		if f.Rule.Kind == kind && f.To == to {
			return &Default{Param: p}, nil
		}
	}
	switch f.Type {
	case IntField, DecimalField, BoolField, TimeField:
		n, err := scalarInt(f, s)
		return &Default{Value: types.IntValue(n)}, err
	case DateField:
		return &Default{Value: types.TextValue(s)}, dateForm(s)
	case EnumField, StateField:
		if !slices.Contains(f.Values, s) {
			return nil, fmt.Errorf("%q is not one of the values", s)
		}
	case AccountField, RefField, JSONField, UUIDField:
		return nil, errors.New("this type takes no literal; an account may begin as \"me.id\", an organisation as \"me.org\", others have no default")
	}
	return &Default{Value: types.TextValue(s)}, nil
}

func (f *Field) onDelete() store.OnDelete {
	d := f.Decl
	if d == nil {
		return store.Restrict
	}
	switch d.OnDelete {
	case "cascade":
		return store.Cascade
	case "clear":
		return store.SetNull
	}
	return store.Restrict
}
