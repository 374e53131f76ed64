// Package throttle counts guesses in the database, so that the count is exact over all processes and outlives a restart.
//
// Policy: each guess is counted before the slow hash and given back when it was right, so that a hundred at once cannot
// pass a limit of ten. Four lanes: identifier × network, network, identifier, and device. A device that signed in to the
// account before (a cookie that only this service can make) has a lane of its own and is not held by the others: whoever
// guesses at an account from everywhere can close the door to strangers, not to its owner. Identifiers are keyed hashes
// and are counted alike whether or not they belong to an account.
package throttle

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Limits are the guesses of one lane within a window.
type Limits struct {
	Window  time.Duration // 0 means 15 minutes
	Pair    int           // one identifier from one network; 0 means 10
	Network int           // any identifier from one network; 0 means 300
	Account int           // one identifier from anywhere but known devices; 0 means 50
	Device  int           // one identifier from one known device; 0 means 10
	Factor  int           // second factors of one account from anywhere but known devices: six digits are few; 0 means 10
	Inviter int           // letters of invitation that one member causes; 0 means 50
	Letters int           // letters to one address that somebody else could ask for, known device or not; 0 means 5
	Few     int           // guesses with Try.Few at one account from strangers, and as many from its known devices, within thirty days; 0 means 100 (NIST SP 800-63B-4, 3.2.2)
}

// Throttle counts. It is safe for concurrent use.
type Throttle struct {
	db     store.DB
	clock  types.Clock
	ring   *seal.Ring
	limits Limits
}

// New returns a throttle over the table of Tables.
func New(db store.DB, clock types.Clock, ring *seal.Ring, l Limits) *Throttle {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&l.Pair, 10)
	or(&l.Network, 300)
	or(&l.Account, 50)
	or(&l.Device, 10)
	or(&l.Factor, 10)
	or(&l.Inviter, 50)
	or(&l.Letters, 5)
	or(&l.Few, 100)
	if l.Window == 0 {
		l.Window = 15 * time.Minute
	}
	return &Throttle{db: db, clock: clock, ring: ring, limits: l}
}

// Try is one guess.
type Try struct {
	What    string                                // "sign_in", "factor", "recover", "sign_up", "discover": each counts for itself
	Key     []byte                                // keyed hash of the identifier; nil: there is none, the network alone counts
	Address netip.Addr                            // invalid: the machine itself
	Device  types.Secret                          // the device cookie; empty or foreign: none
	Few     bool                                  // a guess at one of so few values, as six digits, that patience would find it: counted over thirty days as well
	Spent   func(context.Context, store.Tx) error // with Few: called once in thirty days, with the first guess that is refused for those that a new password forgets; nil: nobody is told
}

type lane struct {
	name   string
	key    []byte
	limit  int
	window time.Duration
}

// month is the window of guesses with Try.Few. A new password empties their first lane, monthLane; not the second, which has three times
// the room: whoever reads the owner's mail could choose one after every hundred guesses.
const (
	month      = 30 * 24 * time.Hour
	monthLane  = "month"
	alwaysLane = "always"
)

// knownDevices is the share of all devices that signed in to an account before, beside what each has of its own: whoever had the password
// once may have made many.
const knownDevices = "known"

// lettered are the tries that end in mail to an address that somebody else may have typed in.
var lettered = map[string]bool{"recover": true, "sign_up": true, "email": true, "email_to": true, "org_invite": true}

func (t *Throttle) lanes(try Try) []lane {
	key := func(parts ...string) []byte { return t.ring.MAC(seal.Throttle, parts...) }
	id, network := string(try.Key), network(try.Address)
	window := t.limits.Window
	if try.Key == nil {
		return []lane{{"network", key("network", try.What, network), t.limits.Network, window}}
	}
	device, who := t.known(try), ""
	if device != "" {
		who = knownDevices
	}
	var few []lane
	if try.Few {
		few = []lane{{monthLane, key(monthLane, try.What, id, who), t.limits.Few, month}, {alwaysLane, key(alwaysLane, try.What, id, who), 3 * t.limits.Few, month}}
	}
	own, pair, account := t.limits.Device, t.limits.Pair, t.limits.Account
	switch {
	case try.What == "factor":
		account = t.limits.Factor
	case try.What == "org_inviter":
		pair, account = t.limits.Inviter, t.limits.Inviter
	case lettered[try.What]:
		own, pair, account = t.limits.Letters, t.limits.Letters, t.limits.Letters
	}
	if device == "" {
		return append([]lane{{"pair", key("pair", try.What, id, network), pair, window},
			{"network", key("network", try.What, network), t.limits.Network, window},
			{"account", key("account", try.What, id), account, window}}, few...)
	}
	lanes := []lane{{"device", key("device", try.What, id, device), own, window}}
	if share := 3 * own; try.What != "sign_in" { // there, whoever kept an old device could shut the owner out by guessing on
		if lettered[try.What] {
			share = own
		}
		lanes = append(lanes, lane{knownDevices, key(knownDevices, try.What, id), share, window})
	}
	return append(lanes, few...)
}

// network names the network of an address; the command line has none.
func network(a netip.Addr) string {
	if n := types.Network(a); n.IsValid() {
		return n.String()
	}
	return "local"
}

var (
	count = store.SQL(`INSERT INTO fastness_throttle (lane, count, until) VALUES (?, 1, ?)
		ON CONFLICT (lane) DO UPDATE SET
			count = CASE WHEN fastness_throttle.until <= ? THEN 1 ELSE fastness_throttle.count + 1 END,
			until = CASE WHEN fastness_throttle.until <= ? THEN excluded.until ELSE fastness_throttle.until END`)
	read     = store.SQL(`SELECT lane, count, until FROM fastness_throttle WHERE lane IN (?, ?, ?, ?, ?)`)
	giveBack = store.SQL(`UPDATE fastness_throttle SET count = count - 1 WHERE lane = ? AND count > 0`)
	forget   = store.SQL(`DELETE FROM fastness_throttle WHERE lane = ?`)
	sweep    = store.SQL(`DELETE FROM fastness_throttle WHERE until <= ?`)
)

// Take counts a guess. It refuses with TooMany and the time to wait when a lane is used up; a refused guess is not counted
// further, so that waiting always helps; too_many_codes when the wait is one of days.
func (t *Throttle) Take(ctx context.Context, try Try) error {
	now, lanes := types.Micros(t.clock.Now()), t.lanes(try)
	var closed string
	var wait int64
	err := t.db.Write(ctx, func(tx store.Tx) error {
		counts, shut, until, err := t.standing(ctx, tx, lanes, now)
		if wait = until; err != nil {
			return err
		}
		if wait > 0 {
			closed = lanes[shut].name
			return t.told(ctx, tx, try, lanes[shut], counts[shut])
		}
		for i, l := range lanes {
			if err := t.count(ctx, tx, l, now); err != nil {
				return err
			}
			if n := counts[i] + 1; n == int64(l.limit) {
				if err := t.note(tx, try, l, n); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || wait == 0 {
		return err
	}
	after := time.Duration(wait) * time.Microsecond
	if closed == monthLane || closed == alwaysLane {
		return &types.Error{Kind: types.TooMany, Code: "too_many_codes", RetryAfter: after,
			Detail: "too many wrong codes in thirty days; use a recovery code, a passkey or a device that signed in before, or choose a new password; if that was done, ask an operator"}
	}
	return &types.Error{Kind: types.TooMany, Code: "too_many_attempts", RetryAfter: after,
		Detail: "too many attempts; wait, or use a device that signed in before"}
}

func (t *Throttle) count(ctx context.Context, tx store.Tx, l lane, now int64) error {
	_, err := tx.Exec(ctx, count, types.BytesValue(l.key), types.IntValue(now+l.window.Microseconds()), types.IntValue(now), types.IntValue(now))
	return err
}

// told tells of a month that is used up, once: the refusal counts as the one guess beyond its end.
func (t *Throttle) told(ctx context.Context, tx store.Tx, try Try, l lane, n int64) error {
	if l.name != monthLane || n != int64(l.limit) || try.Spent == nil { // of the other lane there is nothing that its owner could do
		return nil
	}
	if err := t.count(ctx, tx, l, types.Micros(t.clock.Now())); err != nil {
		return err
	}
	return try.Spent(ctx, tx)
}

// Forget forgets the thirty days of guesses with Few at an account: who made them knew its password, and that is another one now. all
// empties the lane that a new password does not: what was guessed at is another one too.
func (t *Throttle) Forget(ctx context.Context, tx store.Tx, what string, id []byte, all bool) error {
	lanes := []string{monthLane}
	if all {
		lanes = append(lanes, alwaysLane)
	}
	for _, lane := range lanes {
		for _, who := range []string{"", knownDevices} {
			if _, err := tx.Exec(ctx, forget, types.BytesValue(t.ring.MAC(seal.Throttle, lane, what, string(id), who))); err != nil {
				return err
			}
		}
	}
	return nil
}

// Right gives a guess back that was right, within the transaction of what it led to. What was counted against this pair
// or device is forgotten; the account's and the network's lanes lose only this one.
func (t *Throttle) Right(ctx context.Context, tx store.Tx, try Try) error {
	for i, l := range t.lanes(try) {
		s := giveBack
		if i == 0 && l.name != "network" {
			s = forget
		}
		if _, err := tx.Exec(ctx, s, types.BytesValue(l.key)); err != nil {
			return err
		}
	}
	return nil
}

// Settle returns what became of the hash that a guess needed, and gives the guess back when there was none: whoever made
// it knows no more than before, and a storm of sign-ins must not close anybody's door, nor that of a caller who gave up waiting.
func (t *Throttle) Settle(ctx context.Context, try Try, hashed error) error {
	if k := types.KindOf(hashed); k != types.Unavailable && k != types.HungUp {
		return hashed
	}
	ctx = context.WithoutCancel(ctx)
	err := t.db.Write(ctx, func(tx store.Tx) error {
		for _, l := range t.lanes(try) {
			if _, err := tx.Exec(ctx, giveBack, types.BytesValue(l.key)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return hashed
}

// note makes one entry per lane and window, at the guess that uses the lane up.
func (t *Throttle) note(tx store.Tx, try Try, l lane, n int64) error {
	e := types.NewEntry(types.SignInFail, types.Refused, &types.Caller{Address: try.Address}, t.clock.Now())
	e.Code, e.Count = "limit:"+try.What+":"+l.name, n
	return tx.Record(e)
}

// most is how many lanes a guess is counted in.
const most = 5

// standing reads what is counted in each lane whose window still runs, and how long it is until every lane has room again, in
// microseconds, because of which one; 0 when all have.
func (t *Throttle) standing(ctx context.Context, r store.Reader, lanes []lane, now int64) (counts [most]int64, shut int, wait int64, err error) {
	var keys [most]types.Value
	for i := range keys {
		keys[i] = types.BytesValue(lanes[min(i, len(lanes)-1)].key)
	}
	rows, err := r.Query(ctx, read, keys[:]...)
	if err != nil {
		return counts, 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n, until := rows.Int(1), rows.Int(2)
		for i, l := range lanes {
			if until <= now || !bytes.Equal(l.key, rows.Bytes(0)) {
				continue
			}
			if counts[i] = n; n >= int64(l.limit) && until-now > wait {
				shut, wait = i, until-now
			}
		}
	}
	return counts, shut, wait, rows.Err()
}

// Sweep deletes lanes whose window is over.
func (t *Throttle) Sweep(ctx context.Context) error {
	return t.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, sweep, types.IntValue(types.Micros(t.clock.Now())))
		return err
	})
}

// Device makes the cookie that lets a browser keep its own lane for the identifier: a random name and a keyed hash that
// binds it to the identifier. It proves nothing and opens nothing.
func (t *Throttle) Device(key []byte) types.Secret {
	name := types.Token(16)
	return types.NewSecret(name + "." + t.deviceMAC(key, name))
}

// Knows reports whether a device cookie was made for the identifier: whether this device signed in to the account before.
func (t *Throttle) Knows(key []byte, device types.Secret) bool {
	return t.known(Try{Key: key, Device: device}) != ""
}

func (t *Throttle) known(try Try) string {
	name, sum, ok := strings.Cut(try.Device.Reveal(), ".")
	if !ok || !hmac.Equal([]byte(sum), []byte(t.deviceMAC(try.Key, name))) {
		return ""
	}
	return name
}

func (t *Throttle) deviceMAC(key []byte, name string) string {
	return hex.EncodeToString(t.ring.MAC(seal.Session, "device", string(key), name)[:16])
}

// Tables returns the table of lanes.
func Tables() []store.Table {
	return []store.Table{{Name: "fastness_throttle", Primary: []string{"lane"},
		Columns: []store.Column{{Name: "lane", Type: store.BytesColumn, NotNull: true},
			{Name: "count", Type: store.IntColumn, NotNull: true}, {Name: "until", Type: store.IntColumn, NotNull: true}},
		Indexes: []store.Index{{Name: "fastness_throttle_until", Columns: []string{"until"}}}}}
}
