package view

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Want narrows an answer to named fields; nil means all that the mask allows.
type Want map[string]bool

// Wanted turns `fields` into a Want; a field that the caller's roles can never see is unknown.
func (v *View) Wanted(fields []string) (Want, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	out := Want{}
	for _, name := range fields {
		if _, err := v.Usable(name); err != nil {
			return nil, err
		}
		out[name] = true
	}
	return out, nil
}

// AppendGet appends one row as JSON and returns its ETag; NotFound for absent and unreadable rows alike. fields is what the
// client named, which want was made of.
func (v *View) AppendGet(ctx context.Context, r store.Reader, dst []byte, b *rule.Bindings, id types.ID, want Want, fields []string, inc []Include) ([]byte, string, error) {
	rows, err := v.query(ctx, r, b, id)
	if err != nil {
		return dst, "", err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return dst, "", err
		}
		return dst, "", judge.NoRow
	}
	m, ok := v.Mask(rows, v.Fields)
	if !ok {
		return dst, "", judge.NoRow
	}
	etag := v.ETag(id, rows.Int(3), m, fields)
	if dst, err = v.AppendRow(dst, v.Fields, rows, m, want); err != nil {
		return dst, "", err
	}
	if len(inc) == 0 {
		return dst, etag, rows.Err()
	}
	targets := v.Targets(v.Fields, rows, m, inc)
	if err := rows.Close(); err != nil {
		return dst, "", err
	}
	dst, err = AppendIncluded(ctx, r, dst, b, inc, targets)
	return dst, etag, err
}

// AppendRow writes the row under the cursor as a JSON object: system fields, then the fields of the mask. Missing values are
// null, masked ones absent.
func (v *View) AppendRow(dst []byte, fields []*plan.Field, rows store.Rows, m plan.Mask, want Want) ([]byte, error) {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, rows.Bytes(0)...)
	dst = append(dst, '"')
	if want == nil || want["created"] {
		dst = append(dst, `,"created":`...)
		dst = value.AppendTime(dst, rows.Int(1))
	}
	if want == nil || want["updated"] {
		dst = append(dst, `,"updated":`...)
		dst = value.AppendTime(dst, rows.Int(2))
	}
	if want == nil || want["version"] {
		dst = append(dst, `,"version":`...)
		dst = strconv.AppendInt(dst, rows.Int(3), 10)
	}
	if v.Collection.PerOrg && (want == nil || want["org"]) {
		dst = append(append(append(dst, `,"org":"`...), rows.Bytes(4)...), '"')
	}
	for i, f := range fields {
		if !m.Has(f) || want != nil && !want[f.Name] {
			continue
		}
		dst = append(dst, `,"`...)
		dst = append(dst, f.Name...)
		dst = append(dst, `":`...)
		var err error
		if dst, err = v.appendColumn(dst, f, rows, row.System(v.Collection)+i); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendColumn writes one column; a sealed one, which holds the JSON of its plain value, is opened.
func (v *View) appendColumn(dst []byte, f *plan.Field, rows store.Rows, i int) ([]byte, error) {
	switch {
	case rows.Missing(i):
		return append(dst, "null"...), nil
	case f.Encrypted:
		return v.tables.AppendOpen(dst, v.Collection, f, rows.Text(0), rows.Bytes(i))
	case row.Whole(f):
		return value.AppendInt(dst, f, rows.Int(i)), nil
	}
	return value.AppendText(dst, f, rows.Bytes(i)), nil
}

// ETag is a strong validator of what one caller sees of a row: a truncated HMAC over id, version, mask, fields and plan, so that
// it neither tells the version nor can be made up.
func (v *View) ETag(id types.ID, version int64, m plan.Mask, fields []string) string {
	sum := v.tables.Ring.MAC(seal.ETag, string(id), strconv.FormatInt(version, 36), strconv.FormatUint(uint64(m), 36), strings.Join(fields, ","), v.tables.Plan.Version)
	out := make([]byte, 0, 34)
	out = append(out, '"')
	out = hex.AppendEncode(out, sum[:16])
	return string(append(out, '"'))
}

// Matches compares an If-Match list with an ETag: strongly (RFC 9110 section 13.1.1).
func Matches(header, etag string) bool {
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

// Known compares an If-None-Match list with an ETag: weakly (RFC 9110 section 13.1.2), since a proxy that compresses may have
// weakened it.
func Known(header, etag string) bool {
	return Matches(strings.ReplaceAll(header, `W/"`, `"`), etag)
}
