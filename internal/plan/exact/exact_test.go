package exact

import "testing"

type inner struct {
	Key string `json:"key"`
}

type outer struct {
	Sub   string   `json:"sub"`
	N     *float64 `json:"n"`
	In    inner    `json:"in"`
	Many  []inner  `json:"many"`
	Email string   `json:"email_verified"`

	Of map[string]inner `json:"of"`
}

// TestLikeness: a member that is one of ours but for the case of letters is refused, at every depth.
func TestLikeness(t *testing.T) {
	for _, text := range []string{`{"Sub":"b"}`, `{"sub":"a","SUB":"b"}`, `{"SUB":"b","sub":"a"}`, `{"\u017fub":"b"}`,
		`{"\u0053ub":"b"}`, `{"Email_Verified":true}`, `{"in":{"Key":"k"}}`,
		`{"many":[{"key":"k"},{"KEY":"k"}]}`, `{"of":{"a":{"Key":"k"}}}`} {
		if err := Decode([]byte(text), &outer{}); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}

// TestDecode: one way of writing is read; everything that two readers could read differently is refused.
func TestDecode(t *testing.T) {
	for _, text := range []string{`{}`, ` {"sub": "a"} `, `{"sub":"a","other":{"Sub":"b"},"n":1.5}`,
		`{"in":{"key":"k"},"many":[{"key":"k"},{}]}`, `{"sub":null}`,
		`{"emailVerified":true,"sub_":1}`} {
		if err := Decode([]byte(text), &outer{}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{``, `null`, `[]`, `"a"`, `{`, `{} {}`, `{}x`, `{"sub":"a","sub":"b"}`,
		`{"other":1,"other":1}`, `{"other":{"a":1,"a":2}}`, `{"sub":1}`, `{"sub":["a"]}`,
		`{"n":"1"}`, `{"n":true}`, `{"n":01}`, `{"n":NaN}`, `{'sub':'a'}`, `{"sub":"a",}`, "{\"sub\":\"\xff\"}",
		"{\"\xff\":1}", `{"sub":"\ud800"}`, "\ufeff{}",
		`{"sub":"a"/**/}`, "{\"sub\":\"a\nb\"}"} {
		if err := Decode([]byte(text), &outer{}); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	if err := Closed([]byte(`{"other":1}`), &outer{}); err == nil {
		t.Error("an unknown member is taken")
	}
	var into outer
	if err := Closed([]byte(`{"sub":"a","n":1e3,"in":{"key":"k"}}`), &into); err != nil || into.Sub != "a" ||
		*into.N != 1000 || into.In.Key != "k" {
		t.Errorf("%+v: %v", into, err)
	}
}
