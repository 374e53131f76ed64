package signin

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var errNoSession = types.Refuse(types.Forbidden, "session_required", "only a session can be proved again; sign in instead of using an API token")

// errStep is 422 and not 401: the session that asks is valid and must not be taken from its browser for a slip of the finger.
var errStep = types.Refuse(types.Invalid, "factor_refused", "the response is not right; try again")

// ErrEnrolled refuses a first factor as the proof of an account that has a second one.
var ErrEnrolled = types.Refuse(types.Conflict, "factor_enrolled", "this account has a second factor, for which neither a password nor a provider stands; prove that at /auth/step-up/{factor}")

// renews reports whether a proof freshens a session of the account: where sign-in takes a second factor, a step-up does. The first one was proved
// when the session began.
func renews(acc *account.Account, proved types.Factor) bool {
	return !acc.Second() || proved&(types.TOTP|types.RecoveryCode|types.Passkey) != 0
}

// present judges the password of the caller's account; the guess is counted until it leads to something.
func (m *Machine) present(ctx context.Context, who *types.Caller, password types.Secret, c Client) (*account.Account, throttle.Try, error) {
	acc, err := m.owner(ctx, who)
	if err != nil {
		return nil, throttle.Try{}, err
	}
	try := m.factorTry(acc, c)
	if err := m.cfg.Throttle.Take(ctx, try); err != nil {
		return nil, try, err
	}
	ok, _, err := m.compare(ctx, try, acc, password)
	if err != nil {
		return nil, try, err
	}
	if !ok {
		return nil, try, firstOf(m.stepRefused(ctx, who, "password"), errStep)
	}
	return acc, try, nil
}

// StepUpPassword proves the password of a session's account again and gives the session a new token of the higher level.
func (m *Machine) StepUpPassword(ctx context.Context, who *types.Caller, password types.Secret, c Client) (*session.Started, error) {
	if len(password.Reveal()) > MaxPassword {
		return nil, errTooLong
	}
	began := m.cfg.Clock.Now()
	started, err := m.stepUpPassword(ctx, who, password, c)
	if err != nil {
		m.floor(ctx, began)
	}
	return started, err
}

func (m *Machine) stepUpPassword(ctx context.Context, who *types.Caller, password types.Secret, c Client) (*session.Started, error) {
	if acc, err := m.owner(ctx, who); err != nil {
		return nil, err
	} else if !renews(acc, types.Password) {
		return nil, ErrEnrolled // whatever the password: it is not asked for
	}
	acc, try, err := m.present(ctx, who, password, c)
	if err != nil {
		return nil, err
	}
	var started *session.Started
	err = m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := m.unchanged(ctx, tx, acc); err != nil {
			return err
		}
		if err := m.cfg.Throttle.Right(ctx, tx, try); err != nil {
			return err
		}
		var err error
		started, err = m.raise(ctx, tx, who, types.Password, m.cfg.Clock.Now())
		return err
	})
	return started, err
}

// CheckPassword proves the password of the caller's account without changing anything: for acts that ask for it by
// themselves. It is throttled and floored like a step-up.
func (m *Machine) CheckPassword(ctx context.Context, who *types.Caller, password types.Secret, c Client) (*account.Account, error) {
	began := m.cfg.Clock.Now()
	acc, err := m.checkPassword(ctx, who, password, c)
	if err != nil {
		m.floor(ctx, began)
	}
	return acc, err
}

func (m *Machine) checkPassword(ctx context.Context, who *types.Caller, password types.Secret, c Client) (*account.Account, error) {
	if len(password.Reveal()) > MaxPassword {
		return nil, errTooLong
	}
	acc, try, err := m.present(ctx, who, password, c)
	if err != nil {
		return nil, err
	}
	return acc, m.cfg.DB.Write(ctx, func(tx store.Tx) error { return m.cfg.Throttle.Right(ctx, tx, try) })
}

// StepUpChallenge asks for a factor of the caller's account; the secret names the challenge in StepUpFactor.
func (m *Machine) StepUpChallenge(ctx context.Context, who *types.Caller, name string) (types.Secret, json.RawMessage, error) {
	acc, err := m.owner(ctx, who)
	if err != nil {
		return types.Secret{}, nil, err
	}
	f, ok := m.factor(name).(Challenger)
	if !ok {
		return types.Secret{}, nil, errUnknown
	}
	var step *Step
	err = m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		has, err := f.Enrolled(ctx, tx, acc.ID)
		if err != nil {
			return err
		}
		if !has {
			return errUnknown
		}
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		step, err = m.ask(ctx, tx, acc, Proof{Account: acc.ID}, session.BegunBy(who)) // proves nothing yet, so it could never become a session alone
		return err
	})
	if err != nil {
		return types.Secret{}, nil, err
	}
	public, err := m.Challenge(ctx, step.Attempt, name)
	return step.Attempt, public, err
}

// StepUpFactor proves an enrolled factor in a session and gives it a new token of the higher level. secret is empty for
// factors without a challenge.
func (m *Machine) StepUpFactor(ctx context.Context, who *types.Caller, secret types.Secret, name string, response json.RawMessage, c Client) (*session.Started, error) {
	began := m.cfg.Clock.Now()
	started, err := m.stepUpFactor(ctx, who, secret, name, response, c)
	if err != nil {
		m.floor(ctx, began)
	}
	return started, err
}

func (m *Machine) stepUpFactor(ctx context.Context, who *types.Caller, secret types.Secret, name string, response json.RawMessage, c Client) (*session.Started, error) {
	f := m.factor(name)
	if f == nil {
		return nil, errUnknown
	}
	acc, err := m.owner(ctx, who)
	if err != nil {
		return nil, err
	}
	try := m.codeTry(f, acc, c)
	if err := m.cfg.Throttle.Take(ctx, try); err != nil {
		return nil, err
	}
	var started *session.Started
	wrong := false
	err = m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		started, wrong = nil, false
		var err error
		if wrong, err = m.judge(ctx, tx, f, who, secret, response); err != nil || wrong {
			return err
		}
		if err := m.cfg.Throttle.Right(ctx, tx, try); err != nil {
			return err
		}
		started, err = m.raise(ctx, tx, who, f.Kind(), m.cfg.Clock.Now())
		return err
	})
	if err == nil && wrong {
		err = firstOf(m.stepRefused(ctx, who, f.Name()), errStep)
	}
	return started, err
}

// judge verifies a step-up's response. A challenge must be one that this account asked for.
func (m *Machine) judge(ctx context.Context, tx store.Tx, f Factor, who *types.Caller, secret types.Secret, response json.RawMessage) (wrong bool, err error) {
	if _, asks := f.(Challenger); !asks {
		err := tx.Savepoint(ctx, func() error { return f.Verify(ctx, tx, who.Account, nil, response) })
		if errors.Is(err, ErrWrong) {
			return true, nil
		}
		return false, err
	}
	a, err := m.load(ctx, tx, secret)
	if err != nil {
		return false, err
	}
	if a.account != who.Account || a.session != who.Session {
		return true, nil
	}
	return m.verify(ctx, tx, f, a, secret, response)
}

// owner returns the account of a session's caller; API tokens and operators have no session to prove.
func (m *Machine) owner(ctx context.Context, who *types.Caller) (*account.Account, error) {
	if who.Kind != types.Signed || who.Session == "" || who.Token != "" {
		return nil, errNoSession
	}
	var acc *account.Account
	err := m.cfg.DB.View(ctx, func(r store.Reader) error {
		var err error
		acc, err = m.cfg.Accounts.Get(ctx, r, who.Account)
		return err
	})
	return acc, err
}

// StepUpFederated gives a session whose owner proved himself again to an OpenID provider, at a moment that the caller of this vouches
// for, a new token. A provider is a first factor and stands for no other: an account with a second one proves that. ErrEnrolled then.
func (m *Machine) StepUpFederated(ctx context.Context, tx store.Tx, who *types.Caller, at time.Time) (*session.Started, error) {
	if who.Kind != types.Signed || who.Session == "" || who.Token != "" {
		return nil, errNoSession
	}
	if who.FreshAt.After(at) {
		at = who.FreshAt
	}
	return m.raise(ctx, tx, who, types.Federated, at)
}

// raise gives a session a token that is fresh from a moment on.
func (m *Machine) raise(ctx context.Context, tx store.Tx, who *types.Caller, proved types.Factor, at time.Time) (*session.Started, error) {
	if err := session.Stands(ctx, tx, who); err != nil {
		return nil, err
	}
	acc, err := m.cfg.Accounts.Get(ctx, tx, who.Account)
	if err != nil {
		return nil, err
	}
	if !renews(acc, proved) {
		return nil, ErrEnrolled
	}
	e := types.NewEntry(types.StepUp, types.Done, who, m.cfg.Clock.Now())
	e.Code = names(proved)
	if err := tx.Record(e); err != nil {
		return nil, err
	}
	return m.cfg.Sessions.Renew(ctx, tx, who.Session, session.Level{Factors: who.Factors | proved, FreshAt: at})
}

func (m *Machine) stepRefused(ctx context.Context, who *types.Caller, code string) error {
	e := types.NewEntry(types.StepUp, types.Refused, who, m.cfg.Clock.Now())
	e.Code = code
	return m.cfg.DB.WriteSoon(ctx, func(tx store.Tx) error { return tx.Record(e) })
}

// firstOf is the program's own failure if there was one, else the refusal: a database that is away is never a wrong password.
func firstOf(failure error, refusal *types.Error) error {
	if failure != nil {
		return failure
	}
	return refusal
}
