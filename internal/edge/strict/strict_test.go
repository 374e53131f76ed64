package strict

import (
	"strings"
	"testing"
)

// strictSeeds are what strictJSON is there for.
var strictSeeds = []string{`{"a":1}`, ` {"a":[1,"b"]} `, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `"\u0000"`, `"\\u0000"`, "\"\x00\"", "\"\xff\"", `"\ud800"`, `{} {}`, ``, `1`,
	strings.Repeat("[", 32) + strings.Repeat("]", 32), strings.Repeat("[", 33) + strings.Repeat("]", 33), `{"a":` + strings.Repeat(`{"a":`, 32) + "1" + strings.Repeat("}", 33)}

// TestPlainJSONIsStrict: the short way accepts nothing that the long one refuses.
func TestPlainJSONIsStrict(t *testing.T) {
	taken := 0
	for _, body := range strictSeeds {
		plain, err := plainJSON([]byte(body)), strictJSON([]byte(body))
		if plain && err != nil {
			t.Errorf("%q is taken the short way, and refused the long one: %v", body, err)
		}
		if plain {
			taken++
		}
	}
	if taken < 3 {
		t.Errorf("the short way takes %d bodies only", taken)
	}
}

// FuzzPlainJSON is TestPlainJSONIsStrict for any body.
func FuzzPlainJSON(f *testing.F) {
	for _, s := range strictSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := strictJSON(body); err != nil && plainJSON(body) {
			t.Errorf("%q is taken the short way, and refused the long one: %v", body, err)
		}
	})
}
