package types

import "time"

// Event is the noun.verb of an evidence entry. The set is closed: an event that is not listed here cannot be recorded.
type Event string

// The vocabulary.
const (
	RowRead      Event = "row.read"
	RowCreate    Event = "row.create"
	RowUpdate    Event = "row.update"
	RowDelete    Event = "row.delete"
	RowExport    Event = "row.export"
	RowImport    Event = "row.import"
	RequestDeny  Event = "request.deny" // refused before a row was named
	SignUp       Event = "account.sign_up"
	SignIn       Event = "session.start"
	SignInFail   Event = "session.refuse"
	SignOut      Event = "session.end"
	SessionReuse Event = "session.replay" // a rotated token came back: the family was ended
	StepUp       Event = "session.step_up"
	AccountState Event = "account.state" // invited, active, disabled, locked, erased
	AccountEmail Event = "account.email"
	AccountSet   Event = "account.update"
	FactorAdd    Event = "factor.add"
	FactorRemove Event = "factor.remove"
	FactorUse    Event = "factor.use"
	PasswordSet  Event = "password.set"
	Recover      Event = "account.recover"
	GrantAdd     Event = "grant.add"
	GrantRemove  Event = "grant.remove"
	GrantAsk     Event = "grant.ask"  // of a role that takes two persons
	GrantDeny    Event = "grant.deny" // of what was asked for
	TokenIssue   Event = "token.issue"
	TokenRevoke  Event = "token.revoke"
	OrgChange    Event = "organisation.change"
	PlanChange   Event = "plan.change" // a declaration was migrated to
	ServerStart  Event = "server.start"
	SystemDoor   Event = "system.enter" // the un-ruled door, with its reason
	KeyChange    Event = "key.change"
)

// Outcome says how the act ended. The zero value is a refusal.
type Outcome uint8

// The outcomes.
const (
	Refused Outcome = iota
	Done
	Failed
)

// Entry is one piece of evidence: who did (or was refused) what to which row. It carries ids and classes, never values.
// It is written in the transaction of the act, so that neither can exist without the other.
type Entry struct {
	Event      Event
	Outcome    Outcome
	At         time.Time
	Account    ID         // "" for anonymous
	Kind       CallerKind // of the caller
	Session    ID
	RequestID  ID
	Collection string
	Row        ID
	Rows       []ID     // of an act on many rows, such as an import; Row is "" then
	Version    int64    // the row's version after the act; 0 when there is no row
	Fields     []string // names of the fields read or written
	Code       string   // code of the refusal, or a detail of the act ("role:editor")
	Reason     string   // for the un-ruled door
	Address    string   // network of the address ("203.0.113.0/24"), never the address itself
	Count      int64    // > 1 for a coalesced entry
}

// NewEntry fills in who, when and whence from the caller.
func NewEntry(event Event, outcome Outcome, c *Caller, at time.Time) Entry {
	e := Entry{Event: event, Outcome: outcome, At: at, Account: c.Account, Kind: c.Kind, Session: c.Session,
		RequestID: c.RequestID, Reason: c.Reason, Count: 1}
	if n := Network(c.Address); n.IsValid() {
		e.Address = n.String()
	}
	return e
}
