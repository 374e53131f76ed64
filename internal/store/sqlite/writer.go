package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxBatch bounds how many requests share a commit, and slice for how long a commit takes more of them: who is done must not wait for all
// others who asked meanwhile.
const (
	maxBatch = 256
	slice    = 25 * time.Millisecond
)

// job is one write request. exclusive runs alone, outside a transaction (migrations).
type job struct {
	ctx       context.Context
	fn        func(store.Tx) error
	exclusive func(*conn) error
	soon      bool
	told      bool // the writer's own: the caller has been woken
	over      bool // the writer's own: it took too long, and is not run again
	err       error
	entries   []types.Entry // of a kept refusal
	done      chan struct{}
}

var (
	beginWrite = store.SQL("BEGIN IMMEDIATE")
	commit     = store.SQL("COMMIT")
	mark       = store.SQL("UPDATE fastness_batch SET number = ?")
	savepoint  = store.SQL("SAVEPOINT member")
	release    = store.SQL("RELEASE member")
	undo       = store.SQL("ROLLBACK TO member")
	inner      = store.SQL("SAVEPOINT inside")
	innerOK    = store.SQL("RELEASE inside")
	innerUndo  = store.SQL("ROLLBACK TO inside")
)

// Write runs fn in the next batch and returns after its commit is durable.
func (db *DB) Write(ctx context.Context, fn func(store.Tx) error) error {
	return db.submit(&job{ctx: ctx, fn: fn, done: make(chan struct{})})
}

// WriteSoon runs fn in the next batch and returns before the commit.
func (db *DB) WriteSoon(ctx context.Context, fn func(store.Tx) error) error {
	return db.submit(&job{ctx: ctx, fn: fn, soon: true, done: make(chan struct{})})
}

func (db *DB) submit(j *job) error {
	select {
	case <-db.closing:
		return errClosed
	default:
	}
	if !db.queue.push(j) {
		return errClosed
	}
	// Once accepted, the outcome is awaited whatever the context says: an answer about a commit must be true.
	select {
	case <-j.done:
		return j.err
	case <-db.stopped:
		select {
		case <-j.done:
			return j.err
		default:
			return errClosed
		}
	}
}

// write is the writer goroutine.
func (db *DB) write() {
	defer close(db.stopped)
	for {
		first := db.queue.wait(db.closing)
		if first == nil {
			return
		}
		if first.exclusive != nil {
			db.disturb()
			first.err = first.exclusive(db.writer)
			db.changed()
			close(first.done)
			continue
		}
		db.letCome()
		db.disturb()
		db.commitBatch(first)
		db.changed()
	}
}

// letCome gives way as long as others have something to add: a request that has its turn now joins this commit instead of the next.
// It does not wait: when nobody has anything the writer goes on at once.
func (db *DB) letCome() {
	for n := -1; n < db.queue.len(); {
		n = db.queue.len()
		runtime.Gosched()
	}
}

// batch is what shares a commit. While it runs it takes who waits, by turns.
type batch struct {
	jobs  []*job
	more  func() *job // nil when there is nobody, or the batch has had its time
	until time.Time
}

// gather is a batch that begins with a job and takes others as they wait, without waiting for more.
func (db *DB) gather(first *job) *batch {
	b := &batch{jobs: []*job{first}, until: db.clock.Now().Add(slice)}
	b.more = func() *job {
		if len(b.jobs) == maxBatch || db.clock.Now().After(b.until) {
			return nil
		}
		return db.queue.take()
	}
	return b
}

// guardedBatches is for how many batches members are guarded after one had to be undone: whoever fails on purpose costs the others
// a second run in a hundred.
const guardedBatches = 100

// errUnguarded ends a batch one of whose members failed after it wrote, without a savepoint that could undo it alone.
var errUnguarded = errors.New("store: a member failed after it wrote")

// commitBatch runs the members and commits once. A savepoint around each member costs a copy of every page that it touches, and those
// who are refused have almost always written nothing yet: so members are first run without. When one fails after it wrote, all are
// run again, guarded. When the transaction itself falls apart (full disk, interrupted statement, failed commit) the members are run
// once more, each in a transaction of its own.
//
// A member that took too long is never run a second time: it has its answer, and would hold up the others once more.
func (db *DB) commitBatch(first *job) {
	guarded := db.guarded > 0
	if guarded {
		db.guarded--
	}
	b := db.gather(first)
	whole, err := db.tryBatch(b, guarded)
	if errors.Is(err, errUnguarded) {
		db.guarded = guardedBatches
		b = again(b)
		whole, err = db.tryBatch(b, true)
	}
	if !whole {
		b = again(b)
		for i := range b.jobs {
			if b.jobs[i].over {
				continue
			}
			if ok, e := db.tryBatch(&batch{jobs: b.jobs[i : i+1]}, true); !ok && !b.jobs[i].over {
				b.jobs[i].err = e
			}
		}
	} else if err != nil {
		for _, j := range b.jobs {
			if !j.told && !j.over {
				j.err = err
			}
		}
	}
	for _, j := range b.jobs {
		j.tell()
	}
}

// again prepares a batch for another run. A caller who was told has gone on and reads the job no more: a copy is run.
func again(b *batch) *batch {
	for i, j := range b.jobs {
		if j.told {
			second := *j
			b.jobs[i] = &second
		}
	}
	return &batch{jobs: b.jobs}
}

// tell wakes the caller, once. Those who asked for soon are told when their function ran, the others after the commit.
func (j *job) tell() {
	if !j.told {
		j.told = true
		close(j.done)
	}
}

// tryBatch reports false when nothing of the batch was committed and its members may be run again; members' own errors
// are in the jobs. An error with true means that the fate of the commit is unknown.
func (db *DB) tryBatch(b *batch, guarded bool) (whole bool, err error) {
	c := db.writer
	if err := c.exec(beginWrite, nil); err != nil {
		return false, db.trouble(err)
	}
	for i := 0; i < len(b.jobs); i++ {
		j := b.jobs[i]
		if j.over {
			continue
		}
		if !db.member(c, j, guarded) {
			c.exec(rollback, nil)
			return false, errUnguarded
		}
		if j.soon && j.err == nil && !c.GetAutocommit() {
			j.tell()
		}
		if c.GetAutocommit() { // SQLite rolled the whole transaction back
			if j.err == nil {
				j.err = slow(errors.New("the transaction was rolled back"))
			}
			return false, j.err
		}
		if i == len(b.jobs)-1 && b.more != nil {
			if next := b.more(); next != nil {
				b.jobs = append(b.jobs, next)
			}
		}
	}
	db.batch++
	if err := c.exec(mark, []types.Value{types.IntValue(db.batch)}); err != nil {
		c.exec(rollback, nil)
		return false, db.trouble(err)
	}
	if err := c.exec(commit, nil); err != nil {
		return db.afterFailedCommit(err)
	}
	db.commits.Add(1)
	return true, nil
}

// Meters are how many commits were made durable and how many writes wait for one.
func (db *DB) Meters() map[string]func() int64 {
	return map[string]func() int64{"fastness_store_commits_total": db.commits.Load, "fastness_store_queue": func() int64 { return int64(db.queue.len()) }}
}

// afterFailedCommit opens a new connection and looks whether the batch's number arrived.
func (db *DB) afterFailedCommit(cause error) (whole bool, err error) {
	db.cfg.Log.Error("commit failed", "error", cause.Error())
	db.writer.exec(rollback, nil)
	fresh, err := db.connect(false)
	if err != nil {
		return true, store.Uncertain(cause)
	}
	old := db.writer
	db.writer = fresh
	old.Close()
	var number int64
	if err := fresh.scalar("SELECT number FROM fastness_batch", &number); err != nil {
		return true, store.Uncertain(cause)
	}
	if number == db.batch {
		return true, nil
	}
	db.batch = number
	return false, db.trouble(cause)
}

// member runs one job with its deadline, guarded by a savepoint, and contains its panics. A caller who hangs up meanwhile changes nothing:
// stopping a statement could undo the transaction of all. clean is false when a job that is not guarded
// failed and left something behind.
func (db *DB) member(c *conn, j *job, guarded bool) (clean bool) {
	j.err, j.entries = nil, j.entries[:0]
	if j.err = types.Ended(j.ctx); j.err != nil {
		return true
	}
	if guarded {
		if j.err = db.trouble(c.exec(savepoint, nil)); j.err != nil {
			return true
		}
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(j.ctx), db.cfg.WriteTime)
	c.SetInterrupt(limited)
	t := &tx{reader: reader{c}, db: db, ctx: limited, job: j}
	j.err = call(j.fn, t)
	c.SetInterrupt(context.Background())
	if j.err == nil && limited.Err() != nil {
		j.err = slow(fmt.Errorf("a write function took over %v", db.cfg.WriteTime))
	}
	_, keeps := store.Kept(j.err) // its evidence must be written again
	j.over = j.err != nil && !keeps && limited.Err() != nil && j.ctx.Err() == nil
	cancel()
	if c.GetAutocommit() {
		return true
	}
	if !guarded {
		return t.unguarded()
	}
	if j.err != nil {
		c.exec(undo, nil)
		if inside, kept := store.Kept(j.err); kept {
			j.err = inside
			for _, e := range j.entries {
				if err := db.cfg.Recorder.Record(context.Background(), t, e); err != nil {
					j.err = errors.Join(err, inside)
				}
			}
		}
	}
	if err := c.exec(release, nil); err != nil && j.err == nil {
		j.err = db.trouble(err)
	}
	return true
}

// unguarded settles a member without a savepoint: it succeeded, or failed and left nothing but the evidence that it wants to keep.
func (t *tx) unguarded() (clean bool) {
	inside, kept := store.Kept(t.job.err)
	if t.job.err != nil && (t.wrote || !kept && len(t.job.entries) > 0) {
		return false
	}
	if kept {
		t.job.err = inside
	}
	return true
}

// call contains panics: one member must not end the writer.
func call(fn func(store.Tx) error, t store.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic in a write function: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(t)
}

// tx is the store.Tx of one member.
type tx struct {
	reader
	db  *DB
	ctx context.Context
	job *job

	wrote     bool // something other than evidence
	recording bool
}

// Exec runs a statement; a broken constraint is a *store.ConstraintError and undoes only the statement.
func (t *tx) Exec(_ context.Context, s *store.Stmt, args ...types.Value) (int64, error) {
	if err := t.c.exec(s, args); err != nil {
		return 0, t.db.constraint(err)
	}
	t.wrote = t.wrote || !t.recording
	return t.c.Changes(), nil
}

// Record writes the entry now and remembers it in case the data is rolled back but the evidence kept.
func (t *tx) Record(e types.Entry) error {
	t.job.entries = append(t.job.entries, e)
	t.recording = true
	err := t.db.cfg.Recorder.Record(t.ctx, t, e)
	t.recording = false
	t.wrote = t.wrote || err != nil // half an entry may be there
	return err
}

// Savepoint runs fn so that its effects vanish when it fails.
func (t *tx) Savepoint(_ context.Context, fn func() error) error {
	if err := t.c.exec(inner, nil); err != nil {
		return t.db.trouble(err)
	}
	kept := len(t.job.entries)
	err := fn()
	if err != nil && !t.c.GetAutocommit() {
		t.c.exec(innerUndo, nil)
		t.job.entries = t.job.entries[:kept]
	}
	if e := t.c.exec(innerOK, nil); e != nil && err == nil {
		err = t.db.trouble(e)
	}
	return err
}

// exclusively runs fn on the writer's connection between batches.
func (db *DB) exclusively(ctx context.Context, fn func(*conn) error) error {
	return db.submit(&job{ctx: ctx, exclusive: fn, done: make(chan struct{})})
}
