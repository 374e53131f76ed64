package session

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Begun says who began something that waits: the account, the session in which it was begun and the account's epoch at that moment. A table of
// things that wait has Columns, an insert writes Values, and every statement that reads one for use says Holds. The zero Begun is of nobody who
// is signed in: the operator, or a stranger who asked for a letter.
type Begun struct {
	Account, Session types.ID
	Epoch            int64
}

// BegunBy is what the caller begins. What an API token begins is told by the token and ends with the account's epoch.
func BegunBy(who *types.Caller) Begun {
	switch {
	case who.Kind != types.Signed:
		return Begun{}
	case who.Session == "":
		return Begun{who.Account, who.Token, who.Epoch}
	}
	return Begun{who.Account, who.Session, who.Epoch}
}

// Columns are the columns in which a table keeps who began its rows.
func Columns() []store.Column {
	return []store.Column{{Name: "by_account", Type: store.TextColumn}, {Name: "by_session", Type: store.TextColumn}, {Name: "by_epoch", Type: store.IntColumn}}
}

// Values are the values of Columns.
func (b Begun) Values() []types.Value {
	if b.Account == "" {
		return []types.Value{{}, {}, {}}
	}
	return []types.Value{types.IDValue(b.Account), types.IDValue(b.Session), types.IntValue(b.Epoch)}
}

const (
	stillActive = `SELECT a.id FROM fastness_account a WHERE a.state = 'active'`
	notEnded    = `NOT EXISTS (SELECT 1 FROM fastness_session_ended e WHERE e.session = `

	// Holds is the condition under which what waits may still be used: nobody has ended the session that began it for cause, and the account is
	// active and of the same epoch. A session that merely expired, or that its owner signed out of, takes nothing with it.
	Holds = `(by_account IS NULL OR EXISTS (` + stillActive + ` AND a.id = by_account AND a.epoch = by_epoch AND ` + notEnded + `by_session)))`
)

var holds = store.SQL(stillActive + ` AND a.id = ? AND a.epoch = ? AND ` + notEnded + `?)`)

// StillHolds is Holds for what is kept elsewhere than in a table of this room.
func StillHolds(ctx context.Context, r store.Reader, b Begun) (bool, error) {
	if b.Account == "" {
		return true, nil
	}
	found, err := ids(ctx, r, holds, types.IDValue(b.Account), types.IntValue(b.Epoch), types.TextValue(string(b.Session)))
	return len(found) > 0, err
}

// longest is how long what a session began may wait: an API token lives a year.
const longest = 367 * 24 * time.Hour

var (
	noteEnded  = store.SQL(`INSERT INTO fastness_session_ended (session, account, at) VALUES (?, ?, ?) ON CONFLICT (session) DO NOTHING`)
	sweepEnded = store.SQL(`DELETE FROM fastness_session_ended WHERE at <= ?`)
	moveOn     = store.SQL(`UPDATE fastness_account SET epoch = epoch + 1 WHERE id = ? AND state <> 'erased'`)
	carry      = store.SQL(`UPDATE fastness_session SET epoch = (SELECT epoch FROM fastness_account WHERE id = ?) WHERE id = ? AND account = ?`)
)

// revoke ends a session for cause: what was begun in it is void from now on, API tokens included.
func (s *Sessions) revoke(ctx context.Context, tx store.Tx, account, session types.ID) error {
	if _, err := tx.Exec(ctx, noteEnded, types.IDValue(session), types.IDValue(account), types.IntValue(types.Micros(s.now()))); err != nil {
		return err
	}
	if err := s.End(ctx, tx, session); err != nil {
		return err
	}
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: account})
}

// Revoke ends a session of the account for cause; ErrNone when it is not one.
func (s *Sessions) Revoke(ctx context.Context, tx store.Tx, account, session types.ID) error {
	own, err := ids(ctx, tx, allOf, types.IDValue(account))
	if err != nil {
		return err
	}
	for _, id := range own {
		if id == session {
			return s.revoke(ctx, tx, account, session)
		}
	}
	return ErrNone
}

// RevokeAll ends every session of the account but one ("" for none) for cause. The account's epoch moves on: whatever was begun or issued before
// is void, in the session that stays as well.
func (s *Sessions) RevokeAll(ctx context.Context, tx store.Tx, account, but types.ID) error {
	all, err := ids(ctx, tx, allOf, types.IDValue(account))
	if err != nil {
		return err
	}
	for _, id := range all {
		if id == but {
			continue
		}
		if err := s.End(ctx, tx, id); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, moveOn, types.IDValue(account)); err != nil {
		return err
	}
	if but != "" {
		if _, err := tx.Exec(ctx, carry, types.IDValue(account), types.IDValue(but), types.IDValue(account)); err != nil {
			return err
		}
	}
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: account})
}
