package identity

import (
	"context"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
)

// factorFresh is how recently a factor must have been proved to change factors: whoever finds an open laptop cannot add his own.
const factorFresh = 5 * time.Minute

func (i *Identity) factorRoutes() []plan.Route {
	own, fresh := plan.Access{SignedIn: true}, plan.Access{SignedIn: true, Fresh: factorFresh}
	code := wire.Text(6, "six digits from the app")
	codes := &plan.Schema{Type: "array", MaxItems: 10, Items: wire.Text(16, "a code; shown once")}
	renewed := map[string]*plan.Schema{"codes": codes}
	for name, s := range renewedSchema.Properties {
		renewed[name] = s
	}
	return []plan.Route{
		{Name: "totp", Method: "GET", Path: "/auth/totp", Summary: "whether an authenticator app is enrolled", Access: own, Status: 200,
			Handle: i.totpState, Out: wire.Object([]string{"enrolled"}, map[string]*plan.Schema{"enrolled": {Type: "boolean"}})},
		{Name: "totp_begin", Method: "POST", Path: "/auth/totp", Summary: "make a secret for an authenticator app; it counts after its first code",
			Access: fresh, Status: 201, Handle: i.totpBegin, Out: wire.Object([]string{"secret", "uri"}, map[string]*plan.Schema{
				"secret": wire.Text(64, "to be typed into the app; shown once"), "uri": wire.Text(1000, "otpauth: to be shown as a QR code")})},
		{Name: "totp_confirm", Method: "POST", Path: "/auth/totp/confirm", Summary: "enrol the app by its first code; other sessions end, this one gets a new token",
			Access: own, Status: 200, Out: renewedSchema, Handle: i.totpConfirm, Errors: []string{"factor_refused", "no_enrolment", "too_many_attempts"},
			In: wire.Object([]string{"code"}, map[string]*plan.Schema{"code": code})},
		{Name: "totp_remove", Method: "DELETE", Path: "/auth/totp", Summary: "remove the authenticator app; other sessions end",
			Access: fresh, Status: 200, Out: renewedSchema, Handle: i.totpRemove},
		{Name: "recovery_codes", Method: "GET", Path: "/auth/recovery-codes", Summary: "how many recovery codes are left", Access: own,
			Status: 200, Handle: i.codesLeft, Out: wire.Object([]string{"left"}, map[string]*plan.Schema{"left": {Type: "integer"}})},
		{Name: "recovery_codes_renew", Method: "POST", Path: "/auth/recovery-codes", Summary: "make ten new recovery codes, shown once; the old ones end",
			Access: fresh, Status: 200, Out: wire.Object([]string{"status", "session", "expires", "codes"}, renewed), Handle: i.codesRenew,
			Errors: []string{"second_factor_first"}},
	}
}

func (i *Identity) totpState(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	has, err := i.self.HasApp(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, map[string]bool{"enrolled": has})
}

func (i *Identity) totpBegin(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	e, err := i.self.BeginApp(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusCreated, map[string]string{"secret": e.Secret.Reveal(), "uri": e.URI.Reveal()})
}

func (i *Identity) totpConfirm(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Code string `json:"code"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	s, err := i.self.ConfirmApp(ctx, r.Caller, in.Code)
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "enrolled", s)
}

func (i *Identity) totpRemove(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	s, err := i.self.RemoveApp(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "removed", s)
}

func (i *Identity) codesLeft(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	left, err := i.self.CodesLeft(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, map[string]int{"left": left})
}

func (i *Identity) codesRenew(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	codes, s, err := i.self.RenewCodes(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	a, body := i.renewedBody(s, "renewed")
	words := make([]string, len(codes))
	for n, c := range codes {
		words[n] = c.Reveal()
	}
	body["codes"] = words
	return withBody(a, body)
}
