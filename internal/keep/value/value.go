// Package value turns JSON into typed values and back: one canonical form per value, bounds and forms checked before
// anything else sees it. Nothing is coerced; every refusal names the path, a stable code and the bound, never the value.
//
// The forms: text is NFC without NUL; int lies within ±(2^53-1); decimal travels as a JSON string and is a scaled integer;
// time is RFC 3339 with Z and becomes microseconds UTC; date is YYYY-MM-DD; json is kept in canonical form (RFC 8785); html
// is sanitised by profile.
package value

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

const maxInt = 1<<53 - 1

// Decode reads one JSON value as a value of the field. null is the missing value, and refused where the field is mandatory.
// The errors carry paths that begin with path; no error means that the value is canonical and within its bounds.
func Decode(f *plan.Field, path string, raw jsontext.Value) (types.Value, []types.FieldError) {
	d := decoder{}
	v := d.decode(f, path, raw)
	return v, d.errs
}

type decoder struct{ errs []types.FieldError }

func (d *decoder) fail(path, code, limit, detail string) types.Value {
	d.errs = append(d.errs, types.FieldError{Path: path, Code: code, Limit: limit, Detail: detail})
	return types.Value{}
}

func (d *decoder) wrong(path, want string) types.Value {
	return d.fail(path, "wrong_type", "", "send "+want)
}

func (d *decoder) decode(f *plan.Field, path string, raw jsontext.Value) types.Value {
	kind := raw.Kind()
	if kind == 'n' {
		if !f.Optional {
			return d.fail(path, "required", "", "this field cannot be null")
		}
		return types.Value{}
	}
	switch f.Type {
	case plan.IntField:
		return d.integer(f, path, raw)
	case plan.BoolField:
		if kind != 't' && kind != 'f' {
			return d.wrong(path, "true or false")
		}
		return types.BoolValue(kind == 't')
	case plan.ListField:
		return d.list(f, path, raw)
	case plan.JSONField:
		return d.json(f, path, raw)
	}
	if kind != '"' {
		return d.wrong(path, "a string")
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil || !utf8.Valid(text) {
		return d.fail(path, "bad_text", "", "send valid UTF-8 without lone surrogates")
	}
	return d.text(f, path, string(text))
}

func (d *decoder) integer(f *plan.Field, path string, raw jsontext.Value) types.Value {
	if raw.Kind() != '0' {
		return d.wrong(path, "a whole number")
	}
	n, whole, fits := integer(string(raw))
	if !whole {
		return d.wrong(path, "a whole number")
	}
	if !fits {
		return d.fail(path, "out_of_range", "9007199254740991", "an int lies within ±(2^53-1)")
	}
	return d.bounded(f, path, n)
}

func (d *decoder) bounded(f *plan.Field, path string, n int64) types.Value {
	if f.HasMin && n < f.MinInt {
		return d.fail(path, "too_small", literal(f, f.MinInt), "")
	}
	if f.HasMax && n > f.MaxInt {
		return d.fail(path, "too_large", literal(f, f.MaxInt), "")
	}
	return types.IntValue(n)
}

func literal(f *plan.Field, n int64) string {
	switch f.Type {
	case plan.DecimalField:
		return rule.Unscale(n, f.Digits)
	case plan.TimeField:
		return types.FromMicros(n).Format(time.RFC3339)
	}
	return strconv.FormatInt(n, 10)
}

func (d *decoder) list(f *plan.Field, path string, raw jsontext.Value) types.Value {
	if raw.Kind() != '[' {
		return d.wrong(path, "an array")
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	dec.ReadToken()
	out := types.ListValue()
	for i := 0; dec.PeekKind() != ']'; i++ {
		item, err := dec.ReadValue()
		if err != nil {
			return d.wrong(path, "an array")
		}
		if i >= f.MaxLen {
			return d.fail(path, "too_many", strconv.Itoa(f.MaxLen), "")
		}
		if out.Items = append(out.Items, d.decode(f.Elem, fmt.Sprintf("%s.%d", path, i), item)); types.Enough(d.errs) {
			return types.Value{}
		}
	}
	if len(out.Items) < f.MinLen {
		return d.fail(path, "too_few", strconv.Itoa(f.MinLen), "")
	}
	return out
}

// json keeps any value of bounded size and depth, in canonical form.
func (d *decoder) json(f *plan.Field, path string, raw jsontext.Value) types.Value {
	v := raw.Clone()
	if err := v.Canonicalize(); err != nil || !exact(raw) {
		return d.fail(path, "bad_json", "", "send plain JSON whose numbers are exact")
	}
	if len(v) > f.MaxLen {
		return d.fail(path, "too_long", strconv.Itoa(f.MaxLen), "")
	}
	return types.TextValue(string(v))
}

// Stored reads back what Append wrote, whatever the declaration's bounds are today: a row that was stored under wider ones must
// look the same to a rule in memory as it does to the database.
func Stored(f *plan.Field, raw jsontext.Value) types.Value {
	switch raw.Kind() {
	case 'n':
		return types.Value{}
	case 't', 'f':
		return types.BoolValue(raw.Kind() == 't')
	case '[':
		if f.Type != plan.ListField {
			break
		}
		dec := jsontext.NewDecoder(bytes.NewReader(raw))
		if _, err := dec.ReadToken(); err != nil {
			return types.Value{}
		}
		out := types.ListValue()
		for dec.PeekKind() != ']' {
			item, err := dec.ReadValue()
			if err != nil {
				return types.Value{}
			}
			out.Items = append(out.Items, Stored(f.Elem, item))
		}
		return out
	}
	text := string(raw)
	if raw.Kind() == '"' && f.Type != plan.JSONField {
		plain, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return types.Value{}
		}
		text = string(plain)
	}
	var n int64
	var err error
	switch f.Type {
	case plan.IntField:
		n, err = strconv.ParseInt(text, 10, 64)
	case plan.DecimalField:
		n, err = rule.Scale(text, f.Digits)
	case plan.TimeField:
		var at time.Time
		at, err = time.Parse(time.RFC3339, text)
		n = types.Micros(at)
	default:
		return types.TextValue(text)
	}
	if err != nil {
		return types.Value{}
	}
	return types.IntValue(n)
}

// Text reads a text form of a scalar field: the string of a JSON body or a query parameter.
func Text(f *plan.Field, path, s string) (types.Value, []types.FieldError) {
	d := decoder{}
	switch f.Type {
	case plan.IntField, plan.BoolField:
		raw := jsontext.Value(s)
		if !raw.IsValid() || raw.Kind() == 'n' || len(raw) != len(strings.TrimSpace(s)) {
			v := d.wrong(path, "a value of this field")
			return v, d.errs
		}
		v := d.decode(f, path, raw)
		return v, d.errs
	}
	v := d.text(f, path, s)
	return v, d.errs
}

var (
	uuids  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	times  = regexp.MustCompile(timeForm)
	emails = regexp.MustCompile(emailForm)
	urls   = regexp.MustCompile(urlForm)
)

func (d *decoder) text(f *plan.Field, path, s string) types.Value {
	if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		return d.fail(path, "bad_text", "", "send valid UTF-8 without NUL")
	}
	switch f.Type {
	case plan.DecimalField:
		n, err := rule.Scale(s, f.Digits)
		if err != nil {
			return d.fail(path, "bad_decimal", strconv.Itoa(f.Digits), "send a string like \"12.50\"")
		}
		return d.bounded(f, path, n)
	case plan.TimeField:
		at, err := time.Parse(time.RFC3339, s)
		if err != nil || !times.MatchString(s) {
			return d.fail(path, "bad_time", "", "send RFC 3339 in UTC, like 2026-01-31T12:00:00Z")
		}
		return d.bounded(f, path, types.Micros(at))
	case plan.DateField:
		return d.date(f, path, s)
	case plan.EnumField, plan.StateField:
		if !slices.Contains(f.Values, s) {
			return d.fail(path, "not_one_of", strings.Join(f.Values, ","), "")
		}
		return types.TextValue(s)
	case plan.AccountField, plan.RefField:
		if _, ok := types.ParseID(s); !ok {
			return d.fail(path, "not_found", "", "there is no such row")
		}
		return types.TextValue(s)
	case plan.UUIDField:
		if s = strings.ToLower(s); !uuids.MatchString(s) {
			return d.fail(path, "bad_uuid", "", "")
		}
		return types.TextValue(s)
	}
	s = norm.NFC.String(s)
	if f.Type == plan.HTMLField {
		if utf8.RuneCountInString(s) > f.MaxLen {
			return d.fail(path, "too_long", strconv.Itoa(f.MaxLen), "")
		}
		s = Sanitise(f.Profile, f.Images, s)
	}
	return d.free(f, path, s)
}

func (d *decoder) date(f *plan.Field, path, s string) types.Value {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return d.fail(path, "bad_date", "", "send YYYY-MM-DD")
	}
	if f.HasMin && s < f.MinText {
		return d.fail(path, "too_small", f.MinText, "")
	}
	if f.HasMax && s > f.MaxText {
		return d.fail(path, "too_large", f.MaxText, "")
	}
	return types.TextValue(s)
}

// free checks text that is not an exact form: lengths in code points, pattern, address, link.
func (d *decoder) free(f *plan.Field, path, s string) types.Value {
	n := utf8.RuneCountInString(s)
	if n < f.MinLen {
		return d.fail(path, "too_short", strconv.Itoa(f.MinLen), "")
	}
	if n > f.MaxLen {
		return d.fail(path, "too_long", strconv.Itoa(f.MaxLen), "")
	}
	switch f.Type {
	case plan.EmailField:
		if s = asciiDomain(s); len(s) > f.MaxLen || !emails.MatchString(s) {
			return d.fail(path, "bad_email", "", "send an address like ada@example.org")
		}
	case plan.URLField:
		if u, err := url.Parse(s); err != nil || u.Host == "" || !urls.MatchString(s) || !plainHost(u) {
			return d.fail(path, "bad_url", "", "send an absolute http or https URL without a user, in ASCII")
		}
	}
	if f.Match != nil && !f.Match.MatchString(s) {
		return d.fail(path, "no_match", f.Pattern, "")
	}
	return types.TextValue(s)
}

// asciiDomain writes the domain of an address in its ASCII form (UTS 46) where it has letters beyond: the form of accounts' addresses.
func asciiDomain(s string) string {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || !strings.ContainsFunc(domain, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return s
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return s // which is not taken then
	}
	return local + "@" + ascii
}

// plainHost reports whether a host in brackets is an IPv6 address without a zone.
func plainHost(u *url.URL) bool {
	if !strings.HasPrefix(u.Host, "[") {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.Is6() && a.Zone() == ""
}

// Append writes a stored value as JSON.
func Append(dst []byte, f *plan.Field, v types.Value) []byte {
	switch {
	case v.Missing():
		return append(dst, "null"...)
	case v.Kind == types.List:
		dst = append(dst, '[')
		for i, item := range v.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = Append(dst, f.Elem, item)
		}
		return append(dst, ']')
	case v.Kind == types.Int:
		return AppendInt(dst, f, v.Int)
	}
	return AppendText(dst, f, v.Text)
}

// AppendInt writes an integer column by the field's type.
func AppendInt(dst []byte, f *plan.Field, n int64) []byte {
	switch f.Type {
	case plan.BoolField:
		return strconv.AppendBool(dst, n == 1)
	case plan.DecimalField:
		dst = append(dst, '"')
		dst = append(dst, rule.Unscale(n, f.Digits)...)
		return append(dst, '"')
	case plan.TimeField:
		return AppendTime(dst, n)
	}
	return strconv.AppendInt(dst, n, 10)
}

// AppendTime writes microseconds as RFC 3339 with Z.
func AppendTime(dst []byte, us int64) []byte {
	dst = append(dst, '"')
	t := types.FromMicros(us)
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return append(t.AppendFormat(dst, timeLayout), '"')
	}
	hour, minute, second := t.Clock()
	dst = append(digits(append(digits(append(digits(dst, year, 4), '-'), int(month), 2), '-'), day, 2), 'T')
	dst = digits(append(digits(append(digits(dst, hour, 2), ':'), minute, 2), ':'), second, 2)
	if fraction := t.Nanosecond() / 1000; fraction != 0 {
		dst = digits(append(dst, '.'), fraction, 6)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 'Z', '"')
}

// timeLayout is what AppendTime writes, and writes itself: the general way costs six times as much, and a list has two times in each row.
const timeLayout = "2006-01-02T15:04:05.999999Z"

// digits writes n with so many digits, of which it has no more.
func digits(dst []byte, n, width int) []byte {
	from := len(dst)
	dst = append(dst, "000000"[:width]...)
	for i := from + width - 1; n > 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// AppendText writes a text column: json as it is, everything else quoted.
func AppendText[T string | []byte](dst []byte, f *plan.Field, s T) []byte {
	if f.Type == plan.JSONField || f.Type == plan.ListField {
		return append(dst, s...)
	}
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil { // text in the store is valid UTF-8; what is not is replaced and never breaks the answer
		out, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(string(s), "\uFFFD"))
	}
	return out
}
