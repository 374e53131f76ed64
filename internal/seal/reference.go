package seal

import (
	"fmt"
	"os"
	"strings"

	"github.com/fastness-dev/fastness/internal/types"
)

// Resolve gives the secret that a reference names: "${env:NAME}" or "${file:/path}". A file that others can read, an unset
// variable and an empty value are errors. The bool tells that the value came from the environment, which deserves a warning:
// environments leak into children and dumps.
func Resolve(reference string) (secret types.Secret, fromEnv bool, err error) {
	inner, ok := strings.CutPrefix(reference, "${")
	inner, closed := strings.CutSuffix(inner, "}")
	kind, name, found := strings.Cut(inner, ":")
	if !ok || !closed || !found {
		return types.Secret{}, false, fmt.Errorf("seal: a reference is written ${env:NAME} or ${file:/path}")
	}
	switch kind {
	case "env":
		v := os.Getenv(name)
		if v == "" {
			return types.Secret{}, true, fmt.Errorf("seal: the environment variable %s is not set; set it or use ${file:…}", name)
		}
		return types.NewSecret(v), true, nil
	case "file":
		text, err := ReadSecretFile(name)
		if err != nil {
			return types.Secret{}, false, err
		}
		if text = strings.TrimRight(text, "\r\n"); text == "" {
			return types.Secret{}, false, fmt.Errorf("seal: %s is empty", name)
		}
		return types.NewSecret(text), false, nil
	}
	return types.Secret{}, false, fmt.Errorf("seal: unknown kind of reference %q; use env or file", kind)
}
