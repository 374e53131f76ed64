// Package plan turns a declaration into a Plan: types, tables, rules, routes and limits, compiled once at start. The plan
// executes requests, and the same plan writes OpenAPI, answers who, and is what checks and audits look at: nothing can be
// served that is not in it.
//
// Policy: pure. It opens nothing, resolves no secret and knows no clock. Default deny: what no rule grants is not in the
// plan. Compiling twice gives byte-identical plans.
//
// The map: compile.go (declaration to plan), collection.go (fields, rules, tables), check.go (what is refused or warned
// about), route.go (what rooms offer to edge), openapi.go, who.go; below it decl reads the file and rule compiles
// expressions.
package plan

import (
	"regexp"
	"time"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Plan is a compiled declaration. It is immutable and safe for concurrent use.
type Plan struct {
	Version       string // 16 hex digits of SHA-256 over the declaration's meaning; cursors and caches are bound to it
	Environment   string // "production" or "development"
	Decl          *decl.File
	Roles         []Role                 // in bit order
	Collections   []*Collection          // in order of declaration, the built-in ones first
	Accounts      *Collection            // also in Collections
	Organisations *Collection            // also in Collections; nil: the declaration has none
	Memberships   *Collection            // beside Organisations
	Shapes        map[string]*rule.Shape // by collection
	Warnings      []string               // what check says without refusing
	Notes         []string               // what check says although nothing is wrong
	Settings      []Setting              // every setting in force; Decl has the same, defaults filled in

	byName map[string]*Collection
}

// Development reports whether the plan is for development.
func (p *Plan) Development() bool { return p.Environment == "development" }

// Listens is the address at which the service listens for HTTPS.
func (p *Plan) Listens() string {
	switch l := p.Decl.Listen.HTTPS; {
	case l != "":
		return l
	case p.Development():
		return "127.0.0.1:8443"
	}
	return ":8443"
}

// Collection returns the collection of that name, nil if the plan has none.
func (p *Plan) Collection(name string) *Collection { return p.byName[name] }

// Role is a declared role.
type Role struct {
	Name     string
	Set      types.RoleSet // its one bit
	Requires Requirement
	ReadOnly bool     // write verbs are removed from what this role grants
	Manages  []string // "accounts", "roles"
	Approve  bool     // granting it takes a second person
	Org      bool     // held within an organisation, in force while that is the active one; never granted to an account
}

// Requirement is what a session must have proved for a role to be in force.
type Requirement uint8

// The requirements.
const (
	NoFactor Requirement = iota
	AnyMFA
	PasskeyFactor
)

// Met reports whether the factors satisfy the requirement.
func (r Requirement) Met(f types.Factor) bool {
	switch r {
	case NoFactor:
		return true
	case AnyMFA:
		return f.MFA()
	case PasskeyFactor:
		return f&types.Passkey != 0
	}
	return false
}

// Mask is a set of declared fields of one collection, by Field.Bit.
type Mask uint64

// Has reports whether the field is in the mask.
func (m Mask) Has(f *Field) bool { return f != nil && m&(1<<f.Bit) != 0 }

// Collection is a compiled collection.
type Collection struct {
	Name    string
	ID      string // made once by the database, survives renames; the name until Bind
	Table   string // database table; identical to Name
	Decl    *decl.Collection
	Fields  []*Field // declared fields in order; Field.Bit is the index
	System  []*Field // id, created, updated, version, and org where rows belong to one: always readable on a readable row, never writable
	All     Mask     // every declared field
	Reads   []*Rule
	Creates []*Rule
	Updates []*Rule
	Deletes []*Rule
	Checks  []*Check
	Uniques []Unique
	PerOrg  bool // rows carry a server-set org column that every rule, uniqueness and reference is bound to
	Random  bool // ids: random
	IfMatch bool // writes must carry If-Match

	byName map[string]*Field
}

// Field returns a declared or system field by name, nil if there is none.
func (c *Collection) Field(name string) *Field { return c.byName[name] }

// Rules returns the rules of an action.
func (c *Collection) Rules(a types.Action) []*Rule {
	switch a {
	case types.Read:
		return c.Reads
	case types.Create:
		return c.Creates
	case types.Update:
		return c.Updates
	case types.Delete:
		return c.Deletes
	}
	return nil
}

// FieldType is the declared type of a field.
type FieldType uint8

// The field types.
const (
	TextField FieldType = iota + 1
	IntField
	DecimalField
	BoolField
	DateField
	TimeField
	EnumField
	EmailField
	URLField
	UUIDField
	JSONField
	HTMLField
	ListField
	AccountField
	RefField
	StateField
)

// Field is a compiled field.
type Field struct {
	Name      string
	ID        string // made once by the database, survives renames; the name until Bind
	Column    string // database column: the name, or what Bind says
	Bit       uint   // in a Mask; system fields have none (99)
	Type      FieldType
	Elem      *Field // of a list: the element, without name
	Decl      *decl.Field
	Rule      rule.Type // the type rules see; SealedType when encrypted
	Optional  bool      // may be missing (null)
	Fixed     bool      // only writable at creation
	Unique    bool
	Indexed   bool // may be filtered and sorted on
	Personal  bool
	Sensitive bool
	Encrypted bool
	To        string              // of a ref or account: the collection pointed at
	Side      string              // of a list of scalars usable in rules: the side table's name, "" for none
	Digits    int                 // of a decimal
	MinInt    int64               // int, decimal (scaled), time; valid when HasMin
	MaxInt    int64               // valid when HasMax
	MinLen    int                 // text in code points, list in elements
	MaxLen    int                 // text, html and json always have one
	MinText   string              // date
	MaxText   string              // date
	HasMin    bool                // a lower bound is declared
	HasMax    bool                // an upper bound is declared
	Pattern   string              // RE2, matches whole
	Match     *regexp.Regexp      // Pattern compiled to match whole; nil: any
	Values    []string            // enum and state
	Steps     map[string][]string // state: from, to
	Start     string              // state: value of a new row
	Profile   string              // html: sanitiser profile
	Images    []string            // html: hosts of images, with the profile rich
	Default   *Default            // nil: none
	Fill      *store.Literal      // for rows that exist when the field arrives; nil: none
	System    bool
}

// Default is what a field gets when a create does not name it: a literal or one of the caller's values.
type Default struct {
	Value types.Value
	Param rule.ParamKind // 0: Value; MeID, MeOrg, Now, Today
	List  bool           // the parameter as a list of one ("[me.id]")
}

// Rule is one allow entry for one action.
type Rule struct {
	Action types.Action
	Mask   Mask          // the fields it grants
	Whole  bool          // no `only`: all fields
	When   rule.Expr     // lets expanded, organisation condition ANDed; roles not folded yet
	Public string        // the reason when anonymous callers may use it; "" otherwise
	Fresh  time.Duration // how recent the last factor must be; 0 for no demand
	Source string        // the text of `when` for who and why
	Line   int           // in the declaration
	Col    int           // in the declaration
	Index  int           // position among the collection's allow entries
}

// Check is a cross-field check on new rows.
type Check struct {
	That   rule.Expr
	Else   string // what the client is told
	Fields []string
	Source string
}

// Unique is a uniqueness over one or more fields.
type Unique struct {
	Name   string // of the database index
	Fields []*Field
}

// Place says where one database keeps a field, and by which id it knows it.
type Place struct {
	ID     string
	Column string
	Side   string // the side table of a list that has one
}

// Bind tells the plan where one database keeps what it declares: ids by collection, places by collection and field. It is called
// once, before statements are made of the plan. What is not named keeps its own name.
func (p *Plan) Bind(ids map[string]string, places map[string]map[string]Place) {
	for _, c := range p.Collections {
		if id := ids[c.Name]; id != "" {
			c.ID = id
		}
		for _, f := range c.Fields {
			at, ok := places[c.Name][f.Name]
			if !ok {
				continue
			}
			f.ID, f.Column = at.ID, at.Column
			if f.Side != "" {
				f.Side = at.Side
			}
		}
	}
	for _, c := range p.Collections {
		shape := p.Shapes[c.Name]
		for i := range shape.Fields {
			if f := c.Field(shape.Fields[i].Name); f != nil {
				shape.Fields[i].Column, shape.Fields[i].Side = f.Column, f.Side
			}
		}
	}
}

// TypeOf is the field type of a declared word, such as "text"; 0 for none.
func TypeOf(word string) FieldType { return fieldTypes[word] }

// Tables returns the tables that the plan's collections need.
func (p *Plan) Tables() []store.Table { return tables(p) }
