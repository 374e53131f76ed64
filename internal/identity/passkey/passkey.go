// Package passkey is the WebAuthn authenticator as a factor (W3C WebAuthn Level 3): a phone, a laptop or a security key that verifies
// its user by finger, face or PIN and signs a challenge for our origin alone, so that it cannot be phished.
//
// Policy: user verification is demanded, of registrations and of sign-ins; credentials are discoverable, so options never take an
// identifier and tell nobody who exists; a signature counter that does not move forward means a copy and is refused; a challenge is
// kept sealed by the server, used once, and over after a few minutes. The origin and the relying party come from the declaration,
// never from a request, and the origin is compared whole. What a browser sends is read exactly, and a key that cannot be one is not enrolled:
// off its curve, of small order, small, or with an exponent that hides nothing. Attestation is not asked for: which model somebody owns is his own affair.
//
// The map: passkey.go (configuration, tables, listing), enrol.go (registration), factor.go (the factor of the sign-in machine),
// strict.go (reading exactly, judging keys).
package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Config has no optional fields.
type Config struct {
	Clock   types.Clock
	Ring    *seal.Ring
	Base    string // our one origin: "https://clinic.example[:port]"
	Service string // what an authenticator shows
}

// Passkeys is the factor. It implements signin.Discoverer.
type Passkeys struct {
	cfg    Config
	rp     *webauthn.WebAuthn
	origin string // as browsers write it
}

// Bounds: of an account, and how long registration may take.
const (
	maxKeys    = 20
	pendingFor = 5 * time.Minute
)

// Errors of the package. Test with errors.Is.
var (
	ErrNone     = errors.New("passkey: there is none")
	ErrMany     = errors.New("passkey: the account has as many as it may have")
	ErrTaken    = errors.New("passkey: this authenticator is enrolled already")
	ErrResponse = errors.New("passkey: the response does not enrol an authenticator")
)

// New returns the factor for an origin.
func New(cfg Config) (*Passkeys, error) {
	u, err := url.Parse(cfg.Base)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("passkey: %q is no https origin", cfg.Base)
	}
	origin := "https://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443")
	required := true
	rp, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: cfg.Service, RPOrigins: []string{cfg.Base},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired}})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Passkeys{cfg, rp, origin}, nil
}

// Tables returns the package's tables. They reference accounts.
func Tables() []store.Table {
	account := func(name string) []store.ForeignKey {
		return []store.ForeignKey{{Name: name, Columns: []string{"account"}, RefTable: "fastness_account", RefColumn: "id", OnDelete: store.Cascade}}
	}
	return []store.Table{
		{Name: "fastness_passkey", Primary: []string{"id"}, Columns: []store.Column{
			{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "account", Type: store.TextColumn, NotNull: true},
			{Name: "credential", Type: store.BytesColumn, NotNull: true}, {Name: "name", Type: store.TextColumn, NotNull: true},
			{Name: "record", Type: store.BytesColumn, NotNull: true}, {Name: "created", Type: store.IntColumn, NotNull: true},
			{Name: "used", Type: store.IntColumn, NotNull: true}},
			Indexes: []store.Index{{Name: "fastness_passkey_credential", Columns: []string{"credential"}, Unique: true},
				{Name: "fastness_passkey_account", Columns: []string{"account"}}},
			Foreign: account("fastness_passkey_owner")},
		{Name: "fastness_passkey_pending", Primary: []string{"account"}, Columns: []store.Column{
			{Name: "account", Type: store.TextColumn, NotNull: true}, {Name: "state", Type: store.BytesColumn, NotNull: true},
			{Name: "until", Type: store.IntColumn, NotNull: true}},
			Foreign: account("fastness_passkey_pending_owner")},
	}
}

var (
	list   = store.SQL(`SELECT id, name, created, used FROM fastness_passkey WHERE account = ? ORDER BY id`)
	keys   = store.SQL(`SELECT id, credential, record FROM fastness_passkey WHERE account = ? ORDER BY id`)
	owner  = store.SQL(`SELECT account FROM fastness_passkey WHERE credential = ?`)
	insert = store.SQL(`INSERT INTO fastness_passkey (id, account, credential, name, record, created, used) VALUES (?, ?, ?, ?, ?, ?, 0)`)
	rename = store.SQL(`UPDATE fastness_passkey SET name = ? WHERE id = ? AND account = ?`)
	update = store.SQL(`UPDATE fastness_passkey SET record = ?, used = ? WHERE id = ? AND account = ?`)
	remove = store.SQL(`DELETE FROM fastness_passkey WHERE id = ? AND account = ?`)
	has    = store.SQL(`SELECT 1 FROM fastness_passkey WHERE account = ?`)
)

// Listed is a passkey as its owner sees it.
type Listed struct {
	ID      types.ID
	Name    string
	Created time.Time
	Used    time.Time // zero: never
}

// List returns an account's passkeys, oldest first.
func (p *Passkeys) List(ctx context.Context, r store.Reader, account types.ID) ([]Listed, error) {
	rows, err := r.Query(ctx, list, types.IDValue(account))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Listed
	for rows.Next() {
		l := Listed{ID: types.ID(rows.Text(0)), Name: rows.Text(1), Created: time.UnixMicro(rows.Int(2)).UTC()}
		if used := rows.Int(3); used > 0 {
			l.Used = time.UnixMicro(used).UTC()
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// Rename changes what the owner calls a passkey. ErrNone: he has none of that id.
func (p *Passkeys) Rename(ctx context.Context, tx store.Tx, account, id types.ID, name string) error {
	return one(tx.Exec(ctx, rename, types.TextValue(name), types.IDValue(id), types.IDValue(account)))
}

var forget = store.SQL(`DELETE FROM fastness_passkey WHERE account = ?`)

// Forget forgets every passkey and an enrolment that waits.
func (p *Passkeys) Forget(ctx context.Context, tx store.Tx, account types.ID) error {
	if _, err := tx.Exec(ctx, dropPending, types.IDValue(account)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, forget, types.IDValue(account))
	return err
}

var forgetSince = store.SQL(`DELETE FROM fastness_passkey WHERE account = ? AND created >= ?`)

// ForgetSince forgets the passkeys that were enrolled since a moment, and an enrolment that waits, and returns how many are left.
func (p *Passkeys) ForgetSince(ctx context.Context, tx store.Tx, account types.ID, since time.Time) (left int, err error) {
	if _, err := tx.Exec(ctx, dropPending, types.IDValue(account)); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, forgetSince, types.IDValue(account), types.IntValue(types.Micros(since))); err != nil {
		return 0, err
	}
	all, err := p.List(ctx, tx, account)
	return len(all), err
}

// Remove forgets a passkey and returns how many are left. ErrNone: he has none of that id.
func (p *Passkeys) Remove(ctx context.Context, tx store.Tx, account, id types.ID) (left int, err error) {
	if err := one(tx.Exec(ctx, remove, types.IDValue(id), types.IDValue(account))); err != nil {
		return 0, err
	}
	all, err := p.List(ctx, tx, account)
	return len(all), err
}

func one(n int64, err error) error {
	if err == nil && n == 0 {
		err = ErrNone
	}
	return err
}

// user is an account as the library wants to see it. Its handle is the account's id: opaque, and no secret.
type user struct {
	id    types.ID
	label string
	rows  []types.ID // of the table, in the order of keys
	keys  []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (u *user) WebAuthnID() []byte { return []byte(u.id) }

// WebAuthnName implements webauthn.User.
func (u *user) WebAuthnName() string { return u.label }

// WebAuthnDisplayName implements webauthn.User.
func (u *user) WebAuthnDisplayName() string { return u.label }

// WebAuthnCredentials implements webauthn.User.
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.keys }

// load reads an account's credentials.
func (p *Passkeys) load(ctx context.Context, r store.Reader, account types.ID, label string) (*user, error) {
	rows, err := r.Query(ctx, keys, types.IDValue(account))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	u := &user{id: account, label: label}
	for rows.Next() {
		text, err := p.cfg.Ring.Open(nil, seal.Account, rows.Bytes(2), "fastness_passkey", string(account), string(rows.Bytes(1)))
		if err != nil {
			return nil, err
		}
		var c webauthn.Credential
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("passkey: stored record: %w", err)
		}
		u.rows, u.keys = append(u.rows, types.ID(rows.Text(0))), append(u.keys, c)
	}
	return u, rows.Err()
}

func (p *Passkeys) sealed(account types.ID, c *webauthn.Credential) (types.Value, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return types.Value{}, err
	}
	sealed, err := p.cfg.Ring.Seal(nil, seal.Account, text, "fastness_passkey", string(account), string(c.ID))
	return types.BytesValue(sealed), err
}
