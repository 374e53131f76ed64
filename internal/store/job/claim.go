package job

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Queue says how the jobs of one name are done. Zero values mean what they say.
type Queue struct {
	Name    string
	Lease   time.Duration // how long a claimed job is its holder's; 0 means 2 minutes
	Tries   int           // after which a job has failed; 0 means 10
	First   time.Duration // the wait after the first failure, doubled after each further one; 0 means 10 s
	Longest time.Duration // the longest wait; 0 means 1 hour
	Side    int           // how many are done side by side; 0 means 1
	Discard bool          // a job that failed loses its body
	// Lost is called once for each job that ended as failed, after that is durable; nil: nobody is told.
	Lost func(Failed)
}

func (q Queue) withDefaults() Queue {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&q.Lease, 2*time.Minute)
	or(&q.First, 10*time.Second)
	or(&q.Longest, time.Hour)
	if q.Tries == 0 {
		q.Tries = 10
	}
	if q.Side == 0 {
		q.Side = 1
	}
	return q
}

// wait is how long a job waits after its nth failure.
func (q Queue) wait(n int) time.Duration {
	d := q.First
	for ; n > 1 && d < q.Longest; n-- {
		d *= 2
	}
	return min(d, q.Longest)
}

// Job is a claimed job: the caller holds its lease.
type Job struct {
	ID      types.ID
	Body    []byte
	Tries   int // this one included
	Created time.Time

	queue   string
	token   int64
	expires int64
}

// Codes of jobs that failed without their handler saying why.
const (
	CodeTooLate = "too_late" // it expired
	CodeGaveUp  = "gave_up"  // too many tries, the last of which never ended (its process died each time)
	CodePanic   = "panic"
	CodeError   = "error"
)

var (
	dueJobs = store.SQL(`SELECT id, body, tries, token, created, expires FROM fastness_job
		WHERE queue = ? AND state = 0 AND due <= ? ORDER BY due, id LIMIT ?`)
	// aheadJobs were touched by a clock that ran ahead of ours, or before ours was put back.
	aheadJobs = store.SQL(`SELECT id, body, tries, token, created, expires FROM fastness_job
		WHERE queue = ? AND state = 0 AND touched > ? ORDER BY touched, id LIMIT ?`)
	takeJob = store.SQL(`UPDATE fastness_job SET token = token + 1, tries = tries + 1, due = ?, touched = ?
		WHERE id = ? AND token = ? AND state = 0`)
	completeJob = store.SQL(`DELETE FROM fastness_job WHERE id = ? AND token = ? AND state = 0`)
	postponeJob = store.SQL(`UPDATE fastness_job SET due = ?, touched = ?, code = ? WHERE id = ? AND token = ? AND state = 0`)
	failJob     = store.SQL(`UPDATE fastness_job SET state = 1, touched = ?, code = ? WHERE id = ? AND token = ? AND state = 0`)
	emptyJob    = store.SQL(`UPDATE fastness_job SET body = ? WHERE id = ? AND state = 1`)
)

// Claim leases up to q.Side jobs that are due. Jobs that expired, or that were tried too often by processes that did not
// live to say so, end as failed instead.
func (j *Jobs) Claim(ctx context.Context, q Queue) ([]Job, error) {
	out, _, err := j.claim(ctx, q.withDefaults())
	return out, err
}

// claim also returns how many jobs ended as failed instead.
func (j *Jobs) claim(ctx context.Context, q Queue) ([]Job, int, error) {
	var idle bool
	err := j.cfg.DB.View(ctx, func(r store.Reader) error { // a look costs nothing; a write would, every second
		all, err := j.due(ctx, r, q)
		idle = len(all) == 0
		return err
	})
	if err != nil || idle {
		return nil, 0, err
	}
	var out []Job
	var lost []Failed
	err = j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		out, lost = nil, nil
		all, err := j.due(ctx, tx, q)
		if err != nil {
			return err
		}
		now := j.cfg.Clock.Now()
		for _, b := range all {
			code := ""
			switch {
			case b.expires != 0 && types.Micros(now) >= b.expires:
				code = CodeTooLate
			case b.Tries >= q.Tries:
				code = CodeGaveUp
			}
			if code != "" {
				f, err := j.fail(ctx, tx, q, b, code)
				if err != nil {
					return err
				}
				lost = append(lost, f)
				continue
			}
			n, err := tx.Exec(ctx, takeJob, types.IntValue(types.Micros(now.Add(q.Lease))), types.IntValue(types.Micros(now)),
				types.IDValue(b.ID), types.IntValue(b.token))
			if err != nil {
				return err
			}
			if n == 1 {
				b.token, b.Tries = b.token+1, b.Tries+1
				out = append(out, b)
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for _, f := range lost {
		q.lost(f)
	}
	return out, len(lost), nil
}

func (q Queue) lost(f Failed) {
	if q.Lost != nil {
		q.Lost(f)
	}
}

// due reads what may be claimed: what is due, and what was touched after now by more than Skew.
func (j *Jobs) due(ctx context.Context, r store.Reader, q Queue) ([]Job, error) {
	now := j.cfg.Clock.Now()
	out, err := j.read(ctx, r, q, dueJobs, now)
	if err != nil || len(out) > 0 {
		return out, err
	}
	return j.read(ctx, r, q, aheadJobs, now.Add(Skew))
}

func (j *Jobs) read(ctx context.Context, r store.Reader, q Queue, s *store.Stmt, at time.Time) ([]Job, error) {
	rows, err := r.Query(ctx, s, types.TextValue(q.Name), types.IntValue(types.Micros(at)), types.IntValue(int64(q.Side)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Job
	for rows.Next() {
		out = append(out, Job{ID: types.ID(rows.Text(0)), Body: append([]byte(nil), rows.Bytes(1)...), Tries: int(rows.Int(2)), queue: q.Name,
			token: rows.Int(3), Created: types.FromMicros(rows.Int(4)), expires: rows.Int(5)})
	}
	return out, rows.Err()
}

// Complete records a job's effect and its end in one transaction, or neither. effect may be nil. ErrFenced when the job is
// another's by now.
func (j *Jobs) Complete(ctx context.Context, b Job, effect func(context.Context, store.Tx) error) error {
	return j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := fenced(tx.Exec(ctx, completeJob, types.IDValue(b.ID), types.IntValue(b.token))); err != nil {
			return err
		}
		if effect == nil {
			return nil
		}
		return effect(ctx, tx)
	})
}

// Postpone gives a claimed job back to be tried later, or ends it as failed when that would be too often or too late.
func (j *Jobs) Postpone(ctx context.Context, q Queue, b Job, code string) error {
	q = q.withDefaults()
	now := j.cfg.Clock.Now()
	due := types.Micros(now.Add(q.wait(b.Tries)))
	if b.Tries >= q.Tries || b.expires != 0 && due >= b.expires {
		return j.Fail(ctx, q, b, code)
	}
	return j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		return fenced(tx.Exec(ctx, postponeJob, types.IntValue(due), types.IntValue(types.Micros(now)), types.TextValue(code),
			types.IDValue(b.ID), types.IntValue(b.token)))
	})
}

// Fail ends a claimed job as failed, with a code.
func (j *Jobs) Fail(ctx context.Context, q Queue, b Job, code string) error {
	var f Failed
	err := j.cfg.DB.Write(ctx, func(tx store.Tx) error {
		var err error
		f, err = j.fail(ctx, tx, q, b, code)
		return err
	})
	if err == nil {
		q.lost(f)
	}
	return err
}

func (j *Jobs) fail(ctx context.Context, tx store.Tx, q Queue, b Job, code string) (Failed, error) {
	now := j.cfg.Clock.Now()
	f := Failed{ID: b.ID, Queue: b.queue, Tries: b.Tries, At: now, Code: code}
	err := fenced(tx.Exec(ctx, failJob, types.IntValue(types.Micros(now)), types.TextValue(code), types.IDValue(b.ID), types.IntValue(b.token)))
	if err == nil && q.Discard {
		_, err = tx.Exec(ctx, emptyJob, types.BytesValue(nil), types.IDValue(b.ID))
	}
	return f, err
}

// fenced turns "no row has this token" into ErrFenced.
func fenced(n int64, err error) error {
	if err == nil && n == 0 {
		err = ErrFenced
	}
	return err
}

// Failure is a handler's word on why a job was not done. Code is a stable lower_snake word and holds no values.
type Failure struct {
	Code  string
	Final bool  // trying again is no use
	Err   error // the cause, for errors.Is alone; it is not logged
}

// Error gives the code.
func (f *Failure) Error() string { return "job: " + f.Code }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// failureOf reads what a handler returned.
func failureOf(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Code: CodeError, Err: err}
}
