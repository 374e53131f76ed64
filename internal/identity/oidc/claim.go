package oidc

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// claims are those of an ID token that are looked at (OpenID Connect Core 1.0, section 2).
type claims struct {
	Issuer     string   `json:"iss"`
	Subject    string   `json:"sub"`
	Audience   audience `json:"aud"`
	Party      *string  `json:"azp"`
	Expires    *moment  `json:"exp"`
	Issued     *moment  `json:"iat"`
	NotBefore  *moment  `json:"nbf"`
	Proved     *moment  `json:"auth_time"`
	Nonce      string   `json:"nonce"`
	AccessHash *string  `json:"at_hash"`
	Email      *string  `json:"email"`
	Verified   *yes     `json:"email_verified"`
	Name       string   `json:"name"`
}

// audience is one text, or a list of them.
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(text []byte) error {
	if jsontext.Value(text).Kind() == '"' {
		*a = audience{""}
		return json.Unmarshal(text, &(*a)[0])
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// moment is a number of seconds since 1970, in the years that a token can be of (RFC 7519, section 2). Some providers
// write 0 where they do not know.
type moment struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	if jsontext.Value(text).Kind() != '0' || err != nil || seconds < 0 || seconds > 1<<36 {
		return errors.New("oidc: this is not a number of seconds since 1970")
	}
	m.Time = time.UnixMicro(int64(seconds * 1e6)).UTC()
	return nil
}

// yes is true or false. Some providers write it as text.
type yes bool

// UnmarshalJSON implements json.Unmarshaler.
func (y *yes) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `true`, `"true"`:
		*y = true
	case `false`, `"false"`:
		*y = false
	default:
		return errors.New("oidc: this is neither true nor false")
	}
	return nil
}
