package identity_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// walker takes random steps through the sign-in state machine and keeps, by a model of its own that knows nothing of the
// machine's tables, what has truly been proved.
type walker struct {
	*town
	r        *rand.Rand
	people   []*walked
	attempts []*walkedAttempt
	opened   int
	refused  int
	asked    int
}

type walked struct {
	id       types.ID
	email    string
	password string
	epoch    int // moves with password, factors and state
	enrolled types.Factor
	demand   plan.Requirement // of an operator, beyond the roles'
	active   bool
}

type walkedAttempt struct {
	token  string
	of     *walked
	epoch  int
	proved types.Factor
	until  time.Time
	wrong  int
	used   bool
}

var factorWords = map[string]types.Factor{"totp": types.TOTP, "recovery-code": types.RecoveryCode, "passkey": types.Passkey}

// TestPropertySignInMachine: whatever is tried in whatever order, a session comes only from a password or a passkey of an active
// account, with a second factor where one is enrolled, all proved in one unbroken attempt; it belongs to that account, holds
// exactly what was proved, and puts no role in force that requires more.
func TestPropertySignInMachine(t *testing.T) {
	each(t, func(c *identity.Config) {
		c.Throttle.Pair, c.Throttle.Network, c.Throttle.Account, c.Throttle.Device, c.Throttle.Letters, c.Throttle.Factor = 1e6, 1e6, 1e6, 1e6, 1e6, 1e6
		c.Plan.Decl.Session.Parallel = 1000
	}, func(t *testing.T, w *town) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		k := &walker{town: w, r: rand.New(rand.NewPCG(seed, 1))}
		for n, enrolled := range []types.Factor{0, types.TOTP, types.Passkey, types.TOTP | types.RecoveryCode, types.TOTP | types.Passkey | types.RecoveryCode} {
			p := &walked{email: fmt.Sprintf("p%d@example.org", n), password: goodPassword, active: true}
			p.id = w.person(p.email, "patient", "clinician", "keyholder")
			k.people = append(k.people, p)
			for _, f := range factorWords {
				if enrolled&f != 0 {
					k.setFactor(p, f, true)
				}
			}
		}
		enough := func() bool { return k.opened >= 150 && k.refused >= 300 && k.asked >= 150 } // a walk that meets few of them asserts little
		steps := rounds(2500)
		for n := 0; n < steps || n < 4*steps && !enough(); n++ {
			k.step()
		}
		if !enough() {
			t.Fatalf("the walk proves little: %d sessions, %d refusals, %d questions", k.opened, k.refused, k.asked)
		}
	})
}

func (k *walker) step() {
	p := k.people[k.r.IntN(len(k.people))]
	switch n := k.r.IntN(100); {
	case n < 40:
		k.password(p)
	case n < 85:
		k.respond()
	case n < 90:
		k.clock.Advance(time.Duration(k.r.IntN(240)) * time.Second)
	case n < 94:
		f := []types.Factor{types.TOTP, types.Passkey}[k.r.IntN(2)]
		k.setFactor(p, f, p.enrolled&f == 0)
	case n < 96:
		k.reset(p)
	case n < 98:
		k.require(p)
	default:
		k.toggle(p)
	}
}

func (k *walker) setFactor(p *walked, f types.Factor, on bool) {
	count := 0
	p.enrolled &^= f
	if on {
		count = 1
		p.enrolled |= f
	}
	k.enrol(p.id, f, count)
	if f != types.RecoveryCode {
		p.epoch++
	}
}

// reset replaces the password behind the machine's back; how people do it has tests of its own.
func (k *walker) reset(p *walked) {
	p.password = types.Token(16)
	phc, _ := k.hashes.Hash(k.ctx(), types.NewSecret(p.password))
	if err := k.DB().Write(k.ctx(), func(tx store.Tx) error { return k.Accounts().SetPassword(k.ctx(), tx, p.id, phc) }); err != nil {
		k.t.Fatal(err)
	}
	p.epoch++
}

func (k *walker) require(p *walked) {
	p.demand = []plan.Requirement{plan.NoFactor, plan.AnyMFA, plan.PasskeyFactor}[k.r.IntN(3)]
	if err := k.Require(k.ctx(), operator, p.id, p.demand); err != nil {
		k.t.Fatal(err)
	}
}

func (k *walker) toggle(p *walked) {
	change := k.Enable
	if p.active {
		change = k.Disable
	}
	if err := change(k.ctx(), operator, p.id); err != nil {
		k.t.Fatal(err)
	}
	p.active = !p.active
	p.epoch++
}

func (k *walker) password(p *walked) {
	password := p.password
	if k.r.IntN(4) == 0 {
		password = "guess guess guess"
	}
	b := &browser{}
	r := k.signIn(b, p.email, password)
	right := password == p.password && p.active
	if !right {
		k.refuse(r, b, "a wrong password or an account that is not active")
		return
	}
	k.advance(r, b, p, types.Password)
}

// respond answers one of the attempts that were handed out, live or dead, or one that never was.
func (k *walker) respond() {
	a := &walkedAttempt{token: types.Token(32), used: true}
	if len(k.attempts) > 0 && k.r.IntN(10) > 0 {
		a = k.attempts[len(k.attempts)-1-k.r.IntN(min(len(k.attempts), 4))]
	}
	words := []string{"totp", "recovery-code", "passkey", "totp", "recovery-code", "passkey", "password", "federated"}
	word, response := words[k.r.IntN(len(words))], "right"
	if a.of != nil && k.r.IntN(2) == 0 { // half of the time, one that could be right
		for w, f := range factorWords {
			if a.of.enrolled&f != 0 {
				word = w
			}
		}
	}
	if k.r.IntN(5) == 0 {
		response = "wrong"
	}
	b := &browser{}
	r := k.do("POST", "/auth/sign-in/"+word, b, map[string]any{"attempt": a.token, "response": response})
	f := factorWords[word]
	live := !a.used && a.of.epoch == a.epoch && a.of.active && k.clock.Now().Before(a.until) && a.wrong < 5
	if !live || f == 0 || response != "right" || a.of.enrolled&f == 0 {
		k.refuse(r, b, "a dead attempt, a wrong response or a factor that is not enrolled")
		if live && f != 0 {
			a.wrong++
		}
		return
	}
	a.used = true
	k.advance(r, b, a.of, a.proved|f)
}

func (k *walker) refuse(r *reply, b *browser, why string) {
	k.t.Helper()
	k.refused++
	if r.Status != 401 && r.Status != 404 || !b.session.Empty() {
		k.t.Fatalf("%s answered %d %v", why, r.Status, r.JSON)
	}
}

// advance judges the answer to something that was truly proved.
func (k *walker) advance(r *reply, b *browser, p *walked, proved types.Factor) {
	k.t.Helper()
	r.want(200)
	second := p.enrolled & (types.TOTP | types.Passkey)
	enough := proved&types.Passkey != 0 || second == 0 || proved&(types.TOTP|types.RecoveryCode) != 0
	if !enough {
		k.asked++
		if r.text("status") != "factor_required" || !b.session.Empty() {
			k.t.Fatalf("%b of an account with %b answered %v", proved, p.enrolled, r.JSON)
		}
		k.attempts = append(k.attempts, &walkedAttempt{token: r.text("attempt"), of: p, epoch: p.epoch, proved: proved,
			until: k.clock.Now().Add(10 * time.Minute)})
		for _, word := range r.JSON["factors"].([]any) {
			if p.enrolled&factorWords[word.(string)] == 0 {
				k.t.Fatalf("asked for %s, which is not enrolled", word)
			}
		}
		return
	}
	k.opened++
	who := k.who(b)
	if who.Account != p.id || who.Factors != proved {
		k.t.Fatalf("a session of %s with %b, proved was %b of %s", who.Account, who.Factors, proved, p.id)
	}
	for _, role := range k.cfg.Plan.Roles {
		if who.Roles.Has(role.Set) && (role.Requires == plan.PasskeyFactor && proved&types.Passkey == 0 || role.Requires == plan.AnyMFA && !proved.MFA()) {
			k.t.Fatalf("role %s is in force after %b", role.Name, proved)
		}
	}
	if !p.demand.Met(proved) && who.Roles != 0 {
		k.t.Fatalf("roles %b are in force after %b, and %v is demanded", who.Roles, proved, p.demand)
	}
	if want := []string{"patient", "clinician", "keyholder"}; !slices.Contains(want, k.Grants().Names(who.Roles | who.Dormant)[0]) {
		k.t.Fatal("roles got lost")
	}
}
