// Package token keeps API tokens: named credentials for programs, issued by a person for himself.
//
// Policy: a token always expires, carries a subset of the roles that its owner had in force when he issued it from a
// freshly proved session and the organisation that was active there, may be narrowed to collections and actions, and never counts as freshly proved. Its secret
// begins with fst_, so that scanners find it in repositories, and is stored as a hash only. It dies with the account's
// epoch, and with the session that issued it when that is ended for cause: a new password, new factors, another state or "end all sessions" end every
// token; a role that is withdrawn goes from tokens at once.
package token

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Prefix begins every token.
const Prefix = "fst_"

// secretLen is the length of a whole token: the prefix and 32 bytes in the alphabet of ids.
const secretLen = len(Prefix) + 52

// MaxAge is the longest life of a token; MaxPerAccount the most that one account may have.
const (
	MaxAge        = 366 * 24 * time.Hour
	MaxPerAccount = 50
)

// ErrNone: no such token, or it is over.
var ErrNone = errors.New("token: no such token")

// Roles gives the roles that an account holds now, whatever factors they require.
type Roles interface {
	// InForce is as session.RolesOf says.
	InForce(ctx context.Context, r store.Reader, account, org types.ID, proved types.Factor, now time.Time) (within types.ID, force, dormant types.RoleSet, until time.Time, err error)
	Names(types.RoleSet) []string
	Set([]string) (types.RoleSet, bool)
}

// Config is the parts; all required.
type Config struct {
	Feed  *feed.Feed
	Clock types.Clock
	Roles Roles
}

// Tokens reads and writes tokens. It is safe for concurrent use.
type Tokens struct {
	cfg Config
	db  store.DB

	mu    sync.RWMutex
	gen   int64
	known map[[32]byte]*entry // emptied by any news of accounts or tokens: both are rare
}

type entry struct {
	caller types.Caller
	until  int64 // microseconds
}

const maxKnown = 10_000

// New returns tokens whose cache follows the feed.
func New(cfg Config) *Tokens {
	t := &Tokens{cfg: cfg, db: cfg.Feed.DB(), known: map[[32]byte]*entry{}}
	cfg.Feed.Subscribe(func(n feed.Note) {
		if n.Kind == feed.Account || n.Kind == feed.Token || n.Kind == feed.Missed {
			t.mu.Lock()
			t.gen++
			clear(t.known)
			t.mu.Unlock()
		}
	})
	return t
}

// Fresh describes a token to be issued.
type Fresh struct {
	Name    string
	Roles   []string
	Scope   map[string][]string // collection to actions; nil: not narrowed
	Expires time.Time
}

// Listed is a token as its owner sees it.
type Listed struct {
	ID      types.ID
	Name    string
	Roles   []string
	Scope   map[string][]string
	Created time.Time
	Expires time.Time
	Used    time.Time // to the minute; zero: never
	Org     types.ID  // the organisation that was active when it was issued, and is while it is used; "" for none
}

func invalid(path, code, detail string) error {
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
		Fields: []types.FieldError{{Path: path, Code: code, Detail: detail}}}
}

var (
	epoch  = store.SQL(`SELECT epoch FROM fastness_account WHERE id = ? AND state = 'active'`)
	insert = store.SQL(`INSERT INTO fastness_api_token (id, hash, account, epoch, name, roles, scope, created, expires, used, org,
		by_account, by_session, by_epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)`)
	listOf = store.SQL(`SELECT t.id, t.name, t.roles, t.scope, t.created, t.expires, t.used, t.org FROM fastness_api_token t
		JOIN fastness_account a ON a.id = t.account WHERE t.account = ? AND t.epoch = a.epoch AND t.expires > ? AND ` + session.Holds + ` ORDER BY t.id`)
	load = store.SQL(`SELECT t.id, t.account, t.roles, t.scope, t.expires, t.used, t.org, t.epoch FROM fastness_api_token t
		JOIN fastness_account a ON a.id = t.account WHERE t.hash = ? AND t.epoch = a.epoch AND a.state = 'active' AND ` + session.Holds)
	remove = store.SQL(`DELETE FROM fastness_api_token WHERE id = ? AND account = ?`)
	use    = store.SQL(`UPDATE fastness_api_token SET used = ? WHERE id = ? AND used < ?`)
	sweep  = store.SQL(`DELETE FROM fastness_api_token WHERE expires <= ?`)
)

// Issue makes a token for the caller's own account. The caller must be a session whose roles in force include the token's;
// that it is fresh is judged by the route. The secret is returned once.
func (t *Tokens) Issue(ctx context.Context, who *types.Caller, f Fresh) (*Listed, types.Secret, error) {
	now := t.cfg.Clock.Now()
	if who.Kind != types.Signed || who.Session == "" || who.Token != "" {
		return nil, types.Secret{}, types.Refuse(types.Forbidden, "session_required", "a token cannot issue tokens; sign in")
	}
	if n := len([]rune(f.Name)); n == 0 || n > 80 {
		return nil, types.Secret{}, invalid("name", "length", "give the token a name of 1 to 80 characters")
	}
	if !f.Expires.After(now) || f.Expires.After(now.Add(MaxAge)) {
		return nil, types.Secret{}, invalid("expires", "range", "name a time within the next 366 days")
	}
	set, ok := t.cfg.Roles.Set(f.Roles)
	if !ok || set == 0 || !who.Roles.Has(set) {
		return nil, types.Secret{}, invalid("roles", "not_held", "name roles that you have in force in this session")
	}
	scope, err := json.Marshal(f.Scope)
	if err != nil || !wellScoped(f.Scope) {
		return nil, types.Secret{}, invalid("scope", "unknown_action", "actions are read, create, update and delete")
	}
	secret := types.NewSecret(Prefix + types.Token(32))
	l := &Listed{ID: types.NewID(now), Name: f.Name, Roles: t.cfg.Roles.Names(set), Scope: f.Scope, Created: now, Expires: f.Expires, Org: who.Org}
	err = t.db.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		have, err := t.List(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		if len(have) >= MaxPerAccount {
			return types.Refuse(types.Conflict, "too_many_tokens", "an account has at most 50 tokens; revoke one first")
		}
		at, err := t.epoch(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insert, append([]types.Value{types.IDValue(l.ID), hashOf(secret), types.IDValue(who.Account), types.IntValue(at),
			types.TextValue(f.Name), types.TextValue(strings.Join(l.Roles, ",")), types.TextValue(string(scope)),
			types.IntValue(types.Micros(now)), types.IntValue(types.Micros(f.Expires)), types.IDValue(who.Org)}, session.BegunBy(who).Values()...)...); err != nil {
			return err
		}
		e := types.NewEntry(types.TokenIssue, types.Done, who, now)
		e.Collection, e.Row, e.Code = "tokens", l.ID, "roles:"+strings.Join(l.Roles, "+")
		return tx.Record(e)
	})
	return l, secret, err
}

// epoch is the active account's epoch.
func (t *Tokens) epoch(ctx context.Context, r store.Reader, account types.ID) (int64, error) {
	rows, err := r.Query(ctx, epoch, types.IDValue(account))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return 0, err
		}
		return 0, types.Refuse(types.Unauthenticated, "credential_invalid", "the account is not active; sign in again")
	}
	return rows.Int(0), nil
}

func wellScoped(scope map[string][]string) bool {
	for name, actions := range scope {
		if name == "" || len(name) > 64 || slices.ContainsFunc(actions, func(a string) bool { return types.ParseAction(a) == 0 }) {
			return false
		}
	}
	return len(scope) <= 200
}

func hashOf(s types.Secret) types.Value {
	h := sha256.Sum256([]byte(s.Reveal()))
	return types.BytesValue(h[:])
}

// List returns the live tokens of the account, oldest first.
func (t *Tokens) List(ctx context.Context, r store.Reader, account types.ID) ([]Listed, error) {
	rows, err := r.Query(ctx, listOf, types.IDValue(account), types.IntValue(types.Micros(t.cfg.Clock.Now())))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Listed
	for rows.Next() {
		l := Listed{ID: types.ID(rows.Text(0)), Name: rows.Text(1), Roles: strings.Split(rows.Text(2), ","),
			Created: types.FromMicros(rows.Int(4)), Expires: types.FromMicros(rows.Int(5)), Org: types.ID(rows.Text(7))}
		if err := json.Unmarshal(rows.Bytes(3), &l.Scope); err != nil {
			return nil, err
		}
		if us := rows.Int(6); us != 0 {
			l.Used = types.FromMicros(us)
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// Revoke ends a token of the caller's own account, at once. ErrNone when it is not his.
func (t *Tokens) Revoke(ctx context.Context, who *types.Caller, id types.ID) error {
	return t.db.Write(ctx, func(tx store.Tx) error {
		n, err := tx.Exec(ctx, remove, types.IDValue(id), types.IDValue(who.Account))
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNone
		}
		e := types.NewEntry(types.TokenRevoke, types.Done, who, t.cfg.Clock.Now())
		e.Collection, e.Row = "tokens", id
		if err := tx.Record(e); err != nil {
			return err
		}
		return feed.Announce(ctx, tx, feed.Note{Kind: feed.Token, Subject: id})
	})
}

var removeAll = store.SQL(`DELETE FROM fastness_api_token WHERE account = ?`)

// EndAll ends every token of an account. Whoever calls has judged the caller.
func (t *Tokens) EndAll(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID) error {
	n, err := tx.Exec(ctx, removeAll, types.IDValue(account))
	if err != nil || n == 0 {
		return err
	}
	e := types.NewEntry(types.TokenRevoke, types.Done, by, t.cfg.Clock.Now())
	e.Collection, e.Row, e.Code, e.Count = "accounts", account, "all", n
	if err := tx.Record(e); err != nil {
		return err
	}
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: account})
}

// Authenticate says who presents the token; ErrNone when nobody may.
func (t *Tokens) Authenticate(ctx context.Context, secret string) (*types.Caller, error) {
	if len(secret) != secretLen || !strings.HasPrefix(secret, Prefix) {
		return nil, ErrNone
	}
	h := sha256.Sum256([]byte(secret))
	now := t.cfg.Clock.Now()
	us := types.Micros(now)
	t.mu.RLock()
	e, gen := t.known[h], t.gen
	t.mu.RUnlock()
	if e == nil || us >= e.until || !t.cfg.Feed.Live() {
		var err error
		if e, err = t.load(ctx, h, now); err != nil {
			return nil, err
		}
		t.remember(h, e, gen)
	}
	who := e.caller
	return &who, nil
}

// load reads a token and what it is worth for the next minute, and notes its use.
func (t *Tokens) load(ctx context.Context, h [32]byte, now time.Time) (*entry, error) {
	us := types.Micros(now)
	e := &entry{until: us + time.Minute.Microseconds()}
	var used int64
	err := t.db.View(ctx, func(r store.Reader) error {
		roles, expires, err := t.read(ctx, r, h, e, &used)
		if err != nil {
			return err
		}
		if us >= expires {
			return ErrNone
		}
		within, force, dormant, until, err := t.cfg.Roles.InForce(ctx, r, e.caller.Account, e.caller.Org, 0, now)
		if err != nil {
			return err
		}
		e.caller.Org = within
		set := types.RoleSet(0)
		for _, name := range strings.Split(roles, ",") {
			one, _ := t.cfg.Roles.Set([]string{name}) // a role that is no longer declared grants nothing
			set |= one
		}
		e.caller.Roles = set & (force | dormant)
		e.until = min(e.until, expires)
		if !until.IsZero() {
			e.until = min(e.until, types.Micros(until))
		}
		return nil
	})
	if err != nil || us-used < time.Minute.Microseconds() {
		return e, err
	}
	return e, t.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, use, types.IntValue(us), types.IDValue(e.caller.Token), types.IntValue(us))
		return err
	})
}

func (t *Tokens) read(ctx context.Context, r store.Reader, h [32]byte, e *entry, used *int64) (roles string, expires int64, err error) {
	rows, err := r.Query(ctx, load, types.BytesValue(h[:]))
	if err != nil {
		return "", 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return "", 0, err
		}
		return "", 0, ErrNone
	}
	e.caller = types.Caller{Kind: types.Signed, Token: types.ID(rows.Text(0)), Account: types.ID(rows.Text(1)), Org: types.ID(rows.Text(6)), Epoch: rows.Int(7)}
	var scope map[string][]string
	if err := json.Unmarshal(rows.Bytes(3), &scope); err != nil {
		return "", 0, err
	}
	if scope != nil {
		e.caller.Scope = &types.Scope{Collections: map[string]types.Action{}}
		for name, actions := range scope {
			for _, a := range actions {
				e.caller.Scope.Collections[name] |= types.ParseAction(a)
			}
		}
	}
	*used = rows.Int(5)
	return rows.Text(2), rows.Int(4), nil
}

func (t *Tokens) remember(h [32]byte, e *entry, gen int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gen != gen {
		return // something was revoked while this was read
	}
	if len(t.known) >= maxKnown {
		clear(t.known)
	}
	t.known[h] = e
}

// Sweep deletes tokens that are over.
func (t *Tokens) Sweep(ctx context.Context) error {
	return t.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, sweep, types.IntValue(types.Micros(t.cfg.Clock.Now())))
		return err
	})
}

// Tables returns the table of tokens.
func Tables() []store.Table {
	text := func(name string) store.Column {
		return store.Column{Name: name, Type: store.TextColumn, NotNull: true}
	}
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	return []store.Table{{Name: "fastness_api_token", Primary: []string{"id"},
		Columns: append([]store.Column{text("id"), {Name: "hash", Type: store.BytesColumn, NotNull: true}, text("account"),
			number("epoch"), text("name"), text("roles"), text("scope"), number("created"), number("expires"), number("used"),
			{Name: "org", Type: store.TextColumn}}, session.Columns()...),
		Indexes: []store.Index{{Name: "fastness_api_token_hash", Columns: []string{"hash"}, Unique: true},
			{Name: "fastness_api_token_account", Columns: []string{"account"}}},
		Foreign: []store.ForeignKey{{Name: "fastness_api_token_owner", Columns: []string{"account"}, RefTable: "fastness_account",
			RefColumn: "id", OnDelete: store.Cascade}},
	}}
}
