package field_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/fastness-dev/fastness/internal/console/field"
	"github.com/fastness-dev/fastness/internal/plan"
)

// TestTyped: what was typed becomes a value of the interface, and what has the wrong form goes on as text.
func TestTyped(t *testing.T) {
	text, number, flag := &plan.Field{Type: plan.TextField, Optional: true}, &plan.Field{Type: plan.IntField, Optional: true}, &plan.Field{Type: plan.BoolField}
	list := &plan.Field{Type: plan.ListField, Elem: &plan.Field{Type: plan.TextField}}
	for _, c := range []struct {
		f           *plan.Field
		typed, want string
	}{{text, " Ann ", `"Ann"`}, {text, "  ", "null"}, {text, "null", `"null"`}, {number, "7", "7"}, {number, "-07", `"-07"`}, {number, "7e3", `"7e3"`}, {number, "99999999999999999", `"99999999999999999"`},
		{number, "", "null"}, {flag, "true", "true"}, {flag, "", "false"}, {flag, "on", "false"}, {list, "a\r\n\r\n b ", `["a","b"]`}, {list, "", `[]`}} {
		got, err := json.Marshal(field.Typed(c.f, c.typed))
		if err != nil || string(got) != c.want {
			t.Errorf("%q became %s %v, want %s", c.typed, got, err, c.want)
		}
	}
}

// TestOf: a newcomer must fill in what is mandatory and has no default, and names nothing that he left empty.
func TestOf(t *testing.T) {
	must, may, given := &plan.Field{Name: "name", Type: plan.TextField}, &plan.Field{Name: "ward", Type: plan.TextField, Optional: true},
		&plan.Field{Name: "beds", Type: plan.IntField, Default: &plan.Default{}}
	if _, err := field.Of(url.Values{"profile-ward": {"West"}}, []*plan.Field{must, may, given}); err == nil {
		t.Error("a mandatory field may be left out")
	}
	got, err := field.Of(url.Values{"profile-name": {"Ann"}, "profile-ward": {""}, "name": {"Eve"}}, []*plan.Field{must, may, given})
	if err != nil || string(got) != `{"name":"Ann"}` {
		t.Errorf("%s %v", got, err)
	}
}
