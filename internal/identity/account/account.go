// Package account keeps what the service must know of a person to let him in: the state, the sealed e-mail address with
// its look-up key, the sealed password hash, how many factors are enrolled, and the epoch that ends every session at once.
// Profile fields are not here: they are columns of the built-in collection accounts, which keep owns.
//
// Policy: an address is stored sealed and found only by a keyed hash of its canonical form (address.go). Two addresses
// that merely look alike are two accounts, and mail goes to the stored address, never to one that was typed in. An act
// that lowers what an account may do raises its epoch or announces it, in the same transaction.
package account

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// State is where an account stands. Only Active accounts have sessions.
type State string

// The states.
const (
	Invited  State = "invited"  // made by an operator; no credential yet
	Active   State = "active"   //
	Disabled State = "disabled" // by an operator
	Locked   State = "locked"   // by its owner
	Erased   State = "erased"   // for good
)

// Account is one account as it is stored, with the sealed values opened.
type Account struct {
	ID         types.ID
	State      State
	Email      string       // canonical; "" once erased
	Verified   bool         // the owner proved that mail reaches him
	PHC        types.Secret // the password's hash in PHC form; empty: no password
	PasswordAt time.Time    // when it was set
	TOTP       int          // enrolled authenticator apps
	Passkeys   int
	Codes      int   // recovery codes left
	Epoch      int64 // sessions of an older epoch are over
	Created    time.Time
	SignedIn   time.Time // last sign-in; zero: never
}

// Second reports whether the account has a factor that sign-in must ask for beyond the password.
func (a *Account) Second() bool { return a.TOTP > 0 || a.Passkeys > 0 }

// Errors of the package. Test with errors.Is.
var (
	ErrNone  = errors.New("account: no such account")
	ErrTaken = errors.New("account: the address belongs to another account")
)

// Accounts reads and writes accounts. It holds no state beyond its parts.
type Accounts struct {
	ring  *seal.Ring
	clock types.Clock
	decoy map[string][]byte // sealed values of nobody, by field
}

// New returns accounts whose values are sealed under the ring.
func New(ring *seal.Ring, clock types.Clock) *Accounts {
	a := &Accounts{ring: ring, clock: clock, decoy: map[string][]byte{}}
	for field, size := range map[string]int{"email": 24, "password": 97} { // an ordinary address, and Argon2id in PHC form
		a.decoy[field], _ = a.seal("", field, make([]byte, size)) // a ring that cannot seal opens no account either
	}
	return a
}

// Key is the look-up key of a canonical address. It is also what throttles count by, whether the account exists or not.
func (a *Accounts) Key(email string) []byte { return a.ring.MAC(seal.Account, "email", email) }

const columns = `id, state, email, verified, password, password_at, totp, passkeys, codes, epoch, created, signed_in`

var (
	byID    = store.SQL(`SELECT ` + columns + ` FROM fastness_account WHERE id = ?`)
	byEmail = store.SQL(`SELECT ` + columns + ` FROM fastness_account WHERE email_key = ?`)
	page    = store.SQL(`SELECT ` + columns + ` FROM fastness_account WHERE id > ? ORDER BY id LIMIT ?`)
)

// Get returns the account of the id, or ErrNone.
func (a *Accounts) Get(ctx context.Context, r store.Reader, id types.ID) (*Account, error) {
	return a.one(ctx, r, byID, types.IDValue(id))
}

// Find returns the account of the canonical address (see Canonical), or ErrNone. Both open as many sealed values: whoever asks for
// addresses with a clock must not see the openings.
func (a *Accounts) Find(ctx context.Context, r store.Reader, email string) (*Account, error) {
	acc, err := a.one(ctx, r, byEmail, types.BytesValue(a.Key(email)))
	if errors.Is(err, ErrNone) {
		for field, sealed := range a.decoy {
			_, _ = a.open("", field, sealed)
		}
	}
	return acc, err
}

// List returns at most limit accounts with ids above after, in order of id.
func (a *Accounts) List(ctx context.Context, r store.Reader, after types.ID, limit int) ([]*Account, error) {
	return a.many(ctx, r, page, types.TextValue(string(after)), types.IntValue(int64(limit)))
}

func (a *Accounts) one(ctx context.Context, r store.Reader, s *store.Stmt, args ...types.Value) (*Account, error) {
	found, err := a.many(ctx, r, s, args...)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, ErrNone
	}
	return found[0], nil
}

func (a *Accounts) many(ctx context.Context, r store.Reader, s *store.Stmt, args ...types.Value) ([]*Account, error) {
	rows, err := r.Query(ctx, s, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*Account
	for rows.Next() {
		acc := &Account{ID: types.ID(rows.Text(0)), State: State(rows.Text(1)), Verified: rows.Int(3) != 0,
			TOTP: int(rows.Int(6)), Passkeys: int(rows.Int(7)), Codes: int(rows.Int(8)), Epoch: rows.Int(9),
			Created: types.FromMicros(rows.Int(10))}
		if us := rows.Int(5); us != 0 {
			acc.PasswordAt = types.FromMicros(us)
		}
		if us := rows.Int(11); us != 0 {
			acc.SignedIn = types.FromMicros(us)
		}
		if !rows.Missing(2) {
			plain, err := a.open(acc.ID, "email", rows.Bytes(2))
			if err != nil {
				return nil, err
			}
			acc.Email = string(plain)
		}
		if !rows.Missing(4) {
			plain, err := a.open(acc.ID, "password", rows.Bytes(4))
			if err != nil {
				return nil, err
			}
			acc.PHC = types.NewSecret(string(plain))
		}
		out = append(out, acc)
	}
	return out, rows.Err()
}

func (a *Accounts) seal(id types.ID, field string, plain []byte) ([]byte, error) {
	return a.ring.Seal(nil, seal.Account, plain, table, string(id), field)
}

func (a *Accounts) open(id types.ID, field string, sealed []byte) ([]byte, error) {
	return a.ring.Open(nil, seal.Account, sealed, table, string(id), field)
}

// table is the place that sealed values are bound to.
const table = "fastness_account"

// touch announces that something about the account changed.
func touch(ctx context.Context, tx store.Tx, id types.ID) error {
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: id})
}
