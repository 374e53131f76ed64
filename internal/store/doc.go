// Package store is the kernel of persistence: one small seam (View, Write, prepared statements, rows read column by
// column) with two engines behind it, store/sqlite and store/postgres. SQL lives beside its noun in the rooms above, in
// the subset that both engines speak; this package knows transactions, durability, schemas and faults, and no nouns.
//
// Policy: a Write that returned nil is durable. A Write that returned an error left nothing behind, unless the error is
// ErrUncertain. Statement text comes from constants of the plan or the program and never from a request; values travel
// only as parameters. A database that cannot promise durability is refused at Open.
//
// The common subset of SQL: text columns compare by bytes (BINARY, COLLATE "C"); integers of every meaning are 64 bits
// (INTEGER, BIGINT), booleans and decimals included; lists and json are canonical JSON text; sealed values are BLOB or
// BYTEA. Parameters are written `?` and may be used once each. Unknown is NULL, `IS NOT FALSE` and `IS NOT DISTINCT FROM`
// work on both (SQLite spells the second IS; write it through Dialect).
package store
