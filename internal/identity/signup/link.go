// Package signup keeps the ways into an account that begin with a link: sign-up, invitation, enrolment, recovery and the
// change of an address.
//
// Policy: a link's secret is stored as a hash, works once, and dies with its siblings. Answers never tell whether an
// address has an account: the same status, body, statements and hashes either way; the difference is in the mail. A link
// names the configured host and never what a request said its host was. A link proves an address, not a person: no link
// signs in. A password does that was typed with it, by signin.Machine.Prove, so that no link skips the second factor.
//
// The map: link.go (the table, minting, use), join.go (sign-up, invitation, enrolment), confirm.go (the end of a sign-up), recover.go (recovery, address),
// lock.go (notices, and what an owner does who sees that it was not him).
package signup

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Letter names a template of mail.
type Letter string

// The letters. LetterNone goes to nobody: the outbox stores it like any other and whoever sends drops it, so that asking
// for an address without an account costs what asking for one with an account costs.
const (
	LetterNone          Letter = "none"
	LetterConfirm       Letter = "confirm"        // your address, please confirm: Link
	LetterExists        Letter = "exists"         // somebody (you?) signed up with this address, which has an account
	LetterInvite        Letter = "invite"         // you were invited: Link
	LetterRecover       Letter = "recover"        // choose a new password: Link
	LetterPassword      Letter = "password"       // your password was changed: Lock
	LetterEmailConfirm  Letter = "email_confirm"  // to the new address: Link
	LetterEmailNotice   Letter = "email_notice"   // to the old address: a change was asked for: Lock
	LetterEmailMoved    Letter = "email_moved"    // to the old address: the change was made: Lock
	LetterSignIn        Letter = "sign_in"        // somebody signed in from a device not seen before: Device, Lock
	LetterGuessed       Letter = "guessed"        // somebody who knows your password guesses codes of your app; choose another
	LetterFactorAdded   Letter = "factor_added"   // a factor was enrolled: Factor, Lock
	LetterFactorRemoved Letter = "factor_removed" // a factor was removed: Factor, Lock
	LetterLocked        Letter = "locked"         // the account was locked; how to open it
	LetterOrgInvite     Letter = "org_invite"     // an organisation invites you: Organisation, By, Link
)

// Mail is one letter to be sent. What people wrote (Organisation, By, Device) is made harmless by whoever sends it.
type Mail struct {
	To       string // a canonical address as stored
	Letter   Letter
	Link     types.Secret  // empty: none
	Valid    time.Duration // of the link; also how long the letter is worth sending. 0: two days
	Account  types.ID      // "" for an address without one
	Language string        // what the request that caused it accepts (Accept-Language as sent); "" for the service's own

	Lock         types.Secret // where an owner who sees "this was not me" locks the account; empty: nowhere
	Device       string       // with LetterSignIn
	Factor       types.Factor // with LetterFactorAdded and LetterFactorRemoved
	Organisation string       // with LetterOrgInvite: its name
	By           string       // with LetterOrgInvite: who invites
}

// Outbox takes letters in the transaction of the act, so that none is sent for what was rolled back and none is lost.
type Outbox interface {
	Add(ctx context.Context, tx store.Tx, m Mail) error
}

// Profiles makes the rows of the built-in collection accounts; keep is made to fit by the root.
type Profiles interface {
	// Check judges profile fields alone, before anything is stored; a *types.Error tells what to correct.
	Check(fields json.RawMessage) error
	// Create makes the row. Nil fields: an operator makes the account, and mandatory fields get their type's empty value.
	Create(ctx context.Context, tx store.Tx, id types.ID, fields json.RawMessage) error
	// Set replaces profile fields of a row that exists.
	Set(ctx context.Context, tx store.Tx, id types.ID, fields json.RawMessage) error
}

// Policy judges new passwords. context holds words that must not be in it (the address, the service's name).
type Policy interface {
	Check(password types.Secret, mfa bool, context []string) error
}

// Close ends, in the transaction that locks an account, what else lets somebody in: links to providers, and the second factors
// that were enrolled since a moment; zero: none.
type Close func(ctx context.Context, tx store.Tx, id types.ID, since time.Time) error

// Config is the parts; all required unless they say otherwise.
type Config struct {
	DB          store.DB // the feed's
	Clock       types.Clock
	Accounts    *account.Accounts
	Sessions    *session.Sessions
	Grants      *grant.Grants
	Throttle    *throttle.Throttle
	Machine     *signin.Machine // for its floor
	Close       Close
	Above       func(ctx context.Context, r store.Reader, by *types.Caller, account types.ID) (bool, error) // operator.Config.Above
	Ring        *seal.Ring
	Passwords   signin.Passwords
	Policy      Policy
	Profiles    Profiles
	Outbox      Outbox
	Mode        string   // open, invite, closed
	Roles       []string // what a newcomer gets
	Base        string   // "https://clinic.example": what links begin with
	Service     string   // name of the service, a word that no password may contain
	Enrol       time.Duration
	Confirm     time.Duration
	Recover     time.Duration
	InviteValid time.Duration
	LockValid   time.Duration
}

// Links is the ways in. It is safe for concurrent use.
type Links struct{ cfg Config }

// New returns links of the parts. Zero durations mean: enrolment 15 minutes, confirmation 24 hours, recovery 30 minutes,
// invitation and lock 7 days.
func New(cfg Config) *Links {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&cfg.Enrol, 15*time.Minute)
	or(&cfg.Confirm, 24*time.Hour)
	or(&cfg.Recover, 30*time.Minute)
	or(&cfg.InviteValid, 7*24*time.Hour)
	or(&cfg.LockValid, 7*24*time.Hour)
	return &Links{cfg}
}

// Kinds of links. A void one is what an address without a use for it gets: the same row, good for nothing.
const (
	kindSignUp  = "sign_up"
	kindEnrol   = "enrol"
	kindRecover = "recover"
	kindEmail   = "email"
	kindLock    = "lock"
	kindVoid    = "void"
)

var pages = map[string]string{kindSignUp: "/account/confirm", kindEnrol: "/account/enrol", kindRecover: "/account/recover/confirm",
	kindEmail: "/account/email/confirm", kindLock: "/account/lock/confirm"}

// link is one stored link, opened.
type link struct {
	id       types.ID
	kind     string
	account  types.ID
	email    string
	password types.Secret // PHC
	profile  json.RawMessage
	mailed   bool // it went by mail, so using it proves the address
	expires  time.Time
	by       session.Begun // who began it
	epoch    int64         // of account when it was made
}

var errLink = types.Refuse(types.Invalid, "link_over", "the link was used, replaced or is too old; ask for a new one")

var (
	insertLink = store.SQL(`INSERT INTO fastness_link (hash, id, kind, account, email, email_key, password, profile, mailed, expires, epoch,
		by_account, by_session, by_epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	readLink    = store.SQL(`SELECT id, kind, account, email, password, profile, mailed, expires FROM fastness_link WHERE hash = ? AND ` + good)
	dropLink    = store.SQL(`DELETE FROM fastness_link WHERE hash = ?`)
	dropAddress = store.SQL(`DELETE FROM fastness_link WHERE email_key = ? AND kind <> 'lock'`) // those close an account that somebody moved away from the address
	dropAccount = store.SQL(`DELETE FROM fastness_link WHERE account = ?`)
	// dropPending spares the links by which an owner closes the account: whoever was in it must not void them by what he does next, a move to
	// another address, another password, a lock.
	dropPending = store.SQL(`DELETE FROM fastness_link WHERE account = ? AND kind <> 'lock'`)
	dropMoves   = store.SQL(`DELETE FROM fastness_link WHERE account = ? AND kind = 'email' AND by_session <> ?`)
	sweepLinks  = store.SQL(`DELETE FROM fastness_link WHERE expires <= ?`)
)

// good is the condition under which a link may be used: whoever began it still stands, and so does the account that it opens or moves as it did
// when the link was made. A link that locks an account is for its owner against whoever changed it since.
const good = session.Holds + ` AND (kind IN ('` + kindLock + `', '` + kindSignUp + `') OR
	EXISTS (SELECT 1 FROM fastness_account t WHERE t.id = fastness_link.account AND t.epoch = fastness_link.epoch))`

// mint stores a link and returns its address on the configured host. The row is the same size and work for every kind.
func (l *Links) mint(ctx context.Context, tx store.Tx, n link, valid time.Duration) (types.Secret, error) {
	secret, id := types.Token(32), n.id
	if id == "" {
		id = types.RandomID()
	}
	hide := func(field string, plain []byte) (types.Value, error) {
		b, err := l.cfg.Ring.Seal(nil, seal.Link, plain, "fastness_link", string(id), field)
		return types.BytesValue(b), err
	}
	email, err := hide("email", []byte(n.email))
	if err != nil {
		return types.Secret{}, err
	}
	password, err := hide("password", []byte(n.password.Reveal()))
	if err != nil {
		return types.Secret{}, err
	}
	profile, err := hide("profile", n.profile)
	if err != nil {
		return types.Secret{}, err
	}
	_, err = tx.Exec(ctx, insertLink, append([]types.Value{hashOf(secret), types.IDValue(id), types.TextValue(n.kind), types.IDValue(n.account), email,
		types.BytesValue(l.cfg.Accounts.Key(n.email)), password, profile, types.BoolValue(n.mailed),
		types.IntValue(types.Micros(l.cfg.Clock.Now().Add(valid))), types.IntValue(n.epoch)}, n.by.Values()...)...)
	return types.NewSecret(l.cfg.Base + pages[n.kind] + "?token=" + url.QueryEscape(secret)), err
}

func hashOf(secret string) types.Value {
	h := sha256.Sum256([]byte(secret))
	return types.BytesValue(h[:])
}

// use reads a link of the kind and deletes it: a link works once. errLink for anything else.
func (l *Links) use(ctx context.Context, tx store.Tx, secret types.Secret, kind string) (*link, error) {
	n, err := l.peek(ctx, tx, secret, kind)
	if err != nil {
		return nil, err
	}
	gone, err := tx.Exec(ctx, dropLink, hashOf(secret.Reveal()))
	if err == nil && gone == 0 {
		err = errLink
	}
	return n, err
}

// used uses a link of an account, which must be in one of the states.
func (l *Links) used(ctx context.Context, tx store.Tx, secret types.Secret, kind string, states ...account.State) (*link, *account.Account, error) {
	n, err := l.use(ctx, tx, secret, kind)
	if err != nil {
		return nil, nil, err
	}
	acc, err := l.cfg.Accounts.Get(ctx, tx, n.account)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(states, acc.State) {
		return nil, nil, errLink
	}
	return n, acc, nil
}

// Distrust ends the moves to other addresses that were asked for elsewhere than in one session of the account ("" for none), when somebody ends a
// session for cause: whoever was in it may have asked in an earlier one, and no list shows it.
func (l *Links) Distrust(ctx context.Context, tx store.Tx, id, but types.ID) error {
	_, err := tx.Exec(ctx, dropMoves, types.IDValue(id), types.TextValue(string(but)))
	return err
}

// drop ends what is pending for an account.
func (l *Links) drop(ctx context.Context, tx store.Tx, id types.ID) error {
	_, err := tx.Exec(ctx, dropPending, types.IDValue(id))
	return err
}

func (l *Links) peek(ctx context.Context, r store.Reader, secret types.Secret, kind string) (*link, error) {
	rows, err := r.Query(ctx, readLink, hashOf(secret.Reveal()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, err
		}
		return nil, errLink
	}
	n := &link{id: types.ID(rows.Text(0)), kind: rows.Text(1), account: types.ID(rows.Text(2)), mailed: rows.Int(6) != 0,
		expires: types.FromMicros(rows.Int(7))}
	if n.kind != kind || types.Micros(l.cfg.Clock.Now()) >= rows.Int(7) {
		return nil, errLink
	}
	var plain [3][]byte
	for i, field := range []string{"email", "password", "profile"} {
		if plain[i], err = l.cfg.Ring.Open(nil, seal.Link, rows.Bytes(3+i), "fastness_link", string(n.id), field); err != nil {
			return nil, err
		}
	}
	n.email, n.password = string(plain[0]), types.NewSecret(string(plain[1]))
	if len(plain[2]) > 0 {
		n.profile = plain[2]
	}
	return n, nil
}

// Sweep deletes links that are over.
func (l *Links) Sweep(ctx context.Context) error {
	return l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, sweepLinks, types.IntValue(types.Micros(l.cfg.Clock.Now())))
		return err
	})
}

// Tables returns the table of links.
func Tables() []store.Table {
	bytes := func(name string) store.Column {
		return store.Column{Name: name, Type: store.BytesColumn, NotNull: true}
	}
	return []store.Table{{Name: "fastness_link", Primary: []string{"hash"},
		Columns: append([]store.Column{bytes("hash"), {Name: "id", Type: store.TextColumn, NotNull: true},
			{Name: "kind", Type: store.TextColumn, NotNull: true}, {Name: "account", Type: store.TextColumn}, bytes("email"),
			bytes("email_key"), bytes("password"), bytes("profile"), {Name: "mailed", Type: store.IntColumn, NotNull: true},
			{Name: "expires", Type: store.IntColumn, NotNull: true}, {Name: "epoch", Type: store.IntColumn}}, session.Columns()...),
		Indexes: []store.Index{{Name: "fastness_link_email", Columns: []string{"email_key"}},
			{Name: "fastness_link_account", Columns: []string{"account"}},
			{Name: "fastness_link_expires", Columns: []string{"expires"}}},
	}}
}
