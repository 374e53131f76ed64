package token

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/types"
)

// TestSecretScannersFindTokens: the pattern that the contract gives to scanners of secrets matches every token and nothing shorter.
func TestSecretScannersFindTokens(t *testing.T) {
	text, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("`(fst_\\[[^`]+)`").FindStringSubmatch(string(text))
	if found == nil {
		t.Fatal("docs/api.md gives no pattern for scanners")
	}
	pattern := regexp.MustCompile("^" + found[1] + "$")
	for range 200 {
		secret := Prefix + types.Token(32)
		if len(secret) != secretLen || !pattern.MatchString(secret) {
			t.Fatalf("%q is not matched by %s", secret, pattern)
		}
		if pattern.MatchString(secret[:len(secret)-1]) || pattern.MatchString(strings.ToUpper(secret)) {
			t.Fatal("the pattern matches what is no token")
		}
	}
}
