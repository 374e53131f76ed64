package selfservice

import (
	"context"
	"errors"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Sessions lists the caller's live sessions, last used first.
func (s *Self) Sessions(ctx context.Context, who *types.Caller) (all []session.Listed, err error) {
	if who.Session == "" {
		return nil, session.ErrRequired
	}
	err = s.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		all, err = s.cfg.Sessions.List(ctx, r, who.Account)
		return err
	})
	return all, err
}

// Tokens lists the caller's live API tokens, oldest first.
func (s *Self) Tokens(ctx context.Context, who *types.Caller) (all []token.Listed, err error) {
	if who.Session == "" {
		return nil, session.ErrRequired
	}
	err = s.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		all, err = s.cfg.Tokens.List(ctx, r, who.Account)
		return err
	})
	return all, err
}

// SignOut ends the caller's session.
func (s *Self) SignOut(ctx context.Context, who *types.Caller) error {
	if who.Session == "" {
		return types.Refuse(types.Forbidden, "session_required", "an API token has no session to end; revoke the token instead")
	}
	return s.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := s.cfg.Sessions.End(ctx, tx, who.Session); err != nil {
			return err
		}
		return tx.Record(types.NewEntry(types.SignOut, types.Done, who, s.cfg.Clock.Now()))
	})
}

// EndSession ends one of the caller's sessions. What was begun in another one is void; to end one's own is to sign out.
func (s *Self) EndSession(ctx context.Context, who *types.Caller, id types.ID) error {
	if who.Session == "" {
		return session.ErrRequired
	}
	err := s.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		if id == who.Session {
			return errors.Join(s.cfg.Sessions.End(ctx, tx, id), s.ended(tx, who, id))
		}
		if err := s.cfg.Sessions.Revoke(ctx, tx, who.Account, id); err != nil {
			return err
		}
		if err := s.cfg.Distrust(ctx, tx, who.Account, who.Session); err != nil {
			return err
		}
		return s.ended(tx, who, id)
	})
	if errors.Is(err, session.ErrNone) {
		err = errNotFound
	}
	return err
}

// EndOthers ends every session of the caller but the one that asks, and whatever was begun or issued before: API tokens too.
func (s *Self) EndOthers(ctx context.Context, who *types.Caller) error {
	if who.Session == "" {
		return session.ErrRequired
	}
	return s.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		all, err := s.cfg.Sessions.List(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		for _, l := range all {
			if l.ID == who.Session {
				continue
			}
			if err := s.ended(tx, who, l.ID); err != nil {
				return err
			}
		}
		return s.cfg.Sessions.RevokeAll(ctx, tx, who.Account, who.Session)
	})
}

func (s *Self) ended(tx store.Tx, who *types.Caller, id types.ID) error {
	e := types.NewEntry(types.SignOut, types.Done, who, s.cfg.Clock.Now())
	e.Collection, e.Row = "sessions", id
	return tx.Record(e)
}
