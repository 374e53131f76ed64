// Package signin is the one state machine that leads to a session: identify, first factor, what the account still owes,
// session. Passwords, authenticator apps, recovery codes, passkeys and OpenID providers all end in Machine.Prove, and
// nothing else starts a session.
//
// Policy: an account that has enrolled a second factor never gets a session without a second proof, whichever door it came
// by (password, provider, reset link, enrolment). What a role requires beyond that is judged by grant, per session: an
// unmet requirement leaves the role dormant. Absent and existing addresses cost the same work, get the same answer, and
// failed answers leave at a common floor. Each guess is counted before it is judged.
//
// The map: machine.go (parts, Prove), password.go (first factor), factor.go (attempts, challenges, last step), stepup.go.
package signin

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Passwords is the slow part: a bounded pool of Argon2id. It never runs inside a transaction.
type Passwords interface {
	// Hash returns the PHC form of a new hash.
	Hash(ctx context.Context, password types.Secret) (types.Secret, error)
	// Verify compares; stale says that the stored form is weaker than today's parameters and should be replaced.
	Verify(ctx context.Context, password, phc types.Secret) (ok, stale bool, err error)
	// Dummy does the work of a Verify whose result is no.
	Dummy(ctx context.Context, password types.Secret) error
}

// Factor is a way to prove oneself beyond the password: TOTP, recovery codes, passkeys.
type Factor interface {
	// Kind is the factor's bit.
	Kind() types.Factor
	// Name is the word on the wire and the last segment of its paths: "totp", "recovery-code", "passkey".
	Name() string
	// Enrolled reports whether the account could prove it now.
	Enrolled(ctx context.Context, r store.Reader, account types.ID) (bool, error)
	// Verify judges a response in the transaction and uses it up (a step, a code, a counter). challenge is what Challenge
	// returned as state, nil if the factor has none. ErrWrong refuses; its effects are rolled back.
	Verify(ctx context.Context, tx store.Tx, account types.ID, challenge []byte, response json.RawMessage) error
}

// Challenger is a Factor that has to be asked for first (passkeys).
type Challenger interface {
	Factor
	// Challenge returns what the client is given and what Verify will need; the latter is kept sealed.
	Challenge(ctx context.Context, r store.Reader, account types.ID) (public json.RawMessage, state []byte, err error)
}

// Discoverer is a Factor that names the account by itself (a discoverable passkey): sign-in may begin with it, and its
// options never take an identifier.
type Discoverer interface {
	Challenger
	// Discover returns what any client is given and what Identify will need; the latter is kept sealed.
	Discover(ctx context.Context) (public json.RawMessage, state []byte, err error)
	// Identify judges a response in the transaction, uses it up and says whose it is. ErrWrong refuses.
	Identify(ctx context.Context, tx store.Tx, state []byte, response json.RawMessage) (types.ID, error)
}

// ErrWrong is what a Factor's Verify returns for a response that does not prove anything.
var ErrWrong = errors.New("signin: wrong response")

// Config is the machine's parts; all are required unless they say otherwise.
type Config struct {
	DB        store.DB // the feed's
	Clock     types.Clock
	Accounts  *account.Accounts
	Sessions  *session.Sessions
	Throttle  *throttle.Throttle
	Ring      *seal.Ring
	Passwords Passwords
	Factors   []Factor                             // beyond the password; none: nothing can be enrolled
	Floor     time.Duration                        // at which failed answers leave; 0 means 250 ms, negative none
	Wait      func(context.Context, time.Duration) // nil: a timer
	TTL       time.Duration                        // of an attempt; 0 means 10 minutes
	Tries     int                                  // wrong responses an attempt survives; 0 means 5
	// Notify tells an owner of what was done with his account, in the transaction of the act; nil: nobody is told.
	Notify func(ctx context.Context, tx store.Tx, n Notice) error
}

// Notice is what an owner is told: that somebody signed in from a device not seen before, or that a factor was added or removed.
type Notice struct {
	Account  *account.Account
	What     types.Event  // SignIn, SignInFail (codes of an app are being guessed), FactorAdd, FactorRemove
	Factor   types.Factor // with FactorAdd and FactorRemove
	Device   string       // with SignIn: session.Label
	Language string
}

func (m *Machine) notify(ctx context.Context, tx store.Tx, n Notice) error {
	if m.cfg.Notify == nil {
		return nil
	}
	return m.cfg.Notify(ctx, tx, n)
}

// Machine is the state machine. It is safe for concurrent use.
type Machine struct{ cfg Config }

// New returns a machine of the parts.
func New(cfg Config) *Machine {
	if cfg.Floor == 0 {
		cfg.Floor = 250 * time.Millisecond
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	if cfg.TTL == 0 {
		cfg.TTL = 10 * time.Minute
	}
	if cfg.Tries == 0 {
		cfg.Tries = 5
	}
	return &Machine{cfg}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Client is what is known of the one who asks.
type Client struct {
	Address   netip.Addr
	Device    types.Secret // the device cookie; empty: none
	Label     string       // session.Label of the User-Agent
	Transport session.Transport
	RequestID types.ID
	Language  string // as types.Caller's
}

func (c Client) caller() *types.Caller {
	return &types.Caller{Address: c.Address, RequestID: c.RequestID}
}

// Step is where the machine stands after a proof.
type Step struct {
	Session *session.Started // set: signed in
	Account types.ID         // with Session
	Device  types.Secret     // with Session: the device cookie to set
	Attempt types.Secret     // otherwise: what the next step must present
	Factors []string         // otherwise: any one of these is asked for
	Expires time.Time        // of the session or the attempt
}

// Proof says what has just been proved about an account. Whoever makes one vouches for it.
type Proof struct {
	Account types.ID
	Factors types.Factor // all that were proved in this sign-in
	Client  Client
	Event   types.Event  // evidence of the sign-in; "" means SignIn
	At      time.Time    // when the last of them was proved; zero: now
	Since   session.Mark // as session.Fresh's
}

// Refusals. The same one for a wrong password, an unknown address and an account that is not active.
var (
	errRefused = types.Refuse(types.Unauthenticated, "sign_in_refused", "the address or the password is not right; try again, or recover the account")
	errAttempt = types.Refuse(types.Unauthenticated, "attempt_over", "this sign-in took too long or was refused; begin again")
	errFactor  = types.Refuse(types.Unauthenticated, "factor_refused", "the response is not right; try again")
	errUnknown = types.Refuse(types.NotFound, "not_found", "no such factor; the answer to the step before lists them")
)

// Prove is the only door to a session. It starts one when the proof is enough for what the account has enrolled, and an
// attempt that asks for the rest when it is not. The account must be active.
func (m *Machine) Prove(ctx context.Context, tx store.Tx, p Proof) (*Step, error) {
	acc, err := m.cfg.Accounts.Get(ctx, tx, p.Account)
	if err != nil {
		return nil, err
	}
	return m.prove(ctx, tx, acc, p)
}

// prove is Prove with the account as it was read in the same transaction.
func (m *Machine) prove(ctx context.Context, tx store.Tx, acc *account.Account, p Proof) (*Step, error) {
	if acc.ID != p.Account || acc.State != account.Active {
		return nil, errRefused
	}
	if !enough(acc, p.Factors) {
		return m.ask(ctx, tx, acc, p, session.Begun{})
	}
	c := p.Client
	e := types.NewEntry(types.SignIn, types.Done, c.caller(), m.cfg.Clock.Now())
	if p.Event != "" {
		e.Event = p.Event
	}
	if err := m.greet(ctx, tx, acc, c, e.Address); err != nil {
		return nil, err
	}
	started, err := m.cfg.Sessions.Start(ctx, tx, session.Fresh{Account: acc.ID, Epoch: acc.Epoch, Factors: p.Factors,
		Transport: c.Transport, Label: c.Label, Address: e.Address, At: p.At, Since: p.Since})
	if err != nil {
		return nil, err
	}
	e.Account, e.Kind, e.Session, e.Code = acc.ID, types.Signed, started.ID, names(p.Factors)
	if err := tx.Record(e); err != nil {
		return nil, err
	}
	if err := m.cfg.Accounts.SetSignedIn(ctx, tx, acc.ID); err != nil {
		return nil, err
	}
	return &Step{Session: started, Account: acc.ID, Expires: started.Expires,
		Device: m.cfg.Throttle.Device(m.cfg.Accounts.Key(acc.Email))}, nil
}

// greet tells the owner of a sign-in from a device that the account has not seen before: one without the account's device cookie,
// while no session of such a program from the same network lives (programs without cookies sign in often). The first sign-in of an
// account is no news.
func (m *Machine) greet(ctx context.Context, tx store.Tx, acc *account.Account, c Client, network string) error {
	if m.cfg.Notify == nil || acc.SignedIn.IsZero() || m.cfg.Throttle.Knows(m.cfg.Accounts.Key(acc.Email), c.Device) {
		return nil
	}
	live, err := m.cfg.Sessions.List(ctx, tx, acc.ID)
	if err != nil {
		return err
	}
	for _, s := range live {
		if s.Label == c.Label && s.Address == network {
			return nil
		}
	}
	return m.notify(ctx, tx, Notice{Account: acc, What: types.SignIn, Device: c.Label, Language: c.Language})
}

// enough is the whole decision: a passkey verifies its user and stands for two factors; otherwise an account with a second
// factor owes one.
func enough(acc *account.Account, proved types.Factor) bool {
	if proved&types.Passkey != 0 {
		return true
	}
	if proved&(types.Password|types.Federated) == 0 {
		return false
	}
	return !acc.Second() || proved&(types.TOTP|types.RecoveryCode) != 0
}

// names writes factors as a code of evidence: "password+totp".
func names(f types.Factor) string {
	out := ""
	for _, p := range []struct {
		bit  types.Factor
		word string
	}{{types.Password, "password"}, {types.Federated, "federated"}, {types.TOTP, "totp"}, {types.Passkey, "passkey"},
		{types.RecoveryCode, "recovery-code"}} {
		if f&p.bit == 0 {
			continue
		}
		if out != "" {
			out += "+"
		}
		out += p.word
	}
	return out
}

// floor holds a failed answer back until the common floor, counted from began.
func (m *Machine) floor(ctx context.Context, began time.Time) {
	if d := m.cfg.Floor - m.cfg.Clock.Now().Sub(began); d > 0 {
		m.cfg.Wait(ctx, d)
	}
}

// Floor holds an answer back until the common floor: for sign-up and recovery, whose answers must not tell either.
func (m *Machine) Floor(ctx context.Context, began time.Time) { m.floor(ctx, began) }

// refusal writes the evidence of a failed attempt without waiting for its durability. Existing and absent accounts make
// the same entry but for the row it names.
func (m *Machine) refusal(ctx context.Context, c Client, account types.ID, code string) error {
	e := types.NewEntry(types.SignInFail, types.Refused, c.caller(), m.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = "accounts", account, code
	return m.cfg.DB.WriteSoon(ctx, func(tx store.Tx) error { return tx.Record(e) })
}
