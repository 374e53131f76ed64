package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// reader is the store.Reader of one transaction.
type reader struct {
	db *DB
	tx pgx.Tx
	// asked is the caller's own context: a snapshot whose caller hung up goes no further. That of a write is never over.
	asked context.Context
	// failed is the first error of the transaction: PostgreSQL refuses whatever comes after it. It may arrive behind the row that somebody
	// wanted, when he has what he asked for and closes his cursor without a look; so it is remembered here and answers the next statement
	// and the end.
	failed error
}

// fail remembers an error that broke the transaction and gives it in the kinds of the house.
func (r *reader) fail(err error) error {
	if err = keepRetry(err); err != nil && r.failed == nil {
		r.failed = err
	}
	return err
}

func (r *reader) Dialect() store.Dialect { return store.Postgres }

// Query runs a query; pgx keeps its prepared form by the text.
func (r *reader) Query(ctx context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	text, values, err := r.db.prepare(s, args)
	if err != nil {
		return nil, err
	}
	if r.failed == nil {
		r.failed = types.Ended(r.asked)
	}
	if r.failed != nil {
		return nil, r.failed
	}
	found, err := r.tx.Query(context.WithoutCancel(ctx), text, values...)
	if err != nil {
		return nil, r.fail(err)
	}
	return &rows{of: r, rows: found}, nil
}

// prepare gives the text with numbered parameters and the values in pgx's form.
func (db *DB) prepare(s *store.Stmt, args []types.Value) (string, []any, error) {
	known, ok := db.texts.Load(s)
	if !ok {
		known = numbered(s.SQL)
		if !s.Transient {
			db.texts.Store(s, known)
		}
	}
	n := known.(numberedText)
	if n.params != len(args) {
		return "", nil, fmt.Errorf("store: %q takes %d values and got %d", s.SQL, n.params, len(args))
	}
	values := make([]any, len(args))
	for i, a := range args {
		switch a.Kind {
		case types.Int:
			values[i] = a.Int
		case types.Text:
			values[i] = a.Text
		case types.Bytes:
			values[i] = []byte(a.Text)
		case types.List:
			return "", nil, fmt.Errorf("store: a list cannot be a parameter")
		}
	}
	return n.text, values, nil
}

type numberedText struct {
	text   string
	params int
}

// numbered turns each ? outside quotes into $1, $2, ….
func numbered(sql string) numberedText {
	var b strings.Builder
	n, quote := 0, rune(0)
	for _, c := range sql {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(c)
	}
	return numberedText{b.String(), n}
}

// rows is a cursor. It implements store.Rows.
type rows struct {
	of   *reader
	rows pgx.Rows
	raw  [][]byte
	oids []uint32
}

func (r *rows) Next() bool {
	if !r.rows.Next() {
		return false
	}
	r.raw = r.rows.RawValues()
	if r.oids == nil {
		for _, f := range r.rows.FieldDescriptions() {
			r.oids = append(r.oids, f.DataTypeOID<<1|uint32(f.Format))
		}
	}
	return true
}

func (r *rows) Missing(i int) bool { return r.raw[i] == nil }

// Int reads an integer in either of the protocol's formats.
func (r *rows) Int(i int) int64 {
	v := r.raw[i]
	if r.oids[i]&1 == 0 { // text: also numeric, which sum() gives
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	switch len(v) {
	case 1:
		return int64(v[0])
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	case 8:
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

// Bytes returns text as it came, and integers as decimal digits, as the other engine does.
func (r *rows) Bytes(i int) []byte {
	if oid := r.oids[i] >> 1; r.oids[i]&1 == 1 && (oid == 20 || oid == 21 || oid == 23) && r.raw[i] != nil {
		return strconv.AppendInt(nil, r.Int(i), 10)
	}
	return r.raw[i]
}

func (r *rows) Text(i int) string { return string(r.Bytes(i)) }

func (r *rows) Err() error { return r.of.fail(r.rows.Err()) }

func (r *rows) Close() error {
	r.rows.Close()
	return r.of.fail(r.rows.Err())
}
