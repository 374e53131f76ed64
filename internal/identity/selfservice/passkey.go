package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/passkey"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errManyPasskeys = types.Refuse(types.Conflict, "too_many_passkeys", "remove a passkey before you add another")
	errPasskeyTaken = types.Refuse(types.Conflict, "passkey_taken", "this authenticator is enrolled already")
	errNewPasskey   = types.Refuse(types.Invalid, "factor_refused", "the authenticator's response does not answer the options; ask for new ones and try again")
	errNoOffer      = types.Refuse(types.Conflict, "no_enrolment", "no options wait for a response; ask for them again")
)

// Passkeys lists the caller's passkeys, oldest first.
func (s *Self) Passkeys(ctx context.Context, who *types.Caller) (all []passkey.Listed, err error) {
	err = s.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		all, err = s.cfg.Passkeys.List(ctx, r, who.Account)
		return err
	})
	return all, err
}

// OfferPasskey makes the options of navigator.credentials.create.
func (s *Self) OfferPasskey(ctx context.Context, who *types.Caller) (json.RawMessage, error) {
	if who.Session == "" {
		return nil, session.ErrRequired
	}
	var options json.RawMessage
	err := s.cfg.DB.Write(ctx, func(tx store.Tx) error {
		acc, err := s.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		options, err = s.cfg.Passkeys.Offer(ctx, tx, acc.ID, acc.Email)
		return err
	})
	if errors.Is(err, passkey.ErrMany) {
		err = errManyPasskeys
	}
	return options, err
}

// EnrolPasskey judges the response to OfferPasskey and keeps the passkey under a name.
func (s *Self) EnrolPasskey(ctx context.Context, who *types.Caller, name string, response json.RawMessage) (types.ID, *session.Started, error) {
	var id types.ID
	out, err := s.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		made, count, err := s.cfg.Passkeys.Enrol(ctx, tx, who.Account, strings.TrimSpace(name), response)
		if err != nil {
			return nil, err
		}
		id = made
		return s.cfg.Machine.ChangeFactor(ctx, tx, who, types.Passkey, count, true, types.Passkey)
	})
	switch {
	case errors.Is(err, passkey.ErrNone):
		err = errNoOffer
	case errors.Is(err, passkey.ErrResponse):
		err = errNewPasskey
	case errors.Is(err, passkey.ErrTaken):
		err = errPasskeyTaken
	}
	return id, out, err
}

// RenamePasskey calls one of the caller's passkeys something else.
func (s *Self) RenamePasskey(ctx context.Context, who *types.Caller, id types.ID, name string) error {
	if who.Session == "" {
		return session.ErrRequired
	}
	err := s.cfg.DB.Write(ctx, func(tx store.Tx) error {
		return s.cfg.Passkeys.Rename(ctx, tx, who.Account, id, strings.TrimSpace(name))
	})
	if errors.Is(err, passkey.ErrNone) {
		err = errNotFound
	}
	return err
}

// RemovePasskey forgets one of the caller's passkeys, and with the last second factor the recovery codes that stood for it.
func (s *Self) RemovePasskey(ctx context.Context, who *types.Caller, id types.ID) (*session.Started, error) {
	out, err := s.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		left, err := s.cfg.Passkeys.Remove(ctx, tx, who.Account, id)
		if err != nil {
			return nil, err
		}
		acc, err := s.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return nil, err
		}
		if left == 0 && acc.PHC.Empty() {
			federated, err := s.cfg.Federated(ctx, tx, acc.ID)
			if err != nil {
				return nil, err
			}
			if !federated {
				return nil, errLastWay
			}
		}
		if left == 0 && acc.TOTP == 0 {
			if err := s.forgetCodes(ctx, tx, acc.ID); err != nil {
				return nil, err
			}
		}
		return s.cfg.Machine.ChangeFactor(ctx, tx, who, types.Passkey, left, false, 0)
	})
	if errors.Is(err, passkey.ErrNone) {
		err = errNotFound
	}
	return out, err
}
