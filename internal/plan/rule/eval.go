package rule

import "github.com/fastness-dev/fastness/internal/types"

// Record is a row in memory, read by field name. A field that the record does not carry is an error of the program, so
// implementations know their shape.
type Record interface {
	Field(name string) types.Value
}

// Resolver answers what lies outside the row at hand, from the transaction that judges.
type Resolver interface {
	// Follow loads the row a reference points at; nil when there is none.
	Follow(collection string, id types.ID) (Record, error)
	// Exists judges cond (in which every path except those of variable v has been replaced by literals) over all rows
	// of the collection and gives Kleene's or of the results.
	Exists(collection string, v int, cond Expr) (Truth, error)
}
