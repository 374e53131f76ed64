package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	readPending   = store.SQL(`SELECT state, until FROM fastness_passkey_pending WHERE account = ?`)
	insertPending = store.SQL(`INSERT INTO fastness_passkey_pending (account, state, until) VALUES (?, ?, ?)`)
	updatePending = store.SQL(`UPDATE fastness_passkey_pending SET state = ?, until = ? WHERE account = ?`)
	dropPending   = store.SQL(`DELETE FROM fastness_passkey_pending WHERE account = ?`)
)

// Offer makes the options of navigator.credentials.create; a challenge that waited before is forgotten. label is what the
// authenticator shows: the account's address. ErrMany refuses.
func (p *Passkeys) Offer(ctx context.Context, tx store.Tx, account types.ID, label string) (json.RawMessage, error) {
	u, err := p.load(ctx, tx, account, label)
	if err != nil {
		return nil, err
	}
	if len(u.keys) >= maxKeys {
		return nil, ErrMany
	}
	options, session, err := p.rp.BeginRegistration(u, webauthn.WithExclusions(webauthn.Credentials(u.keys).CredentialDescriptors()))
	if err != nil {
		return nil, fmt.Errorf("passkey: options: %w", err)
	}
	state, err := json.Marshal(session)
	if err != nil {
		return nil, err
	}
	sealed, err := p.cfg.Ring.Seal(nil, seal.Account, state, "fastness_passkey_pending", string(account))
	if err != nil {
		return nil, err
	}
	until := types.IntValue(types.Micros(p.cfg.Clock.Now().Add(pendingFor)))
	n, err := tx.Exec(ctx, updatePending, types.BytesValue(sealed), until, types.IDValue(account))
	if err == nil && n == 0 {
		_, err = tx.Exec(ctx, insertPending, types.IDValue(account), types.BytesValue(sealed), until)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(options)
}

// Enrol judges the response to Offer, keeps the credential under a name and returns how many the account now has. ErrNone: nothing
// waits, or it waited too long. ErrResponse: it does not answer this challenge, from this origin, with a verified user, or its key cannot
// be one. ErrTaken: the credential is somebody's already.
func (p *Passkeys) Enrol(ctx context.Context, tx store.Tx, account types.ID, name string, response json.RawMessage) (id types.ID, count int, err error) {
	session, err := p.pending(ctx, tx, account)
	if err != nil {
		return "", 0, err
	}
	u, err := p.load(ctx, tx, account, "")
	if err != nil {
		return "", 0, err
	}
	if err := p.read(response, protocol.CreateCeremony); err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	credential, err := p.rp.CreateCredential(u, *session, parsed)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	if !credential.Flags.UserVerified {
		return "", 0, ErrResponse
	}
	if err := may(credential.PublicKey); err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	record, err := p.sealed(account, credential)
	if err != nil {
		return "", 0, err
	}
	now := p.cfg.Clock.Now()
	id = types.NewID(now)
	_, err = tx.Exec(ctx, insert, types.IDValue(id), types.IDValue(account), types.BytesValue(credential.ID), types.TextValue(name), record, types.IntValue(types.Micros(now)))
	var broken *store.ConstraintError
	if errors.As(err, &broken) {
		return "", 0, ErrTaken
	}
	if err != nil {
		return "", 0, err
	}
	_, err = tx.Exec(ctx, dropPending, types.IDValue(account))
	return id, len(u.keys) + 1, err
}

// pending opens the challenge that waits for an account.
func (p *Passkeys) pending(ctx context.Context, r store.Reader, account types.ID) (*webauthn.SessionData, error) {
	rows, err := r.Query(ctx, readPending, types.IDValue(account))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, errors.Join(rows.Err(), ErrNone)
	}
	if types.Micros(p.cfg.Clock.Now()) >= rows.Int(1) {
		return nil, ErrNone
	}
	state, err := p.cfg.Ring.Open(nil, seal.Account, rows.Bytes(0), "fastness_passkey_pending", string(account))
	if err != nil {
		return nil, err
	}
	return session(state)
}

func session(state []byte) (*webauthn.SessionData, error) {
	s := &webauthn.SessionData{}
	if err := json.Unmarshal(state, s); err != nil {
		return nil, fmt.Errorf("passkey: stored challenge: %w", err)
	}
	return s, nil
}
