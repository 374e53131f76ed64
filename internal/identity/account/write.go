package account

import (
	"context"
	"errors"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Fresh describes an account to be made. The row of the collection accounts with the same id must exist already.
type Fresh struct {
	ID       types.ID
	State    State
	Email    string // canonical
	Verified bool
	PHC      types.Secret // empty: none yet
}

var (
	insert = store.SQL(`INSERT INTO fastness_account (id, state, email, email_key, verified, password, password_at, totp,
		passkeys, codes, epoch, created, signed_in) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 1, ?, 0)`)
	setState    = store.SQL(`UPDATE fastness_account SET state = ?, epoch = epoch + 1 WHERE id = ? AND state <> 'erased'`)
	setEmail    = store.SQL(`UPDATE fastness_account SET email = ?, email_key = ?, verified = ? WHERE id = ? AND state <> 'erased'`)
	setPassword = store.SQL(`UPDATE fastness_account SET password = ?, password_at = ?, epoch = epoch + 1 WHERE id = ? AND state <> 'erased'`)
	opened      = store.SQL(`UPDATE fastness_account SET password_at = 0 WHERE id = ?`)
	rehash      = store.SQL(`UPDATE fastness_account SET password = ? WHERE id = ? AND password_at = ? AND epoch = ?`)
	setVerified = store.SQL(`UPDATE fastness_account SET verified = 1 WHERE id = ? AND state <> 'erased'`)
	setSignedIn = store.SQL(`UPDATE fastness_account SET signed_in = ? WHERE id = ?`)
	setTOTP     = store.SQL(`UPDATE fastness_account SET totp = ?, epoch = epoch + 1 WHERE id = ? AND state <> 'erased'`)
	setPasskeys = store.SQL(`UPDATE fastness_account SET passkeys = ?, epoch = epoch + 1 WHERE id = ? AND state <> 'erased'`)
	setOther    = store.SQL(`UPDATE fastness_account SET epoch = epoch + 1 WHERE id = ? AND state <> 'erased'`)
	setCodes    = store.SQL(`UPDATE fastness_account SET codes = ? WHERE id = ? AND state <> 'erased'`)
	erase       = store.SQL(`UPDATE fastness_account SET state = 'erased', email = NULL, email_key = NULL, password = NULL,
		password_at = 0, totp = 0, passkeys = 0, codes = 0, verified = 0, epoch = epoch + 1 WHERE id = ?`)
)

// Create makes an account. ErrTaken when the address has one.
func (a *Accounts) Create(ctx context.Context, tx store.Tx, n Fresh) error {
	email, err := a.seal(n.ID, "email", []byte(n.Email))
	if err != nil {
		return err
	}
	var hash, hashAt types.Value
	now := types.Micros(a.clock.Now())
	if hashAt = types.IntValue(0); !n.PHC.Empty() {
		if hash, err = a.sealHash(n.ID, n.PHC); err != nil {
			return err
		}
		hashAt = types.IntValue(now)
	}
	_, err = tx.Exec(ctx, insert, types.IDValue(n.ID), types.TextValue(string(n.State)), types.BytesValue(email),
		types.BytesValue(a.Key(n.Email)), types.BoolValue(n.Verified), hash, hashAt, types.IntValue(now))
	return taken(err)
}

// SetState moves an account to another state and ends what the old state allowed: every session and token.
func (a *Accounts) SetState(ctx context.Context, tx store.Tx, id types.ID, s State) error {
	return a.change(ctx, tx, id, setState, types.TextValue(string(s)), types.IDValue(id))
}

// SetEmail replaces the address. ErrTaken when it belongs to another account.
func (a *Accounts) SetEmail(ctx context.Context, tx store.Tx, id types.ID, email string, verified bool) error {
	sealed, err := a.seal(id, "email", []byte(email))
	if err != nil {
		return err
	}
	return a.change(ctx, tx, id, setEmail, types.BytesValue(sealed), types.BytesValue(a.Key(email)), types.BoolValue(verified),
		types.IDValue(id))
}

// SetPassword replaces the password's hash and ends every session; the caller starts a new one for whoever did it.
func (a *Accounts) SetPassword(ctx context.Context, tx store.Tx, id types.ID, phc types.Secret) error {
	sealed, err := a.sealHash(id, phc)
	if err != nil {
		return err
	}
	return a.change(ctx, tx, id, setPassword, sealed, types.IntValue(types.Micros(a.clock.Now())), types.IDValue(id))
}

// Opened notes that an operator opened an account whose password was forgotten when its owner closed it: it is like any other without one.
func (a *Accounts) Opened(ctx context.Context, tx store.Tx, id types.ID) error {
	_, err := tx.Exec(ctx, opened, types.IDValue(id))
	return err
}

// Rehash stores the same password under newer parameters, unless it was changed since old was read. Nothing else changes.
func (a *Accounts) Rehash(ctx context.Context, tx store.Tx, old *Account, phc types.Secret) error {
	sealed, err := a.sealHash(old.ID, phc)
	if err != nil {
		return err
	}
	at := int64(0)
	if !old.PasswordAt.IsZero() {
		at = types.Micros(old.PasswordAt)
	}
	_, err = tx.Exec(ctx, rehash, sealed, types.IDValue(old.ID), types.IntValue(at), types.IntValue(old.Epoch))
	return err
}

// SetVerified notes that mail reaches the owner.
func (a *Accounts) SetVerified(ctx context.Context, tx store.Tx, id types.ID) error {
	return a.change(ctx, tx, id, setVerified, types.IDValue(id))
}

// SetSignedIn notes the time of a sign-in.
func (a *Accounts) SetSignedIn(ctx context.Context, tx store.Tx, id types.ID) error {
	_, err := tx.Exec(ctx, setSignedIn, types.IntValue(types.Micros(a.clock.Now())), types.IDValue(id))
	return err
}

// SetFactors tells how many factors of the kind the account now has. A change of authenticator apps, passkeys or providers ends
// every session (the caller renews the one that made the change); using up a recovery code does not.
func (a *Accounts) SetFactors(ctx context.Context, tx store.Tx, id types.ID, kind types.Factor, count int) error {
	if kind == types.Federated { // counted where the links are
		return a.change(ctx, tx, id, setOther, types.IDValue(id))
	}
	s := map[types.Factor]*store.Stmt{types.TOTP: setTOTP, types.Passkey: setPasskeys, types.RecoveryCode: setCodes}[kind]
	if s == nil {
		return errors.New("account: set factors: not an enrolled factor")
	}
	return a.change(ctx, tx, id, s, types.IntValue(int64(count)), types.IDValue(id))
}

// Erase forgets everything about the account but its id.
func (a *Accounts) Erase(ctx context.Context, tx store.Tx, id types.ID) error {
	return a.change(ctx, tx, id, erase, types.IDValue(id))
}

func (a *Accounts) change(ctx context.Context, tx store.Tx, id types.ID, s *store.Stmt, args ...types.Value) error {
	n, err := tx.Exec(ctx, s, args...)
	if err != nil {
		return taken(err)
	}
	if n == 0 {
		return ErrNone
	}
	return touch(ctx, tx, id)
}

func (a *Accounts) sealHash(id types.ID, phc types.Secret) (types.Value, error) {
	sealed, err := a.seal(id, "password", []byte(phc.Reveal()))
	if err != nil {
		return types.Value{}, err
	}
	return types.BytesValue(sealed), nil
}

func taken(err error) error {
	var c *store.ConstraintError
	if errors.As(err, &c) && c.Kind == store.Unique {
		return ErrTaken
	}
	return err
}

// Tables returns the table of accounts. Its id is that of a row of the collection accounts, whose table keep makes.
func Tables() []store.Table {
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	return []store.Table{{Name: table, Primary: []string{"id"},
		Columns: []store.Column{
			{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "state", Type: store.TextColumn, NotNull: true},
			{Name: "email", Type: store.BytesColumn}, {Name: "email_key", Type: store.BytesColumn}, number("verified"),
			{Name: "password", Type: store.BytesColumn}, number("password_at"), number("totp"), number("passkeys"),
			number("codes"), number("epoch"), number("created"), number("signed_in"),
		},
		Indexes: []store.Index{{Name: "fastness_account_email", Columns: []string{"email_key"}, Unique: true}},
		Foreign: []store.ForeignKey{{Name: "fastness_account_row", Columns: []string{"id"}, RefTable: "accounts", RefColumn: "id"}},
	}}
}
