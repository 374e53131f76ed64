package plan

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Route is one endpoint that a room below edge offers. Edge mounts the list, and OpenAPI and the access matrix are made
// from the same list. A route without Access does not start.
type Route struct {
	Name    string // operation id, lower_snake, unique: "account_sign_in"
	Method  string
	Path    string // pattern of net/http.ServeMux without method: "/auth/sessions/{id}"
	Summary string // one line for OpenAPI
	Access  Access
	In      *Schema  // JSON body; nil: no body is accepted
	Out     *Schema  // JSON answer of Status; nil: none
	Status  int      // of success
	Query   []Param  // accepted query parameters; any other is 400
	Errors  []string // problem codes of its own, for OpenAPI
	Page    bool     // an HTML page: form bodies are accepted, answers carry the page's Content-Security-Policy
	// Problem is how a page tells a refusal or a fault to a person who asked with a browser (Accept: text/html); nil: as to everybody.
	// What may not be told has been taken out of e.
	Problem func(r *Request, status int, e *types.Error) *Answer
	MaxBody int64 // bytes; 0: the declaration's limit
	Handle  func(ctx context.Context, r *Request) (*Answer, error)
}

// Param is a query parameter.
type Param struct {
	Name, Summary string
	Type          string // "string", "integer", "boolean"
}

// Access says who may call a route. The zero value refuses everybody.
type Access struct {
	Public   string        // the reason why anonymous callers may: "sign-in must be reachable"
	SignedIn bool          // any signed-in account
	Roles    types.RoleSet // any of these roles
	Fresh    time.Duration // a factor proved this recently
	Rule     string        // a collection whose rules decide
	Action   types.Action  // with Rule
	Ignore   bool          // a presented credential is ignored (sign-in, sign-up, recovery)
}

// Request is what a route is given: everything has been checked by the pipeline's earlier steps.
type Request struct {
	Caller  *types.Caller
	Token   types.Secret // the presented session token, for sign-out and rotation; empty otherwise
	Path    func(name string) string
	Query   url.Values
	Header  http.Header
	URL     string // the path and query that were asked for
	Body    []byte // whole, strict JSON already verified (or a form on pages)
	Address netip.Addr
	Device  types.Secret             // the device cookie of an earlier sign-in; empty for none
	Cookie  func(name string) string // other __Host- cookies (OIDC state, page nonces)
	At      time.Time
}

// Answer is what a route returns. Body is JSON unless ContentType says otherwise.
type Answer struct {
	Status      int // 0: the route's Status
	ContentType string
	Body        []byte
	Header      http.Header    // additional headers: Location, ETag, Retry-After
	Session     *SessionChange // nil: leave the cookie alone
	Cookies     []Cookie       // other cookies to set, by short name
	Release     func()         // called when Body was written; may be nil
}

// SessionChange sets or clears the session cookie of a browser.
type SessionChange struct {
	Token  types.Secret // empty: clear
	MaxAge time.Duration
}

// Cookie is a host-only, secure, http-only cookie; edge gives it the __Host- prefix and the service's name.
type Cookie struct {
	Name   string
	Value  types.Secret // empty: clear
	MaxAge time.Duration
	Strict bool // SameSite=Strict instead of Lax
}

// Schema is the part of JSON Schema (draft 2020-12) that bodies are checked against and OpenAPI prints.
type Schema struct {
	Type       string             `json:"type,omitempty"` // object, array, string, integer, boolean
	Properties map[string]*Schema `json:"properties,omitempty"`
	Required   []string           `json:"required,omitempty"`
	Closed     bool               `json:"-"` // additionalProperties: false
	Items      *Schema            `json:"items,omitempty"`
	MinItems   int                `json:"minItems,omitempty"`
	MaxItems   int                `json:"maxItems,omitempty"`
	Minimum    *int64             `json:"minimum,omitempty"` // of an integer; nil: none
	Maximum    *int64             `json:"maximum,omitempty"`
	MinLength  int                `json:"minLength,omitempty"`
	MaxLength  int                `json:"maxLength,omitempty"` // code points; every string of a body has one
	Enum       []string           `json:"enum,omitempty"`
	Format     string             `json:"format,omitempty"`
	Pattern    string             `json:"pattern,omitempty"`
	Nullable   bool               `json:"-"`
	Any        bool               `json:"-"` // any JSON value of bounded size
	Present    bool               `json:"-"` // with Any: any but null
	Summary    string             `json:"description,omitempty"`
}
