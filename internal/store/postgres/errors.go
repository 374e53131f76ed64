package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// keepRetry leaves serialisation failures as they are, so that Write can see them, and translates the rest.
func keepRetry(err error) error {
	if err == nil || again(err) {
		return err
	}
	return translate(err)
}

// translate gives PostgreSQL's errors the kinds of the house.
func translate(err error) error {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		switch {
		case e.Code == "57014":
			return &types.Error{Kind: types.Unavailable, Code: "too_slow", Detail: "the query took too long; ask for less", RetryAfter: time.Second, Err: err}
		case e.Code == "53100":
			return &types.Error{Kind: types.Full, Code: "storage_full", Detail: "the storage is full; nothing was changed, try again later", Err: err}
		case e.Code[:2] == "57" || e.Code[:2] == "53" || e.Code[:2] == "08" || e.Code == "25006":
			return away(err)
		}
		return err
	case errors.Is(err, context.Canceled):
		return &types.Error{Kind: types.HungUp, Code: "hung_up", Detail: "the caller hung up; ask again", Err: err}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		pgconn.SafeToRetry(err) || errors.Is(err, context.DeadlineExceeded) {
		return away(err)
	}
	return err
}

func away(err error) error {
	return &types.Error{Kind: types.Unavailable, Code: "storage_unavailable", Detail: "the storage does not answer; try again later", RetryAfter: 5 * time.Second, Err: err}
}

// constraint recognises a broken constraint; nil for every other error.
func constraint(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return nil
	}
	kind, ok := map[string]store.ConstraintKind{"23505": store.Unique, "23503": store.Foreign, "23502": store.NotNull, "23514": store.Check}[e.Code]
	if !ok {
		return nil
	}
	out := &store.ConstraintError{Kind: kind, Table: e.TableName, Constraint: e.ConstraintName, Err: err}
	if e.ColumnName != "" {
		out.Columns = []string{e.ColumnName}
	}
	return out
}
