// Package rowfile reads and writes rows as files: JSON Lines, one object a line, and CSV with a header of field names.
//
// Policy: what Writer writes, Reader reads as the same values; what people saved is read exactly or refused with row and column. In a CSV
// a cell of nothing is a value that is not given, "" in quotes is an empty text, and \N without quotes is null, which Writer writes only
// where nothing would become the field's default. Lists and json are JSON in the cell. Fields that every row has and nobody writes leave
// with the others and are passed over on the way in.
//
// The map: rowfile.go (forms of files, Writer), read.go (Reader), cell.go (a cell as a value).
package rowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/charmap"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types/table"
)

// system are the fields that nobody writes; org has not every row.
var system = []string{"id", "created", "updated", "version", "org"}

// Format is the form of a file of rows, as far as the caller knows it.
type Format struct {
	CSV          bool
	Table        table.Form // of a CSV
	EmptyMissing bool       // of a CSV: "" in quotes is a value that is not given, as nothing is
}

// FormatOf is the form of a file: what was asked for, else what its name ends in.
func FormatOf(asked, file string) (Format, error) {
	if asked == "" {
		asked = strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))
	}
	switch asked {
	case "csv":
		return Format{CSV: true}, nil
	case "jsonl", "ndjson", "json", "":
		return Format{}, nil
	}
	return Format{}, errors.New("a file of rows is csv or jsonl; say --format")
}

// encodings are those of one byte a character that people's programs still write; UTF-8 is nil.
var encodings = map[string]*charmap.Charmap{"utf-8": nil, "windows-1252": charmap.Windows1252, "iso-8859-1": charmap.ISO8859_1,
	"iso-8859-15": charmap.ISO8859_15, "windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "macintosh": charmap.Macintosh}

// separators have names where they cannot be typed.
var separators = map[string]rune{"": 0, "comma": ',', "semicolon": ';', "tab": '\t', "pipe": '|'}

// TableOf is the form of a table by the names of an encoding and a separator; "" is UTF-8, and a separator that the header tells.
func TableOf(encoding, separator string) (table.Form, error) {
	var form table.Form
	name := strings.ToLower(encoding)
	chars, known := encodings[name]
	if !known && name != "" {
		return form, fmt.Errorf("the encoding %q is not known; use one of utf-8, windows-1252, windows-1250, windows-1251, iso-8859-1, iso-8859-15, "+
			"macintosh, or save the file as UTF-8", encoding)
	}
	if chars != nil {
		form.Byte, form.Encoding = chars.DecodeByte, name
	}
	if form.Separator, known = separators[separator]; known {
		return form, nil
	}
	r, size := utf8.DecodeRuneInString(separator)
	if size != len(separator) || strings.ContainsRune("\"\r\n", r) {
		return form, errors.New("a separator is one character, or one of comma, semicolon, tab, pipe")
	}
	form.Separator = r
	return form, nil
}

// Writer writes pages of rows in a format, with the columns of a collection. A page of none ends the file.
func Writer(w io.Writer, format string, col *plan.Collection) func([]jsontext.Value) error {
	if format == "jsonl" {
		return func(rows []jsontext.Value) error {
			for _, r := range rows {
				if _, err := fmt.Fprintf(w, "%s\n", r); err != nil {
					return err
				}
			}
			return nil
		}
	}
	fields := slices.Concat(col.System, col.Fields)
	begun := false
	return func(rows []jsontext.Value) error {
		var b bytes.Buffer
		if !begun {
			begun = true
			for i, f := range fields {
				b.WriteString(f.Name)
				b.WriteByte(behind(i, len(fields)))
			}
		}
		for _, r := range rows {
			var values map[string]jsontext.Value
			if err := json.Unmarshal(r, &values); err != nil {
				return err
			}
			for i, f := range fields {
				text, err := cellOf(f, values[f.Name])
				if err != nil {
					return err
				}
				b.WriteString(text)
				b.WriteByte(behind(i, len(fields)))
			}
		}
		_, err := w.Write(b.Bytes())
		return err
	}
}

// behind is what stands behind a cell.
func behind(i, cells int) byte {
	if i == cells-1 {
		return '\n'
	}
	return ','
}
