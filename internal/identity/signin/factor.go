package signin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// attempt is a sign-in that still owes a factor, or (purpose "challenge") a step-up that was asked for one. Its secret is
// stored as a hash; it opens nothing but the next step.
type attempt struct {
	account   types.ID
	epoch     int64
	proved    types.Factor
	tries     int64
	challenge []byte   // opened; nil: none
	factor    string   // the factor that the challenge belongs to
	session   types.ID // of a step-up: the session that asked
}

var (
	insertAttempt = store.SQL(`INSERT INTO fastness_attempt (hash, account, epoch, proved, expires, by_account, by_session, by_epoch, tries, factor)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '')`)
	readAttempt   = store.SQL(`SELECT account, epoch, proved, expires, tries, factor, challenge, by_session FROM fastness_attempt WHERE hash = ? AND ` + session.Holds)
	countAttempt  = store.SQL(`UPDATE fastness_attempt SET tries = tries + 1 WHERE hash = ?`)
	askAttempt    = store.SQL(`UPDATE fastness_attempt SET factor = ?, challenge = ? WHERE hash = ?`)
	deleteAttempt = store.SQL(`DELETE FROM fastness_attempt WHERE hash = ?`)
	dropAttempts  = store.SQL(`DELETE FROM fastness_attempt WHERE account = ? AND expires <= ?`)
	sweepAttempts = store.SQL(`DELETE FROM fastness_attempt WHERE expires <= ?`)
)

// ask begins an attempt that names the factors of which one is owed. by is the session that steps up; zero for a sign-in.
func (m *Machine) ask(ctx context.Context, tx store.Tx, acc *account.Account, p Proof, by session.Begun) (*Step, error) {
	step := &Step{Attempt: types.NewSecret(types.Token(32)), Expires: m.cfg.Clock.Now().Add(m.cfg.TTL)}
	for _, f := range m.cfg.Factors {
		has, err := f.Enrolled(ctx, tx, acc.ID)
		if err != nil {
			return nil, err
		}
		if has {
			step.Factors = append(step.Factors, f.Name())
		}
	}
	if len(step.Factors) == 0 {
		return nil, errors.New("signin: the account owes a factor that no part of this program can ask for")
	}
	if _, err := tx.Exec(ctx, dropAttempts, types.IDValue(acc.ID), types.IntValue(types.Micros(m.cfg.Clock.Now()))); err != nil {
		return nil, err
	}
	_, err := tx.Exec(ctx, insertAttempt, append([]types.Value{hashOf(step.Attempt), types.IDValue(acc.ID), types.IntValue(acc.Epoch),
		types.IntValue(int64(p.Factors)), types.IntValue(types.Micros(step.Expires))}, by.Values()...)...)
	return step, err
}

func hashOf(s types.Secret) types.Value {
	h := sha256.Sum256([]byte(s.Reveal()))
	return types.BytesValue(h[:])
}

// load returns a live attempt; errAttempt when it is unknown, over, used up, or the account moved on since.
func (m *Machine) load(ctx context.Context, r store.Reader, secret types.Secret) (*attempt, error) {
	rows, err := r.Query(ctx, readAttempt, hashOf(secret))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, firstOf(rows.Err(), errAttempt)
	}
	a := &attempt{account: types.ID(rows.Text(0)), epoch: rows.Int(1), proved: types.Factor(rows.Int(2)), tries: rows.Int(4), factor: rows.Text(5),
		session: types.ID(rows.Text(7))}
	if types.Micros(m.cfg.Clock.Now()) >= rows.Int(3) || a.tries >= int64(m.cfg.Tries) {
		return nil, errAttempt
	}
	if !rows.Missing(6) {
		a.challenge, err = m.cfg.Ring.Open(nil, seal.Link, rows.Bytes(6), "fastness_attempt", string(a.account), a.factor)
	}
	return a, err
}

func (m *Machine) factor(name string) Factor {
	for _, f := range m.cfg.Factors {
		if f.Name() == name {
			return f
		}
	}
	return nil
}

// Challenge asks for a factor of an attempt and returns what the client needs for its response.
func (m *Machine) Challenge(ctx context.Context, secret types.Secret, name string) (json.RawMessage, error) {
	f, ok := m.factor(name).(Challenger)
	if !ok {
		return nil, errUnknown
	}
	var public json.RawMessage
	err := m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		a, err := m.load(ctx, tx, secret)
		if err != nil {
			return err
		}
		if a.account == "" {
			return errAttempt // a discovered attempt has its challenge already
		}
		var state []byte
		if public, state, err = f.Challenge(ctx, tx, a.account); err != nil {
			return err
		}
		return m.keep(ctx, tx, secret, a.account, name, state)
	})
	return public, err
}

// Discover begins a sign-in with a factor that names its account by itself. It is counted by network until it leads to a session: each
// leaves a row behind.
func (m *Machine) Discover(ctx context.Context, name string, c Client) (types.Secret, json.RawMessage, error) {
	f, ok := m.factor(name).(Discoverer)
	if !ok {
		return types.Secret{}, nil, errUnknown
	}
	if err := m.cfg.Throttle.Take(ctx, discovery(c)); err != nil {
		return types.Secret{}, nil, err
	}
	public, state, err := f.Discover(ctx)
	if err != nil {
		return types.Secret{}, nil, err
	}
	secret := types.NewSecret(types.Token(32))
	err = m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.Exec(ctx, insertAttempt, append([]types.Value{hashOf(secret), {}, types.IntValue(0), types.IntValue(0),
			types.IntValue(types.Micros(m.cfg.Clock.Now().Add(m.cfg.TTL)))}, session.Begun{}.Values()...)...); err != nil {
			return err
		}
		return m.keep(ctx, tx, secret, "", name, state)
	})
	return secret, public, err
}

// keep seals a challenge's state into its attempt.
func (m *Machine) keep(ctx context.Context, tx store.Tx, secret types.Secret, account types.ID, name string, state []byte) error {
	sealed, err := m.cfg.Ring.Seal(nil, seal.Link, state, "fastness_attempt", string(account), name)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, askAttempt, types.TextValue(name), types.BytesValue(sealed), hashOf(secret))
	return err
}

// Factor is the step after the first: a response to one of the factors that were asked for, or to Discover.
func (m *Machine) Factor(ctx context.Context, secret types.Secret, name string, response json.RawMessage, c Client) (*Step, error) {
	began := m.cfg.Clock.Now()
	step, err := m.second(ctx, secret, name, response, c)
	if err != nil {
		m.floor(ctx, began)
	}
	return step, err
}

func (m *Machine) second(ctx context.Context, secret types.Secret, name string, response json.RawMessage, c Client) (*Step, error) {
	f := m.factor(name)
	if f == nil {
		return nil, errUnknown
	}
	acc, err := m.attempting(ctx, secret)
	if err != nil {
		return nil, err
	}
	try := discovery(c)
	if acc.ID != "" { // a discovered factor has no account to guess at: its signature cannot be guessed
		try = m.codeTry(f, acc, c)
		if err := m.cfg.Throttle.Take(ctx, try); err != nil {
			return nil, err
		}
	}
	var step *Step
	var shut types.ID // an account that is not active, whose response was right
	wrong, since := false, m.cfg.Sessions.Mark()
	err = m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		step, wrong, shut = nil, false, ""
		a, err := m.load(ctx, tx, secret)
		if err != nil {
			return err
		}
		if wrong, err = m.verify(ctx, tx, f, a, secret, response); err != nil || wrong {
			return err
		}
		if acc.ID != "" {
			if err := m.stillThere(ctx, tx, a); err != nil {
				return err
			}
		}
		if err := m.cfg.Throttle.Right(ctx, tx, try); err != nil {
			return err
		}
		step, err = m.Prove(ctx, tx, Proof{Account: a.account, Factors: a.proved | f.Kind(), Client: c, Since: since})
		if errors.Is(err, errRefused) { // the response is used up all the same
			shut, err = a.account, nil
		}
		return err
	})
	switch {
	case err == nil && wrong:
		err = firstOf(m.refusal(ctx, c, acc.ID, f.Name()), errFactor)
	case err == nil && shut != "":
		err = firstOf(m.refusal(ctx, c, shut, f.Name()), errRefused)
	}
	return step, err
}

// Asked names the factors of which a live attempt owes one, for whoever shows the next step.
func (m *Machine) Asked(ctx context.Context, secret types.Secret) ([]string, error) {
	var out []string
	err := m.cfg.DB.View(ctx, func(r store.Reader) error {
		out = nil
		a, err := m.load(ctx, r, secret)
		if err != nil {
			return err
		}
		if a.account == "" {
			return errAttempt // a discovered attempt owes nothing: it is about to name its account
		}
		for _, f := range m.cfg.Factors {
			has, err := f.Enrolled(ctx, r, a.account)
			if err != nil {
				return err
			}
			if has {
				out = append(out, f.Name())
			}
		}
		return nil
	})
	return out, err
}

// attempting returns the account of a live attempt; one without an id for an attempt that was discovered.
func (m *Machine) attempting(ctx context.Context, secret types.Secret) (*account.Account, error) {
	acc := &account.Account{}
	err := m.cfg.DB.View(ctx, func(r store.Reader) error {
		a, err := m.load(ctx, r, secret)
		if err != nil || a.account == "" {
			return err
		}
		acc, err = m.cfg.Accounts.Get(ctx, r, a.account)
		return err
	})
	return acc, err
}

// stillThere refuses when password, factors or state changed since the attempt began.
func (m *Machine) stillThere(ctx context.Context, tx store.Tx, a *attempt) error {
	now, err := m.cfg.Accounts.Get(ctx, tx, a.account)
	if err != nil {
		return err
	}
	if now.Epoch != a.epoch {
		return errAttempt
	}
	return nil
}

// verify lets the factor judge. A wrong response is counted against the attempt, a right one uses the attempt up. It sets
// the account of a discovered attempt.
func (m *Machine) verify(ctx context.Context, tx store.Tx, f Factor, a *attempt, secret types.Secret, response json.RawMessage) (wrong bool, err error) {
	var challenge []byte
	if _, asks := f.(Challenger); asks {
		if a.factor != f.Name() || a.challenge == nil {
			return true, nil
		}
		challenge = a.challenge
	}
	err = tx.Savepoint(ctx, func() error {
		if a.account != "" {
			return f.Verify(ctx, tx, a.account, challenge, response)
		}
		d, ok := f.(Discoverer)
		if !ok {
			return ErrWrong
		}
		var err error
		a.account, err = d.Identify(ctx, tx, challenge, response)
		return err
	})
	if errors.Is(err, ErrWrong) {
		_, err = tx.Exec(ctx, countAttempt, hashOf(secret))
		return true, err
	}
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, deleteAttempt, hashOf(secret))
	return n == 0, err
}

// factorTry is the lane of guesses at second factors. It outlives attempts: beginning again does not reset it.
func (m *Machine) factorTry(acc *account.Account, c Client) throttle.Try {
	return throttle.Try{What: "factor", Key: m.cfg.Accounts.Key(acc.Email), Address: c.Address, Device: c.Device}
}

// codeTry is factorTry for a response to one factor. The codes of an app are six digits, and whoever guesses them in a sign-in knows the
// password: those are counted over thirty days too, and the owner is told.
func (m *Machine) codeTry(f Factor, acc *account.Account, c Client) throttle.Try {
	try := m.factorTry(acc, c)
	if try.Few = f.Kind() == types.TOTP && acc.TOTP > 0; try.Few {
		try.Spent = func(ctx context.Context, tx store.Tx) error {
			return m.notify(ctx, tx, Notice{Account: acc, What: types.SignInFail, Language: c.Language})
		}
	}
	return try
}

// Renewed says, in the transaction of the act, that the account has a new password, or also another app or none: guesses by whoever knew the
// old one count no longer.
func (m *Machine) Renewed(ctx context.Context, tx store.Tx, acc *account.Account, app bool) error {
	return m.cfg.Throttle.Forget(ctx, tx, "factor", m.cfg.Accounts.Key(acc.Email), app)
}

// CountGuess counts a guess at the first code of an app that the caller enrols, in the lane of second factors: whoever else holds his
// session must not try codes until one fits. right gives it back, in the transaction that found it right.
func (m *Machine) CountGuess(ctx context.Context, who *types.Caller) (right func(store.Tx) error, err error) {
	var acc *account.Account
	if err := m.cfg.DB.View(ctx, func(r store.Reader) error {
		acc, err = m.cfg.Accounts.Get(ctx, r, who.Account)
		return err
	}); err != nil {
		return nil, err
	}
	try := m.factorTry(acc, Client{Address: who.Address})
	return func(tx store.Tx) error { return m.cfg.Throttle.Right(ctx, tx, try) }, m.cfg.Throttle.Take(ctx, try)
}

// discovery is the lane of sign-ins that begin without an account.
func discovery(c Client) throttle.Try { return throttle.Try{What: "discover", Address: c.Address} }

// Sweep deletes attempts that are over.
func (m *Machine) Sweep(ctx context.Context) error {
	return m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, sweepAttempts, types.IntValue(types.Micros(m.cfg.Clock.Now())))
		return err
	})
}

// Tables returns the table of attempts.
func Tables() []store.Table {
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	return []store.Table{{Name: "fastness_attempt", Primary: []string{"hash"},
		Columns: append([]store.Column{{Name: "hash", Type: store.BytesColumn, NotNull: true},
			{Name: "account", Type: store.TextColumn}, number("epoch"), number("proved"), number("expires"),
			number("tries"), {Name: "factor", Type: store.TextColumn, NotNull: true}, {Name: "challenge", Type: store.BytesColumn}}, session.Columns()...),
		Indexes: []store.Index{{Name: "fastness_attempt_account", Columns: []string{"account"}},
			{Name: "fastness_attempt_expires", Columns: []string{"expires"}}},
		Foreign: []store.ForeignKey{{Name: "fastness_attempt_owner", Columns: []string{"account"}, RefTable: "fastness_account",
			RefColumn: "id", OnDelete: store.Cascade}},
	}}
}
