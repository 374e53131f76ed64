package page

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/types"
)

// cursorLife is how long a cursor may be used.
const cursorLife = 24 * time.Hour

// cursor is where a list goes on: the sort key and id of the last row. It travels sealed, bound to caller, query and plan.
type cursor struct {
	Key    types.Value
	ID     types.ID
	Issued int64 // microseconds
}

var errCursor = types.Refuse(types.Malformed, "cursor_invalid", "this cursor is not of this query, caller and declaration, or older than a day; start again without after")

// sealCursor binds the cursor to what it may be used with: collection, query shape, caller and plan version.
func (l *Lists) sealCursor(c *types.Caller, cur cursor, query string) (string, error) {
	plain, err := json.Marshal(cur)
	if err != nil {
		return "", err
	}
	sealed, err := l.tables().Ring.Seal(nil, seal.Cursor, plain, l.cursorPlace(c, query)...)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (l *Lists) openCursor(c *types.Caller, text, query string) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(text) > 4096 || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil, errCursor
	}
	plain, err := l.tables().Ring.Open(nil, seal.Cursor, sealed, l.cursorPlace(c, query)...)
	if err != nil {
		return nil, errCursor
	}
	var cur cursor
	if json.Unmarshal(plain, &cur) != nil {
		return nil, errCursor
	}
	if age := l.Clock.Now().Sub(types.FromMicros(cur.Issued)); age > cursorLife || age < -time.Minute {
		return nil, errCursor
	}
	return &cur, nil
}

func (l *Lists) cursorPlace(c *types.Caller, query string) []string {
	return []string{query, strconv.Itoa(int(c.Kind)), string(c.Account), string(c.Org), l.tables().Plan.Version}
}
