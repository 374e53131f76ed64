// Package migration brings stored rows from one declaration to the next. The database records the whole form of every field (its
// type and its words) under an id that is made once and survives renames; a declaration is compared with that record, not with
// the columns, which know storage classes only.
//
// Policy: a value never silently becomes another. Every difference is one of four: of no consequence for stored values; fitting,
// when each stored value is the same value under the new form; converted, when the declaration (`from`) or the operator
// (`migrate --convert`) asks for it and each value has an exact counterpart; or refused by name, with the rows in the way. The
// rows are read by the same code that reads requests. A conversion fills columns beside the old ones, in batches that a crash does
// not undo, while the old declaration still opens everything; one transaction then puts them in the place of the old ones.
//
// The map: form.go (forms, and what they say in English), catalogue.go (the record), compare.go (what differs), convert.go (one
// value), scan.go (the rows in the way), fill.go (batches), finish.go (the last transaction).
package migration
