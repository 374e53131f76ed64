// Package table reads tables that people saved as text: a header of names, then rows of cells (RFC 4180 and what spreadsheets make of it).
//
// Policy: a file is read exactly or refused, with row, column and line. The mark of UTF-8 at the start is passed over. The separator is
// the one of , ; tab and | with which the header has the most cells, or the one that the caller or a first line `sep=;` names. The
// header's own end says how lines end: LF or CRLF, or CR alone. Text in quotes is kept to the last byte, line ends included.
package table

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxRow bounds the bytes of one row.
const maxRow = 1 << 20

// Form says what the caller knows about a file. The zero value: UTF-8, with a separator that the header tells.
type Form struct {
	Separator rune            // between cells; 0: found in the header
	Byte      func(byte) rune // the character of a byte; nil: UTF-8. utf8.RuneError: the encoding has none
	Encoding  string          // its name, for messages
}

// Cell is one value of a row.
type Cell struct {
	Text   string
	Quoted bool // it stood in quotes: "" is an empty text, nothing between two separators is no value
}

// Error says where a file cannot be read, and why.
type Error struct {
	Row    int    // of the data, from 1; 0 is the header
	Column int    // from 1; 0: the row as a whole
	Name   string // of the column; "" when it has none
	Line   int    // of the file, from 1
	Why    string // ends with what to do
}

// Error names row, column and line.
func (e *Error) Error() string {
	out := "header"
	if e.Row > 0 {
		out = fmt.Sprintf("row %d", e.Row)
	}
	if e.Column > 0 {
		out += fmt.Sprintf(", column %d", e.Column)
	}
	if e.Name != "" {
		out += " (" + e.Name + ")"
	}
	return fmt.Sprintf("%s, line %d: %s", out, e.Line, e.Why)
}

// Reader reads the rows of one file. Not safe for concurrent use.
type Reader struct {
	Header    []string
	Separator rune

	in   *bufio.Reader
	form Form
	ends lineEnd
	row  int // number of the last row
	at   int // line on which the last row begins
	line int // line that is being read
	col  int // column that is being read
	size int // bytes of the row that is being read
}

// lineEnd is how the lines of a file end.
type lineEnd uint8

const (
	unknown lineEnd = iota
	withLF          // LF or CRLF
	withCR
)

// Special results of next.
const (
	eof rune = -1 - iota
	eol
)

// New reads the header.
func New(in io.Reader, form Form) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, 64<<10), form: form, line: 1, at: 1}
	if err := r.mark(); err != nil {
		return nil, err
	}
	text, err := r.headerText()
	if name, found := strings.CutPrefix(text, "sep="); err == nil && found && utf8.RuneCountInString(name) == 1 {
		named, _ := utf8.DecodeRuneInString(name)
		if form.Separator != 0 && form.Separator != named {
			return nil, r.wrong("the first line names another separator than the one that was given; give none")
		}
		r.Separator = named
		text, err = r.headerText()
	}
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, r.wrong("there is no header; the first line holds the names of the columns")
	}
	if r.Separator == 0 {
		r.Separator = form.Separator
	}
	return r, r.header(text)
}

// mark passes over the mark of UTF-8 and refuses that of UTF-16.
func (r *Reader) mark() error {
	head, _ := r.in.Peek(3)
	text := string(head)
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return r.wrong("the file is UTF-16; save it as UTF-8")
	case text != "\ufeff":
		return nil
	case r.form.Byte != nil:
		return r.wrong("the file begins with the mark of UTF-8, and " + r.form.Encoding + " was named; name no encoding")
	}
	r.in.Discard(3)
	return nil
}

// headerText reads to the first end of a line outside quotes.
func (r *Reader) headerText() (string, error) {
	var b strings.Builder
	r.col = 0
	for quoted := false; ; {
		c, err := r.next(quoted)
		switch {
		case err != nil:
			return "", err
		case c == eof && quoted:
			return "", r.wrong("a quote is not closed; close it")
		case c == eol, c == eof:
			return b.String(), nil
		case c == '"':
			quoted = !quoted
		}
		b.WriteRune(c)
	}
}

// header finds the separator, unless it is known, and the names.
func (r *Reader) header(text string) error {
	separators := []rune{r.Separator}
	if r.Separator == 0 {
		separators = []rune{',', ';', '\t', '|'}
	}
	var best []Cell
	var first error
	for _, sep := range separators {
		part := &Reader{in: bufio.NewReader(strings.NewReader(text)), Separator: sep, line: r.at, at: r.at}
		cells, err := part.cells()
		if err != nil && first == nil {
			first = err
		}
		if err == nil && len(cells) > len(best) {
			best, r.Separator = cells, sep
		}
	}
	if best == nil {
		return first
	}
	for i, c := range best {
		r.Header = append(r.Header, c.Text)
		r.col = i + 1
		if c.Text == "" {
			return r.wrong("the column has no name; name it, or remove it")
		}
		if slices.Contains(r.Header[:i], c.Text) {
			return r.wrong(fmt.Sprintf("the header names %q twice; keep one", c.Text))
		}
	}
	return nil
}

// Read returns the next row, with as many cells as the header has; io.EOF ends the file.
func (r *Reader) Read() ([]Cell, error) {
	for {
		r.at = r.line
		r.row++
		cells, err := r.cells()
		if err != nil {
			return nil, err
		}
		if len(cells) == 1 && cells[0] == (Cell{}) { // an empty line
			if len(r.Header) > 1 {
				r.row--
				continue
			}
			return nil, r.wrong(`the line is empty; write "" for an empty text, or remove the line`)
		}
		if len(cells) != len(r.Header) {
			r.col = 0
			return nil, r.wrong(fmt.Sprintf("it has %d cells and the header %d; put cells that hold the separator %q in quotes, or name another separator",
				len(cells), len(r.Header), r.Separator))
		}
		return cells, nil
	}
}

// Row is the number of the last row, from 1.
func (r *Reader) Row() int { return r.row }

// Line is the line on which the last row begins.
func (r *Reader) Line() int { return r.at }

// Wrong refuses a cell of the last row, by the number of its column from 0.
func (r *Reader) Wrong(column int, why string) error {
	r.col = column + 1
	return r.wrong(why)
}

// ClassicEnds reports whether lines end with CR alone, as old Macintosh programs wrote them.
func (r *Reader) ClassicEnds() bool { return r.ends == withCR }

func (r *Reader) wrong(why string) error {
	e := &Error{Row: r.row, Column: r.col, Line: r.at, Why: why}
	if e.Column > 0 && e.Column <= len(r.Header) {
		e.Name = r.Header[e.Column-1]
	}
	return e
}

// cells reads one row; io.EOF when there is none.
func (r *Reader) cells() ([]Cell, error) {
	if _, err := r.in.Peek(1); err != nil {
		return nil, err
	}
	r.col, r.size = 0, 0
	var out []Cell
	for {
		r.col++
		c, end, err := r.cell()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		if end != r.Separator {
			return out, nil
		}
	}
}

// cell reads one cell and what ends it.
func (r *Reader) cell() (Cell, rune, error) {
	var b strings.Builder
	c, err := r.next(false)
	if err == nil && c == '"' {
		return r.quoted(&b)
	}
	for ; err == nil; c, err = r.next(false) {
		switch c {
		case r.Separator, eol, eof:
			return Cell{Text: b.String()}, c, nil
		case '"':
			return Cell{}, 0, r.wrong("there is a quote inside the cell; put the cell in quotes and write the quote twice")
		}
		b.WriteRune(c)
	}
	return Cell{}, 0, err
}

// quoted reads a cell after its first quote.
func (r *Reader) quoted(b *strings.Builder) (Cell, rune, error) {
	for {
		c, err := r.next(true)
		if err != nil {
			return Cell{}, 0, err
		}
		if c == eof {
			return Cell{}, 0, r.wrong("the quote that begins the cell is not closed; close it")
		}
		if c != '"' {
			b.WriteRune(c)
			continue
		}
		switch c, err = r.next(false); {
		case err != nil:
			return Cell{}, 0, err
		case c == '"':
			b.WriteByte('"')
		case c == r.Separator || c == eol || c == eof:
			return Cell{Text: b.String(), Quoted: true}, c, nil
		default:
			return Cell{}, 0, r.wrong("there is text behind the quote that ends the cell; write quotes inside a cell twice")
		}
	}
}

// next reads a character. Outside quotes an end of a line is eol; inside them it is kept as it is.
func (r *Reader) next(quoted bool) (rune, error) {
	c, err := r.decode()
	if err == io.EOF {
		return eof, nil
	}
	if err != nil || c != '\r' && c != '\n' {
		return c, err
	}
	ends := withLF
	if c == '\r' {
		if following, _ := r.in.Peek(1); string(following) != "\n" {
			ends = withCR
		} else if !quoted {
			r.in.Discard(1)
		} else {
			return c, nil // the LF counts the line
		}
	}
	r.line++
	if quoted {
		return c, nil
	}
	if r.ends == unknown {
		r.ends = ends
	}
	if r.ends != ends {
		return 0, r.wrong("its line ends otherwise than the header's; save the file with one kind of line ends, or put the cell in quotes")
	}
	return eol, nil
}

// decode reads a character of the file's encoding.
func (r *Reader) decode() (rune, error) {
	if r.size++; r.size > maxRow {
		return 0, r.wrong(fmt.Sprintf("the row is longer than %d bytes; is a quote not closed?", maxRow))
	}
	var c rune
	if r.form.Byte == nil {
		var size int
		var err error
		if c, size, err = r.in.ReadRune(); err != nil {
			return 0, err
		}
		r.size += size - 1
		if c == utf8.RuneError && size == 1 {
			r.in.UnreadRune()
			b, _ := r.in.ReadByte()
			return 0, r.wrong(fmt.Sprintf("the byte 0x%02X is not UTF-8; save the file as UTF-8, or name its encoding", b))
		}
	} else {
		b, err := r.in.ReadByte()
		if err != nil {
			return 0, err
		}
		if c = r.form.Byte(b); c == utf8.RuneError || c >= 0x80 && c < 0xa0 {
			return 0, r.wrong(fmt.Sprintf("the byte 0x%02X is no character of %s; name the encoding that the file has", b, r.form.Encoding))
		}
	}
	if c == 0 {
		return 0, r.wrong("there is a NUL; if the file is UTF-16, save it as UTF-8")
	}
	return c, nil
}
