package passkey

import (
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/fastness-dev/fastness/internal/identity/key"
	"github.com/fastness-dev/fastness/internal/plan/exact"
)

// response is what a browser sends (WebAuthn Level 3, sections 5.1.8 and 5.1.9); the library reads it again, in any
// case of letters.
type response struct {
	ID         string         `json:"id"`
	Raw        string         `json:"rawId"`
	Type       string         `json:"type"`
	Attachment string         `json:"authenticatorAttachment"`
	Extensions jsontext.Value `json:"clientExtensionResults"`
	Response   struct {
		Client      string   `json:"clientDataJSON"`
		Data        string   `json:"authenticatorData"`
		Signature   string   `json:"signature"`
		Handle      string   `json:"userHandle"`
		Attestation string   `json:"attestationObject"`
		Transports  []string `json:"transports"`
		Key         string   `json:"publicKey"`
		Algorithm   int64    `json:"publicKeyAlgorithm"`
	} `json:"response"`
}

// client is what the browser says of the page (section 5.8.1). Browsers may add members.
type client struct {
	Type      string         `json:"type"`
	Challenge string         `json:"challenge"`
	Origin    string         `json:"origin"`
	Cross     bool           `json:"crossOrigin"`
	Top       *string        `json:"topOrigin"`
	Binding   jsontext.Value `json:"tokenBinding"`
}

// read checks a response before the library sees it: one spelling of everything, and client data that are exactly about
// a page of our one origin, which no other page holds. The library compares origins as URLs, and so takes a path behind
// them.
func (p *Passkeys) read(text []byte, kind protocol.CeremonyType) error {
	var in response
	if err := exact.Decode(text, &in); err != nil {
		return err
	}
	r := &in.Response
	for _, s := range []string{in.ID, in.Raw, r.Data, r.Signature, r.Handle, r.Attestation, r.Key} {
		if _, err := spelled(s); err != nil {
			return err
		}
	}
	said, err := spelled(r.Client)
	if err != nil {
		return err
	}
	var c client
	if err := exact.Decode(said, &c); err != nil {
		return fmt.Errorf("passkey: client data: %w", err)
	}
	if _, err := spelled(c.Challenge); err != nil {
		return err
	}
	if c.Type != string(kind) || c.Origin != p.origin || c.Cross || c.Top != nil {
		return errors.New("passkey: the response was made for another page or another end")
	}
	return nil
}

// spelled reads base64url without padding in its one spelling.
func spelled(s string) ([]byte, error) {
	out, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodeToString(out) != s {
		return nil, errors.New("passkey: this is not base64url in its one spelling")
	}
	return out, nil
}

// may tells why a public key (COSE, RFC 9053) cannot be one of a passkey; nil: it can.
func may(cose []byte) error {
	public, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return err
	}
	switch k := public.(type) {
	case webauthncose.EC2PublicKeyData:
		for _, one := range []struct {
			algorithm webauthncose.COSEAlgorithmIdentifier
			number    webauthncose.COSEEllipticCurve
			curve     elliptic.Curve
		}{{webauthncose.AlgES256, webauthncose.P256, elliptic.P256()}, {webauthncose.AlgES384, webauthncose.P384,
			elliptic.P384()},
			{webauthncose.AlgES512, webauthncose.P521, elliptic.P521()}} {
			if k.Algorithm == int64(one.algorithm) && k.Curve == int64(one.number) {
				_, err := key.EC(one.curve, k.XCoord, k.YCoord)
				return err
			}
		}
	case webauthncose.OKPPublicKeyData:
		_, err := key.Ed25519(k.XCoord)
		return err
	case webauthncose.RSAPublicKeyData:
		_, err := key.RSA(k.Modulus, k.Exponent)
		return err
	}
	return errors.New("passkey: the key is of a kind that is not taken, or its curve is not that of its algorithm")
}
