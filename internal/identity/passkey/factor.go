package passkey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Kind implements signin.Factor.
func (p *Passkeys) Kind() types.Factor { return types.Passkey }

// Name implements signin.Factor.
func (p *Passkeys) Name() string { return "passkey" }

// Enrolled implements signin.Factor.
func (p *Passkeys) Enrolled(ctx context.Context, r store.Reader, account types.ID) (bool, error) {
	rows, err := r.Query(ctx, has, types.IDValue(account))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}

// Challenge implements signin.Challenger: options of navigator.credentials.get for one account that has proved something already.
func (p *Passkeys) Challenge(ctx context.Context, r store.Reader, account types.ID) (json.RawMessage, []byte, error) {
	u, err := p.load(ctx, r, account, "")
	if err != nil {
		return nil, nil, err
	}
	if len(u.keys) == 0 {
		return nil, nil, types.Refuse(types.NotFound, "not_found", "no such factor; the answer to the step before lists them")
	}
	return encoded(p.rp.BeginLogin(u, webauthn.WithUserVerification(protocol.VerificationRequired)))
}

// Discover implements signin.Discoverer: options that name nobody.
func (p *Passkeys) Discover(context.Context) (json.RawMessage, []byte, error) {
	return encoded(p.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired)))
}

func encoded(options *protocol.CredentialAssertion, s *webauthn.SessionData, err error) (json.RawMessage, []byte, error) {
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: options: %w", err)
	}
	public, err := json.Marshal(options)
	if err != nil {
		return nil, nil, err
	}
	state, err := json.Marshal(s)
	return public, state, err
}

// Verify implements signin.Factor.
func (p *Passkeys) Verify(ctx context.Context, tx store.Tx, account types.ID, challenge []byte, response json.RawMessage) error {
	s, err := session(challenge)
	if err != nil {
		return err
	}
	u, err := p.load(ctx, tx, account, "")
	if err != nil {
		return err
	}
	parsed, err := p.asserted(response)
	if err != nil {
		return signin.ErrWrong
	}
	used, err := p.rp.ValidateLogin(u, *s, parsed)
	if err != nil {
		return signin.ErrWrong
	}
	return p.proved(ctx, tx, u, used)
}

// asserted reads a response to Challenge or Discover.
func (p *Passkeys) asserted(response json.RawMessage) (*protocol.ParsedCredentialAssertionData, error) {
	if err := p.read(response, protocol.AssertCeremony); err != nil {
		return nil, err
	}
	return protocol.ParseCredentialRequestResponseBytes(response)
}

// Identify implements signin.Discoverer.
func (p *Passkeys) Identify(ctx context.Context, tx store.Tx, state []byte, response json.RawMessage) (types.ID, error) {
	s, err := session(state)
	if err != nil {
		return "", err
	}
	parsed, err := p.asserted(response)
	if err != nil {
		return "", signin.ErrWrong
	}
	var u *user
	var fault error // what is no fault of the response
	used, err := p.rp.ValidateDiscoverableLogin(func(credential, handle []byte) (webauthn.User, error) {
		if u, fault = p.holder(ctx, tx, credential); fault != nil {
			return nil, fault
		}
		if u == nil || !bytes.Equal(handle, u.WebAuthnID()) {
			return nil, signin.ErrWrong
		}
		return u, nil
	}, *s, parsed)
	if fault != nil {
		return "", fault
	}
	if err != nil {
		return "", signin.ErrWrong
	}
	return u.id, p.proved(ctx, tx, u, used)
}

// holder finds whose credential it is; nil: nobody's.
func (p *Passkeys) holder(ctx context.Context, r store.Reader, credential []byte) (*user, error) {
	rows, err := r.Query(ctx, owner, types.BytesValue(credential))
	if err != nil {
		return nil, err
	}
	account := types.ID("")
	if rows.Next() {
		account = types.ID(rows.Text(0))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || account == "" {
		return nil, err
	}
	return p.load(ctx, r, account, "")
}

// proved keeps the moved counter. The library reports a counter that stood still or went back and leaves the verdict to us: two
// devices that hold one key are refused (WebAuthn section 6.1.1).
func (p *Passkeys) proved(ctx context.Context, tx store.Tx, u *user, c *webauthn.Credential) error {
	if c.Authenticator.CloneWarning || !c.Flags.UserVerified {
		return signin.ErrWrong
	}
	for i := range u.keys {
		if !bytes.Equal(u.keys[i].ID, c.ID) {
			continue
		}
		record, err := p.sealed(u.id, c)
		if err != nil {
			return err
		}
		return one(tx.Exec(ctx, update, record, types.IntValue(types.Micros(p.cfg.Clock.Now())), types.IDValue(u.rows[i]), types.IDValue(u.id)))
	}
	return signin.ErrWrong
}
