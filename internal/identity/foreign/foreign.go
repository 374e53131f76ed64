// Package foreign reads accounts of other programs and verifies the password hashes that those made, so that people keep their
// passwords when they move in. Nothing here makes a hash: what verifies is replaced by one of ours at the next sign-in.
//
// Policy: a closed list of formats, each read strictly. The costs that a hash names are capped before anything is computed or
// allocated, because a row that was imported or tampered with must not be a denial of service. Unsalted and fast hashes (MD5,
// SHA-1, salted SHA-256) are not read: such accounts set a new password by mail.
//
// The map: foreign.go (which hashes are read, and from whom), kdf.go (the functions behind, and their caps), people.go and
// django.go (files of accounts).
package foreign

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// ErrUnknown: the text is none of the formats that are read.
var ErrUnknown = errors.New("foreign: unknown form of password hash; these accounts need a new password by mail")

// ErrCost: the hash names costs beyond the caps, or costs that make no sense.
var ErrCost = errors.New("foreign: the costs that the password hash names are absurd; these accounts need a new password by mail")

// ErrFormat: the hash was made by another program than the one that the file is said to come from.
var ErrFormat = errors.New("foreign: the password hash is not of this format; say which program made it, or cut the file up")

// longest bounds an encoded hash in bytes; real ones have at most 220.
const longest = 512

// hash is a parsed hash: derive repeats the function with the stored salt and costs.
type hash struct {
	derive func(password string) ([]byte, error)
	key    []byte
}

// Check tells whether Verify can read the hash, without computing anything: nil, ErrUnknown or ErrCost. For imports.
func Check(encoded string) error {
	_, err := parse(encoded)
	return err
}

// CheckFormat is Check for hashes of one of Formats: another program's are ErrFormat.
func CheckFormat(format, encoded string) error {
	begins := map[string][]string{"django": {"pbkdf2_", "argon2$", "bcrypt_sha256$", "bcrypt$", "scrypt$"}, "werkzeug": {"pbkdf2:", "scrypt:"},
		"flask": {"pbkdf2:", "scrypt:"}, "passlib": {"$pbkdf2$", "$pbkdf2-", "$scrypt$", "$argon2", "$2", "$bcrypt-sha256$"}, "bcrypt": {"$2"}}
	if err := Check(encoded); err != nil {
		return err
	}
	if !slices.ContainsFunc(begins[format], func(b string) bool { return strings.HasPrefix(encoded, b) }) {
		return ErrFormat
	}
	return nil
}

// Verify compares a password, byte for byte as it was typed, with a hash made by Django, werkzeug, passlib or bcrypt. known is
// false when the hash cannot be read or its costs are refused; then nothing was computed.
func Verify(password, encoded string) (ok, known bool) {
	h, err := parse(encoded)
	if err != nil {
		return false, false
	}
	key, err := h.derive(password)
	if err != nil {
		return false, true
	}
	return subtle.ConstantTimeCompare(key, h.key) == 1, true
}

// parse knows each format by how it begins.
func parse(s string) (*hash, error) {
	if len(s) > longest {
		return nil, ErrUnknown
	}
	switch {
	case strings.HasPrefix(s, "pbkdf2_"):
		return django(s)
	case strings.HasPrefix(s, "argon2$argon2"): // Django: its name, then the PHC form
		return argon(strings.TrimPrefix(s, "argon2"))
	case strings.HasPrefix(s, "$argon2"): // passlib
		return argon(s)
	case strings.HasPrefix(s, "bcrypt_sha256$"): // Django
		return crypt(strings.TrimPrefix(s, "bcrypt_sha256$"), hexSHA256)
	case strings.HasPrefix(s, "bcrypt$"): // Django
		return crypt(strings.TrimPrefix(s, "bcrypt$"), nil)
	case strings.HasPrefix(s, "$2"):
		return crypt(s, nil)
	case strings.HasPrefix(s, "$bcrypt-sha256$"):
		return passlibCrypt(s)
	case strings.HasPrefix(s, "pbkdf2:"), strings.HasPrefix(s, "scrypt:"):
		return werkzeug(s)
	case strings.HasPrefix(s, "scrypt$"):
		return djangoScrypt(s)
	case strings.HasPrefix(s, "$pbkdf2$"), strings.HasPrefix(s, "$pbkdf2-"), strings.HasPrefix(s, "$scrypt$"):
		return passlib(s)
	}
	return nil, ErrUnknown
}

// django reads pbkdf2_sha256$ITERATIONS$SALT$BASE64.
func django(s string) (*hash, error) {
	f := strings.Split(s, "$")
	if len(f) != 4 {
		return nil, ErrUnknown
	}
	key, err := base64.StdEncoding.Strict().DecodeString(f[3])
	if err != nil {
		return nil, ErrUnknown
	}
	return pbkdf2(strings.TrimPrefix(f[0], "pbkdf2_"), f[1], []byte(f[2]), key)
}

// djangoScrypt reads scrypt$N$SALT$R$P$BASE64 (Django 4 and later).
func djangoScrypt(s string) (*hash, error) {
	f := strings.Split(s, "$")
	if len(f) != 6 {
		return nil, ErrUnknown
	}
	key, err := base64.StdEncoding.Strict().DecodeString(f[5])
	if err != nil {
		return nil, ErrUnknown
	}
	return scryptHash(f[1], f[3], f[4], []byte(f[2]), key)
}

// werkzeug reads pbkdf2:DIGEST:ITERATIONS$SALT$HEX and scrypt:N:R:P$SALT$HEX.
func werkzeug(s string) (*hash, error) {
	f := strings.Split(s, "$")
	if len(f) != 3 {
		return nil, ErrUnknown
	}
	key, err := hex.DecodeString(f[2])
	if err != nil {
		return nil, ErrUnknown
	}
	m := strings.Split(f[0], ":")
	switch {
	case m[0] == "pbkdf2" && len(m) == 3:
		return pbkdf2(m[1], m[2], []byte(f[1]), key)
	case m[0] == "scrypt" && len(m) == 4:
		return scryptHash(m[1], m[2], m[3], []byte(f[1]), key)
	}
	return nil, ErrUnknown
}

// passlib reads $pbkdf2-DIGEST$ITERATIONS$SALT$KEY, in which SHA-1 goes unnamed, and $scrypt$ln=N,r=R,p=P$SALT$KEY. Its base64 has
// "." for "+" in PBKDF2.
func passlib(s string) (*hash, error) {
	f := strings.Split(s, "$")
	if len(f) != 5 {
		return nil, ErrUnknown
	}
	decode := base64.RawStdEncoding.Strict().DecodeString
	digest, pbk := strings.CutPrefix(f[1], "pbkdf2-")
	if f[1] == "pbkdf2" {
		digest, pbk = "sha1", true
	}
	if pbk {
		f[3], f[4] = strings.ReplaceAll(f[3], ".", "+"), strings.ReplaceAll(f[4], ".", "+")
	}
	salt, err := decode(f[3])
	if err != nil {
		return nil, ErrUnknown
	}
	key, err := decode(f[4])
	if err != nil {
		return nil, ErrUnknown
	}
	if pbk {
		return pbkdf2(digest, f[2], salt, key)
	}
	c := strings.Split(f[2], ",")
	if len(c) != 3 || !strings.HasPrefix(c[0], "ln=") || !strings.HasPrefix(c[1], "r=") || !strings.HasPrefix(c[2], "p=") {
		return nil, ErrUnknown
	}
	log, err := number(c[0][3:], 1, 30)
	if err != nil {
		return nil, err
	}
	return scryptCosts(1<<log, c[1][2:], c[2][2:], salt, key)
}
