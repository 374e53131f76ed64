package identity

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// close is signup.Close.
func (i *Identity) close(ctx context.Context, tx store.Tx, id types.ID, since time.Time) error {
	if err := i.providers.Forget(ctx, tx, id); err != nil {
		return err
	}
	if since.IsZero() {
		return nil
	}
	keys, err := i.passkeys.ForgetSince(ctx, tx, id, since)
	if err != nil {
		return err
	}
	gone, err := i.app.ForgetSince(ctx, tx, id, since)
	if err != nil {
		return err
	}
	acc, err := i.accounts.Get(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		kind      types.Factor
		had, left int
	}{{types.Passkey, acc.Passkeys, keys}, {types.TOTP, acc.TOTP, map[bool]int{true: 0, false: acc.TOTP}[gone]}} {
		if f.left < f.had {
			if err := i.accounts.SetFactors(ctx, tx, id, f.kind, f.left); err != nil {
				return err
			}
		}
	}
	if err := i.codes.Clear(ctx, tx, id); err != nil { // nobody knows since when there are these
		return err
	}
	return i.accounts.SetFactors(ctx, tx, id, types.RecoveryCode, 0)
}
