package foreign

import (
	"crypto/hmac"
	stdpbkdf2 "crypto/pbkdf2"
	"crypto/sha1" // #nosec G505 -- passwords imported from systems that used PBKDF2-HMAC-SHA-1 are verified once and replaced
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	gohash "hash"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// The caps. Each lies above what the programs choose today (Django 5: 1,000,000 iterations, 100 MiB) and keeps one
// verification below about two seconds and 128 MiB.
const (
	maxIterations = 2_000_000
	maxMemoryKiB  = 128 << 10
	maxPasses     = 10
	maxLanes      = 16
	maxWorkKiB    = 512 << 10 // memory times passes, or times lanes for scrypt
	maxBcrypt     = 14
	maxKey        = 64
)

// number reads a decimal number in its one spelling; beyond the bounds it is ErrCost.
func number(s string, least, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, ErrUnknown
	}
	if n < least || n > most {
		return 0, ErrCost
	}
	return n, nil
}

// sized refuses keys that are too short to mean anything: a short key is easy to hit.
func sized(salt, key []byte) error {
	if len(salt) == 0 || len(key) < 16 || len(key) > maxKey {
		return ErrUnknown
	}
	return nil
}

func pbkdf2(digest, iterations string, salt, key []byte) (*hash, error) {
	var fn func() gohash.Hash
	switch digest {
	case "sha1":
		fn = sha1.New
	case "sha256":
		fn = sha256.New
	case "sha512":
		fn = sha512.New
	default:
		return nil, ErrUnknown
	}
	n, err := number(iterations, 1, maxIterations)
	if err != nil {
		return nil, err
	}
	if err := sized(salt, key); err != nil {
		return nil, err
	}
	return &hash{key: key, derive: func(password string) ([]byte, error) {
		return stdpbkdf2.Key(fn, password, salt, int(n), len(key))
	}}, nil
}

func scryptHash(n, r, p string, salt, key []byte) (*hash, error) {
	cost, err := number(n, 2, maxMemoryKiB*8)
	if err != nil {
		return nil, err
	}
	return scryptCosts(cost, r, p, salt, key)
}

func scryptCosts(n uint64, r, p string, salt, key []byte) (*hash, error) {
	block, err := number(r, 1, 32)
	if err != nil {
		return nil, err
	}
	lanes, err := number(p, 1, maxLanes)
	if err != nil {
		return nil, err
	}
	if kib := n * block / 8; n&(n-1) != 0 || kib > maxMemoryKiB || kib*lanes > maxWorkKiB { // a block has 128·r bytes
		return nil, ErrCost
	}
	if err := sized(salt, key); err != nil {
		return nil, err
	}
	return &hash{key: key, derive: func(password string) ([]byte, error) {
		return scrypt.Key([]byte(password), salt, int(n), int(block), int(lanes), len(key))
	}}, nil
}

// argon reads the PHC form of Argon2id and Argon2i (older Django): $argon2id$v=19$m=…,t=…,p=…$SALT$KEY.
func argon(s string) (*hash, error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[2] != "v=19" {
		return nil, ErrUnknown
	}
	fn := argon2.IDKey
	switch f[1] {
	case "argon2id":
	case "argon2i":
		fn = argon2.Key
	default:
		return nil, ErrUnknown
	}
	c := strings.Split(f[3], ",")
	if len(c) != 3 || !strings.HasPrefix(c[0], "m=") || !strings.HasPrefix(c[1], "t=") || !strings.HasPrefix(c[2], "p=") {
		return nil, ErrUnknown
	}
	lanes, err := number(c[2][2:], 1, maxLanes)
	if err != nil {
		return nil, err
	}
	memory, err := number(c[0][2:], 8*lanes, maxMemoryKiB)
	if err != nil {
		return nil, err
	}
	passes, err := number(c[1][2:], 1, maxPasses)
	if err != nil {
		return nil, err
	}
	if memory*passes > maxWorkKiB {
		return nil, ErrCost
	}
	salt, err := base64.RawStdEncoding.Strict().DecodeString(f[4])
	if err != nil {
		return nil, ErrUnknown
	}
	key, err := base64.RawStdEncoding.Strict().DecodeString(f[5])
	if err != nil || sized(salt, key) != nil {
		return nil, ErrUnknown
	}
	return &hash{key: key, derive: func(password string) ([]byte, error) {
		return fn([]byte(password), salt, uint32(passes), uint32(memory), uint8(lanes), uint32(len(key))), nil
	}}, nil
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)

// crypt reads bcrypt: 2a, 2b and 2y (2x is a known-broken variant). before is what was done to the password first, nil for nothing:
// then bcrypt reads 72 bytes and no more, as everywhere.
func crypt(s string, before func(password string) string) (*hash, error) {
	m := bcryptForm.FindStringSubmatch(s)
	if m == nil {
		return nil, ErrUnknown
	}
	if cost := m[1]; cost < "04" || cost > strconv.Itoa(maxBcrypt) {
		return nil, ErrCost
	}
	// The library compares by itself: the key stands for its yes.
	return &hash{key: []byte{1}, derive: func(password string) ([]byte, error) {
		if before != nil {
			password = before(password)
		}
		if err := bcrypt.CompareHashAndPassword([]byte(s), []byte(password[:min(len(password), 72)])); err != nil {
			return nil, err
		}
		return []byte{1}, nil
	}}, nil
}

// hexSHA256 is what Django's bcrypt_sha256 does to a password first.
func hexSHA256(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

var passlibCryptForm = regexp.MustCompile(`^\$bcrypt-sha256\$(?:(v=2,t=2b,r=)|(2[ab]),)([0-9]{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$`)

// passlibCrypt reads passlib's bcrypt_sha256: $bcrypt-sha256$v=2,t=2b,r=COST$SALT$KEY, in which the password went through HMAC-SHA-256
// under the text of the salt first, and the form before it, $bcrypt-sha256$2b,COST$SALT$KEY, in which it was only hashed.
func passlibCrypt(s string) (*hash, error) {
	m := passlibCryptForm.FindStringSubmatch(s)
	if m == nil {
		return nil, ErrUnknown
	}
	cost, err := number(m[3], 4, maxBcrypt)
	if err != nil {
		return nil, err
	}
	second, variant, salt, key := m[1] != "", m[2], m[4], m[5]
	if second {
		variant = "2b"
	}
	return crypt(fmt.Sprintf("$%s$%02d$%s%s", variant, cost, salt, key), func(password string) string {
		var sum []byte
		if second {
			mac := hmac.New(sha256.New, []byte(salt))
			mac.Write([]byte(password))
			sum = mac.Sum(nil)
		} else {
			plain := sha256.Sum256([]byte(password))
			sum = plain[:]
		}
		return base64.StdEncoding.EncodeToString(sum)
	})
}
