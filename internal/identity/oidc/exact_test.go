package oidc_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/oidc"
)

// TestNamesInOtherCase: the provider lets eve name claims of her own, and signs them with the rest.
func TestNamesInOtherCase(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"Sub": set("Sub", "eve"), "EMAIL": set("EMAIL", "eve@clinic.example"),
		"Email_Verified": set("Email_Verified", true)})
}

// TestTokensOfOtherKinds: an access token or a logout token that the provider has signed for us is no ID token.
func TestTokensOfOtherKinds(t *testing.T) {
	kind := func(typ string) func(*town, *provider) {
		return func(_ *town, p *provider) {
			p.sign = func(c []byte) string { return jws(`{"alg":"RS256","typ":"`+typ+`"}`, c, pkcs1(signingKey())) }
		}
	}
	doubted(t, map[string]func(*town, *provider){"access": kind("at+jwt"), "logout": kind("logout+jwt")})
}

// TestAccessTokenHash: an ID token that belongs to another access token.
func TestAccessTokenHash(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"another": set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"empty": set("at_hash", "")})
}

// TestIssuedBefore: a token that is older than the sign-in was made for another one.
func TestIssuedBefore(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"before": func(w *town, p *provider) {
		p.claim = func(c map[string]any) { c["iat"] = w.clock.Now().Add(-6 * time.Minute).Unix() }
	}})
}

// TestLongLife: a token that is valid for longer than a year.
func TestLongLife(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"long": func(w *town, p *provider) {
		p.claim = func(c map[string]any) { c["exp"] = w.clock.Now().Add(400 * 24 * time.Hour).Unix() }
	}})
}

// asking lets eve in through what her ID token and userinfo say together.
func asking(t *testing.T, token map[string]any, info string, want oidc.Code) {
	t.Helper()
	each(t, nil, func(t *testing.T, w *town) {
		w.honest()
		through("/userinfo", info, func(string) string { return info }).tell(w, w.club)
		w.club.people["eve"] = token
		b := browser{}
		if where := w.enter(b, w.club, "eve"); want == "" && where != "/account/" || want != "" &&
			where != "/account/sign-in?error="+string(want) {
			t.Errorf("ends at %s", where)
		}
	})
}

// TestVerifiedInUserInfo: what the ID token leaves out is asked for.
func TestVerifiedInUserInfo(t *testing.T) {
	asking(t, map[string]any{"email": "eve@clinic.example"},
		`{"sub":"eve","email":"eve@clinic.example","email_verified":true}`, "")
}

// TestUserInfoDenies: one of the two says that the address is not verified.
func TestUserInfoDenies(t *testing.T) {
	asking(t, map[string]any{"email_verified": false},
		`{"sub":"eve","email":"eve@clinic.example","email_verified":true}`, oidc.Unverified)
}

// TestTwoAddresses: the two name different addresses.
func TestTwoAddresses(t *testing.T) {
	asking(t, map[string]any{"email": "ann@clinic.example"},
		`{"sub":"eve","email":"eve@clinic.example","email_verified":true}`, oidc.Doubtful)
}
