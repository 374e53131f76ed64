package keeptest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// judged is a body with our verdict on it.
type judged struct {
	schema string
	body   string
	errs   []types.FieldError
}

// unsayable are refusals that JSON Schema has no word for; a body that is refused for nothing else is not compared.
func unsayable(f *plan.Field, code string) bool {
	switch {
	case f == nil:
		return false
	case f.Type == plan.ListField:
		return unsayable(f.Elem, code)
	case code == "too_small" || code == "too_large":
		return f.Type == plan.DecimalField || f.Type == plan.DateField || f.Type == plan.TimeField
	case code == "bad_time": // a form that is right and a day that is none is the format's business
		return false
	case code == "bad_decimal":
		return f.Type == plan.DecimalField // the form is said, the size is not
	case code == "too_long", code == "bad_json":
		return f.Type == plan.JSONField || f.Type == plan.HTMLField
	}
	return false
}

// TestSchemaAgrees: an independent validator of JSON Schema, given the schemas of our OpenAPI document, says of generated bodies what we
// say of them. It needs node and the
// packages of .ci/npm.
func TestSchemaAgrees(t *testing.T) {
	const rounds = 12_000
	npm, err := filepath.Abs("../../../.ci/npm")
	if err != nil {
		t.Fatal(err)
	}
	hosttest.Tool(t, "node", "nodejs")
	hosttest.File(t, filepath.Join(npm, "node_modules/ajv"), "run npm --prefix .ci/npm ci --ignore-scripts")
	keeptest.Each(t, keeptest.Declaration(t, "things"), func(t *testing.T, k *keeptest.Kit) {
		if k.DB.Dialect() != store.SQLite {
			return // no database is asked
		}
		doc := publish(t, k)
		col := k.Plan.Collection("things")
		g := &bodies{rand: rand.New(rand.NewPCG(3, 5)), col: col}
		var all []judged
		for i := range rounds {
			create := i%2 == 0
			j := judged{schema: "#/components/schemas/update_things", body: g.body(create)}
			if create {
				j.schema = "#/components/schemas/create_things"
			}
			j.errs = verdict(t, col, j.body, create)
			all = append(all, j)
		}
		compare(t, col, all, validate(t, npm, doc, all))
		wrong := strings.Replace(doc, `"maximum":1000`, `"maximum":1002`, 1)
		if fmt.Sprint(validate(t, npm, doc, all)) == fmt.Sprint(validate(t, npm, wrong, all)) || wrong == doc {
			t.Error("a schema with another bound is agreed with too: the bodies or the validator look at nothing")
		}
	})
}

// publish gives the request schemas of the OpenAPI document under the operations' names.
func publish(t *testing.T, k *keeptest.Kit) string {
	t.Helper()
	text, err := k.Plan.OpenAPI(k.Keep.Routes())
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			RequestBody struct {
				Content map[string]struct{ Schema json.RawMessage }
			} `json:"requestBody"`
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]json.RawMessage{}
	for _, methods := range doc.Paths {
		for _, op := range methods {
			if s := op.RequestBody.Content["application/json"].Schema; s != nil {
				schemas[op.OperationID] = s
			}
		}
	}
	if schemas["create_things"] == nil || schemas["update_things"] == nil {
		t.Fatalf("the document has no schema of things: %d schemas", len(schemas))
	}
	out, err := json.Marshal(map[string]any{"components": map[string]any{"schemas": schemas}})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func verdict(t *testing.T, col *plan.Collection, body string, create bool) []types.FieldError {
	t.Helper()
	_, err := value.DecodeChange(col, col.All, []byte(body), create, false)
	if err == nil {
		return nil
	}
	var e *types.Error
	if !errors.As(err, &e) || e.Kind != types.Invalid && e.Kind != types.Malformed {
		t.Fatalf("%s: %v", body, err)
	}
	if len(e.Fields) == 0 {
		return []types.FieldError{{Code: e.Code}}
	}
	return e.Fields
}

func validate(t *testing.T, npm, doc string, all []judged) []bool {
	t.Helper()
	var in bytes.Buffer
	for _, j := range all {
		fmt.Fprintf(&in, `{"schema": %q, "body": %s}`+"\n", j.schema, j.body)
	}
	name := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(name, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join(npm, "validate.mjs"), name)
	cmd.Dir, cmd.Stdin = npm, &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var verdicts []bool
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		verdicts = append(verdicts, s.Text() == "true")
	}
	return verdicts
}

func compare(t *testing.T, col *plan.Collection, all []judged, theirs []bool) {
	t.Helper()
	if len(theirs) != len(all) {
		t.Fatalf("%d verdicts on %d bodies", len(theirs), len(all))
	}
	compared, valid, skipped, bad := 0, 0, 0, 0
	for i, j := range all {
		beyond := len(j.errs) > 0
		for _, e := range j.errs {
			name, _, _ := strings.Cut(e.Path, ".")
			beyond = beyond && unsayable(col.Field(name), e.Code)
		}
		if beyond {
			skipped++
			continue
		}
		compared++
		if len(j.errs) == 0 {
			valid++
		}
		if ours := len(j.errs) == 0; ours != theirs[i] {
			if bad++; bad <= 20 {
				t.Errorf("%s %s: we say %v %v, the validator %v", j.schema, j.body, ours, j.errs, theirs[i])
			}
		}
	}
	t.Logf("%d bodies, %d valid, %d of them agreed on; %d refused for what a schema cannot say", compared, valid, compared-bad, skipped)
	if share := 100 * valid / compared; share < 40 || share > 60 || compared < 10_000 {
		t.Errorf("%d %% of %d bodies are valid: the generator has become one-sided", share, compared)
	}
}

// bodies draws bodies of which about half are good.
type bodies struct {
	rand *rand.Rand
	col  *plan.Collection
}

func (g *bodies) body(create bool) string {
	spoil, sure := -1.0, -1
	if g.rand.IntN(100) < 55 {
		spoil, sure = g.rand.Float64()/2, g.rand.IntN(len(g.col.Fields))
	}
	var members []string
	add := func(name, v string) { members = append(members, quoted(name)+": "+v) }
	for i, f := range g.col.Fields {
		required := create && !f.Optional && f.Default == nil
		bad := g.rand.Float64() < spoil/8 || i == sure
		switch {
		case required && bad && g.rand.IntN(3) == 0:
			continue
		case !required && g.rand.IntN(4) > 0 && i != sure:
			continue
		case f.Fixed && !create && !bad:
			continue
		}
		if bad {
			add(f.Name, g.bad(f))
		} else {
			add(f.Name, g.good(f, create))
		}
	}
	if g.rand.Float64() < spoil/4 {
		add([]string{"id", "version", "nothing", "Name", "__proto__", ""}[g.rand.IntN(6)], `"x"`)
	}
	g.rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, ", ") + "}"
}

func (g *bodies) pick(list ...string) string { return list[g.rand.IntN(len(list))] }

// good draws a value that the field takes.
func (g *bodies) good(f *plan.Field, create bool) string {
	if f.Optional && g.rand.IntN(6) == 0 {
		return "null"
	}
	switch f.Type {
	case plan.TextField, plan.HTMLField:
		if f.Pattern != "" {
			return g.pick(`"A"`, `"Abc"`, `"Abcdefgh"`)
		}
		n := f.MinLen + g.rand.IntN(min(f.MaxLen, 12)-f.MinLen+1)
		return quoted(strings.Repeat(g.pick("a", "é", "😀", " ", "x", "/"), n))
	case plan.IntField:
		return g.pick("0", "-1", "5", "9", "-5", "5.0", "1e0", "-0")
	case plan.DecimalField:
		return g.pick(`"0"`, `"1"`, `"-1.5"`, `"0.01"`, `"99.99"`, `"007"`, `"-0"`)
	case plan.BoolField:
		return g.pick("true", "false")
	case plan.DateField:
		return g.pick(`"2000-01-01"`, `"2024-02-29"`, `"2030-12-31"`)
	case plan.TimeField:
		return g.pick(`"2026-01-31T12:00:00Z"`, `"2024-02-29T23:59:59.999999Z"`, `"2020-01-01T00:00:00.1Z"`)
	case plan.EnumField:
		return quoted(f.Values[g.rand.IntN(len(f.Values))])
	case plan.StateField:
		if create {
			return quoted(f.Start)
		}
		return quoted(f.Values[g.rand.IntN(len(f.Values))])
	case plan.EmailField:
		return g.pick(`"ada@example.org"`, `"a.b+c@d-e.example"`, `"A_B@X.YZ"`, `"!#$%&'*+/=?^_{|}~-@a.bc"`)
	case plan.URLField:
		return g.pick(`"https://example.org"`, `"http://a_b.example:8080/x?y=z#q"`, `"https://x/%20/~a(b)"`, `"https://example.org?x=1"`)
	case plan.UUIDField:
		return g.pick(`"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, `"00000000-0000-0000-0000-000000000000"`, `"6BA7B810-9DAD-11D1-80B4-00C04FD430C8"`)
	case plan.JSONField:
		return g.pick(`{}`, `[]`, `"x"`, `1.5`, `true`, `{"a": [null, {"b": 1}]}`)
	case plan.AccountField, plan.RefField:
		return g.pick(`"00000000000000000000000000"`, `"vvvvvvvvvvvvvvvvvvvvvvvvvs"`, quoted(string(types.RandomID())))
	case plan.ListField:
		var items []string
		for range f.MinLen + g.rand.IntN(f.MaxLen-f.MinLen+1) {
			items = append(items, g.good(f.Elem, create))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	panic("a type without a generator")
}

// bad draws a value that the field does not take, or one close to the border.
func (g *bodies) bad(f *plan.Field) string {
	if g.rand.IntN(3) == 0 { // of another type
		for {
			v := g.pick("5", "1.5", "true", `"x"`, "[]", "{}", "null", `[[]]`, `""`, "-9007199254740993", "1e400", `["x", 5]`)
			if !(v == "1e400" && f.Type == plan.JSONField) {
				return v
			}
		}
	}
	switch f.Type {
	case plan.TextField, plan.HTMLField:
		return g.pick(quoted(strings.Repeat("é", f.MaxLen+1)), quoted(strings.Repeat("a", f.MaxLen)), `"\u0000abc"`, `""`, `"abc"`, `"A1"`, `"Abc\n"`, quoted(strings.Repeat("😀", f.MaxLen+1)))
	case plan.IntField:
		return g.pick("-6", "1001", "9007199254740991", "9007199254740992", "-9007199254740992", "1.5", "1e20", "0.1e1", "1e-1")
	case plan.DecimalField:
		return g.pick(`"1.234"`, `"1.1234567"`, `"1e2"`, `"+1"`, `" 1"`, `"."`, `".5"`, `"5."`, `"--1"`, `"1,5"`, `"1234567890123456"`, `"0x1"`, `"1\n"`, `"٣"`)
	case plan.DateField:
		return g.pick(`"2026-02-30"`, `"2025-02-29"`, `"2026-13-01"`, `"2026-00-01"`, `"2026-1-1"`, `"26-01-01"`, `"2026-01-01T00:00:00Z"`, `"2026-01-01\n"`, `"1900-02-29"`, `"2026/01/01"`)
	case plan.TimeField:
		return g.pick(`"2026-01-31T12:00:00"`, `"2026-01-31T12:00:00+00:00"`, `"2026-01-31t12:00:00z"`, `"2026-01-31 12:00:00Z"`, `"2026-01-31T23:59:60Z"`, `"2026-01-31T24:00:00Z"`, `"2026-01-31T1:00:00Z"`, `"2026-01-31T12:00:00,5Z"`, `"2026-01-31T12:00:00.1234567Z"`, `"2026-02-30T12:00:00Z"`, `"2026-01-31T12:00:00.Z"`)
	case plan.EnumField, plan.StateField:
		return g.pick(`"blue"`, `"RED"`, `"red "`, `"gone"`, `"old"`, `"two  words"`)
	case plan.EmailField:
		return g.pick(`"ada"`, `"ada@"`, `"@example.org"`, `"ada@example"`, `"a b@example.org"`, `"Ada <ada@example.org>"`, `"ada@example..org"`, `".ada@example.org"`, `"ada.@example.org"`, `"a..b@example.org"`, `"ada@-example.org"`, `"josé@example.org"`, `"ada@exämple.org"`, `"a@b.c\n"`, `"\"a b\"@example.org"`, `"a@[127.0.0.1]"`)
	case plan.URLField:
		return g.pick(`"example.org"`, `"//example.org"`, `"ftp://example.org"`, `"javascript:alert(1)"`, `"https://"`, `"https:///x"`, `"https://u:p@example.org"`, `"https://example.org/a b"`, `"https://exämple.org"`, `"https://example.org/%zz"`, `"https://example.org/\"x"`, `"https://[::1]/"`, `"https://a:999999/"`, `"https://example.org/<x>"`, `"HTTPS://example.org"`, `"https://example.org\n"`, `"https://a..b"`, `"https://example.org/#a#b"`, `"https://example.org/[x]"`)
	case plan.UUIDField:
		return g.pick(`"6ba7b8109dad11d180b400c04fd430c8"`, `"{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"`, `"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, `"6ba7b810-9dad-11d1-80b4-00c04fd430cg"`, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8 "`)
	case plan.AccountField, plan.RefField:
		return g.pick(`"x"`, `"0000000000000000000000000"`, `"000000000000000000000000000"`, `"wwwwwwwwwwwwwwwwwwwwwwwwww"`, `"vvvvvvvvvvvvvvvvvvvvvvvvvv"`, `"0000000000000000000000000A"`, `"' OR 1=1 --"`)
	case plan.ListField:
		items := []string{}
		for range g.rand.IntN(f.MaxLen + 3) {
			if g.rand.IntN(2) == 0 {
				items = append(items, g.bad(f.Elem))
			} else {
				items = append(items, g.good(f.Elem, true))
			}
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	return "null"
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestBodiesAreWhole: the generator knows every field.
func TestBodiesAreWhole(t *testing.T) {
	col := keeptest.Compile(t, keeptest.Declaration(t, "things")).Collection("things")
	g := &bodies{rand: rand.New(rand.NewPCG(3, 5)), col: col}
	var seen []string
	for range 500 {
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(g.body(true)), &m); err != nil {
			t.Fatal(err)
		}
		for name := range m {
			if f := col.Field(name); f != nil && !f.System && !slices.Contains(seen, name) {
				seen = append(seen, name)
			}
		}
	}
	if len(seen) != len(col.Fields) {
		t.Errorf("%d of %d fields are drawn", len(seen), len(col.Fields))
	}
}
