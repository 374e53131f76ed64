// Package totp is the authenticator app as a factor: time-based one-time passwords by RFC 6238 (SHA-1, 6 digits, 30 seconds, which
// every app understands).
//
// Policy: an app counts only after it has shown one right code. A step is accepted once and never an earlier one afterwards,
// whatever the clock does; one step of drift is forgiven either way. The secret is sealed under the account it belongs to, so that
// a row that was moved does not open. How often one may guess is the sign-in machine's business.
//
// The map: totp.go (enrolment, the factor), code.go (RFC 6238).
package totp

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan/exact"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Config has no optional fields.
type Config struct {
	Clock  types.Clock
	Ring   *seal.Ring
	Issuer string // what the app shows: the service's name
}

// TOTP is the factor. It implements signin.Factor.
type TOTP struct{ cfg Config }

// New returns the factor.
func New(cfg Config) *TOTP { return &TOTP{cfg} }

// secretBytes is 160 bits, RFC 4226 section 4 (R6).
const secretBytes = 20

// pendingFor is how long a secret that was shown waits for its first code.
const pendingFor = 15 * time.Minute

// ErrNone is returned by Confirm when no enrolment waits, and by Remove when there is no app.
var ErrNone = errors.New("totp: there is none")

// Tables returns the package's table. It references accounts.
func Tables() []store.Table {
	return []store.Table{{Name: "fastness_totp", Primary: []string{"account"}, Columns: []store.Column{
		{Name: "account", Type: store.TextColumn, NotNull: true},
		{Name: "secret", Type: store.BytesColumn},
		{Name: "last_step", Type: store.IntColumn, NotNull: true},
		{Name: "pending", Type: store.BytesColumn},
		{Name: "pending_until", Type: store.IntColumn, NotNull: true},
	}, Foreign: []store.ForeignKey{{Name: "fastness_totp_account", Columns: []string{"account"}, RefTable: "fastness_account", RefColumn: "id", OnDelete: store.Cascade}}}}
}

var (
	read     = store.SQL(`SELECT secret, last_step, pending, pending_until FROM fastness_totp WHERE account = ?`)
	enrolled = store.SQL(`SELECT 1 FROM fastness_totp WHERE account = ? AND secret IS NOT NULL`)
	insert   = store.SQL(`INSERT INTO fastness_totp (account, last_step, pending, pending_until) VALUES (?, 0, ?, ?)`)
	propose  = store.SQL(`UPDATE fastness_totp SET pending = ?, pending_until = ? WHERE account = ?`)
	confirm  = store.SQL(`UPDATE fastness_totp SET secret = ?, last_step = ?, pending = NULL, pending_until = 0 WHERE account = ?`)
	use      = store.SQL(`UPDATE fastness_totp SET last_step = ? WHERE account = ? AND last_step < ?`)
	remove   = store.SQL(`DELETE FROM fastness_totp WHERE account = ? AND secret IS NOT NULL`)
)

// state is a row: what is enrolled and since when, what it took the place of, and what waits for its first code in which session. nil secrets
// are absent. What belongs to a secret is sealed together with it.
type state struct {
	found           bool
	secret, pending []byte
	since           time.Time // zero: not known
	before          []byte    // the secret that this one replaced, with its time; nil: none
	session         types.ID
	last, until     int64
}

// stampBytes is a time behind a secret, in microseconds.
const stampBytes = 8

// keptFor is how long what was replaced may be asked for again: as long as the letter about it can be answered.
const keptFor = 8 * 24 * time.Hour

// stamped takes a secret and its time apart. Those of before there were times have none.
func stamped(b []byte) (secret []byte, since time.Time, rest []byte) {
	if len(b) < secretBytes+stampBytes {
		return b[:min(secretBytes, len(b))], time.Time{}, nil
	}
	return b[:secretBytes], types.FromMicros(int64(binary.BigEndian.Uint64(b[secretBytes:]))), b[secretBytes+stampBytes:]
}

func stamp(secret []byte, since time.Time) []byte {
	us := int64(0)
	if !since.IsZero() {
		us = types.Micros(since)
	}
	return binary.BigEndian.AppendUint64(slices.Clone(secret), uint64(us))
}

func (t *TOTP) load(ctx context.Context, r store.Reader, account types.ID) (state, error) {
	rows, err := r.Query(ctx, read, types.IDValue(account))
	if err != nil {
		return state{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		return state{}, rows.Err()
	}
	s := state{found: true, last: rows.Int(1), until: rows.Int(3)}
	if !rows.Missing(0) {
		if s.secret, err = t.cfg.Ring.Open(nil, seal.Account, rows.Bytes(0), "fastness_totp", string(account), "secret"); err != nil {
			return state{}, err
		}
		if s.secret, s.since, s.before = stamped(s.secret); len(s.before) == 0 {
			s.before = nil
		}
	}
	if !rows.Missing(2) {
		s.pending, err = t.cfg.Ring.Open(nil, seal.Account, rows.Bytes(2), "fastness_totp", string(account), "pending")
		if len(s.pending) > secretBytes {
			s.session = types.ID(s.pending[secretBytes:])
		}
		s.pending = s.pending[:min(secretBytes, len(s.pending))]
	}
	return s, err
}

// Enrolment is what the owner is shown, once.
type Enrolment struct {
	Secret types.Secret // base32, to be typed into an app
	URI    types.Secret // otpauth://totp/…, to be shown as a QR code
}

// Begin makes a new secret that waits for its first code; one that waited before is forgotten. An app that is enrolled goes on
// counting until Confirm. It waits for the session that began it, and is shown to no other: whoever else is in the account would go on reading
// codes. label is what the app shows beside the issuer: the account's address.
func (t *TOTP) Begin(ctx context.Context, tx store.Tx, account, session types.ID, label string) (Enrolment, error) {
	secret := make([]byte, secretBytes)
	rand.Read(secret)
	sealed, err := t.cfg.Ring.Seal(nil, seal.Account, append(slices.Clone(secret), session...), "fastness_totp", string(account), "pending")
	if err != nil {
		return Enrolment{}, err
	}
	until := types.IntValue(types.Micros(t.cfg.Clock.Now().Add(pendingFor)))
	n, err := tx.Exec(ctx, propose, types.BytesValue(sealed), until, types.IDValue(account))
	if err == nil && n == 0 {
		_, err = tx.Exec(ctx, insert, types.IDValue(account), types.BytesValue(sealed), until)
	}
	return t.enrolment(secret, label), err
}

// Pending returns the secret that waits for its first code. ErrNone: nothing waits in this session, or it waited too long.
func (t *TOTP) Pending(ctx context.Context, r store.Reader, account, session types.ID, label string) (Enrolment, error) {
	s, err := t.load(ctx, r, account)
	if err != nil {
		return Enrolment{}, err
	}
	if s.pending == nil || s.session != session || types.Micros(t.cfg.Clock.Now()) >= s.until {
		return Enrolment{}, ErrNone
	}
	return t.enrolment(s.pending, label), nil
}

// enrolment is a secret as an app reads it. Apps cut the label at its first colon and take "+" for a plus, so neither name holds a colon of
// its own and a blank is %20 (the Key URI Format of Google Authenticator).
func (t *TOTP) enrolment(secret []byte, label string) Enrolment {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	issuer := uriText(t.cfg.Issuer)
	return Enrolment{types.NewSecret(text), types.NewSecret("otpauth://totp/" + issuer + ":" + uriText(label) + "?secret=" + text + "&issuer=" + issuer +
		"&algorithm=SHA1&digits=6&period=30")}
}

// uriText is a name as a part of an otpauth URI.
func uriText(s string) string {
	return strings.ReplaceAll(url.QueryEscape(strings.Join(strings.Fields(strings.ReplaceAll(s, ":", " ")), " ")), "+", "%20")
}

// Confirm enrols the secret that waits, in place of one that was enrolled. signin.ErrWrong: the code is not of that secret; ErrNone:
// nothing waits in this session, or it waited too long.
func (t *TOTP) Confirm(ctx context.Context, tx store.Tx, account, session types.ID, code string) error {
	s, err := t.load(ctx, tx, account)
	if err != nil {
		return err
	}
	now := t.cfg.Clock.Now()
	if s.pending == nil || s.session != session || types.Micros(now) >= s.until {
		return ErrNone
	}
	step, ok := match(s.pending, code, now, 0)
	if !ok {
		return signin.ErrWrong
	}
	fresh := stamp(s.pending, now)
	switch {
	case s.secret == nil:
	case s.before != nil && now.Sub(s.since) < keptFor: // two at short intervals: what was there before both
		fresh = append(fresh, s.before...)
	default:
		fresh = append(fresh, stamp(s.secret, s.since)...)
	}
	return t.keep(ctx, tx, account, fresh, step)
}

// keep stores an enrolled secret; step is the last one that is used up.
func (t *TOTP) keep(ctx context.Context, tx store.Tx, account types.ID, secret []byte, step int64) error {
	sealed, err := t.cfg.Ring.Seal(nil, seal.Account, secret, "fastness_totp", string(account), "secret")
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, confirm, types.BytesValue(sealed), types.IntValue(step), types.IDValue(account))
	return err
}

var forget = store.SQL(`DELETE FROM fastness_totp WHERE account = ?`)

// Forget forgets the app and an enrolment that waits, if there are any.
func (t *TOTP) Forget(ctx context.Context, tx store.Tx, account types.ID) error {
	_, err := tx.Exec(ctx, forget, types.IDValue(account))
	return err
}

// ForgetSince forgets the app if it was enrolled since a moment, and an enrolment that waits, and reports whether there is none any more: the
// one that it took the place of counts again, if that is from before.
func (t *TOTP) ForgetSince(ctx context.Context, tx store.Tx, account types.ID, since time.Time) (gone bool, err error) {
	s, err := t.load(ctx, tx, account)
	if err != nil || !s.found {
		return false, err
	}
	if s.secret == nil {
		return false, t.Forget(ctx, tx, account)
	}
	if s.since.Before(since) {
		_, err = tx.Exec(ctx, propose, types.Value{}, types.IntValue(0), types.IDValue(account))
		return false, err
	}
	secret, at, _ := stamped(s.before)
	if len(secret) == 0 || !at.Before(since) {
		return true, t.Forget(ctx, tx, account)
	}
	return false, t.keep(ctx, tx, account, stamp(secret, at), Step(t.cfg.Clock.Now()))
}

// Remove forgets the app. ErrNone: there was none.
func (t *TOTP) Remove(ctx context.Context, tx store.Tx, account types.ID) error {
	n, err := tx.Exec(ctx, remove, types.IDValue(account))
	if err == nil && n == 0 {
		err = ErrNone
	}
	return err
}

// Kind implements signin.Factor.
func (t *TOTP) Kind() types.Factor { return types.TOTP }

// Name implements signin.Factor.
func (t *TOTP) Name() string { return "totp" }

// Enrolled implements signin.Factor.
func (t *TOTP) Enrolled(ctx context.Context, r store.Reader, account types.ID) (bool, error) {
	rows, err := r.Query(ctx, enrolled, types.IDValue(account))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}

// Verify implements signin.Factor. response is {"code": "123456"}. The step is used up by one conditional update, so that of two
// who show the same code at once one is refused.
func (t *TOTP) Verify(ctx context.Context, tx store.Tx, account types.ID, _ []byte, response json.RawMessage) error {
	var in struct {
		Code string `json:"code"`
	}
	if exact.Closed(response, &in) != nil || len(in.Code) != digits {
		return signin.ErrWrong
	}
	s, err := t.load(ctx, tx, account)
	if err != nil {
		return err
	}
	if s.secret == nil {
		return signin.ErrWrong
	}
	step, ok := match(s.secret, in.Code, t.cfg.Clock.Now(), s.last)
	if !ok {
		return signin.ErrWrong
	}
	n, err := tx.Exec(ctx, use, types.IntValue(step), types.IDValue(account), types.IntValue(step))
	if err == nil && n == 0 {
		err = signin.ErrWrong
	}
	return err
}
