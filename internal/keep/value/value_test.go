package value_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

func things(t testing.TB) *plan.Collection {
	t.Helper()
	return keeptest.Compile(t, keeptest.Declaration(t, "things")).Collection("things")
}

// TestValues: for each type what is taken, in which form it comes back, and what is refused with which code.
func TestValues(t *testing.T) {
	col := things(t)
	for _, c := range []struct{ field, in, want string }{ // want: the JSON that comes back, or a code
		{"name", `"ab"`, `"ab"`}, {"name", `"e\u0301e"`, `"ée"`}, {"name", `"a"`, "too_short"}, {"name", `"e\u0301"`, "too_short"}, {"name", `"1234567890123"`, "too_long"}, {"name", `"😀😀😀😀😀😀😀😀😀😀😀😀"`, `"😀😀😀😀😀😀😀😀😀😀😀😀"`},
		{"name", `null`, "required"}, {"name", `5`, "wrong_type"}, {"name", `["ab"]`, "wrong_type"}, {"name", `{"a":"b"}`, "wrong_type"}, {"name", `true`, "wrong_type"}, {"name", `"a\u0000b"`, "bad_text"},
		{"label", `"Abc"`, `"Abc"`}, {"label", `"abc"`, "no_match"}, {"label", `"Abc\n"`, "no_match"}, {"label", `"xAbc"`, "no_match"}, {"label", `null`, `null`},
		{"n", `-5`, `-5`}, {"n", `1000`, `1000`}, {"n", `-6`, "too_small"}, {"n", `1001`, "too_large"}, {"n", `1.0`, `1`}, {"n", `1e2`, `100`}, {"n", `1.5`, "wrong_type"}, {"n", `1e-1`, "wrong_type"}, {"n", `100e-1`, `10`}, {"n", `0e99999999`, `0`}, {"n", `1e99`, "out_of_range"}, {"n", `1e999999999999999999999`, "wrong_type"}, {"n", `"1"`, "wrong_type"}, {"n", `-0`, `0`},
		{"wide", `9007199254740991`, `9007199254740991`}, {"wide", `9007199254740992`, "out_of_range"}, {"wide", `-9007199254740992`, "out_of_range"}, {"wide", `99999999999999999999`, "out_of_range"},
		{"price", `"12.5"`, `"12.50"`}, {"price", `"-1.50"`, `"-1.50"`}, {"price", `"-1.51"`, "too_small"}, {"price", `"100000.00"`, "too_large"}, {"price", `"1.234"`, "bad_decimal"}, {"price", `12.5`, "wrong_type"},
		{"price", `"1e2"`, "bad_decimal"}, {"price", `"+1"`, "bad_decimal"}, {"price", `" 1"`, "bad_decimal"}, {"price", `"0x1"`, "bad_decimal"}, {"price", `"1_0"`, "bad_decimal"}, {"price", `"."`, "bad_decimal"}, {"price", `""`, "bad_decimal"}, {"price", `"-"`, "bad_decimal"},
		{"price", `".5"`, "bad_decimal"}, {"price", `"5."`, "bad_decimal"}, {"price", `"NaN"`, "bad_decimal"}, {"fine", `"999999999999999999999"`, "bad_decimal"},
		{"yes", `true`, `true`}, {"yes", `0`, "wrong_type"}, {"yes", `"true"`, "wrong_type"}, {"yes", `null`, "required"},
		{"day", `"2026-02-28"`, `"2026-02-28"`}, {"day", `"2026-02-30"`, "bad_date"}, {"day", `"1999-12-31"`, "too_small"}, {"day", `"2031-01-01"`, "too_large"}, {"day", `"2026-2-1"`, "bad_date"}, {"day", `"2026-02-28T00:00:00Z"`, "bad_date"},
		{"at", `"2026-01-31T12:00:00Z"`, `"2026-01-31T12:00:00Z"`}, {"at", `"2026-01-31T12:00:00.123456Z"`, `"2026-01-31T12:00:00.123456Z"`}, {"at", `"2026-01-31T12:00:00+01:00"`, "bad_time"}, {"at", `"2026-01-31T12:00:00z"`, "bad_time"},
		{"at", `"2026-01-31 12:00:00Z"`, "bad_time"}, {"at", `"2026-01-31T12:00:60Z"`, "bad_time"}, {"at", `"2026-01-31T12:00:00.1234567Z"`, "bad_time"}, {"at", `"2026-02-30T12:00:00Z"`, "bad_time"}, {"at", `"2026-01-31T24:00:00Z"`, "bad_time"}, {"at", `"2026-01-31T12:00:00,5Z"`, "bad_time"}, {"at", `"2026-01-31T1:00:00Z"`, "bad_time"},
		{"kind", `"two words"`, `"two words"`}, {"kind", `"blue"`, "not_one_of"}, {"kind", `""`, "not_one_of"},
		{"mail", `"ada@example.org"`, `"ada@example.org"`}, {"mail", `"Ada <ada@example.org>"`, "bad_email"}, {"mail", `"ada"`, "bad_email"}, {"mail", `"a@b\r\nBcc: c@d"`, "bad_email"},
		{"mail", `"ada@b\u00fccher.example"`, `"ada@xn--bcher-kva.example"`}, {"mail", `"ada@B\u00dcCHER.example"`, `"ada@xn--bcher-kva.example"`}, {"mail", `"\u00e4da@example.org"`, "bad_email"}, {"mail", `"a@b\u00fc@example.org"`, "bad_email"}, {"mail", `"a@\u202eb.example"`, "bad_email"},
		{"link", `"https://[2001:db8::1]:8443/a"`, `"https://[2001:db8::1]:8443/a"`}, {"link", `"http://[::ffff:192.0.2.1]"`, `"http://[::ffff:192.0.2.1]"`}, {"link", `"https://[::1"`, "bad_url"}, {"link", `"https://[zz]/"`, "bad_url"}, {"link", `"https://[1.2.3.4]/"`, "bad_url"}, {"link", `"https://[fe80::1%25eth0]/"`, "bad_url"}, {"link", `"https://a[b]/"`, "bad_url"},
		{"link", `"https://example.org/a?b#c"`, `"https://example.org/a?b#c"`}, {"link", `"javascript:alert(1)"`, "bad_url"}, {"link", `"//example.org"`, "bad_url"}, {"link", `"https://u:p@example.org"`, "bad_url"}, {"link", `"https:x"`, "bad_url"},
		{"uid", `"6BA7B810-9DAD-11D1-80B4-00C04FD430C8"`, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`}, {"uid", `"6ba7b8109dad11d180b400c04fd430c8"`, "bad_uuid"},
		{"any", `{"b": 1.50, "a": [null]}`, `{"a":[null],"b":1.5}`}, {"any", `{"a":1,"a":2}`, "bad_json"}, {"any", `null`, `null`}, {"any", `1e400`, "bad_json"}, {"any", `0.1`, `0.1`}, {"any", `[1e21, 1e-7, -0, 100]`, `[1e+21,1e-7,0,100]`},
		{"small", `"12345678901234567890123456789012345678"`, `"12345678901234567890123456789012345678"`}, {"small", `"123456789012345678901234567890123456789"`, "too_long"},
		{"tags", `["a","b"]`, `["a","b"]`}, {"tags", `[]`, "too_few"}, {"tags", `["a","b","c","d"]`, "too_many"}, {"tags", `["a",null]`, "required"}, {"tags", `[""]`, "too_short"}, {"tags", `"a"`, "wrong_type"}, {"tags", `[["a"]]`, "wrong_type"}, {"tags", `{"0":"a"}`, "wrong_type"},
		{"numbers", `[1,9,-3]`, `[1,9,-3]`}, {"numbers", `[10]`, "too_large"}, {"prices", `["1","2.5"]`, `["1.00","2.50"]`}, {"days", `["2026-01-01"]`, `["2026-01-01"]`},
		{"other", `"00000000000000000000000000"`, `"00000000000000000000000000"`}, {"other", `"x"`, "not_found"}, {"other", `7`, "wrong_type"}, {"stage", `"old"`, `"old"`}, {"stage", `"gone"`, "not_one_of"},
	} {
		f := col.Field(c.field)
		v, errs := value.Decode(f, c.field, jsontext.Value(c.in))
		got := string(value.Append(nil, f, v))
		if len(errs) > 0 {
			got = errs[0].Code
			if errs[0].Path == "" || !strings.HasPrefix(errs[0].Path, c.field) {
				t.Errorf("%s %s: the path is %q", c.field, c.in, errs[0].Path)
			}
		}
		if got != c.want {
			t.Errorf("%s %s gives %s, want %s", c.field, c.in, got, c.want)
		}
		if len(errs) > 0 {
			continue
		}
		again := value.Stored(f, jsontext.Value(got))
		if back := string(value.Append(nil, f, again)); back != got || again.Kind != v.Kind {
			t.Errorf("%s %s is stored as %s and read back as %s", c.field, c.in, got, back)
		}
	}
}

// TestNumbersAreExact: a number inside a json value that would be stored as another number is refused.
func TestNumbersAreExact(t *testing.T) {
	f := things(t).Field("any")
	for in, ok := range map[string]bool{`1`: true, `9007199254740993`: false, `9007199254740992`: true, `-123.456e-7`: true, `123456789012345678`: false, `1e308`: true, `1e309`: false,
		`0.30000000000000004`: true, `0.300000000000000041`: false, `1.000000000000000000000`: true, `0e999999999999`: true, `[{"a": 9007199254740993}]`: false} {
		if _, errs := value.Decode(f, "any", jsontext.Value(in)); (len(errs) == 0) != ok {
			t.Errorf("%s: %v, want taken %v", in, errs, ok)
		}
	}
}

// TestQueryValues: a value of a query string is read whole: nothing behind it, nothing before, no null.
func TestQueryValues(t *testing.T) {
	col := things(t)
	for _, c := range []struct {
		field, in string
		ok        bool
	}{{"n", "5", true}, {"n", "-5", true}, {"n", "5x", false}, {"n", " 5", false}, {"n", "null", false}, {"n", "nothing", false}, {"n", "[5]", false}, {"n", "", false},
		{"yes", "true", true}, {"yes", "false", true}, {"yes", "tru", false}, {"yes", "truely", false}, {"yes", "f", false}, {"yes", "1", false}, {"day", "2026-01-01", true}, {"day", `"2026-01-01"`, false}, {"name", `"ab"`, true}, {"price", "1.5", true}, {"price", `"1.5"`, false}} {
		if _, errs := value.Text(col.Field(c.field), c.field, c.in); (len(errs) == 0) != c.ok {
			t.Errorf("%s=%s: %v, want taken %v", c.field, c.in, errs, c.ok)
		}
	}
}

// TestStoredKnowsNoBounds: what was stored under wider bounds is the same value to a rule after they became narrow.
func TestStoredKnowsNoBounds(t *testing.T) {
	col := things(t)
	for field, text := range map[string]string{"tags": `["a","b","c","d","much too long"]`, "numbers": `[10,11]`, "n": `5000`, "name": `"a"`, "kind": `"blue"`, "day": `"1900-01-01"`, "price": `"999999.00"`, "label": `"lower"`, "prices": `["1.00","2.00","3.00","4.00"]`} {
		f := col.Field(field)
		if got := string(value.Append(nil, f, value.Stored(f, jsontext.Value(text)))); got != text {
			t.Errorf("%s: %s becomes %s", field, text, got)
		}
	}
}

// TestErrorsOfAChangeStop: a change that is nothing but errors, unknown fields or items of a list, is given up after a hundred.
func TestErrorsOfAChangeStop(t *testing.T) {
	col := things(t)
	var keys strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&keys, `"k%d":1,`, i)
	}
	_, err := value.DecodeChange(col, col.All, []byte("{"+strings.TrimSuffix(keys.String(), ",")+"}"), false, false)
	var e *types.Error
	if !errors.As(err, &e) || e.Kind != types.Invalid || len(e.Fields) != types.MaxFieldErrors+1 {
		t.Errorf("unknown fields: %.200v", err)
	}
	list := &plan.Field{Name: "l", Type: plan.ListField, MaxLen: 100000, Elem: &plan.Field{Type: plan.TextField, MaxLen: 1}}
	if _, errs := value.Decode(list, "l", jsontext.Value("["+strings.TrimSuffix(strings.Repeat("1,", 5000), ",")+"]")); len(errs) != types.MaxFieldErrors+1 {
		t.Errorf("items of a list: %d errors", len(errs))
	}
}
