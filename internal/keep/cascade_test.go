package keep_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// forum is a database of threads with two members who see each other's topics and posts, and nothing else of each other.
type forum struct {
	*keeptest.Kit
	ann, bob *types.Caller
}

func eachForum(t *testing.T, fn func(t *testing.T, f *forum)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "threads"), func(t *testing.T, k *keeptest.Kit) {
		fn(t, &forum{k, k.Person("Ann", "member"), k.Person("Bob", "member")})
	})
}

func (f *forum) make(c *types.Caller, collection, format string, args ...any) string {
	f.Helper()
	return f.Create(c, collection, fmt.Sprintf(format, args...))["id"].(string)
}

// may asks whether Ann may delete a topic, and gives the code of the refusal.
func (f *forum) may(t *testing.T, collection, id string) string {
	t.Helper()
	a, err := f.Keep.Can(t.Context(), f.ann, fmt.Appendf(nil, `{"do": [{"action": "delete", "collection": %q, "id": %q}]}`, collection, id))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(a.Body, []byte(`"may":true`)) {
		return ""
	}
	_, code, _ := bytes.Cut(a.Body, []byte(`"code":"`))
	code, _, _ = bytes.Cut(code, []byte(`"`))
	return string(code)
}

// gone deletes a topic or a post and gives how many rows went along and how many lost a reference, by evidence.
func (f *forum) gone(t *testing.T, collection, id string) (along, cleared int) {
	t.Helper()
	if code := f.may(t, collection, id); code != "" {
		t.Errorf("can says %s", code)
	}
	before := len(f.Evidence())
	if err := f.Delete(f.ann, collection, id); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range f.Evidence()[before:] {
		if seen[e.Row] {
			t.Errorf("a second entry of %s %s", e.Collection, e.Row)
		}
		seen[e.Row] = true
		switch e.Code {
		case "cascade":
			along++
		case "clear":
			cleared++
		}
	}
	return along, cleared
}

// TestDeletesFollowCircles: rows that point at each other in circles go together, and each row that goes or loses references is one
// entry, however many ways lead to it.
func TestDeletesFollowCircles(t *testing.T) {
	eachForum(t, func(t *testing.T, f *forum) {
		topic := f.make(f.ann, "topics", `{}`)
		var posts []string
		last := "null"
		for range 12 { // each answers the one before, and all are of the topic: a thread
			id := f.make(f.bob, "posts", `{"topic": %q, "parent": %s}`, topic, last)
			posts, last = append(posts, id), `"`+id+`"`
		}
		for _, body := range []string{`{"first": ` + last + `}`} { // the topic points at a post of its own
			if _, err := f.Update(f.ann, "topics", topic, body); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.Update(f.ann, "posts", posts[0], `{"parent": `+last+`}`); err != nil { // and the first answers the last
			t.Fatal(err)
		}
		self := f.make(f.bob, "posts", `{"topic": %q}`, topic)
		if _, err := f.Update(f.ann, "posts", self, `{"parent": "`+self+`"}`); err != nil {
			t.Fatal(err)
		}
		other := f.make(f.ann, "topics", `{}`)
		quote := f.make(f.ann, "posts", `{"topic": %q, "quotes": %q, "thanks": %q}`, other, posts[3], posts[4])
		both := f.make(f.ann, "posts", `{"topic": %q, "quotes": %q}`, topic, posts[3])
		if along, cleared := f.gone(t, "topics", topic); along != 14 || cleared != 1 {
			t.Errorf("%d rows went along and %d lost a reference, want 14 and 1", along, cleared)
		}
		for _, id := range append(posts, self, both) {
			_, err := f.Get(f.ann, "posts", id)
			keeptest.Want(t, err, types.NotFound, "not_found")
		}
		row, err := f.Get(f.ann, "posts", quote)
		if err != nil || row["quotes"] != nil || row["thanks"] != nil || row["version"] != 2.0 {
			t.Errorf("what quoted is %v, %v", row, err)
		}
	})
}

// TestHiddenRowsDoNotPin: what points at a row, unseen by who deletes it, goes or loses the reference where the declaration says so; what
// they see still refuses, and so does what the declaration says nothing of; `can` says the same.
func TestHiddenRowsDoNotPin(t *testing.T) {
	eachForum(t, func(t *testing.T, f *forum) {
		topic := f.make(f.ann, "topics", `{}`)
		mark, draft := f.make(f.bob, "marks", `{"topic": %q}`, topic), f.make(f.bob, "drafts", `{"topic": %q}`, topic)
		own := f.make(f.ann, "marks", `{"topic": %q}`, topic)
		if code := f.may(t, "topics", topic); code != "still_referenced" {
			t.Errorf("can says %q of a topic with a mark that its owner sees", code)
		}
		keeptest.Want(t, f.Delete(f.ann, "topics", topic), types.Conflict, "still_referenced")
		if row, err := f.Get(f.bob, "marks", mark); err != nil || row["topic"] != topic {
			t.Errorf("after a refusal the hidden mark is %v, %v", row, err)
		}
		f.system(t, `DELETE FROM "marks" WHERE "id" = ?`, own)
		if along, cleared := f.gone(t, "topics", topic); along != 1 || cleared != 1 {
			t.Errorf("%d went along and %d lost the reference", along, cleared)
		}
		if row, err := f.Get(f.bob, "marks", mark); err != nil || row["topic"] != nil || row["version"] != 2.0 {
			t.Errorf("the hidden mark is %v, %v", row, err)
		}
		_, err := f.Get(f.bob, "drafts", draft)
		keeptest.Want(t, err, types.NotFound, "not_found")
		for _, body := range []string{`{"topic": %[1]q}`, `{"topic": %[2]q, "also": [%[1]q]}`} {
			topic, other := f.make(f.ann, "topics", `{}`), f.make(f.ann, "topics", `{}`)
			f.make(f.bob, "holds", body, topic, other)
			if code := f.may(t, "topics", topic); code != "still_referenced" {
				t.Errorf("can says %q of a topic that is held by %s", code, body)
			}
			keeptest.Want(t, f.Delete(f.ann, "topics", topic), types.Conflict, "still_referenced")
		}
	})
}

// TestMergePatchReachesIntoJSON: an object that an update names is merged into what the field holds, sealed or not, as RFC 7396 says; a
// create takes it as it is; the result is within the field's bounds.
func TestMergePatchReachesIntoJSON(t *testing.T) {
	eachForum(t, func(t *testing.T, f *forum) {
		topic := f.make(f.ann, "topics", `{}`)
		for _, field := range []string{"meta", "sealed"} {
			id := f.make(f.ann, "posts", `{"topic": %q, %q: {"a": null, "b": {"c": [1, {"d": null}]}}}`, topic, field)
			for _, step := range []struct{ patch, want string }{
				{`{}`, `map[a:<nil> b:map[c:[1 map[d:<nil>]]]]`}, {`{"a": 1, "b": {"e": 2}}`, `map[a:1 b:map[c:[1 map[d:<nil>]] e:2]]`}, {`{"b": {"c": null}}`, `map[a:1 b:map[e:2]]`},
				{`{"b": [null, {"x": null}]}`, `map[a:1 b:[<nil> map[x:<nil>]]]`}, {`{"b": {"y": {"z": null}}}`, `map[a:1 b:map[y:map[]]]`}, {`[1]`, `[1]`}, {`{"a": {"b": null}}`, `map[a:map[]]`},
				{`"text"`, `text`}, {`null`, `<nil>`}, {`{"a": "b", "c": null}`, `map[a:b]`},
			} {
				row, err := f.Update(f.ann, "posts", id, `{"`+field+`": `+step.patch+`}`)
				if got := fmt.Sprint(row[field]); err != nil || got != step.want {
					t.Errorf("%s after %s is %s, %v, want %s", field, step.patch, got, err, step.want)
				}
			}
			if _, err := f.Update(f.ann, "posts", id, `{"`+field+`": {"long": "123456789012345678901234567890"}}`); err != nil {
				t.Error(err)
			}
			_, err := f.Update(f.ann, "posts", id, `{"`+field+`": {"more": "123456789012345678901234567890"}}`)
			keeptest.Want(t, err, types.Invalid, "invalid")
		}
	})
}
