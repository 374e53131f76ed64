package keep_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
)

// TestWritesNameWhatIsKnown: a write that names a field which its caller may neither read nor write is refused like one that names a field
// which is not there, alone, in a batch and in a question, whatever the value.
func TestWritesNameWhatIsKnown(t *testing.T) {
	eachForum(t, func(t *testing.T, f *forum) {
		id := f.make(f.ann, "forms", `{"name": "a"}`)
		for _, value := range []string{`1`, `"x"`, `null`, `[1]`, `99999999999999999999`} {
			said := func(name string) string {
				body := fmt.Sprintf(`{%q: %s, "name": "b"}`, name, value)
				_, made := f.TryCreate(f.ann, "forms", body)
				_, changed := f.Update(f.ann, "forms", id, body)
				_, many := f.Keep.Batch(t.Context(), f.ann, fmt.Appendf(nil, `{"do": [{"update": "forms", "id": %q, "new": %s}]}`, id, body), keep.Write{})
				a, err := f.Keep.Can(t.Context(), f.ann, fmt.Appendf(nil, `{"do": [{"action": "update", "collection": "forms", "id": %q, "new": %s}]}`, id, body))
				if err != nil {
					t.Fatal(err)
				}
				return strings.ReplaceAll(fmt.Sprintf("%+v %+v %+v %s", made, changed, many, a.Body), name, "NAME")
			}
			if hidden, absent := said("score"), said("zzz"); hidden != absent {
				t.Errorf("%s of a hidden field: %s, of one that is not there: %s", value, hidden, absent)
			}
		}
		boss := f.Person("Bea", "boss")
		if _, err := f.Update(boss, "forms", id, `{"score": 3}`); err != nil {
			t.Errorf("who may write it: %v", err)
		}
	})
}
