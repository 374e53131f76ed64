package store

// Schema is a set of tables. Rooms describe the tables they need as values; the root puts them together and the
// difference to what exists becomes Changes.
type Schema struct {
	Tables []Table
}

// Table describes one table in the subset that both engines speak.
type Table struct {
	Name    string
	Columns []Column
	Primary []string // columns of the primary key, in order
	Indexes []Index
	Foreign []ForeignKey
}

// ColumnType is the storage class of a column.
type ColumnType uint8

// The classes: INTEGER or BIGINT, TEXT (COLLATE "C"), BLOB or BYTEA.
const (
	IntColumn ColumnType = iota + 1
	TextColumn
	BytesColumn
)

// Column is one column. Default is a literal for rows that exist when the column is added ("" for none).
type Column struct {
	Name    string
	Type    ColumnType
	NotNull bool
	Default *Literal
}

// Literal is a constant in DDL: an integer or a text that is quoted by the engine.
type Literal struct {
	Int    int64
	Text   string
	IsText bool
}

// Index is an index or a unique constraint (SQLite and PostgreSQL alike: a unique index). A leading "-" of a column means
// descending. Where is a constant condition for a partial index, "" for all rows.
type Index struct {
	Name    string
	Columns []string
	Unique  bool
	Where   string
}

// OnDelete says what happens to a row when the row it points at goes.
type OnDelete uint8

// The actions; zero refuses.
const (
	Restrict OnDelete = iota
	Cascade
	SetNull
)

// ForeignKey is an immediate (never deferred) foreign key.
type ForeignKey struct {
	Name      string
	Columns   []string
	RefTable  string
	RefColumn string
	OnDelete  OnDelete
}
