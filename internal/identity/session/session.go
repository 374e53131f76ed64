// Package session keeps who is signed in: opaque tokens of 256 bits, stored as hashes only, presented as a browser's
// cookie or as a bearer token, and a cache in front that a revocation empties at once.
//
// Policy: a session's level (which factors were proved, and when) belongs to the token, not to the session: a token that
// was stolen before a step-up stays at its old level. A new token is given at sign-in, at step-up, when factors, password
// or roles change, and (cookies) by age; the one before stays valid until the new one is first used (after a step-up for a
// minute at the most), and then for thirty seconds. Whoever presents it after that has a copy: the whole family ends and the replay is evidence. A session ends
// when it was idle too long, when it is too old, when its owner opened more than may run side by side, when the account's
// epoch moved on (password, factors, state), or when somebody ends it. The clock jumping back lengthens nothing.
//
// What was begun in a session and waits (a link, an invitation, a request, an API token) is judged by session and epoch when it is used.
//
// The map: session.go (shape), start.go (start, renew, end, list), begun.go (what is begun in sessions, ends for cause), check.go (what a
// presented token is worth), cache.go, label.go (what a device is called).
package session

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Fade is how long a token lives on after a step-up gave the session another one, while that is not used: the answer may have been lost.
const Fade = time.Minute

// Grace is how long a replaced token lives on after its successor's first use: answers that are under way arrive.
const Grace = 30 * time.Second

// reissue is how long after a successor by age was handed out another one may be (the answer may have been lost).
const reissue = time.Minute

// Transport says how a session's token travels. A token is good for its own transport only.
type Transport int64

// The transports.
const (
	Cookie Transport = iota
	Bearer
)

// RolesOf tells which roles an account has with the factors proved, while org is its active organisation: within is that
// organisation, or "" when the account does not belong to it any more; then the roles in force, the dormant ones, and until
// when that is so (the next expiry of a grant; zero: no end in sight).
type RolesOf func(ctx context.Context, r store.Reader, account, org types.ID, proved types.Factor, now time.Time) (within types.ID, force, dormant types.RoleSet, until time.Time, err error)

// HomeOf tells in which organisation a new session of the account begins; "" for none.
type HomeOf func(ctx context.Context, r store.Reader, account types.ID) (types.ID, error)

// Config describes the sessions of a service.
type Config struct {
	Feed        *feed.Feed    // required
	Clock       types.Clock   // required
	Roles       RolesOf       // required
	Home        HomeOf        // nil: sessions begin in no organisation
	Idle        time.Duration // without use; 0 means 30 minutes
	Absolute    time.Duration // from sign-in; 0 means 12 hours
	Parallel    int           // sessions of one account; 0 means 5
	Rotate      time.Duration // age at which a cookie's token is replaced; 0 means 1 hour
	CacheSize   int           // tokens remembered; 0 means 20,000
	Development bool          // accept the sessions of DevStart
}

// Sessions is the sessions of one service. It is safe for concurrent use.
type Sessions struct {
	cfg   Config
	db    store.DB
	cache *cache
	base  time.Time
}

// New returns sessions whose cache follows the feed.
func New(cfg Config) *Sessions {
	if cfg.Idle == 0 {
		cfg.Idle = 30 * time.Minute
	}
	if cfg.Absolute == 0 {
		cfg.Absolute = 12 * time.Hour
	}
	if cfg.Parallel == 0 {
		cfg.Parallel = 5
	}
	if cfg.Rotate == 0 {
		cfg.Rotate = time.Hour
	}
	if cfg.CacheSize == 0 {
		cfg.CacheSize = 20_000
	}
	s := &Sessions{cfg: cfg, db: cfg.Feed.DB(), cache: newCache(cfg.CacheSize), base: cfg.Clock.Now()}
	cfg.Feed.Subscribe(func(n feed.Note) {
		switch n.Kind {
		case feed.Account:
			s.cache.dropAccount(n.Subject)
		case feed.Session:
			s.cache.dropSession(n.Subject)
		case feed.Missed:
			s.cache.clear()
		}
	})
	return s
}

// now never falls behind the monotonic clock: a wall clock that jumps back lengthens no session.
func (s *Sessions) now() time.Time {
	wall := s.cfg.Clock.Now()
	if steady := s.base.Add(wall.Sub(s.base)); steady.After(wall.Round(0)) {
		return steady.Round(0)
	}
	return wall.Round(0)
}

// Limits returns the idle and absolute limits in force.
func (s *Sessions) Limits() (idle, absolute time.Duration) { return s.cfg.Idle, s.cfg.Absolute }

type hash [sha256.Size]byte

func hashOf(token string) hash { return sha256.Sum256([]byte(token)) }

func (h hash) value() types.Value { return types.BytesValue(h[:]) }

// States of a token.
const (
	current = 1 // the newest that was used
	next    = 2 // handed out, not used yet
	old     = 3 // replaced: valid until `until`, a replay afterwards
	fading  = 5 // replaced by a step-up: valid until `until`, refused afterwards; old once the new one is used
	dead    = 4 // replaced for cause (password or factor change): refused at once, a replay after `until`
)

// Tables returns the tables of sessions and their tokens.
func Tables() []store.Table {
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	text := func(name string) store.Column {
		return store.Column{Name: name, Type: store.TextColumn, NotNull: true}
	}
	return []store.Table{
		{Name: "fastness_session", Primary: []string{"id"},
			Columns: []store.Column{text("id"), text("account"), number("epoch"), number("transport"), number("created"),
				number("seen"), number("expires"), number("successor_at"), number("renew"), number("dev"), text("label"),
				text("address"), {Name: "org", Type: store.TextColumn}},
			Indexes: []store.Index{{Name: "fastness_session_account", Columns: []string{"account", "created"}},
				{Name: "fastness_session_expires", Columns: []string{"expires"}}},
			Foreign: []store.ForeignKey{{Name: "fastness_session_owner", Columns: []string{"account"},
				RefTable: "fastness_account", RefColumn: "id", OnDelete: store.Cascade}}},
		{Name: "fastness_session_token", Primary: []string{"hash"},
			Columns: []store.Column{{Name: "hash", Type: store.BytesColumn, NotNull: true}, text("session"), number("state"),
				number("until"), number("factors"), number("fresh_at"), number("issued")},
			Indexes: []store.Index{{Name: "fastness_session_token_session", Columns: []string{"session"}}},
			Foreign: []store.ForeignKey{{Name: "fastness_session_token_of", Columns: []string{"session"},
				RefTable: "fastness_session", RefColumn: "id", OnDelete: store.Cascade}}},
		{Name: "fastness_session_ended", Primary: []string{"session"},
			Columns: []store.Column{text("session"), text("account"), number("at")},
			Indexes: []store.Index{{Name: "fastness_session_ended_at", Columns: []string{"at"}}},
			Foreign: []store.ForeignKey{{Name: "fastness_session_ended_owner", Columns: []string{"account"},
				RefTable: "fastness_account", RefColumn: "id", OnDelete: store.Cascade}}},
	}
}
