package signin

import (
	"context"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// ChangeFactor tells, in the transaction in which a factor was enrolled or removed, how many of the kind the caller's
// account now has. Every other session ends; the caller's gets a new token, and its old one is refused from now on. proved
// is what the change itself proved (the first code of a new authenticator app), 0 for a removal.
func (m *Machine) ChangeFactor(ctx context.Context, tx store.Tx, who *types.Caller, kind types.Factor, count int, added bool, proved types.Factor) (*session.Started, error) {
	if who.Kind != types.Signed || who.Session == "" {
		return nil, errNoSession
	}
	if err := session.Stands(ctx, tx, who); err != nil {
		return nil, err
	}
	if err := m.cfg.Accounts.SetFactors(ctx, tx, who.Account, kind, count); err != nil {
		return nil, err
	}
	e := types.NewEntry(types.FactorAdd, types.Done, who, m.cfg.Clock.Now())
	if !added {
		e.Event = types.FactorRemove
	}
	e.Collection, e.Row, e.Code = "accounts", who.Account, names(kind)
	if err := tx.Record(e); err != nil {
		return nil, err
	}
	if err := m.cfg.Sessions.RevokeAll(ctx, tx, who.Account, who.Session); err != nil {
		return nil, err
	}
	acc, err := m.cfg.Accounts.Get(ctx, tx, who.Account)
	if err != nil {
		return nil, err
	}
	n := Notice{Account: acc, What: e.Event, Factor: kind, Language: who.Language}
	if err := m.notify(ctx, tx, n); err != nil {
		return nil, err
	}
	l := session.Level{Factors: who.Factors | proved, FreshAt: who.FreshAt, Cause: true, Epoch: acc.Epoch}
	if !added {
		l.Factors &^= kind // what was removed proves nothing any more
	}
	if !acc.Second() {
		l.Factors &^= types.RecoveryCode // which stood for what is gone
	}
	if proved != 0 {
		l.FreshAt = m.cfg.Clock.Now()
	}
	return m.cfg.Sessions.Renew(ctx, tx, who.Session, l)
}
