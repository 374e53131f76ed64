// Package job keeps work that outlives the transaction that asked for it, as rows behind the seam of store: jobs in queues
// (the outbox), leases by name, and tasks that recur. Rooms hand it functions; it knows none of their nouns.
//
// Policy: a job is added in the transaction of the act that causes it, so that none runs for what was rolled back and none
// is lost. Work happens at least once; its effect on the database is recorded once, because the transaction that records it
// also completes the job and is refused when the job has another holder by then. The fence is a token that grows with every
// claim: a holder whose lease ran out can neither complete, nor postpone, nor fail what is no longer his. A lease ends at its
// time by the clock of whoever asks, and also when that clock stands well before the moment at which it was taken: then
// nobody can say how long ago that was, and a clock that was put back never lengthens a lease. What cannot be done ends as
// failed, stays visible with a code, and is forgotten after a month.
//
// The map: job.go (tables, Add, what failed), claim.go (claim, complete, postpone, fail), work.go (the loop), lease.go
// (leases by name), task.go (what recurs).
package job

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// ErrFenced: the lease ran out and somebody else has taken over, or the job is over. Nothing was changed.
var ErrFenced = errors.New("job: the lease is another's by now")

// Skew is how far the clocks of two processes may be apart before one takes the other's leases for over.
const Skew = time.Minute

// keepFailed is how long a failed job stays visible.
const keepFailed = 30 * 24 * time.Hour

// Config is the parts. DB and Clock are required.
type Config struct {
	DB    store.DB
	Clock types.Clock
	Log   *slog.Logger  // nil: silence
	Poll  time.Duration // how often queues and tasks are looked at; 0 means 1 s
	Grace time.Duration // what work under way gets after the end was asked for; 0 means 5 s
}

// Jobs is queues and leases. It is safe for concurrent use; several processes may share the database.
type Jobs struct {
	cfg      Config
	holder   types.ID // names this process in leases
	settling sync.Mutex
}

// New returns the jobs of the database.
func New(cfg Config) *Jobs {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.Grace == 0 {
		cfg.Grace = 5 * time.Second
	}
	return &Jobs{cfg: cfg, holder: types.RandomID()}
}

// Fresh is a job to be added. The state of its row is 0 while it waits or is leased and 1 when it failed; what is done is
// deleted.
type Fresh struct {
	ID      types.ID // chosen by the caller, who may have sealed the body for it
	Queue   string
	Body    []byte    // sealed by whoever adds it, if it holds what must not be read here
	Expires time.Time // after which it is not worth doing; zero: never
}

var addJob = store.SQL(`INSERT INTO fastness_job (id, queue, body, state, tries, token, due, touched, created, expires, code)
	VALUES (?, ?, ?, 0, 0, 0, ?, ?, ?, ?, '')`)

// Add adds a job in the transaction of the act.
func (j *Jobs) Add(ctx context.Context, tx store.Tx, n Fresh) error {
	now, expires := types.Micros(j.cfg.Clock.Now()), int64(0)
	if !n.Expires.IsZero() {
		expires = types.Micros(n.Expires)
	}
	_, err := tx.Exec(ctx, addJob, types.IDValue(n.ID), types.TextValue(n.Queue), types.BytesValue(n.Body), types.IntValue(now),
		types.IntValue(now), types.IntValue(now), types.IntValue(expires))
	return err
}

// Failed is a job that came to nothing.
type Failed struct {
	ID    types.ID
	Queue string
	Tries int
	At    time.Time
	Code  string
}

var (
	readFailed  = store.SQL(`SELECT id, queue, tries, touched, code FROM fastness_job WHERE queue = ? AND state = 1 ORDER BY touched DESC, id DESC LIMIT ?`)
	sweepFailed = store.SQL(`DELETE FROM fastness_job WHERE state = 1 AND touched <= ?`)
	countJobs   = store.SQL(`SELECT count(*) FROM fastness_job WHERE queue = ? AND state = 0`)
)

// Failed lists what failed in a queue, last first.
func (j *Jobs) Failed(ctx context.Context, queue string, limit int) ([]Failed, error) {
	var out []Failed
	err := j.cfg.DB.View(ctx, func(r store.Reader) error {
		out = nil
		rows, err := r.Query(ctx, readFailed, types.TextValue(queue), types.IntValue(int64(limit)))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			out = append(out, Failed{ID: types.ID(rows.Text(0)), Queue: rows.Text(1), Tries: int(rows.Int(2)),
				At: types.FromMicros(rows.Int(3)), Code: rows.Text(4)})
		}
		return rows.Err()
	})
	return out, err
}

// Waiting counts what a queue still has to do, work under way included.
func (j *Jobs) Waiting(ctx context.Context, queue string) (int, error) {
	n := 0
	err := j.cfg.DB.View(ctx, func(r store.Reader) error {
		rows, err := r.Query(ctx, countJobs, types.TextValue(queue))
		if err != nil {
			return err
		}
		defer rows.Close()
		if rows.Next() {
			n = int(rows.Int(0))
		}
		return rows.Err()
	})
	return n, err
}

// Sweep forgets jobs that failed a month ago.
func (j *Jobs) Sweep(ctx context.Context) error {
	return j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, sweepFailed, types.IntValue(types.Micros(j.cfg.Clock.Now().Add(-keepFailed))))
		return err
	})
}

// Tables returns the tables of jobs and leases.
func Tables() []store.Table {
	text := func(name string) store.Column {
		return store.Column{Name: name, Type: store.TextColumn, NotNull: true}
	}
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	return []store.Table{
		{Name: "fastness_job", Primary: []string{"id"},
			Columns: []store.Column{text("id"), text("queue"), {Name: "body", Type: store.BytesColumn, NotNull: true}, number("state"),
				number("tries"), number("token"), number("due"), number("touched"), number("created"), number("expires"), text("code")},
			Indexes: []store.Index{{Name: "fastness_job_due", Columns: []string{"queue", "state", "due"}},
				{Name: "fastness_job_touched", Columns: []string{"queue", "state", "touched"}}}},
		{Name: "fastness_lease", Primary: []string{"name"},
			Columns: []store.Column{text("name"), text("holder"), number("token"), number("taken"), number("until"), number("due"), text("code")}},
	}
}
