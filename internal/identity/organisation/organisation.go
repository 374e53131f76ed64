// Package organisation keeps tenants: who belongs to which organisation with which role, which one is active in a session,
// and how people come in and go.
//
// Policy: one membership is one role; the roles stand in the order of the declaration, the highest first. Who holds the
// highest owns the organisation: he renames it, changes roles and removes members, and the last one who does so can neither
// leave nor be taken away. Invitations are made by the roles that the declaration names, to roles that are not above the
// inviter's own. Every act is judged in its transaction on the membership as it is stored then, and on the role being in
// force in the session, so that a session that has not heard the news yet does nothing with what it lost. An act of a signed-in
// caller is always within the organisation that is active in his session: no path names another. API tokens never
// manage. What is done, and what is refused to a member, is evidence.
//
// The map: organisation.go (parts, create, rename, switch), roster.go (what a membership amounts to in a session), member.go
// (roles, removal, leaving), invite.go and accept.go (invitations), routes.go (what edge mounts), tables.go.
package organisation

import (
	"context"
	"encoding/json"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Bounds, against floods.
const (
	MaxOwned       = 20   // organisations that one account owns
	MaxMembers     = 1000 // of one organisation
	MaxInvitations = 200  // of one organisation at a time
)

// Doors makes accounts for people who were invited and have none; signup.Links is made to fit.
type Doors interface {
	Prepare(ctx context.Context, email string, password types.Secret, profile json.RawMessage) (phc types.Secret, err error)
	Admit(ctx context.Context, tx store.Tx, email string, phc types.Secret, profile json.RawMessage, c signin.Client) (types.ID, error)
	// Enter signs in, in the same transaction, who chose the password; since was taken before it began.
	Enter(ctx context.Context, tx store.Tx, id types.ID, c signin.Client, since session.Mark) (*signin.Step, error)
}

// Config is the parts; all are required.
type Config struct {
	DB       store.DB // the feed's
	Clock    types.Clock
	Roster   *Roster
	Accounts *account.Accounts
	Sessions *session.Sessions
	Throttle *throttle.Throttle
	Ring     *seal.Ring
	Doors    Doors
	Outbox   signup.Outbox
	Open     bool     // whoever is signed in may make an organisation; else operators only
	Invite   []string // roles that may invite
	Base     string   // "https://clinic.example": what links begin with
}

// Organisations is the tenants of a service. It is safe for concurrent use.
type Organisations struct{ cfg Config }

// New returns organisations of the parts.
func New(cfg Config) *Organisations { return &Organisations{cfg} }

// Refusals. Whoever is no member is told what he would be told of an organisation that does not exist.
var (
	errNone    = types.Refuse(types.Forbidden, "organisation_required", "choose an organisation for this session first")
	errUnknown = types.Refuse(types.NotFound, "not_found", "there is no such thing, or it is not yours; list what you have first")
	errTop     = types.Refuse(types.Forbidden, "not_allowed", "this takes the highest role of the organisation; ask somebody who has it")
	errInviter = types.Refuse(types.Forbidden, "not_allowed", "your role in the organisation may not invite; ask somebody whose role may")
	errFactor  = types.Refuse(types.Forbidden, "factor_required", "your role in the organisation may do this after signing in with another factor")
	errLack    = types.Refuse(types.Forbidden, "role_not_held", "you can only give your own role or one below it; ask somebody who has it")
	errLast    = types.Refuse(types.Conflict, "last_owner", "this is the last member with the highest role; give it to somebody else first")
	errClosed  = types.Refuse(types.Forbidden, "organisations_closed", "organisations are made by operators here; ask one")
	errOwned   = types.Refuse(types.Conflict, "too_many_organisations", "an account owns at most 20 organisations; hand one over first")
	errFull    = types.Refuse(types.Conflict, "organisation_full", "an organisation has at most 1000 members; remove one first")
)

func invalid(path, code, detail string) error {
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
		Fields: []types.FieldError{{Path: path, Code: code, Detail: detail}}}
}

// Organisation is an organisation as a member sees it. Role is the member's, "" for an operator.
type Organisation struct {
	ID      types.ID
	Name    string
	Role    string
	Members int // for operators
}

// canonicalName is how a name is stored.
func canonicalName(name string) (string, error) {
	name = norm.NFC.String(name)
	n := utf8.RuneCountInString(name)
	if !utf8.ValidString(name) || n < 1 || n > 120 || slices.ContainsFunc([]rune(name), unicode.IsControl) {
		return "", invalid("name", "length", "a name has 1 to 120 characters on one line")
	}
	return name, nil
}

var (
	insertOrg = store.SQL(`INSERT INTO organisations (id, created, updated, version, name) VALUES (?, ?, ?, 1, ?)`)
	renameOrg = store.SQL(`UPDATE organisations SET name = ?, updated = ?, version = version + 1 WHERE id = ?`)
	oneOrg    = store.SQL(`SELECT name FROM organisations WHERE id = ?`)
	owned     = store.SQL(`SELECT count(*) FROM memberships WHERE account = ? AND role = ?`)
	mine      = store.SQL(`SELECT o.id, o.name, m.role FROM memberships m JOIN organisations o ON o.id = m.org WHERE m.account = ? ORDER BY o.id`)
	allOrgs   = store.SQL(`SELECT o.id, o.name, (SELECT count(*) FROM memberships m WHERE m.org = o.id) FROM organisations o WHERE o.id > ? ORDER BY o.id LIMIT 200`)
)

// Create makes an organisation whose highest role the owner gets: the caller himself, or whom an operator names. It does not
// become active.
func (o *Organisations) Create(ctx context.Context, by *types.Caller, owner types.ID, name string) (*Organisation, error) {
	if !by.Unruled() {
		if err := needSession(by); err != nil {
			return nil, err
		}
		if !o.cfg.Open {
			return nil, errClosed
		}
		owner = by.Account
	}
	name, err := canonicalName(name)
	if err != nil {
		return nil, err
	}
	out := &Organisation{ID: types.NewID(o.cfg.Clock.Now()), Name: name, Role: o.cfg.Roster.top()}
	err = o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if !by.Unruled() {
			if err := session.Stands(ctx, tx, by); err != nil {
				return err
			}
		}
		if n, err := number(ctx, tx, owned, types.IDValue(owner), types.TextValue(out.Role)); err != nil {
			return err
		} else if n >= MaxOwned && !by.Unruled() {
			return errOwned
		}
		us := types.IntValue(types.Micros(o.cfg.Clock.Now()))
		if _, err := tx.Exec(ctx, insertOrg, types.IDValue(out.ID), us, us, types.TextValue(name)); err != nil {
			return err
		}
		if err := o.put(ctx, tx, out.ID, owner, out.Role); err != nil {
			return err
		}
		return o.done(tx, by, out.ID, "created "+about(owner, out.Role))
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Rename gives an organisation another name.
func (o *Organisations) Rename(ctx context.Context, by *types.Caller, org types.ID, name string) (*Organisation, error) {
	name, err := canonicalName(name)
	if err != nil {
		return nil, err
	}
	out := &Organisation{ID: org, Name: name}
	err = o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		role, err := o.judge(ctx, tx, by, org, o.owns)
		if err != nil {
			return err
		}
		out.Role = role
		if n, err := tx.Exec(ctx, renameOrg, types.TextValue(name), types.IntValue(types.Micros(o.cfg.Clock.Now())), types.IDValue(org)); err != nil {
			return err
		} else if n == 0 {
			return errUnknown
		}
		return o.done(tx, by, org, "renamed")
	})
	return out, err
}

// Mine lists the organisations that the caller's account belongs to.
func (o *Organisations) Mine(ctx context.Context, by *types.Caller) (out []Organisation, err error) {
	err = o.cfg.DB.View(ctx, func(r store.Reader) error {
		out, err = o.Of(ctx, r, by.Account)
		return err
	})
	return out, err
}

// Of lists the organisations that an account belongs to, with its role in each. The caller has judged who asks.
func (o *Organisations) Of(ctx context.Context, r store.Reader, account types.ID) ([]Organisation, error) {
	var out []Organisation
	err := each(ctx, r, mine, func(rows store.Rows) {
		out = append(out, Organisation{ID: types.ID(rows.Text(0)), Name: rows.Text(1), Role: rows.Text(2)})
	}, types.IDValue(account))
	return out, err
}

// All lists organisations with ids above after, 200 at a time, for an operator.
func (o *Organisations) All(ctx context.Context, by *types.Caller, after types.ID) ([]Organisation, error) {
	if !by.Unruled() {
		return nil, errUnknown
	}
	var out []Organisation
	err := o.cfg.DB.View(ctx, func(r store.Reader) error {
		out = nil
		return each(ctx, r, allOrgs, func(rows store.Rows) {
			out = append(out, Organisation{ID: types.ID(rows.Text(0)), Name: rows.Text(1), Members: int(rows.Int(2))})
		}, types.TextValue(string(after)))
	})
	return out, err
}

// Switch makes an organisation the active one of the caller's session, "" for none, and gives the session a new token; the
// tokens before are refused from now on. Other sessions keep theirs.
func (o *Organisations) Switch(ctx context.Context, by *types.Caller, org types.ID) (*session.Started, error) {
	if err := needSession(by); err != nil {
		return nil, err
	}
	var started *session.Started
	err := o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if org != "" {
			if role, err := o.cfg.Roster.role(ctx, tx, org, by.Account); err != nil {
				return err
			} else if role == "" {
				return o.refused(tx, by, org, errUnknown)
			}
		}
		var err error
		started, err = o.enter(ctx, tx, by, org)
		return err
	})
	return started, err
}

// enter does what Switch says, for a member.
func (o *Organisations) enter(ctx context.Context, tx store.Tx, by *types.Caller, org types.ID) (*session.Started, error) {
	if err := session.Stands(ctx, tx, by); err != nil {
		return nil, err
	}
	if err := o.cfg.Sessions.SetOrg(ctx, tx, by.Account, by.Session, org); err != nil {
		return nil, err
	}
	if err := choose(ctx, tx, by.Account, org); err != nil {
		return nil, err
	}
	if err := o.done(tx, by, org, "active"); err != nil {
		return nil, err
	}
	acc, err := o.cfg.Accounts.Get(ctx, tx, by.Account)
	if err != nil {
		return nil, err
	}
	return o.cfg.Sessions.Renew(ctx, tx, by.Session, session.Level{Factors: by.Factors, FreshAt: by.FreshAt, Cause: true, Epoch: acc.Epoch})
}

// needSession refuses callers who have no session: API tokens, nobody.
func needSession(by *types.Caller) error {
	if by.Kind != types.Signed || by.Session == "" || by.Token != "" {
		return session.ErrRequired
	}
	return nil
}

// judge says which role the caller holds in the organisation now, as the transaction sees it, and whether that may do what
// is asked; "" for an operator, who may.
func (o *Organisations) judge(ctx context.Context, tx store.Tx, by *types.Caller, org types.ID, may func(role string) *types.Error) (string, error) {
	if by.Unruled() {
		return "", nil
	}
	if err := needSession(by); err != nil {
		return "", err
	}
	if err := session.Stands(ctx, tx, by); err != nil {
		return "", err
	}
	if by.Org == "" || org != by.Org {
		return "", errNone
	}
	role, err := o.cfg.Roster.role(ctx, tx, org, by.Account)
	if err != nil {
		return "", err
	}
	if role == "" {
		return "", o.refused(tx, by, org, errNone)
	}
	if e := may(role); e != nil {
		return "", o.refused(tx, by, org, e)
	}
	if !by.Roles.Has(o.cfg.Roster.set(role)) {
		return "", o.refused(tx, by, org, errFactor)
	}
	return role, nil
}

// owns is what renaming, changing roles and removing take.
func (o *Organisations) owns(role string) *types.Error {
	if role != o.cfg.Roster.top() {
		return errTop
	}
	return nil
}

// invites is what invitations take.
func (o *Organisations) invites(role string) *types.Error {
	if !slices.Contains(o.cfg.Invite, role) {
		return errInviter
	}
	return nil
}

// about names a membership in evidence.
func about(account types.ID, role string) string {
	if role == "" {
		return "account:" + string(account)
	}
	return "account:" + string(account) + " role:" + role
}

func (o *Organisations) done(tx store.Tx, by *types.Caller, org types.ID, what string) error {
	e := types.NewEntry(types.OrgChange, types.Done, by, o.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = "organisations", org, what
	return tx.Record(e)
}

func (o *Organisations) refused(tx store.Tx, by *types.Caller, org types.ID, why *types.Error) error {
	e := types.NewEntry(types.OrgChange, types.Refused, by, o.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = "organisations", org, why.Code
	if err := tx.Record(e); err != nil {
		return err
	}
	return store.Keep(why)
}
