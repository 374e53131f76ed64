package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Caps of what a stored hash may cost: a row that was tampered with, or imported, must not be a denial of service.
const (
	maxMemoryKiB = 256 << 10
	maxTime      = 10
	maxLanes     = 4
)

var (
	errForeign = errors.New("password: not an Argon2id hash")
	errHash    = errors.New("password: the stored hash is malformed or its costs are absurd")
)

type phc struct {
	params Params
	lanes  uint8
	salt   []byte
	key    []byte
}

// encode writes the PHC string format: $argon2id$v=19$m=…,t=…,p=…$salt$key.
func encode(c Params, lanes uint8, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", c.MemoryKiB, c.Time, lanes, b64(salt), b64(key))
}

// parse is strict: one spelling, bounded costs. errForeign for anything that is not Argon2id.
func parse(s string) (*phc, error) {
	rest, ours := strings.CutPrefix(s, "$argon2id$")
	if !ours {
		return nil, errForeign
	}
	parts := strings.Split(rest, "$")
	if len(s) > 400 || len(parts) != 4 || parts[0] != "v=19" {
		return nil, errHash
	}
	h := &phc{}
	var err error
	costs := strings.Split(parts[1], ",")
	if len(costs) != 3 {
		return nil, errHash
	}
	var n [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		text, found := strings.CutPrefix(costs[i], name)
		if n[i], err = strconv.ParseUint(text, 10, 32); err != nil || !found || strconv.FormatUint(n[i], 10) != text {
			return nil, errHash
		}
	}
	if n[2] < 1 || n[2] > maxLanes || n[0] < 8*n[2] || n[0] > maxMemoryKiB || n[1] < 1 || n[1] > maxTime {
		return nil, errHash
	}
	h.params, h.lanes = Params{uint32(n[0]), uint32(n[1])}, uint8(n[2])
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[2]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return nil, errHash
	}
	if h.key, err = base64.RawStdEncoding.Strict().DecodeString(parts[3]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return nil, errHash
	}
	if encode(h.params, h.lanes, h.salt, h.key) != s {
		return nil, errHash // base64 overlooks line breaks; one hash has one spelling
	}
	return h, nil
}
