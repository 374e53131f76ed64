// Package password hashes passwords and judges new ones.
//
// Policy: Argon2id in PHC form, nothing weaker is made. Hashes are slow on purpose, so they run in a bounded pool: so many at
// once, so many waiting, and whoever comes after that is told to come back (503), because a storm of sign-ins must not take
// the machine from everything else. The work of an absent account is the same as that of an existing one (Dummy). The costs
// named in a stored hash are capped before they are believed. Passwords are compared in Unicode normal form C. Hashes of other
// programs wait for the same turns and are verified by the same workers.
//
// The map: pool.go (Hash, Verify, Dummy), child.go (workers of the lowest priority), phc.go (the stored form), policy.go and common.go (what may become a password), breached.go (the
// file of passwords that leaked).
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/fastness-dev/fastness/internal/types"
)

// Params are the costs of Argon2id with one lane.
type Params struct {
	MemoryKiB uint32
	Time      uint32
}

// The bounds between which Calibrate chooses (RFC 9106 §4, OWASP's floor).
var (
	Least = Params{19 << 10, 2}
	Most  = Params{64 << 10, 3}
)

// Config describes a pool.
type Config struct {
	Params  Params // zero: Least
	Workers int    // hashes at once; 0 means half of the processors, at least one
	Waiting int    // how many may wait; 0 means 1,000
	// Wait is how long one may wait for his turn; 0 means 30 s, which leaves time for the rest of an answer before its connection is
	// given up (edge).
	Wait time.Duration
	// Command is a program, with its arguments, that calls Serve: workers of the lowest priority hash there and end after 30 s
	// without work. nil: hashes run in this process, which is for tests and tools.
	Command []string
	// Foreign verifies hashes of other programs that accounts were imported with. nil: none. With a Command it is not called here: the
	// program gives Serve one of its own.
	Foreign Foreign
}

// Pool hashes. It is safe for concurrent use.
type Pool struct {
	cfg   Config
	slots chan struct{} // one token per running or waiting hash
	run   chan struct{} // one token per running hash
	away  *nursery      // nil: in this process
	costs atomic.Pointer[Params]
}

// New returns a pool; it starts nothing.
func New(cfg Config) *Pool {
	if cfg.Params == (Params{}) {
		cfg.Params = Least
	}
	if cfg.Workers == 0 {
		cfg.Workers = max(runtime.NumCPU()/2, 1)
	}
	if cfg.Waiting == 0 {
		cfg.Waiting = 1000
	}
	if cfg.Wait == 0 {
		cfg.Wait = 30 * time.Second
	}
	p := &Pool{cfg: cfg, slots: make(chan struct{}, cfg.Workers+cfg.Waiting), run: make(chan struct{}, cfg.Workers)}
	if len(cfg.Command) > 0 {
		p.away = &nursery{command: cfg.Command, floor: floor, theirFloor: theirFloor}
	}
	p.costs.Store(&cfg.Params)
	return p
}

// Use changes the costs of what is hashed from now on; hashes of lower costs become stale. False, and nothing changes, for costs
// outside Least and Most.
func (p *Pool) Use(c Params) bool {
	if c.MemoryKiB < Least.MemoryKiB || c.MemoryKiB > Most.MemoryKiB || c.Time < Least.Time || c.Time > Most.Time {
		return false
	}
	p.costs.Store(&c)
	return true
}

// Params are the costs in force.
func (p *Pool) Params() Params { return *p.costs.Load() }

// Close ends the workers. The pool may still be asked; then its workers end with their answer.
func (p *Pool) Close() {
	if p.away != nil {
		p.away.close()
	}
}

// saltLen and keyLen are those of what is made; what is read may differ within the caps of phc.go.
const (
	saltLen = 16
	keyLen  = 32
)

// maxPassword bounds what is hashed, in bytes of the normal form, which is at most three times as long as the 1,024 that the
// endpoints take.
const maxPassword = 3 << 10

// maxForeign bounds a hash of another program in bytes; what is longer is of no form that anybody reads.
const maxForeign = 1 << 10

// work runs fn when it is its turn. It refuses at once when too many wait already, after a while when the turn does not come, and when
// whoever waits has gone: Unavailable and HungUp mean that nothing was hashed.
func (p *Pool) work(ctx context.Context, fn func()) error {
	busy := &types.Error{Kind: types.Unavailable, Code: "sign_in_busy", RetryAfter: 5 * time.Second,
		Detail: "too many sign-ins at once; try again in a few seconds"}
	select {
	case p.slots <- struct{}{}:
	default:
		return busy
	}
	defer func() { <-p.slots }()
	late := time.NewTimer(p.cfg.Wait)
	defer late.Stop()
	select {
	case p.run <- struct{}{}:
	case <-late.C:
		return busy
	case <-ctx.Done():
		return types.Ended(ctx)
	}
	defer func() { <-p.run }()
	fn()
	return nil
}

// compute runs fn when it is its turn. An error of fn is that of a worker, and nothing that a person could mend.
func (p *Pool) compute(ctx context.Context, password string, fn func() error) error {
	if len(password) > maxPassword {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
			Fields: []types.FieldError{{Path: "password", Code: "too_long", Limit: "1024", Detail: "use at most 1024 bytes"}}}
	}
	var failed error
	if err := p.work(ctx, func() { failed = fn() }); err != nil {
		return err
	}
	if failed != nil {
		return &types.Error{Kind: types.Unavailable, Code: "sign_in_busy", RetryAfter: 5 * time.Second,
			Detail: "passwords cannot be checked now; try again in a few seconds", Err: failed}
	}
	return nil
}

func (p *Pool) derive(ctx context.Context, password string, salt []byte, c Params, lanes uint8, size uint32) (key []byte, err error) {
	err = p.compute(ctx, password, func() (err error) {
		if p.away == nil {
			key = argon2.IDKey([]byte(password), salt, c.Time, c.MemoryKiB, lanes, size)
			return nil
		}
		key, err = p.away.hash(password, salt, c, lanes, size)
		return err
	})
	return key, err
}

// foreign verifies a hash of another program, byte for byte as the password was typed. It is work as any other hash, and dearer than ours
// may be: it has its turn like them, and is done where they are.
func (p *Pool) foreign(ctx context.Context, password, encoded string) (ok, known bool, err error) {
	if len(encoded) > maxForeign {
		return false, false, nil
	}
	err = p.compute(ctx, password, func() (err error) {
		if p.away == nil {
			ok, known = p.cfg.Foreign(password, encoded)
			return nil
		}
		ok, known, err = p.away.verify(password, encoded)
		return err
	})
	return ok, known, err
}

// normal is the form in which passwords are hashed, so that two keyboards that compose a letter differently agree.
func normal(s types.Secret) string { return norm.NFC.String(s.Reveal()) }

// Hash returns the PHC form of a new hash.
func (p *Pool) Hash(ctx context.Context, password types.Secret) (types.Secret, error) {
	salt := make([]byte, saltLen)
	rand.Read(salt)
	costs := p.Params()
	key, err := p.derive(ctx, normal(password), salt, costs, 1, keyLen)
	if err != nil {
		return types.Secret{}, err
	}
	return types.NewSecret(encode(costs, 1, salt, key)), nil
}

// Verify compares a password with a stored hash. stale says that the hash is weaker than what is made today, or foreign, and
// should be replaced while the password is at hand.
func (p *Pool) Verify(ctx context.Context, password, stored types.Secret) (ok, stale bool, err error) {
	h, err := parse(stored.Reveal())
	if err != nil && p.cfg.Foreign != nil { // an Argon2id with more lanes than we ever make is foreign too
		if ok, known, err := p.foreign(ctx, password.Reveal(), stored.Reveal()); err != nil || known {
			return ok, known, err
		}
	}
	if err != nil {
		return false, false, errors.Join(err, p.Dummy(ctx, password))
	}
	key, err := p.derive(ctx, normal(password), h.salt, h.params, h.lanes, uint32(len(h.key)))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(key, h.key) == 1
	costs := p.Params()
	return ok, h.lanes != 1 || h.params.MemoryKiB < costs.MemoryKiB || h.params.Time < costs.Time, nil
}

var dummySalt = [saltLen]byte{}

// Dummy does the work of a Verify whose result is no.
func (p *Pool) Dummy(ctx context.Context, password types.Secret) error {
	_, err := p.derive(ctx, normal(password), dummySalt[:], p.Params(), 1, keyLen)
	return err
}

// Calibrate chooses the dearest parameters between Least and Most whose hash takes at most limit on this machine (0: 100 ms). Each is
// measured three times and the quickest counts: what else the machine does at the moment is not its speed. Do it once, store the result
// and give it to every replica: equal costs are what keeps the work of replicas alike.
func Calibrate(clock types.Clock, limit time.Duration) Params {
	if limit == 0 {
		limit = 100 * time.Millisecond
	}
	best := Least
	for _, c := range []Params{{32 << 10, 2}, {46 << 10, 2}, {64 << 10, 2}, Most} {
		fits := false
		for range 3 {
			began := clock.Now()
			argon2.IDKey([]byte("calibration"), dummySalt[:], c.Time, c.MemoryKiB, 1, keyLen)
			if fits = clock.Now().Sub(began) <= limit; fits {
				break
			}
		}
		if !fits {
			break
		}
		best = c
	}
	return best
}
