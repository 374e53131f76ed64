package identity

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

func (i *Identity) signUpRoutes() []plan.Route {
	profile := &plan.Schema{Any: true, Summary: "fields of the declared accounts"}
	link := wire.Object([]string{"token"}, map[string]*plan.Schema{"token": tokenSchema})
	return []plan.Route{
		{Name: "sign_up", Method: "POST", Path: "/auth/sign-up", Summary: "begin an account; always answers check_mail",
			Access: public("sign-up must be reachable"), Status: 202, Out: statusSchema, Handle: i.signUp,
			Errors: []string{"sign_up_closed", "too_many_attempts"},
			In: wire.Object([]string{"email", "password"}, map[string]*plan.Schema{"email": emailSchema, "password": passwordSchema,
				"profile": profile})},
		{Name: "sign_up_confirm", Method: "POST", Path: "/auth/sign-up/confirm", Summary: "use the link of a sign-up, with its password or one to take its place",
			Access: public("the link's secret and a password are the proof"), Status: 200, Out: statusSchema, Handle: i.confirmSignUp, Errors: []string{"link_over"},
			In: wire.Object([]string{"token", "password"}, map[string]*plan.Schema{"token": tokenSchema, "password": passwordSchema})},
		{Name: "enrol", Method: "POST", Path: "/auth/enrol", Summary: "use an enrolment link or invitation: set a password",
			Access: public("the link's secret is the proof"), Status: 200, Out: statusSchema, Handle: i.enrol, Errors: []string{"link_over"},
			In: wire.Object([]string{"token", "password"}, map[string]*plan.Schema{"token": tokenSchema, "password": passwordSchema,
				"profile": profile})},
		{Name: "recover", Method: "POST", Path: "/auth/recover", Summary: "ask for a link to choose a new password; always answers check_mail",
			Access: public("recovery must be reachable"), Status: 202, Out: statusSchema, Handle: i.recover,
			Errors: []string{"too_many_attempts"}, In: wire.Object([]string{"email"}, map[string]*plan.Schema{"email": emailSchema})},
		{Name: "recover_confirm", Method: "POST", Path: "/auth/recover/confirm", Summary: "use a recovery link: set a new password, end every session",
			Access: public("the link's secret is the proof"), Status: 200, Out: statusSchema, Handle: i.confirmRecover,
			Errors: []string{"link_over"},
			In:     wire.Object([]string{"token", "password"}, map[string]*plan.Schema{"token": tokenSchema, "password": passwordSchema})},
		{Name: "password_change", Method: "POST", Path: "/auth/password", Summary: "change the password; every other session ends",
			Access: plan.Access{SignedIn: true}, Status: 200, Out: renewedSchema, Handle: i.changePassword,
			Errors: []string{"factor_refused", "too_many_attempts"},
			In: wire.Object([]string{"password", "new_password"}, map[string]*plan.Schema{"password": passwordSchema,
				"new_password": passwordSchema})},
		{Name: "account_lock", Method: "POST", Path: "/auth/lock", Summary: "lock my account: every session ends, a recovery link opens it again",
			Access: plan.Access{SignedIn: true}, Status: 200, Out: statusSchema, Handle: i.lock},
		{Name: "lock_confirm", Method: "POST", Path: "/auth/lock/confirm", Summary: "use the link of a notice: this was not me, lock the account",
			Access: public("the link's secret is the proof"), Status: 200, In: link, Out: statusSchema, Handle: i.confirmLock,
			Errors: []string{"link_over"}},
		{Name: "email_change", Method: "POST", Path: "/auth/email", Summary: "move the account to another address; always answers check_mail",
			Access: plan.Access{SignedIn: true, Fresh: 5 * time.Minute}, Status: 202, Out: statusSchema, Handle: i.changeEmail,
			In: wire.Object([]string{"email"}, map[string]*plan.Schema{"email": emailSchema})},
		{Name: "email_confirm", Method: "POST", Path: "/auth/email/confirm", Summary: "use the link that went to the new address",
			Access: public("the link's secret is the proof"), Status: 200, In: link, Out: statusSchema, Handle: i.confirmEmail,
			Errors: []string{"link_over"}},
	}
}

type linkBody struct {
	Token    string          `json:"token"`
	Password string          `json:"password"`
	Profile  json.RawMessage `json:"profile"`
}

func (i *Identity) signUp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Email    string          `json:"email"`
		Password string          `json:"password"`
		Profile  json.RawMessage `json:"profile"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if _, err := i.links.SignUp(ctx, in.Email, types.NewSecret(in.Password), in.Profile, client(r, "")); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusAccepted, "check_mail")
}

func (i *Identity) confirmSignUp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in linkBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if _, err := i.links.ConfirmSignUp(ctx, types.NewSecret(in.Token), signup.Holder{Password: types.NewSecret(in.Password)}, client(r, "")); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusOK, "confirmed")
}

func (i *Identity) enrol(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in linkBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if _, err := i.links.Enrol(ctx, types.NewSecret(in.Token), types.NewSecret(in.Password), in.Profile, client(r, ""), false); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusOK, "enrolled")
}

func (i *Identity) recover(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Email string `json:"email"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if err := i.links.Recover(ctx, in.Email, client(r, "")); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusAccepted, "check_mail")
}

func (i *Identity) confirmRecover(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in linkBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if err := i.links.ConfirmRecover(ctx, types.NewSecret(in.Token), types.NewSecret(in.Password), client(r, "")); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusOK, "password_changed")
}

func (i *Identity) changePassword(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Password    string `json:"password"`
		NewPassword string `json:"new_password"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	s, err := i.links.ChangePassword(ctx, r.Caller, types.NewSecret(in.Password), types.NewSecret(in.NewPassword), client(r, ""))
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "password_changed", s)
}

func (i *Identity) lock(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if err := i.links.Lock(ctx, r.Caller); err != nil {
		return nil, err
	}
	a, err := wire.Said(http.StatusOK, "locked")
	if err == nil {
		a.Session = &plan.SessionChange{}
	}
	return a, err
}

func (i *Identity) confirmLock(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in linkBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if err := i.links.ConfirmLock(ctx, types.NewSecret(in.Token), client(r, "")); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusOK, "locked")
}

func (i *Identity) changeEmail(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Email string `json:"email"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if err := i.links.ChangeEmail(ctx, r.Caller, in.Email); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusAccepted, "check_mail")
}

func (i *Identity) confirmEmail(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in linkBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if err := i.links.ConfirmEmail(ctx, types.NewSecret(in.Token), client(r, "")); err != nil {
		return nil, err
	}
	return wire.Said(http.StatusOK, "confirmed")
}
