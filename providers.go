package fastness

import (
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/dial"
)

// Bounds of what a provider may take and say.
const (
	providerTimeout = 5 * time.Second
	providerBody    = 256 << 10
)

// providers resolves the declared OpenID providers: their secrets, and a door to each that leads to its hosts alone.
func (a *App) providers() ([]oidc.Provider, error) {
	var out []oidc.Provider
	for _, d := range a.Plan.Decl.Providers {
		p := oidc.Provider{Name: d.Name, Label: d.Label, Issuer: d.Issuer, Scopes: d.Scopes, Roles: d.Roles}
		id, err := a.resolved(d.ClientID)
		if err != nil {
			return nil, fmt.Errorf("fastness: providers: %s: client_id: %w", d.Name, err)
		}
		p.ClientID = id.Reveal()
		if d.ClientSecret.Value != "" {
			if p.Secret, err = a.resolved(d.ClientSecret); err != nil {
				return nil, fmt.Errorf("fastness: providers: %s: client_secret: %w", d.Name, err)
			}
		}
		if p.Door, err = a.providerDoor(d); err != nil {
			return nil, fmt.Errorf("fastness: providers: %s: %w", d.Name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// resolved gives what a value of the declaration stands for: itself, or the secret that it refers to.
func (a *App) resolved(t decl.Text) (types.Secret, error) {
	if len(t.Value) < 2 || t.Value[:2] != "${" {
		return types.NewSecret(t.Value), nil
	}
	secret, fromEnv, err := seal.Resolve(t.Value)
	if fromEnv && err == nil && !a.Plan.Development() {
		a.opt.Log.Warn("a provider's credentials come from the environment, where children and dumps can see them; a ${file:…} reference is safer")
	}
	return secret, err
}

func (a *App) providerDoor(d decl.Provider) (*dial.Door, error) {
	issuer, err := url.Parse(d.Issuer)
	if err != nil {
		return nil, err
	}
	cfg := dial.Config{Hosts: append([]string{issuer.Host}, d.Hosts...), Timeout: providerTimeout, MaxBody: providerBody}
	for _, n := range d.Private {
		network, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, err
		}
		cfg.Private = append(cfg.Private, network)
	}
	if d.CA != "" {
		if cfg.Roots, err = dial.Roots(a.relative(d.CA)); err != nil {
			return nil, err
		}
	}
	return dial.New(cfg)
}
