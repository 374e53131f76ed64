package account

import (
	"context"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// providerSaid is what a person is told for the code of a sign-in by a provider that came to nothing.
var providerSaid = map[oidc.Code]string{
	oidc.Begin:       "This sign-in took too long or was refused. Begin again.",
	oidc.Cancelled:   "You stopped at the provider. Try again, or choose another way.",
	oidc.Declined:    "The provider refused. Try again, or choose another way.",
	oidc.Away:        "The provider cannot be reached now. Try again later, or choose another way.",
	oidc.Doubtful:    "What the provider said was not accepted. Try again, or choose another way.",
	oidc.Unverified:  "The provider has not verified your address. Verify it there, or choose another way.",
	oidc.Exists:      "Your address has an account here. Sign in to it, then link the provider under sign-in and security.",
	oidc.Uninvited:   "Accounts are made by invitation here. Ask whoever runs this service for one.",
	oidc.Refused:     "This account cannot be used now. Recover it, or ask whoever runs this service.",
	oidc.TooMany:     "Too many attempts. Wait a little and try again.",
	oidc.Elsewhere:   "You at this provider belong to another account here.",
	oidc.Once:        "Your account is linked to another person of this provider.",
	oidc.Another:     "You at this provider are not the person to whom your account is linked. Sign in there as yourself, or choose another way.",
	oidc.Unproved:    "The provider did not say that you signed in there just now. Choose another way, or sign out here and sign in again.",
	oidc.Enrolled:    "Your account has a second factor. Use that.",
	oidc.Unavailable: "This service cannot do that now. Try again later.",
}

// providerErrors reads why a provider sent the browser back. A word that is none of the codes says nothing.
func (p *Pages) providerErrors(r *plan.Request) []page.FieldError {
	text, ok := providerSaid[oidc.Code(r.Query.Get("error"))]
	if !ok {
		return nil
	}
	return []page.FieldError{{Message: p.kit.Text(p.kit.Language(r), text)}}
}

func (p *Pages) labelOf(name string) (string, error) {
	for _, l := range p.id.Providers().List() {
		if l.Name == name {
			return l.Label, nil
		}
	}
	return "", types.Refuse(types.NotFound, "not_found", "there is no such provider; they are listed at /account/factors")
}

// showProviderLink leads to the provider, which sends the browser back here.
func (p *Pages) showProviderLink(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	label, err := p.labelOf(r.Path("name"))
	if err != nil {
		return nil, err
	}
	return p.ask(ctx, r, "Link a provider?", ask{Action: "/auth/oidc/" + r.Path("name") + "/link", Return: "/account/factors", Button: "Go to the provider", Name: label,
		Text: "You sign in at the provider once, and can sign in here through it from then on."})
}

func (p *Pages) showProviderUnlink(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	label, err := p.labelOf(r.Path("name"))
	if err != nil {
		return nil, err
	}
	return p.ask(ctx, r, "Unlink the provider?", ask{Action: "/account/factors/providers/" + r.Path("name") + "/remove", Button: "Unlink", Danger: true, Name: label,
		Text: "You will no longer be able to sign in through it. Every other session ends."})
}

func (p *Pages) unlinkProvider(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	s, err := p.id.Providers().Unlink(ctx, r.Caller, r.Path("name"))
	if err != nil {
		return nil, err
	}
	return renewed("/account/factors", "provider_unlinked", s), nil
}
