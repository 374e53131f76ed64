package signup

import (
	"context"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var liveInvitation = store.SQL(`SELECT id FROM fastness_link WHERE account = ? AND kind = ? AND expires > ? AND ` + good)

// Invited reports whether the account waits for its owner and an invitation or enrolment link to it is still good.
func (l *Links) Invited(ctx context.Context, r store.Reader, acc *account.Account) (bool, error) {
	if acc.State != account.Invited {
		return false, nil
	}
	rows, err := r.Query(ctx, liveInvitation, types.IDValue(acc.ID), types.TextValue(kindEnrol), types.IntValue(types.Micros(l.cfg.Clock.Now())))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}

// Accept makes an invited account active whose owner proved the invited address by other means than the link: a provider verified it.
// Its links end. The account has no password; whoever calls gives it a way in, in the same transaction.
func (l *Links) Accept(ctx context.Context, tx store.Tx, id types.ID, c signin.Client) error {
	if err := l.cfg.Accounts.SetState(ctx, tx, id, account.Active); err != nil {
		return err
	}
	if err := l.cfg.Accounts.SetVerified(ctx, tx, id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, dropAccount, types.IDValue(id)); err != nil {
		return err
	}
	e := types.NewEntry(types.AccountState, types.Done, clientCaller(c), l.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = "accounts", id, "enrolled"
	return tx.Record(e)
}
