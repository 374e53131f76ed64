// Package recovery is the way back in without the phone: ten codes on paper, each of which stands once for the second factor.
//
// Policy: codes are shown once and stored as keyed hashes bound to their account, so that neither a copy of the database nor a row
// that was moved helps. A code is used up by deleting its row; of two who show it at once one is refused. A new set ends the old.
package recovery

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan/exact"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Counter is told, in the transaction, how many codes an account has left.
type Counter interface {
	SetFactors(ctx context.Context, tx store.Tx, id types.ID, kind types.Factor, count int) error
}

// Codes is the factor. It implements signin.Factor.
type Codes struct {
	ring  *seal.Ring
	count Counter
}

// New returns the factor.
func New(ring *seal.Ring, count Counter) *Codes { return &Codes{ring, count} }

// Set is how many codes a set has.
const Set = 10

// alphabet leaves out what is misread on paper: 0 O, 1 I L, 5 S, 8 B, U. Ten of 26 letters are 47 bits, which can be guessed at
// through the machine's throttle alone.
const (
	alphabet = "234679ACDEFGHJKMNPQRTVWXYZ"
	letters  = 10
)

// draw makes a code; bytes that would favour the first letters are thrown away.
func draw() string {
	var out [letters]byte
	var b [1]byte
	for i := 0; i < letters; {
		rand.Read(b[:])
		if int(b[0]) < 256/len(alphabet)*len(alphabet) {
			out[i] = alphabet[int(b[0])%len(alphabet)]
			i++
		}
	}
	return string(out[:])
}

// Tables returns the package's table. It references accounts.
func Tables() []store.Table {
	return []store.Table{{Name: "fastness_recovery_code", Primary: []string{"account", "hash"}, Columns: []store.Column{
		{Name: "account", Type: store.TextColumn, NotNull: true},
		{Name: "hash", Type: store.BytesColumn, NotNull: true},
	}, Foreign: []store.ForeignKey{{Name: "fastness_recovery_code_account", Columns: []string{"account"}, RefTable: "fastness_account", RefColumn: "id", OnDelete: store.Cascade}}}}
}

var (
	count  = store.SQL(`SELECT count(*) FROM fastness_recovery_code WHERE account = ?`)
	insert = store.SQL(`INSERT INTO fastness_recovery_code (account, hash) VALUES (?, ?)`)
	use    = store.SQL(`DELETE FROM fastness_recovery_code WHERE account = ? AND hash = ?`)
	forget = store.SQL(`DELETE FROM fastness_recovery_code WHERE account = ?`)
)

// Renew makes a new set; the old one is refused from the commit on. Codes are written like "2A4C6-E7G9H".
func (c *Codes) Renew(ctx context.Context, tx store.Tx, account types.ID) ([]types.Secret, error) {
	if err := c.Clear(ctx, tx, account); err != nil {
		return nil, err
	}
	out := make([]types.Secret, 0, Set)
	for range Set {
		code := draw()
		if _, err := tx.Exec(ctx, insert, types.IDValue(account), c.hash(account, code)); err != nil {
			return nil, err
		}
		out = append(out, types.NewSecret(code[:letters/2]+"-"+code[letters/2:]))
	}
	return out, nil
}

// Clear forgets all codes.
func (c *Codes) Clear(ctx context.Context, tx store.Tx, account types.ID) error {
	_, err := tx.Exec(ctx, forget, types.IDValue(account))
	return err
}

// Left is how many codes are not used up.
func (c *Codes) Left(ctx context.Context, r store.Reader, account types.ID) (int, error) {
	rows, err := r.Query(ctx, count, types.IDValue(account))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, rows.Err()
	}
	return int(rows.Int(0)), rows.Err()
}

func (c *Codes) hash(account types.ID, code string) types.Value {
	return types.BytesValue(c.ring.MAC(seal.Account, "recovery-code", string(account), code))
}

// plain is a code as it was made: people add spaces, drop the hyphen and write small letters.
func plain(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
}

// Kind implements signin.Factor.
func (c *Codes) Kind() types.Factor { return types.RecoveryCode }

// Name implements signin.Factor.
func (c *Codes) Name() string { return "recovery-code" }

// Enrolled implements signin.Factor.
func (c *Codes) Enrolled(ctx context.Context, r store.Reader, account types.ID) (bool, error) {
	n, err := c.Left(ctx, r, account)
	return n > 0, err
}

// Verify implements signin.Factor. response is {"code": "2A4C6-E7G9H"}; the code is used up.
func (c *Codes) Verify(ctx context.Context, tx store.Tx, account types.ID, _ []byte, response json.RawMessage) error {
	var in struct {
		Code string `json:"code"`
	}
	if exact.Closed(response, &in) != nil || len(in.Code) > 64 {
		return signin.ErrWrong
	}
	n, err := tx.Exec(ctx, use, types.IDValue(account), c.hash(account, plain(in.Code)))
	if err != nil {
		return err
	}
	if n == 0 {
		return signin.ErrWrong
	}
	left, err := c.Left(ctx, tx, account)
	if err != nil {
		return err
	}
	return c.count.SetFactors(ctx, tx, account, types.RecoveryCode, left)
}
