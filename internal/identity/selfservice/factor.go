package selfservice

import (
	"context"
	"errors"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/totp"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errNoEnrolment  = types.Refuse(types.Conflict, "no_enrolment", "no authenticator app waits for its first code; begin again")
	errFirstCode    = types.Refuse(types.Invalid, "factor_refused", "the code is not right; check the phone's clock and try the next one")
	errSecondFactor = types.Refuse(types.Conflict, "second_factor_first", "recovery codes stand for a second factor; enrol an authenticator app or a passkey first")
)

// HasApp reports whether the caller has enrolled an authenticator app.
func (s *Self) HasApp(ctx context.Context, who *types.Caller) (has bool, err error) {
	err = s.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		has, err = s.cfg.App.Enrolled(ctx, r, who.Account)
		return err
	})
	return has, err
}

// BeginApp makes a secret for an authenticator app; it counts after its first code.
func (s *Self) BeginApp(ctx context.Context, who *types.Caller) (totp.Enrolment, error) {
	var e totp.Enrolment
	if who.Session == "" {
		return e, session.ErrRequired
	}
	err := s.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		acc, err := s.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		e, err = s.cfg.App.Begin(ctx, tx, acc.ID, who.Session, acc.Email)
		return err
	})
	return e, err
}

// PendingApp returns the secret that waits for its first code, so that a mistyped code does not cost a new one.
func (s *Self) PendingApp(ctx context.Context, who *types.Caller) (totp.Enrolment, error) {
	var e totp.Enrolment
	if who.Session == "" {
		return e, session.ErrRequired
	}
	err := s.cfg.DB.View(ctx, func(r store.Reader) error {
		acc, err := s.cfg.Accounts.Get(ctx, r, who.Account)
		if err != nil {
			return err
		}
		e, err = s.cfg.App.Pending(ctx, r, acc.ID, who.Session, acc.Email)
		return err
	})
	if errors.Is(err, totp.ErrNone) {
		err = errNoEnrolment
	}
	return e, err
}

// ConfirmApp enrols the app by its first code.
func (s *Self) ConfirmApp(ctx context.Context, who *types.Caller, code string) (*session.Started, error) {
	if who.Session == "" {
		return nil, session.ErrRequired
	}
	right, err := s.cfg.Machine.CountGuess(ctx, who)
	if err != nil {
		return nil, err
	}
	out, err := s.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		if err := s.cfg.App.Confirm(ctx, tx, who.Account, who.Session, code); err != nil {
			return nil, err
		}
		if err := right(tx); err != nil {
			return nil, err
		}
		acc, err := s.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return nil, err
		}
		if err := s.cfg.Machine.Renewed(ctx, tx, acc, true); err != nil { // what was guessed at is gone
			return nil, err
		}
		return s.cfg.Machine.ChangeFactor(ctx, tx, who, types.TOTP, 1, true, types.TOTP)
	})
	switch {
	case errors.Is(err, totp.ErrNone):
		return nil, errNoEnrolment
	case errors.Is(err, signin.ErrWrong):
		return nil, errFirstCode
	}
	return out, err
}

// RemoveApp removes the app, and with the last second factor the recovery codes that stood for it.
func (s *Self) RemoveApp(ctx context.Context, who *types.Caller) (*session.Started, error) {
	out, err := s.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		if err := s.cfg.App.Remove(ctx, tx, who.Account); err != nil {
			return nil, err
		}
		acc, err := s.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return nil, err
		}
		if acc.Passkeys == 0 {
			if err := s.forgetCodes(ctx, tx, acc.ID); err != nil {
				return nil, err
			}
		}
		return s.cfg.Machine.ChangeFactor(ctx, tx, who, types.TOTP, 0, false, 0)
	})
	if errors.Is(err, totp.ErrNone) {
		err = errNotFound
	}
	return out, err
}

// CodesLeft is how many recovery codes the caller has not used up.
func (s *Self) CodesLeft(ctx context.Context, who *types.Caller) (left int, err error) {
	err = s.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		left, err = s.cfg.Codes.Left(ctx, r, who.Account)
		return err
	})
	return left, err
}

// RenewCodes makes ten new recovery codes, which are told this once; the old ones end.
func (s *Self) RenewCodes(ctx context.Context, who *types.Caller) ([]types.Secret, *session.Started, error) {
	var codes []types.Secret
	out, err := s.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		acc, err := s.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return nil, err
		}
		if !acc.Second() {
			return nil, errSecondFactor
		}
		if codes, err = s.cfg.Codes.Renew(ctx, tx, acc.ID); err != nil {
			return nil, err
		}
		return s.cfg.Machine.ChangeFactor(ctx, tx, who, types.RecoveryCode, len(codes), true, 0)
	})
	return codes, out, err
}
