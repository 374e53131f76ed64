package edge

import "github.com/fastness-dev/fastness/internal/plan"

// CountErrors is how many errors validate collects, for tests.
func CountErrors(s *plan.Schema, body string) int { return len(validate(s, "", []byte(body), nil)) }
