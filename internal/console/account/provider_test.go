package account_test

import (
	"context"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	linkOne = store.SQL("INSERT INTO fastness_federated (subject, account, issuer, linked, used) SELECT ?, id, ?, 0, 0 FROM fastness_account")
	setApp  = store.SQL("UPDATE fastness_account SET totp = 1")
)

func (h *house) exec(s *store.Stmt, args ...types.Value) {
	h.t.Helper()
	if err := h.app.Identity.DB().Write(context.Background(), func(tx store.Tx) error {
		_, err := tx.Exec(context.Background(), s, args...)
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
}

// TestStepUpByProviderIsOffered: to whom it is open, a linked provider; why it came to nothing, in words; and no longer when there is a second
// factor, which it does not stand for.
func TestStepUpByProviderIsOffered(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann := h.person("ann@clinic.example", "patient")
		const offer = `action="/auth/oidc/club/step-up"`
		if r := ann.get("/account/step-up"); r.status != 200 || strings.Contains(r.text, offer) {
			t.Errorf("a provider that is not linked is offered: %d %s", r.status, r.text)
		}
		h.exec(linkOne, types.BytesValue([]byte("ann at the club")), types.TextValue("https://club.example"))
		ann.get("/account/step-up").says(200, offer).says(200, "Prove it with The Club")
		ann.get("/account/step-up?error=not_proved_again").says(200, "The provider did not say that you signed in there just now.")
		if r := ann.get("/account/step-up?error=%3Cb%3E"); strings.Contains(r.text, "<b>") || strings.Contains(r.text, "&lt;b") {
			t.Errorf("a made-up error is repeated: %s", r.text)
		}
		h.exec(setApp)
		if r := ann.get("/account/step-up").says(200, "authenticator app"); strings.Contains(r.text, offer) {
			t.Errorf("a provider is offered beside a second factor: %s", r.text)
		}
		ann.post("/auth/oidc/club/step-up", "return", "/account/email").says(409, "Your account has a second factor")
	})
}
