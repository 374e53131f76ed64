package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/passkey"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

func (i *Identity) passkeyRoutes() []plan.Route {
	own, fresh := plan.Access{SignedIn: true}, plan.Access{SignedIn: true, Fresh: factorFresh}
	name := &plan.Schema{Type: "string", MinLength: 1, MaxLength: 80, Summary: "what its owner calls it"}
	entry := object([]string{"id", "name", "created"}, map[string]*plan.Schema{"id": idSchema, "name": name, "created": timeSchema, "used": timeSchema})
	renewed := map[string]*plan.Schema{"id": idSchema}
	for word, s := range renewedSchema.Properties {
		renewed[word] = s
	}
	return []plan.Route{
		{Name: "passkeys", Method: "GET", Path: "/auth/passkeys", Summary: "my passkeys, oldest first", Access: own, Status: 200,
			Handle: i.listPasskeys, Out: object([]string{"items"}, map[string]*plan.Schema{"items": list(entry)})},
		{Name: "passkey_offer", Method: "POST", Path: "/auth/passkeys/options", Summary: "options for navigator.credentials.create, good for five minutes",
			Access: fresh, Status: 200, Handle: i.offerPasskey, Errors: []string{"too_many_passkeys"},
			Out: object([]string{"options"}, map[string]*plan.Schema{"options": {Any: true}})},
		{Name: "passkey_enrol", Method: "POST", Path: "/auth/passkeys", Summary: "enrol a passkey; other sessions end, this one gets a new token",
			Access: own, Status: 200, Handle: i.enrolPasskey, Errors: []string{"factor_refused", "no_enrolment", "passkey_taken"},
			Out: object([]string{"status", "session", "expires", "id"}, renewed),
			In: object([]string{"name", "response"}, map[string]*plan.Schema{"name": name,
				"response": {Any: true, Summary: "the PublicKeyCredential of the browser, toJSON()"}})},
		{Name: "passkey_rename", Method: "PATCH", Path: "/auth/passkeys/{id}", Summary: "call a passkey something else", Access: own, Status: 204,
			Handle: i.renamePasskey, In: object([]string{"name"}, map[string]*plan.Schema{"name": name})},
		{Name: "passkey_remove", Method: "DELETE", Path: "/auth/passkeys/{id}", Summary: "remove a passkey; other sessions end",
			Access: fresh, Status: 200, Out: renewedSchema, Handle: i.removePasskey},
	}
}

var (
	errManyPasskeys = types.Refuse(types.Conflict, "too_many_passkeys", "remove a passkey before you add another")
	errPasskeyTaken = types.Refuse(types.Conflict, "passkey_taken", "this authenticator is enrolled already")
	errNewPasskey   = types.Refuse(types.Invalid, "factor_refused", "the authenticator's response does not answer the options; ask for new ones and try again")
	errNoOffer      = types.Refuse(types.Conflict, "no_enrolment", "no options wait for a response; ask for them again")
)

func (i *Identity) listPasskeys(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var all []passkey.Listed
	err := i.db.View(ctx, func(rd store.Reader) (err error) {
		all, err = i.passkeys.List(ctx, rd, r.Caller.Account)
		return err
	})
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, l := range all {
		item := map[string]any{"id": l.ID, "name": l.Name, "created": stamp(l.Created)}
		if !l.Used.IsZero() {
			item["used"] = stamp(l.Used)
		}
		items = append(items, item)
	}
	return answer(http.StatusOK, map[string]any{"items": items})
}

func (i *Identity) offerPasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if r.Caller.Session == "" {
		return nil, errSession
	}
	var options json.RawMessage
	err := i.db.Write(ctx, func(tx store.Tx) error {
		acc, err := i.accounts.Get(ctx, tx, r.Caller.Account)
		if err != nil {
			return err
		}
		options, err = i.passkeys.Offer(ctx, tx, acc.ID, acc.Email)
		return err
	})
	if errors.Is(err, passkey.ErrMany) {
		return nil, errManyPasskeys
	}
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, map[string]any{"options": options})
}

func (i *Identity) enrolPasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	var id types.ID
	s, err := i.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		made, count, err := i.passkeys.Enrol(ctx, tx, r.Caller.Account, strings.TrimSpace(in.Name), in.Response)
		if err != nil {
			return nil, err
		}
		id = made
		return i.machine.ChangeFactor(ctx, tx, r.Caller, types.Passkey, count, true, types.Passkey)
	})
	switch {
	case errors.Is(err, passkey.ErrNone):
		return nil, errNoOffer
	case errors.Is(err, passkey.ErrResponse):
		return nil, errNewPasskey
	case errors.Is(err, passkey.ErrTaken):
		return nil, errPasskeyTaken
	case err != nil:
		return nil, err
	}
	a, body := i.renewedBody(s, "enrolled")
	body["id"] = id
	return withBody(a, body)
}

func (i *Identity) renamePasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return nil, errNotFound
	}
	err := i.db.Write(ctx, func(tx store.Tx) error {
		return i.passkeys.Rename(ctx, tx, r.Caller.Account, id, strings.TrimSpace(in.Name))
	})
	if errors.Is(err, passkey.ErrNone) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (i *Identity) removePasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return nil, errNotFound
	}
	s, err := i.changed(ctx, func(tx store.Tx) (*session.Started, error) {
		left, err := i.passkeys.Remove(ctx, tx, r.Caller.Account, id)
		if err != nil {
			return nil, err
		}
		acc, err := i.accounts.Get(ctx, tx, r.Caller.Account)
		if err != nil {
			return nil, err
		}
		if left == 0 && acc.TOTP == 0 {
			if err := i.forgetCodes(ctx, tx, acc.ID); err != nil {
				return nil, err
			}
		}
		kind := types.Passkey
		return i.machine.ChangeFactor(ctx, tx, r.Caller, kind, left, false, 0)
	})
	if errors.Is(err, passkey.ErrNone) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "removed", s)
}

// forgetCodes forgets the recovery codes of an account that has no second factor left for them to stand for.
func (i *Identity) forgetCodes(ctx context.Context, tx store.Tx, id types.ID) error {
	if err := i.codes.Clear(ctx, tx, id); err != nil {
		return err
	}
	return i.accounts.SetFactors(ctx, tx, id, types.RecoveryCode, 0)
}
