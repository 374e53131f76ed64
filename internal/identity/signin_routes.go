package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var stepSchema = wire.Object([]string{"status"}, map[string]*plan.Schema{
	"status":  {Type: "string", Enum: []string{"signed_in", "factor_required"}},
	"account": idSchema, "session": idSchema, "expires": timeSchema, "token": wire.Text(200, "the bearer token; shown once"),
	"roles": namesSchema, "dormant": namesSchema, "attempt": wire.Text(200, "to be sent with the next step"), "factors": namesSchema})

var renewedSchema = wire.Object([]string{"status", "session", "expires"}, map[string]*plan.Schema{
	"status": wire.Text(32, "what happened"), "session": idSchema, "expires": timeSchema, "token": wire.Text(200, "the new bearer token")})

// public marks routes that must be reachable without a session; a credential that comes along is ignored and replaced.
func public(reason string) plan.Access { return plan.Access{Public: reason, Ignore: true} }

func (i *Identity) signInRoutes() []plan.Route {
	own := plan.Access{SignedIn: true}
	response := &plan.Schema{Any: true, Summary: "the factor's response: {\"code\": …} or a WebAuthn assertion"}
	return []plan.Route{
		{Name: "sign_in", Method: "POST", Path: "/auth/sign-in", Summary: "sign in with address and password",
			Access: public("sign-in must be reachable"), Status: 200, Out: stepSchema, Handle: i.signIn,
			Errors: []string{"sign_in_refused", "too_many_attempts"},
			In: wire.Object([]string{"email", "password"}, map[string]*plan.Schema{"email": emailSchema, "password": passwordSchema,
				"transport": transport})},
		{Name: "sign_in_factor", Method: "POST", Path: "/auth/sign-in/{factor}", Summary: "answer with one of the factors that sign-in asked for",
			Access: public("sign-in must be reachable"), Status: 200, Out: stepSchema, Handle: i.signInFactor,
			Errors: []string{"attempt_over", "factor_refused", "too_many_attempts", "too_many_codes"},
			In: wire.Object([]string{"attempt", "response"}, map[string]*plan.Schema{"attempt": tokenSchema, "response": response,
				"transport": transport})},
		{Name: "sign_in_challenge", Method: "POST", Path: "/auth/sign-in/{factor}/options", Summary: "ask for what a factor needs from the client",
			Access: public("sign-in must be reachable"), Status: 200, Handle: i.signInChallenge, Errors: []string{"too_many_attempts"},
			Out: wire.Object([]string{"attempt", "options"}, map[string]*plan.Schema{"attempt": tokenSchema, "options": {Any: true}}),
			In:  wire.Object(nil, map[string]*plan.Schema{"attempt": {Type: "string", MaxLength: 200, Summary: "of the step before; absent: sign-in begins with this factor"}})},
		{Name: "sign_out", Method: "POST", Path: "/auth/sign-out", Summary: "end this session", Access: own, Status: 204, Handle: i.signOut},
		{Name: "step_up_password", Method: "POST", Path: "/auth/step-up", Summary: "prove the password again; gives a new token",
			Access: own, Status: 200, Out: renewedSchema, Handle: i.stepUp, Errors: []string{"factor_enrolled", "factor_refused", "too_many_attempts"},
			In: wire.Object([]string{"password"}, map[string]*plan.Schema{"password": passwordSchema})},
		{Name: "step_up_factor", Method: "POST", Path: "/auth/step-up/{factor}", Summary: "prove an enrolled factor again; gives a new token",
			Access: own, Status: 200, Out: renewedSchema, Handle: i.stepUpFactor, Errors: []string{"factor_refused", "too_many_attempts", "too_many_codes"},
			In: wire.Object([]string{"response"}, map[string]*plan.Schema{"response": response, "attempt": tokenSchema})},
		{Name: "step_up_challenge", Method: "POST", Path: "/auth/step-up/{factor}/options", Summary: "ask for what a factor needs from the client",
			Access: own, Status: 200, Handle: i.stepUpChallenge,
			Out: wire.Object([]string{"attempt", "options"}, map[string]*plan.Schema{"attempt": tokenSchema, "options": {Any: true}})},
	}
}

func (i *Identity) signIn(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Email     string `json:"email"`
		Password  string `json:"password"`
		Transport string `json:"transport"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	step, err := i.machine.Password(ctx, in.Email, types.NewSecret(in.Password), client(r, in.Transport))
	if err != nil {
		return nil, err
	}
	return i.Stepped(ctx, r, carrying(step, in.Transport))
}

// byBearer stands before the secret of an attempt whose session will travel as a bearer token: the client said so once, at its first step.
const byBearer = "bearer."

// carrying lets the attempt that a step asks to be answered with say how the token will travel.
func carrying(step *signin.Step, how string) *signin.Step {
	if step.Session == nil && how == "bearer" {
		step.Attempt = types.NewSecret(byBearer + step.Attempt.Reveal())
	}
	return step
}

// carried takes apart what carrying put together; what a step says itself counts more.
func carried(attempt, how string) (types.Secret, string) {
	secret, bearer := strings.CutPrefix(attempt, byBearer)
	if bearer && how == "" {
		how = "bearer"
	}
	return types.NewSecret(secret), how
}

func (i *Identity) signInFactor(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Attempt   string          `json:"attempt"`
		Response  json.RawMessage `json:"response"`
		Transport string          `json:"transport"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	attempt, how := carried(in.Attempt, in.Transport)
	step, err := i.machine.Factor(ctx, attempt, r.Path("factor"), in.Response, client(r, how))
	if err != nil {
		return nil, err
	}
	return i.Stepped(ctx, r, carrying(step, how))
}

func (i *Identity) signInChallenge(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Attempt string `json:"attempt"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	attempt, how := carried(in.Attempt, "")
	var options json.RawMessage
	var err error
	if attempt.Empty() {
		attempt, options, err = i.machine.Discover(ctx, r.Path("factor"), client(r, ""))
	} else {
		options, err = i.machine.Challenge(ctx, attempt, r.Path("factor"))
	}
	if err != nil {
		return nil, err
	}
	if how == "bearer" {
		attempt = types.NewSecret(in.Attempt)
	}
	return wire.Answer(http.StatusOK, map[string]any{"attempt": attempt.Reveal(), "options": options})
}

// Stepped answers with where a sign-in stands, and ends the session that the browser had before, if it had one: a credential
// that comes along is replaced, and what was replaced must not live on.
func (i *Identity) Stepped(ctx context.Context, r *plan.Request, step *signin.Step) (*plan.Answer, error) {
	if step.Session != nil && !r.Token.Empty() {
		if err := i.replaced(ctx, r); err != nil {
			return nil, err
		}
	}
	return i.StepAnswer(step)
}

// Occupied reports whether somebody is signed in in the browser that a request comes from, also where the route looks at no credential.
func (i *Identity) Occupied(ctx context.Context, r *plan.Request) (bool, error) {
	if r.Token.Empty() {
		return false, nil
	}
	_, err := i.sessions.Authenticate(ctx, r.Token.Reveal(), session.Cookie)
	if errors.Is(err, session.ErrNone) {
		return false, nil
	}
	return err == nil, err
}

func (i *Identity) replaced(ctx context.Context, r *plan.Request) error {
	found, err := i.sessions.Authenticate(ctx, r.Token.Reveal(), session.Cookie)
	if errors.Is(err, session.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	return i.db.Write(ctx, func(tx store.Tx) error {
		if err := i.sessions.End(ctx, tx, found.Caller.Session); err != nil {
			return err
		}
		e := types.NewEntry(types.SignOut, types.Done, &found.Caller, i.cfg.Clock.Now())
		e.Code = "replaced"
		return tx.Record(e)
	})
}

// StepAnswer is the one wire form of where a sign-in stands; providers and passkeys answer with it too.
func (i *Identity) StepAnswer(step *signin.Step) (*plan.Answer, error) {
	if step.Session == nil {
		return wire.Answer(http.StatusOK, map[string]any{"status": "factor_required", "attempt": step.Attempt.Reveal(),
			"factors": step.Factors, "expires": stamp(step.Expires)})
	}
	s := step.Session
	who := i.sessions.Opened(s)
	body := map[string]any{"status": "signed_in", "account": step.Account, "session": s.ID, "expires": stamp(s.Expires),
		"roles": i.grants.Names(who.Roles), "dormant": i.grants.Names(who.Dormant)}
	if s.Transport == session.Bearer {
		body["token"] = s.Token.Reveal()
	}
	a, err := wire.Answer(http.StatusOK, body)
	if err != nil {
		return nil, err
	}
	if s.Transport == session.Cookie {
		a.Session = &plan.SessionChange{Token: s.Token, MaxAge: s.MaxAge}
	}
	if !step.Device.Empty() {
		a.Cookies = []plan.Cookie{{Name: DeviceCookie, Value: step.Device, MaxAge: deviceAge, Strict: true}}
	}
	return a, nil
}

func (i *Identity) signOut(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if err := i.self.SignOut(ctx, r.Caller); err != nil {
		return nil, err
	}
	a, err := wire.NoContent()
	a.Session = &plan.SessionChange{}
	return a, err
}

func (i *Identity) stepUp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Password string `json:"password"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	s, err := i.machine.StepUpPassword(ctx, r.Caller, types.NewSecret(in.Password), client(r, ""))
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "stepped_up", s)
}

func (i *Identity) stepUpFactor(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Attempt  string          `json:"attempt"`
		Response json.RawMessage `json:"response"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	s, err := i.machine.StepUpFactor(ctx, r.Caller, types.NewSecret(in.Attempt), r.Path("factor"), in.Response, client(r, ""))
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "stepped_up", s)
}

func (i *Identity) stepUpChallenge(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	attempt, options, err := i.machine.StepUpChallenge(ctx, r.Caller, r.Path("factor"))
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, map[string]any{"attempt": attempt.Reveal(), "options": options})
}
