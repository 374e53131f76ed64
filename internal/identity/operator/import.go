package operator

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/foreign"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Newcomer is one person to be taken over from another program.
type Newcomer struct {
	Email    string          `json:"email"`
	Hash     string          `json:"hash,omitempty"` // of his password there; "": none, he waits for an invitation
	Disabled bool            `json:"disabled,omitempty"`
	Roles    []string        `json:"roles,omitempty"`
	Profile  json.RawMessage `json:"profile,omitempty"` // fields of the declared accounts; nil: empty ones
}

// Import is a number of newcomers, taken in one transaction.
type Import struct {
	People   []Newcomer `json:"people"`
	Verified bool       `json:"verified,omitempty"` // the other program has proved that mail reaches them
	Write    bool       `json:"write,omitempty"`    // false: say what would be done, and do nothing
}

// MaxImport bounds the people of one Import.
const MaxImport = 100

// Fate is what became of a newcomer, or would.
type Fate struct {
	New     bool   `json:"new,omitempty"`
	Waits   bool   `json:"waits,omitempty"`   // with New: he has no password and waits for an invitation
	Refused string `json:"refused,omitempty"` // why; neither new nor refused: somebody has the address already
}

// Import takes people over, each with the hash of his old password, which the first sign-in replaces by one of ours. Hashes are
// checked for form and cost before they are stored. Whoever has an account already keeps it as it is: an import never changes a
// password, so that doing it again, or with a file that somebody else wrote, takes nobody's account. Addresses count as
// unverified unless Verified says otherwise. It is the operator's: no role may import.
func (d *Desk) Import(ctx context.Context, by *types.Caller, in Import) ([]Fate, error) {
	if !by.Unruled() {
		return nil, types.Refuse(types.Forbidden, "not_allowed", "accounts are imported at the command line; ask an operator")
	}
	if len(in.People) > MaxImport {
		return nil, types.Refuse(types.TooLarge, "too_large", "import at most 100 people at once")
	}
	for _, p := range in.People {
		for _, name := range p.Roles {
			switch r, ok := d.cfg.Grants.Role(name); {
			case !ok || r.Org:
				return nil, types.Refuse(types.Invalid, "unknown_role", "the declaration has no such role for accounts; it names them under roles")
			case r.Approve:
				return nil, types.Refuse(types.Forbidden, "approval_required", "two persons give this role: import without it, ask for it, and let another one approve")
			}
		}
	}
	out := make([]Fate, len(in.People))
	take := func(tx store.Tx) error {
		for i, p := range in.People {
			out[i] = Fate{}
			err := tx.Savepoint(ctx, func() error { return d.take(ctx, tx, by, p, in, &out[i]) })
			var refused *types.Error
			if errors.As(err, &refused) && refused.Kind == types.Invalid {
				out[i] = Fate{Refused: words(refused)}
			} else if err != nil && !errors.Is(err, errDry) {
				return err
			}
		}
		return nil
	}
	return out, d.cfg.DB.Write(ctx, take)
}

// errDry undoes what a dry run did.
var errDry = errors.New("operator: a dry run writes nothing")

// words are a refusal as one line of a report; no value is in it.
func words(e *types.Error) string {
	if len(e.Fields) == 0 {
		return e.Detail
	}
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Path + " " + f.Code
	}
	return strings.Join(parts, ", ")
}

func (d *Desk) take(ctx context.Context, tx store.Tx, by *types.Caller, p Newcomer, in Import, fate *Fate) error {
	email, err := account.Canonical(p.Email)
	if err != nil {
		return err
	}
	if _, err := d.cfg.Accounts.Find(ctx, tx, email); !errors.Is(err, account.ErrNone) {
		return err // nil: somebody has the address
	}
	n := account.Fresh{ID: types.NewID(d.cfg.Clock.Now()), State: account.Active, Email: email, Verified: in.Verified}
	if p.Hash == "" {
		n.State, fate.Waits = account.Invited, true
	} else if err := foreign.Check(p.Hash); err != nil {
		return types.Refuse(types.Invalid, "invalid", strings.TrimPrefix(err.Error(), "foreign: "))
	} else {
		n.PHC = types.NewSecret(p.Hash)
	}
	if p.Disabled {
		n.State = account.Disabled
	}
	if err := d.cfg.Profiles.Create(ctx, tx, n.ID, p.Profile); err != nil {
		return err
	}
	if err := d.cfg.Accounts.Create(ctx, tx, n); err != nil {
		return err
	}
	e := types.NewEntry(types.AccountState, types.Done, by, d.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = "accounts", n.ID, "imported:"+string(n.State)
	if err := tx.Record(e); err != nil {
		return err
	}
	for _, role := range slices.Compact(slices.Sorted(slices.Values(p.Roles))) {
		if _, err := d.cfg.Grants.Give(ctx, tx, by, n.ID, role, time.Time{}); err != nil {
			return err
		}
	}
	fate.New = true
	if !in.Write {
		return errDry
	}
	return nil
}
