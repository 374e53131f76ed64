package identity_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// What waits to be used against what ends sessions: each pair of the two, on both databases.

// taken is ann's account, in which a thief began whatever can be begun. She manages accounts and owns an organisation.
type taken struct {
	*town
	id           types.ID
	thief, owner *browser
	boss         *types.Caller
	useOf        map[string]func() bool // whether what the thief began still works
	ended        types.ID               // the thief's session
}

const another = "a new password of mine"

func eachTaken(t *testing.T, fn func(t *testing.T, w *taken)) {
	eachOrganised(t, func(c *identity.Config) {
		c.Plan.Roles = append(c.Plan.Roles, plan.Role{Name: "vault", Set: 256, Approve: true})
	}, func(t *testing.T, town *town) {
		w := &taken{town: town}
		w.person("boss@example.org", "admin", "vault")
		w.boss = w.who(w.in("boss@example.org"))
		w.id = w.person("ann@example.org", "patient", "admin")
		request, err := w.Ask(w.ctx(), operator, w.id, "vault", time.Time{})
		if err == nil {
			_, err = w.Decide(w.ctx(), w.boss, request, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.found(w.in("ann@example.org"), "Riverside")
		w.enrol(w.id, types.TOTP, 1)
		w.owner, w.thief = w.inWith("ann@example.org", "totp"), w.inWith("ann@example.org", "totp")
		w.ended = w.who(w.thief).Session
		w.begin(w.person("eve@example.org", "patient"))
		fn(t, w)
	})
}

// begin begins everything in the thief's session, or as a stranger.
func (w *taken) begin(eve types.ID) {
	w.t.Helper()
	who := w.who(w.thief)
	open := func(path, token string, more map[string]any) func() bool {
		return func() bool {
			body := map[string]any{"token": token}
			for k, v := range more {
				body[k] = v
			}
			r := w.do("POST", path, nil, body)
			if r.Status != 200 && r.Code != "link_over" {
				w.t.Errorf("%s: %d %s", path, r.Status, r.Code)
			}
			return r.Status == 200
		}
	}
	password := map[string]any{"password": anothersPassword}
	if _, err := w.Invite(w.ctx(), who, "henchman@evil.example", []string{"admin"}); err != nil {
		w.t.Fatal(err)
	}
	enrol := secretOf(w.t, w.mails.last(w.t, "henchman@evil.example", signup.LetterInvite).Link)
	w.invite(w.thief, thiefs, "owner").want(202)
	join := w.invitation(thiefs)
	request := w.wish(who, eve)
	token, _ := w.issue(w.thief, aToken(w.town, "patient"))
	begun := session.BegunBy(who)
	stranger := &browser{}
	attempt := w.signIn(stranger, "ann@example.org", goodPassword).want(200).text("attempt")
	w.useOf = map[string]func() bool{
		"move":       open("/auth/email/confirm", w.moving(w.thief, thiefs), nil),
		"enrolment":  open("/auth/enrol", enrol, password),
		"recovery":   open("/auth/recover/confirm", w.asked("ann@example.org"), password),
		"invitation": open("/auth/organisations/join", join, password),
		"token":      func() bool { return w.alive(token) },
		"request":    func() bool { _, err := w.Decide(w.ctx(), w.boss, request, true); return err == nil },
		"attempt": func() bool {
			return w.do("POST", "/auth/sign-in/totp", stranger, map[string]any{"attempt": attempt, "response": "right"}).Status == 200
		},
		"idempotency": func() bool { return w.stillHolds(begun) },
	}
}

func (w *taken) stillHolds(b session.Begun) (ok bool) {
	w.t.Helper()
	if err := w.DB().View(w.ctx(), func(r store.Reader) (err error) {
		ok, err = session.StillHolds(w.ctx(), r, b)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return ok
}

// pending is what is begun, in the order in which it is tried: recovery changes the account.
var pending = []string{"move", "enrolment", "invitation", "token", "request", "attempt", "idempotency", "recovery"}

// byStrangers are the things that no session began: they end when the account changes, not with one session.
var byStrangers = map[string]bool{"recovery": true, "attempt": true}

// TestPendingEndsWithItsSession: what a thief left to be used later works after none of the acts by which the account is taken back.
func TestPendingEndsWithItsSession(t *testing.T) {
	for _, c := range []struct {
		name string
		one  bool // ends one session only
		act  func(w *taken) error
	}{
		{"the owner ends that session", true, func(w *taken) error { return w.Self().EndSession(w.ctx(), w.who(w.owner), w.ended) }},
		{"the owner ends all others", false, func(w *taken) error { return w.Self().EndOthers(w.ctx(), w.who(w.owner)) }},
		{"a manager ends that session", true, func(w *taken) error { return w.EndSessionOf(w.ctx(), operator, w.id, w.ended) }},
		{"a manager ends all", false, func(w *taken) error { return w.EndSessionOf(w.ctx(), operator, w.id, "") }},
		{"disabled and enabled", false, func(w *taken) error {
			if err := w.Disable(w.ctx(), operator, w.id); err != nil {
				return err
			}
			return w.Enable(w.ctx(), operator, w.id)
		}},
		{"factors reset", false, func(w *taken) error { return w.ResetFactors(w.ctx(), operator, w.id, "rang me up") }},
		{"another password", false, func(w *taken) error {
			return w.do("POST", "/auth/password", w.owner, map[string]any{"password": goodPassword, "new_password": another}).want(200).Err
		}},
		{"recovered", false, func(w *taken) error { w.recovered("ann@example.org", another, nil); return nil }},
		{"locked and opened", false, func(w *taken) error {
			w.do("POST", "/auth/lock", w.owner, nil).want(200)
			w.recovered("ann@example.org", another, nil)
			return nil
		}},
		{"locked by an operator and opened", false, func(w *taken) error {
			if err := w.Identity.Lock(w.ctx(), operator, w.id); err != nil {
				return err
			}
			return w.Enable(w.ctx(), operator, w.id)
		}},
		{"moved by an operator", false, func(w *taken) error { return w.Move(w.ctx(), operator, w.id, "ann@new.example", "rang me up") }},
		{"another factor", false, func(w *taken) error {
			return w.DB().Write(w.ctx(), func(tx store.Tx) error {
				_, err := w.Machine().ChangeFactor(w.ctx(), tx, w.who(w.owner), types.Passkey, 1, true, 0)
				return err
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachTaken(t, func(t *testing.T, w *taken) {
				if err := c.act(w); err != nil {
					t.Fatal(err)
				}
				if w.alive(w.thief) {
					t.Error("the thief is signed in")
				}
				for _, name := range pending {
					if want := c.one && byStrangers[name]; w.useOf[name]() != want {
						t.Errorf("%s: works: %v, want %v", name, !want, want)
					}
				}
			})
		})
	}
}

// TestPendingOutlivesItsSession: what was begun is good while nobody ended anything for cause: in the session, and after its owner signed out.
func TestPendingOutlivesItsSession(t *testing.T) {
	for _, out := range []bool{false, true} {
		for _, name := range pending {
			t.Run(name, func(t *testing.T) {
				eachTaken(t, func(t *testing.T, w *taken) {
					if out {
						w.do("POST", "/auth/sign-out", w.thief, nil).want(204)
					}
					if !w.useOf[name]() {
						t.Errorf("does not work, signed out: %v", out)
					}
				})
			})
		}
	}
}

// TestMoveOfAnEarlierSession: a thief who asked for a move, signed out and came in again does not get it after the owner, or a manager, ended the
// session that is to be seen.
func TestMoveOfAnEarlierSession(t *testing.T) {
	for name, end := range map[string]func(w *taken, seen types.ID) error{
		"owner":   func(w *taken, seen types.ID) error { return w.Self().EndSession(w.ctx(), w.who(w.owner), seen) },
		"manager": func(w *taken, seen types.ID) error { return w.EndSessionOf(w.ctx(), operator, w.id, seen) },
	} {
		t.Run(name, func(t *testing.T) {
			eachTaken(t, func(t *testing.T, w *taken) {
				w.do("POST", "/auth/sign-out", w.thief, nil).want(204)
				if err := end(w, w.who(w.inWith("ann@example.org", "totp")).Session); err != nil {
					t.Fatal(err)
				}
				if w.useOf["move"]() {
					t.Error("the account moved")
				}
			})
		})
	}
}

// TestVoidIsNotListed: what became void is not shown as waiting.
func TestVoidIsNotListed(t *testing.T) {
	eachTaken(t, func(t *testing.T, w *taken) {
		listed := func() (invitations, requests, tokens int) {
			w.owner = w.inWith("ann@example.org", "totp")
			all, err := w.Requests(w.ctx(), operator)
			if err != nil {
				t.Fatal(err)
			}
			items, _ := w.do("GET", "/auth/organisation/invitations", w.owner, nil).want(200).JSON["items"].([]any)
			own, _ := w.do("GET", "/auth/tokens", w.owner, nil).want(200).JSON["items"].([]any)
			return len(items), len(all), len(own)
		}
		if i, r, tok := listed(); i != 1 || r != 1 || tok != 1 {
			t.Fatalf("listed are %d invitations, %d requests, %d tokens", i, r, tok)
		}
		if err := w.EndSessionOf(w.ctx(), operator, w.id, w.ended); err != nil {
			t.Fatal(err)
		}
		if i, r, tok := listed(); i != 0 || r != 0 || tok != 0 {
			t.Errorf("listed are %d invitations, %d requests, %d tokens of a session that was ended", i, r, tok)
		}
	})
}

// TestReadsOfWhatWaits: every statement that reads something which was begun says under which condition it may still be used.
func TestReadsOfWhatWaits(t *testing.T) {
	reads := regexp.MustCompile("SQL\\(`SELECT [^`]*FROM fastness_(link|organisation_invitation|grant_request|api_token|attempt)\\b[^`]*`[^\\n]*")
	judged := regexp.MustCompile("` \\+ (session\\.Holds|good)")
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range reads.FindAllString(string(text), -1) {
			if found++; !judged.MatchString(s) {
				t.Errorf("%s: %s: not judged by who began it", name, s)
			}
		}
	}
	if found < 9 {
		t.Errorf("%d statements were found, not all", found)
	}
}
