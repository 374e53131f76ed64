package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
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
	named    int // sessions of a passkey that named its account
	sent     int // second factors asked for after a provider
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
	of     *walked // nil: it began with a passkey that is to name its account
	word   string  // of its challenge; "": none was asked for
	epoch  int
	proved types.Factor
	until  time.Time
	wrong  int
	used   bool
}

var factorWords = map[string]types.Factor{"totp": types.TOTP, "recovery-code": types.RecoveryCode, "passkey": types.Passkey}

// sealed is a stand-in passkey, which has to be asked for: its right response repeats the challenge and names the account.
type sealed struct{ pin }

type sign struct {
	Word    string   `json:"word"`
	Account types.ID `json:"account"`
}

func (s *sealed) Challenge(ctx context.Context, r store.Reader, id types.ID) (json.RawMessage, []byte, error) {
	if has, err := s.Enrolled(ctx, r, id); err != nil || !has {
		return nil, nil, types.Refuse(types.NotFound, "not_found", "")
	}
	return s.Discover(ctx)
}

func (s *sealed) Discover(context.Context) (json.RawMessage, []byte, error) {
	word := types.Token(16)
	public, err := json.Marshal(word)
	return public, []byte(word), err
}

func (s *sealed) Verify(ctx context.Context, tx store.Tx, id types.ID, challenge []byte, response json.RawMessage) error {
	var in sign
	if err := json.Unmarshal(response, &in); err != nil || in.Word != string(challenge) || in.Account != id {
		return signin.ErrWrong
	}
	return s.pin.Verify(ctx, tx, id, challenge, json.RawMessage(`"right"`))
}

func (s *sealed) Identify(ctx context.Context, tx store.Tx, state []byte, response json.RawMessage) (types.ID, error) {
	var in sign
	if err := json.Unmarshal(response, &in); err != nil {
		return "", signin.ErrWrong
	}
	return in.Account, s.Verify(ctx, tx, in.Account, state, response)
}

// TestPropertySignInMachine: whatever is tried in whatever order, a session comes only from a password, a provider or a passkey of an
// active account, with a second factor where one is enrolled, all proved in one unbroken attempt; it belongs to that account, holds
// exactly what was proved, and puts no role in force that requires more. A passkey answers the challenge of its attempt and no other.
func TestPropertySignInMachine(t *testing.T) {
	each(t, func(c *identity.Config) {
		c.Throttle.Pair, c.Throttle.Network, c.Throttle.Account, c.Throttle.Device, c.Throttle.Letters, c.Throttle.Factor = 1e6, 1e6, 1e6, 1e6, 1e6, 1e6
		c.Plan.Decl.Session.Parallel = 1000
		c.Factors[2] = &sealed{pin{kind: types.Passkey, name: "passkey"}}
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
		enough := func() bool {
			return k.opened >= 150 && k.refused >= 300 && k.asked >= 150 && k.named >= 10 && k.sent >= 30
		} // a walk that meets few of them asserts little
		steps := rounds(1200) // more when they meet too little
		if hosttest.Race {
			steps = 120
			enough = func() bool { return true }
		}
		for n := 0; n < steps || n < 4*steps && !enough(); n++ {
			k.step()
		}
		if !enough() {
			t.Fatalf("the walk proves little: %d sessions, %d of them named, %d refusals, %d questions, %d of them after a provider",
				k.opened, k.named, k.refused, k.asked, k.sent)
		}
	})
}

func (k *walker) step() {
	p := k.people[k.r.IntN(len(k.people))]
	switch n := k.r.IntN(100); {
	case n < 27:
		k.password(p)
	case n < 37:
		k.provider(p)
	case n < 42:
		k.discover()
	case n < 52:
		k.challenge(k.some())
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

// provider is a sign-in whose proof a provider gave: what is beyond the machine has tests of its own.
func (k *walker) provider(p *walked) {
	var step *signin.Step
	err := k.DB().Write(k.ctx(), func(tx store.Tx) (err error) {
		step, err = k.Machine().Prove(k.ctx(), tx, signin.Proof{Account: p.id, Factors: types.Federated})
		return err
	})
	r, b := &reply{t: k.t, Status: statusOf[types.KindOf(err)], Err: err}, &browser{}
	if err == nil {
		a, err := k.StepAnswer(step)
		if err != nil || json.Unmarshal(a.Body, &r.JSON) != nil {
			k.t.Fatal(err)
		}
		if r.Status = a.Status; a.Session != nil {
			b.session = a.Session.Token
		}
	}
	if !p.active {
		k.refuse(r, b, "a provider for an account that is not active")
		return
	}
	if k.advance(r, b, p, types.Federated); b.session.Empty() {
		k.sent++
	}
}

// discover begins a sign-in that names nobody.
func (k *walker) discover() {
	r := k.do("POST", "/auth/sign-in/passkey/options", nil, map[string]any{}).want(200)
	k.attempts = append(k.attempts, &walkedAttempt{token: r.text("attempt"), word: r.text("options"), until: k.clock.Now().Add(10 * time.Minute)})
}

// challenge asks for a passkey within an attempt. A later challenge takes the place of the one before.
func (k *walker) challenge(a *walkedAttempt) {
	b := &browser{}
	r := k.do("POST", "/auth/sign-in/passkey/options", b, map[string]any{"attempt": a.token})
	if a.of == nil || !k.live(a) || a.of.enrolled&types.Passkey == 0 {
		k.refuse(r, b, "a challenge for a dead attempt, one that has its challenge, or without a passkey")
		return
	}
	a.word = r.want(200).text("options")
}

// some is one of the attempts that were handed out, live or dead, or one that never was.
func (k *walker) some() *walkedAttempt {
	if len(k.attempts) == 0 || k.r.IntN(10) == 0 {
		return &walkedAttempt{token: types.Token(32), used: true}
	}
	return k.attempts[len(k.attempts)-1-k.r.IntN(min(len(k.attempts), 4))]
}

// live reports whether an attempt is not over by itself.
func (k *walker) live(a *walkedAttempt) bool {
	return !a.used && k.clock.Now().Before(a.until) && a.wrong < 5
}

// respond answers an attempt.
func (k *walker) respond() {
	a := k.some()
	words := []string{"totp", "recovery-code", "passkey", "totp", "recovery-code", "passkey", "password", "federated"}
	word, p := words[k.r.IntN(len(words))], a.of
	if p == nil {
		p = k.people[k.r.IntN(len(k.people))]
	}
	if k.r.IntN(2) == 0 { // half of the time, one that could be right
		for w, f := range factorWords {
			if p.enrolled&f != 0 && (a.of != nil || f == types.Passkey) {
				word = w
			}
		}
	}
	if word == "passkey" && a.of != nil && k.live(a) && p.enrolled&types.Passkey != 0 && k.r.IntN(2) == 0 {
		k.challenge(a)
	}
	var response any = "right"
	right := k.r.IntN(5) > 0
	switch {
	case word == "passkey":
		response = k.sign(a, p, right)
		right = right && a.word != ""
	case !right:
		response = "wrong"
	}
	b := &browser{}
	r := k.do("POST", "/auth/sign-in/"+word, b, map[string]any{"attempt": a.token, "response": response})
	f := factorWords[word]
	wrong := !right || p.enrolled&f == 0 || a.of == nil && f != types.Passkey
	if wrong || !k.live(a) || !p.active || a.of != nil && p.epoch != a.epoch {
		k.refuse(r, b, "a dead attempt, a wrong response or a factor that is not enrolled")
		if wrong && f != 0 && (f != types.Passkey || a.word != "") {
			a.wrong++
		}
		a.used = a.used || !wrong && a.of == nil // right, of an account that is not active: used up
		return
	}
	a.used = true
	if a.of == nil {
		k.named++
	}
	k.advance(r, b, p, a.proved|f)
}

// sign is the response of p's passkey to an attempt; a wrong one is that of another person, or to the challenge of another attempt.
func (k *walker) sign(a *walkedAttempt, p *walked, right bool) sign {
	s := sign{a.word, p.id}
	if right {
		return s
	}
	if other := k.people[k.r.IntN(len(k.people))]; other != p && a.of != nil && k.r.IntN(2) == 0 {
		s.Account = other.id
		return s
	}
	s.Word = types.Token(16)
	if other := k.some(); other.word != a.word {
		s.Word = other.word
	}
	return s
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
