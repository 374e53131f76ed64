package decl

import (
	"net/netip"
	"net/url"
	"regexp"
)

var (
	providerName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	scopeForm    = regexp.MustCompile(`^[!#-\[\]-~]{1,100}$`) // RFC 6749, section 3.3
	hostPort     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?$`)
)

// verifyProviders checks the block providers.
func (r *reader) verifyProviders(f *File) {
	issuers := map[string]bool{}
	for _, p := range f.Providers {
		if !providerName.MatchString(p.Name) || p.Name == "links" {
			r.fail(p.Pos, "the name of a provider stands in paths: lower case, at most 32 characters, and not links; rename %q", p.Name)
		}
		u, err := url.Parse(p.Issuer)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			r.fail(p.Pos, "a provider has an issuer, an https URL exactly as the provider writes it; add issuer: https://accounts.example")
		} else if issuers[p.Issuer] {
			r.fail(p.Pos, "another provider has this issuer; remove one of them")
		}
		issuers[p.Issuer] = true
		if p.ClientID.Value == "" {
			r.fail(p.Pos, "a provider knows this service by a client_id; add client_id: …, as it gave it to you")
		}
		for _, s := range p.Scopes {
			if !scopeForm.MatchString(s) {
				r.fail(p.Pos, "a scope is one word without spaces and quotes; write scopes: [a, b]")
			}
		}
		for _, h := range p.Hosts {
			if !hostPort.MatchString(h) {
				r.fail(p.Pos, "hosts are names like oauth2.example.org, with a port if it is not 443")
			}
		}
		for _, n := range p.Private {
			if _, err := netip.ParsePrefix(n); err != nil {
				r.fail(p.Pos, "private lists networks like 10.20.0.0/16, in which the provider may lie")
			}
		}
	}
}
