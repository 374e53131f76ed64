package main

import (
	"slices"
	"strings"
)

// layouts are rows of keys, the digits first, as they lie above each other.
var layouts = [][]string{
	{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"},
	{"1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm"},
	{"1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"},
	{"1234567890", "pyfgcrl", "aoeuidhtns", "qjkxbmwvz"},
}

// runs are what people count along.
var runs = []string{"01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "789456123", "147258369", "741852963", "159357", "13579", "24680"}

// walks are runs along rows, columns and zigzags of keyboards and pads, forth and back, one after the other or doubled, and single keys, which stand for
// themselves repeated.
func walks() []string {
	var out []string
	for _, line := range runs {
		out = append(out, pieces(line)...)
	}
	for _, rows := range layouts {
		for _, row := range rows {
			out = append(out, pieces(row)...)
			for _, key := range row {
				out = append(out, string(key))
			}
		}
		out = append(out, blocks(rows)...)
		out = append(out, zigzags(rows)...)
	}
	return out
}

// pieces are all parts of a line of at least four keys, and those that come back.
func pieces(line string) []string {
	var out []string
	for from := range line {
		for to := from + 3; to <= len(line); to++ {
			there := line[from:to]
			back := reversed(there)
			out = append(out, there, back, there+back, back+there)
		}
	}
	return out
}

// blocks are two to four neighbouring columns, and parts of rows below each other: 1qaz2wsx, zaq1xsw2, qweasdzxc, qwer1234.
func blocks(rows []string) []string {
	var out []string
	for _, height := range []int{2, 3, 4} {
		for top := 0; top+height <= len(rows); top++ {
			band := rows[top : top+height]
			width := len(slices.MinFunc(band, func(a, b string) int { return len(a) - len(b) }))
			for from := range width {
				for n := 1; from+n <= width; n++ {
					var columns []string
					for x := from; x < from+n; x++ {
						columns = append(columns, column(band, x))
					}
					var parts []string
					for _, row := range band {
						parts = append(parts, row[from:from+n])
					}
					if n <= 5 {
						out = append(out, joined(columns)...)
					}
					out = append(out, joined(parts)...)
				}
			}
		}
	}
	return out
}

func column(rows []string, x int) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteByte(row[x])
	}
	return b.String()
}

// joined writes parts one after the other: as they are, each reversed, every second reversed, and all that from the other end.
func joined(parts []string) []string {
	var out []string
	other := slices.Clone(parts)
	slices.Reverse(other)
	for _, list := range [][]string{parts, other} {
		var as, back, snake, snake2 strings.Builder
		for i, p := range list {
			as.WriteString(p)
			back.WriteString(reversed(p))
			one, two := p, reversed(p)
			if i%2 == 1 {
				one, two = two, one
			}
			snake.WriteString(one)
			snake2.WriteString(two)
		}
		out = append(out, as.String(), back.String(), snake.String(), snake2.String())
	}
	return out
}

// zigzags go between two rows key by key: 1q2w3e4r, q1w2e3r4, qawsedrf.
func zigzags(rows []string) []string {
	var out []string
	for i := range len(rows) - 1 {
		for _, pair := range [][2]string{{rows[i], rows[i+1]}, {rows[i+1], rows[i]}} {
			var b strings.Builder
			for x := range min(len(pair[0]), len(pair[1])) {
				b.WriteByte(pair[0][x])
				b.WriteByte(pair[1][x])
			}
			out = append(out, pieces(b.String())...)
		}
	}
	return out
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
