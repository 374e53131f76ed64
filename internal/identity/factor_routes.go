package identity

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/totp"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// factorFresh is how recently a factor must have been proved to change factors: whoever finds an open laptop cannot add his own.
const factorFresh = 5 * time.Minute

func (i *Identity) factorRoutes() []plan.Route {
	own, fresh := plan.Access{SignedIn: true}, plan.Access{SignedIn: true, Fresh: factorFresh}
	code := text(6, "six digits from the app")
	codes := &plan.Schema{Type: "array", MaxItems: 10, Items: text(16, "a code; shown once")}
	renewed := map[string]*plan.Schema{"codes": codes}
	for name, s := range renewedSchema.Properties {
		renewed[name] = s
	}
	return []plan.Route{
		{Name: "totp", Method: "GET", Path: "/auth/totp", Summary: "whether an authenticator app is enrolled", Access: own, Status: 200,
			Handle: i.totpState, Out: object([]string{"enrolled"}, map[string]*plan.Schema{"enrolled": {Type: "boolean"}})},
		{Name: "totp_begin", Method: "POST", Path: "/auth/totp", Summary: "make a secret for an authenticator app; it counts after its first code",
			Access: fresh, Status: 201, Handle: i.totpBegin, Out: object([]string{"secret", "uri"}, map[string]*plan.Schema{
				"secret": text(64, "to be typed into the app; shown once"), "uri": text(1000, "otpauth: to be shown as a QR code")})},
		{Name: "totp_confirm", Method: "POST", Path: "/auth/totp/confirm", Summary: "enrol the app by its first code; other sessions end, this one gets a new token",
			Access: own, Status: 200, Out: renewedSchema, Handle: i.totpConfirm, Errors: []string{"factor_refused", "no_enrolment"},
			In: object([]string{"code"}, map[string]*plan.Schema{"code": code})},
		{Name: "totp_remove", Method: "DELETE", Path: "/auth/totp", Summary: "remove the authenticator app; other sessions end",
			Access: fresh, Status: 200, Out: renewedSchema, Handle: i.totpRemove},
		{Name: "recovery_codes", Method: "GET", Path: "/auth/recovery-codes", Summary: "how many recovery codes are left", Access: own,
			Status: 200, Handle: i.codesLeft, Out: object([]string{"left"}, map[string]*plan.Schema{"left": {Type: "integer"}})},
		{Name: "recovery_codes_renew", Method: "POST", Path: "/auth/recovery-codes", Summary: "make ten new recovery codes, shown once; the old ones end",
			Access: fresh, Status: 200, Out: object([]string{"status", "session", "expires", "codes"}, renewed), Handle: i.codesRenew,
			Errors: []string{"second_factor_first"}},
	}
}

var (
	errNoEnrolment  = types.Refuse(types.Conflict, "no_enrolment", "no authenticator app waits for its first code; begin again")
	errFirstCode    = types.Refuse(types.Invalid, "factor_refused", "the code is not right; check the phone's clock and try the next one")
	errSecondFactor = types.Refuse(types.Conflict, "second_factor_first", "recovery codes stand for a second factor; enrol an authenticator app or a passkey first")
)

func (i *Identity) totpState(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	has := false
	err := i.db.View(ctx, func(rd store.Reader) (err error) {
		has, err = i.app.Enrolled(ctx, rd, r.Caller.Account)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, map[string]bool{"enrolled": has})
}

func (i *Identity) totpBegin(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if r.Caller.Session == "" {
		return nil, errSession
	}
	var e totp.Enrolment
	err := i.db.Write(ctx, func(tx store.Tx) error {
		acc, err := i.accounts.Get(ctx, tx, r.Caller.Account)
		if err != nil {
			return err
		}
		e, err = i.app.Begin(ctx, tx, acc.ID, acc.Email)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusCreated, map[string]string{"secret": e.Secret.Reveal(), "uri": e.URI.Reveal()})
}

func (i *Identity) totpConfirm(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Code string `json:"code"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	s, err := i.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		if err := i.app.Confirm(ctx, tx, r.Caller.Account, in.Code); err != nil {
			return nil, err
		}
		return i.machine.ChangeFactor(ctx, tx, r.Caller, types.TOTP, 1, true, types.TOTP)
	})
	switch {
	case errors.Is(err, totp.ErrNone):
		return nil, errNoEnrolment
	case errors.Is(err, signin.ErrWrong):
		return nil, errFirstCode
	case err != nil:
		return nil, err
	}
	return i.renewed(ctx, "enrolled", s)
}

// totpRemove removes the app, and with the last second factor the recovery codes that stood for it.
func (i *Identity) totpRemove(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	s, err := i.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		if err := i.app.Remove(ctx, tx, r.Caller.Account); err != nil {
			return nil, err
		}
		acc, err := i.accounts.Get(ctx, tx, r.Caller.Account)
		if err != nil {
			return nil, err
		}
		if acc.Passkeys == 0 {
			if err := i.forgetCodes(ctx, tx, acc.ID); err != nil {
				return nil, err
			}
		}
		return i.machine.ChangeFactor(ctx, tx, r.Caller, types.TOTP, 0, false, 0)
	})
	if errors.Is(err, totp.ErrNone) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "removed", s)
}

func (i *Identity) codesLeft(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	left := 0
	err := i.db.View(ctx, func(rd store.Reader) (err error) {
		left, err = i.codes.Left(ctx, rd, r.Caller.Account)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, map[string]int{"left": left})
}

func (i *Identity) codesRenew(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var codes []types.Secret
	s, err := i.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		acc, err := i.accounts.Get(ctx, tx, r.Caller.Account)
		if err != nil {
			return nil, err
		}
		if !acc.Second() {
			return nil, errSecondFactor
		}
		if codes, err = i.codes.Renew(ctx, tx, acc.ID); err != nil {
			return nil, err
		}
		return i.machine.ChangeFactor(ctx, tx, r.Caller, types.RecoveryCode, len(codes), true, 0)
	})
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

// changed runs a change of factors in one transaction.
func (i *Identity) changed(ctx context.Context, fn func(store.Tx) (*session.Started, error)) (*session.Started, error) {
	var s *session.Started
	err := i.db.Write(ctx, func(tx store.Tx) (err error) {
		s, err = fn(tx)
		return err
	})
	return s, err
}
