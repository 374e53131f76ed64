package fastness

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/password"
)

// costs are the parameters of Argon2id as the database keeps them.
type costs struct {
	MemoryKiB uint32 `json:"memory_kib"`
	Passes    uint32 `json:"passes"`
}

// storedCosts makes the pool hash as the database says, if it says anything yet. What is stored outside the bounds is refused: somebody
// made every new hash weaker, or every sign-in a denial of service.
func (a *App) storedCosts(ctx context.Context) (found bool, err error) {
	text, err := a.meta(ctx, "password")
	if err != nil || text == nil {
		return false, err
	}
	return true, a.useCosts(text)
}

func (a *App) useCosts(text []byte) error {
	var c costs
	if err := json.Unmarshal(text, &c); err != nil || !a.passwords.Use(password.Params{MemoryKiB: c.MemoryKiB, Time: c.Passes}) {
		return fmt.Errorf("fastness: the costs of password hashes in the database are %.100q, outside what is permitted; restore the database, or delete the row password of fastness_meta to have them measured again", text)
	}
	return nil
}

// settleIn is how long a server runs before it measures: a start is no time to measure in.
const settleIn = 5 * time.Second

// calibrate chooses the costs once for the database, in the background. Of replicas the first one's choice counts for all: equal costs
// keep their work alike. A server that was told otherwise, or that cannot write now, hashes with the least until its next start.
func (a *App) calibrate(ctx context.Context) {
	if !a.opt.Calibrate {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(settleIn):
	}
	if err := a.chooseCosts(ctx); err != nil {
		a.opt.Log.Warn("costs of password hashes", "error", err.Error())
	}
}

func (a *App) chooseCosts(ctx context.Context) error {
	if found, err := a.storedCosts(ctx); found || err != nil {
		return err
	}
	p := password.Calibrate(a.opt.Clock, 0)
	text, err := json.Marshal(costs{p.MemoryKiB, p.Time})
	if err != nil {
		return err
	}
	if text, err = a.agree(ctx, "password", text); err != nil {
		return err
	}
	return a.useCosts(text)
}
