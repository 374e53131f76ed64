package jws

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

// TestWycheproof: of the vectors that Project Wycheproof has for signed tokens and their keys nothing is accepted that
// it calls invalid, and everything that it calls valid and that is signed with an asymmetric algorithm is. stricter are
// the exceptions: their keys name another algorithm than their tokens.
func TestWycheproof(t *testing.T) {
	accepted, refused := 0, 0
	stricter := map[string]string{"Figure20": "the key is declared for PS256, the token is of PS384",
		"Figure27": "the key is declared for ES521, which does not exist"}
	for _, file := range []string{"json_web_signature_test.json", "json_web_key_test.json"} {
		text, err := fs.ReadFile(wycheproof.TestVectors, file)
		if err != nil {
			t.Fatal(err)
		}
		var in struct {
			TestGroups []struct {
				Comment         string
				Public, Private json.RawMessage
				Tests           []struct {
					TcID            int
					JWS             json.RawMessage
					Result, Comment string
				}
			}
		}
		if err := json.Unmarshal(text, &in); err != nil {
			t.Fatal(err)
		}
		for _, g := range in.TestGroups {
			keys, shared := g.Public, g.Public == nil // HMAC has but one key: it is offered, and must not be taken
			if shared {
				keys = g.Private
			}
			if file == "json_web_signature_test.json" {
				keys = json.RawMessage(`{"keys":[` + string(keys) + `]}`)
			}
			set, err := ParseSet(keys)
			if err != nil {
				t.Errorf("%s: %v", g.Comment, err)
				continue
			}
			for _, c := range g.Tests {
				var compact string
				if json.Unmarshal(c.JWS, &compact) != nil {
					compact = string(c.JWS) // the JSON form
				}
				token, err := Parse(compact)
				if err == nil {
					_, err = token.Verify(set)
				}
				switch want := c.Result == "valid" && !shared && stricter[c.Comment] == ""; {
				case err == nil && !want:
					t.Errorf("%s %d (%s) is accepted", g.Comment, c.TcID, c.Comment)
				case err != nil && want:
					t.Errorf("%s %d (%s) is refused: %v", g.Comment, c.TcID, c.Comment, err)
				case want:
					accepted++
				default:
					refused++
				}
			}
		}
	}
	if accepted < 20 || refused < 300 {
		t.Errorf("only %d were accepted and %d refused: where have the vectors gone?", accepted, refused)
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
}
