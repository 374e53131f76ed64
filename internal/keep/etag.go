package keep

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/types"
)

// etag is a strong validator of what one caller sees of a row: a truncated HMAC over id, version, mask and fields, so that it
// neither tells the version nor can be made up.
func (k *Keep) etag(id types.ID, version int64, m plan.Mask, fields []string) string {
	sum := k.cfg.Ring.MAC(seal.ETag, string(id), strconv.FormatInt(version, 36), strconv.FormatUint(uint64(m), 36), strings.Join(fields, ","))
	out := make([]byte, 0, 34)
	out = append(out, '"')
	out = hex.AppendEncode(out, sum[:16])
	return string(append(out, '"'))
}

// matches compares an If-Match or If-None-Match list with an ETag (RFC 9110 section 13.1).
func matches(header, etag string) bool {
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for part := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(part) == etag {
			return true
		}
	}
	return false
}
