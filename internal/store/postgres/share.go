package postgres

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/store/fair"
	"github.com/fastness-dev/fastness/internal/types"
)

// writes shares the connections that writes may take. A quarter of all stays for reads, and one account has at most half of the rest; who
// waits gets one by turns of accounts (store.Turn).
type writes struct{ *fair.Gate }

func sharedWrites(conns int) writes {
	n := max(1, conns-conns/4)
	return writes{fair.NewGate(n, max(1, n/2))}
}

// enter waits for a connection's worth of room as long as others wait for a connection.
func (w writes) enter(ctx context.Context, turn string, patience time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := w.Gate.Enter(waiting, turn)
	if err == nil || ctx.Err() != nil {
		return translate(err)
	}
	return &types.Error{Kind: types.Unavailable, Code: "busy", Detail: "too many writes wait; try again", RetryAfter: time.Second, Err: err}
}
