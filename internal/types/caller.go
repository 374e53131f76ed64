package types

import (
	"net/netip"
	"time"
)

// RoleSet is a set of the plan's roles, one bit each in the order of declaration; a plan has at most 64 roles.
type RoleSet uint64

// Has reports whether every role of want is in the set.
func (s RoleSet) Has(want RoleSet) bool { return s&want == want }

// Any reports whether the two sets share a role.
func (s RoleSet) Any(other RoleSet) bool { return s&other != 0 }

// CallerKind says on whose behalf an act happens.
type CallerKind uint8

// The kinds of callers. The zero kind is anonymous, who may do nothing but what the declaration calls public.
const (
	Anonymous CallerKind = iota
	Signed               // an account, through a session or an API token
	Operator             // the operating-system user at the control socket or the command line; rules do not apply, every act is evidence
	System               // the program's own work or app.System(reason); rules do not apply, every act is evidence
)

// Factor is a way in which a session proved who it is. Bits, so that a session can hold several.
type Factor uint8

// The factors. MFA means: two different ones, or a passkey (which verifies the user by itself).
const (
	Password Factor = 1 << iota
	TOTP
	Passkey
	RecoveryCode
	Federated // an OpenID provider
)

// MFA reports whether the factors proved amount to multi-factor authentication (NIST SP 800-63B-4 AAL2).
func (f Factor) MFA() bool {
	if f&Passkey != 0 {
		return true
	}
	first := f & (Password | Federated)
	second := f & (TOTP | RecoveryCode)
	return first != 0 && second != 0
}

// Scope narrows what an API token may do. A nil *Scope does not narrow.
type Scope struct {
	Collections map[string]Action // collection name to allowed actions; absent = none
}

// Action is a set of the four verbs of rules.
type Action uint8

// The actions.
const (
	Read Action = 1 << iota
	Create
	Update
	Delete
)

// String returns the declaration's word for a single action.
func (a Action) String() string {
	switch a {
	case Read:
		return "read"
	case Create:
		return "create"
	case Update:
		return "update"
	case Delete:
		return "delete"
	}
	return "none"
}

// ParseAction is the inverse of String for single actions; 0 for any other word.
func ParseAction(s string) Action {
	switch s {
	case "read":
		return Read
	case "create":
		return Create
	case "update":
		return Update
	case "delete":
		return Delete
	}
	return 0
}

// Caller is who asks. It is a parameter of every domain method, so that authorisation lives below HTTP and the API, the
// console, the command line and Go handlers cannot forget it. It is built by identity (or by the command line) and never
// changed afterwards; the zero value is anonymous.
type Caller struct {
	Kind    CallerKind
	Account ID        // set when Kind is Signed, or when an operator acts as somebody (--as)
	Name    string    // for Operator: "operator@cli" with the system user's name in Reason
	Reason  string    // for Operator and System: why rules do not apply; required
	Roles   RoleSet   // roles in force; dormant and expired ones are not in it
	Dormant RoleSet   // roles held whose `requires` this session does not meet
	Org     ID        // the active organisation, "" for none
	Session ID        // "" for tokens, operators and system
	Epoch   int64     // of the account, when the session was looked up; 0 for all others
	Token   ID        // API token, "" for none
	Scope   *Scope    // nil: not narrowed
	Factors Factor    // what this session proved
	FreshAt time.Time // when a factor was last proved; zero for API tokens, which never satisfy `fresh`

	Address   netip.Addr // the client's true address; invalid for the command line
	RequestID ID         // names the request in logs, evidence and problem answers
	Language  string     // what the request wants to read (Accept-Language as sent, bounded), for letters; "" for nothing
}

// clockSlack is how far in the future a proof may lie: clocks of replicas differ a little. Beyond, a clock was put back.
const clockSlack = time.Minute

// Fresh reports whether the session proved a factor within d before now.
func (c *Caller) Fresh(now time.Time, d time.Duration) bool {
	age := now.Sub(c.FreshAt)
	return !c.FreshAt.IsZero() && age <= d && age > -clockSlack
}

// Unruled reports whether rules do not apply to the caller: an operator or the program itself, with a reason.
func (c *Caller) Unruled() bool {
	return (c.Kind == Operator || c.Kind == System) && c.Account == "" && c.Reason != ""
}
