package store

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// MaxName is how many bytes a name may have: PostgreSQL cuts what is longer (NAMEDATALEN - 1), and two names that begin alike become one.
const MaxName = 63

// Name makes the name of a table, an index or a constraint from its parts, with nothing between them. A name that fits stays as it is.
// A longer one keeps its beginning and ends with a digest of the whole, so that it is the same at each start and differs from all others.
// The parts are ASCII.
func Name(parts ...string) string {
	name := strings.Join(parts, "")
	if len(name) <= MaxName {
		return name
	}
	sum := fnv.New64a()
	sum.Write([]byte(name))
	digest := fmt.Sprintf("_%016x", sum.Sum64())
	return name[:MaxName-len(digest)] + digest
}
