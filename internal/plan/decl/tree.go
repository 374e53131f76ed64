// Package decl is the syntax tree of a declaration (fastness.yaml) and its strict reader. The tree says what was written
// and where; what it means is the business of package plan.
//
// Policy: one file, read strictly. An unknown word, a duplicate key, an anchor, a tag or a value of the wrong kind is an
// error with line, column, excerpt and, where there is one, a suggestion. Nothing is coerced. Secrets are references and
// are never resolved here. The package imports no other room, so that an auditor may read declarations without sharing
// code with what it attacks.
package decl

import "time"

// Pos is a place in the declaration: line and column count from 1, in bytes. The zero Pos means "nowhere" (a default).
type Pos struct{ Line, Col int }

// Text is a scalar with its place.
type Text struct {
	Value string
	Pos   Pos
}

// Expr is the source of a rule with the place of its first character.
type Expr struct {
	Text  string
	Pos   Pos
	parts []part // of a text of several lines
}

// Set reports whether there is an expression.
func (e Expr) Set() bool { return e.Text != "" }

// File is a whole declaration, overlays applied.
type File struct {
	Name          string // of the file, for messages
	lines         []string
	Version       int
	Service       Service
	Listen        Listen
	Data          string // folder of the data, relative to the declaration
	Store         Text   // "sqlite" or a reference "${env:DATABASE_URL}"
	SignUp        SignUp
	Session       Session
	Password      Password
	Mail          Mail
	Keys          Keys
	Ledger        Ledger
	TLS           TLS
	Origins       []Text
	Proxies       []Text
	Limits        Limits
	Pages         Pages
	OpenAPI       string // "" (signed-in callers in production) or "public"
	Roles         []Role
	Accounts      Collection // Name "accounts"
	Organisations *Organisations
	Providers     []Provider
	Collections   []Collection
	Unbuilt       []Text // blocks and words that parse and are not built yet, by name
}

// Service names the product.
type Service struct {
	Name     string
	Host     string // canonical host name, without port
	Origin   string // what the world sees, like https://app.example.org:8443; "" means https:// and Host
	Level    int    // of OWASP ASVS 5.0: 1 to 3; 0 means 1
	Language string // of letters to people whose own is not known: en or de; "" means en
	Pos      Pos
}

// Pages says what the people's pages look like.
type Pages struct {
	Name   string // what they call the service; "" means its name
	Accent string // "#rrggbb"; "" means the house's own
	Logo   string // path of an image beside the declaration; "" for none
	Pos    Pos
}

// Listen holds addresses "host:port"; "" means the environment's default or, for HTTP, none.
type Listen struct{ HTTPS, HTTP, Operations string }

// TLS names the certificate and key files of production.
type TLS struct {
	Certificate string
	Key         string
	Pos         Pos
}

// SignUp says who may make an account.
type SignUp struct {
	Mode   string   // open, invite (default) or closed
	Roles  []string // what a newcomer gets
	Verify string   // "email"
	Pos    Pos
}

// Session limits sessions; zero values mean 30m, 12h, 5.
type Session struct {
	Idle, Absolute time.Duration
	Parallel       int
	Because        string // why they live longer than the level allows
	Pos            Pos
}

// Password is the policy; zero values mean 15 and 8 code points.
type Password struct {
	Min, MinWithMFA int
	Compose         []string // letter, digit, upper, symbol: only with Because
	Because         string
	Breached        string // path of a file of breached SHA-1 hashes in order (HIBP format)
	Pos             Pos
}

// Mail says how letters leave.
type Mail struct {
	From string // "Name <address>" or an address
	SMTP Text   // reference to a URL smtp(s)://user:password@host:port
	Pos  Pos
}

// Keys says where the root key lies and how long keys live.
type Keys struct {
	Root       Text // "file" (default) or a reference
	Rotate     time.Duration
	EraseAfter time.Duration
}

// Ledger says how long evidence is kept.
type Ledger struct{ Keep time.Duration }

// Limits bound requests; zero means the default.
type Limits struct {
	Body          int64 // bytes; 1 MiB
	AnonymousBody int64 // bytes, at most Body; 64 KiB
	PerAccount    Rate  // 600/m
	PerAddress    Rate  // 60000/m
}

// Rate is a number of events per time.
type Rate struct {
	Count int
	Per   time.Duration
}

// Role is a declared role.
type Role struct {
	Name     string
	Requires string // "", mfa or passkey
	ReadOnly bool
	Manages  []string // accounts, roles
	Approve  string   // "" or two: granting it takes a second person
	Pos      Pos
}

// Organisations switches tenants on.
type Organisations struct {
	SignUp string // create or invite
	Roles  []string
	Invite []string // roles that may invite
	Pos    Pos
}

// Provider is an OpenID provider that people may sign in with.
type Provider struct {
	Name         string
	Issuer       string
	ClientID     Text
	ClientSecret Text
	Label        string   // on the button; "" means the name
	Roles        []string // what a newcomer from there gets; nil: what sign_up gives
	Scopes       []string // asked for beyond openid, email and profile
	Hosts        []string // of its endpoints, where they lie on others than the issuer's
	CA           string   // PEM file of authorities in place of the system's, relative to the declaration
	Private      []string // networks that are not public and in which its hosts may lie
	Pos          Pos
}

// Collection is a declared collection; of accounts only Fields, Let, Check and Allow are used.
type Collection struct {
	Name    string
	Was     string
	Subject string
	Per     string // "" or organisation
	IDs     string // "" or random
	IfMatch string // "" or required
	Fields  []Field
	Let     []Let
	Check   []Check
	Allow   []Allow
	Unique  [][]string
	Index   [][]string // a leading - sorts down
	Pos     Pos
}

// Field is a declared field. Bounds stay text here; package plan reads them by type.
type Field struct {
	Name      string
	Type      string
	Optional  bool
	Fixed     bool
	Unique    bool
	Indexed   bool
	Personal  bool
	Sensitive bool
	Encrypted bool
	Default   *Text // literal or CEL over me and now
	Fill      *Text // for rows that exist
	Min, Max  *Text
	Pattern   *Text
	Digits    int
	Of        *Field
	Search    string
	Because   string
	Was       string
	From      *From // what rows hold now, where values are to be converted; nil: nothing is converted
	To        string
	OnDelete  string // refuse (default), cascade, clear
	Hidden    string // with refuse: cascade or clear, for rows of which the caller who deletes cannot see that they point there
	Values    []string
	Start     string
	Steps     []Step
	Profile   string
	Images    []string
	Pos       Pos
	At        map[string]Pos // place of each word that was written
}

// From is the earlier form of a field whose stored values are to be converted. Words that it leaves out are not compared.
type From struct {
	Field Field             // type, digits, of, encrypted, profile
	Map   map[string]string // of an enum or a state: what an old value becomes
	Pos   Pos
}

// Step is one state and where it may go.
type Step struct {
	From string
	To   []string
}

// Let is a named condition of a collection.
type Let struct {
	Name string
	Is   Expr
}

// Check is a cross-field check.
type Check struct {
	That Expr
	Else string
	Pos  Pos
}

// Allow is a rule: what it grants and when.
type Allow struct {
	To     []string // read, create, update, delete
	Only   []string // nil: all fields
	onlyAt []Pos    // of each
	When   Expr     // unset: always
	Fresh  time.Duration
	Public string // the reason why anonymous callers may use it
	Pos    Pos
}
