package job

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// ErrHeld: somebody else holds the lease.
var ErrHeld = errors.New("job: somebody else holds the lease")

// Lease is the right to do what its name stands for until it ends. The zero Lease is nobody's.
type Lease struct {
	Name  string
	Token int64 // grows with every holder: the fence
	Until time.Time
}

var (
	readLease = store.SQL(`SELECT token, taken, until, due FROM fastness_lease WHERE name = ?`)
	newLease  = store.SQL(`INSERT INTO fastness_lease (name, holder, token, taken, until, due, code) VALUES (?, ?, 1, ?, ?, 0, '')`)
	takeLease = store.SQL(`UPDATE fastness_lease SET holder = ?, token = token + 1, taken = ?, until = ? WHERE name = ? AND token = ?`)
	endLease  = store.SQL(`UPDATE fastness_lease SET until = 0 WHERE name = ? AND token = ?`)
	longer    = store.SQL(`UPDATE fastness_lease SET taken = ?, until = ? WHERE name = ? AND token = ?`)
	holdLease = store.SQL(`UPDATE fastness_lease SET until = until WHERE name = ? AND token = ?`)
)

// held is a lease as it is stored.
type held struct {
	found             bool
	token             int64
	taken, until, due time.Time
}

// over reports whether the lease may be taken: its time has come, or it was taken in what is now the future.
func (h held) over(now time.Time) bool {
	return !h.found || !now.Before(h.until) || h.taken.Sub(now) > Skew
}

func read(ctx context.Context, r store.Reader, name string) (held, error) {
	rows, err := r.Query(ctx, readLease, types.TextValue(name))
	if err != nil {
		return held{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		return held{}, rows.Err()
	}
	return held{true, rows.Int(0), types.FromMicros(rows.Int(1)), types.FromMicros(rows.Int(2)), types.FromMicros(rows.Int(3))}, rows.Err()
}

// Acquire takes the lease for a time, or says ErrHeld.
func (j *Jobs) Acquire(ctx context.Context, name string, long time.Duration) (Lease, error) {
	return j.acquire(ctx, name, long, func(held, time.Time) bool { return true })
}

// acquire takes a lease that is over and whose row, as it stands, is wanted.
func (j *Jobs) acquire(ctx context.Context, name string, long time.Duration, want func(held, time.Time) bool) (Lease, error) {
	var l Lease
	err := j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		h, err := read(ctx, tx, name)
		if err != nil {
			return err
		}
		now := j.cfg.Clock.Now()
		if !h.over(now) || !want(h, now) {
			return ErrHeld
		}
		l = Lease{Name: name, Token: h.token + 1, Until: now.Add(long)}
		taken, until := types.IntValue(types.Micros(now)), types.IntValue(types.Micros(l.Until))
		if !h.found {
			_, err := tx.Exec(ctx, newLease, types.TextValue(name), types.IDValue(j.holder), taken, until)
			return err
		}
		err = fenced(tx.Exec(ctx, takeLease, types.IDValue(j.holder), taken, until, types.TextValue(name), types.IntValue(h.token)))
		if errors.Is(err, ErrFenced) {
			return ErrHeld
		}
		return err
	})
	var broken *store.ConstraintError
	if errors.As(err, &broken) && broken.Kind == store.Unique { // two made the row at the same time
		err = ErrHeld
	}
	if err != nil {
		return Lease{}, err
	}
	return l, nil
}

// Renew lengthens a lease that is still its holder's; ErrFenced when it is not.
func (j *Jobs) Renew(ctx context.Context, l Lease, long time.Duration) (Lease, error) {
	now := j.cfg.Clock.Now()
	l.Until = now.Add(long)
	err := j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		return fenced(tx.Exec(ctx, longer, types.IntValue(types.Micros(now)), types.IntValue(types.Micros(l.Until)), types.TextValue(l.Name), types.IntValue(l.Token)))
	})
	return l, err
}

// Release ends a lease before its time. Releasing one that is another's by now is no error and changes nothing.
func (j *Jobs) Release(ctx context.Context, l Lease) error {
	return j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, endLease, types.TextValue(l.Name), types.IntValue(l.Token))
		return err
	})
}

// Fence refuses with ErrFenced, in the transaction of an effect, when the lease is another's by now. It writes, so that on
// every engine a takeover at the same moment makes one of the two transactions fail.
func (l Lease) Fence(ctx context.Context, tx store.Tx) error {
	return fenced(tx.Exec(ctx, holdLease, types.TextValue(l.Name), types.IntValue(l.Token)))
}
