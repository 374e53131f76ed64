package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Change is what a difference does to one file.
type Change struct {
	Path  string // slash-separated, below the root of the repository
	hunks []hunk
}

// hunk replaces the lines old, expected to begin at line at (from 1), by the lines now.
type hunk struct {
	at       int
	old, now []string
}

var hunkHeader = regexp.MustCompile(`^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@`)

// ParseDiff reads a unified difference. Files are changed only: a saboteur neither adds nor removes one.
func ParseDiff(lines []string) ([]Change, error) {
	var out []Change
	for i := 0; i < len(lines); {
		l := lines[i]
		switch {
		case strings.HasPrefix(l, "--- "):
			from, _, _ := strings.Cut(strings.TrimPrefix(l, "--- "), "\t")
			if i+1 >= len(lines) || !strings.HasPrefix(lines[i+1], "+++ ") {
				return nil, fmt.Errorf("%q is not followed by a line that begins with +++", l)
			}
			to, _, _ := strings.Cut(strings.TrimPrefix(lines[i+1], "+++ "), "\t")
			path, ok := strings.CutPrefix(to, "b/")
			if !ok || from != "a/"+path {
				return nil, fmt.Errorf("%q to %q: want a/PATH and b/PATH of one file", from, to)
			}
			out = append(out, Change{Path: path})
			i += 2
		case strings.HasPrefix(l, "@@ "):
			if len(out) == 0 {
				return nil, fmt.Errorf("%q before any file", l)
			}
			h, n, err := parseHunk(lines[i:])
			if err != nil {
				return nil, err
			}
			last := &out[len(out)-1]
			last.hunks = append(last.hunks, h)
			i += n
		case l == "", strings.HasPrefix(l, "diff "), strings.HasPrefix(l, "index "), strings.HasPrefix(l, "#"):
			i++
		default:
			return nil, fmt.Errorf("%q is not part of a unified difference (are the counts of the @@ line right?)", l)
		}
	}
	for _, c := range out {
		if len(c.hunks) == 0 {
			return nil, fmt.Errorf("%s: no @@ line", c.Path)
		}
	}
	return out, nil
}

// parseHunk reads one hunk from its @@ line on and returns how many lines it took.
func parseHunk(lines []string) (hunk, int, error) {
	m := hunkHeader.FindStringSubmatch(lines[0])
	if m == nil {
		return hunk{}, 0, fmt.Errorf("%q: want @@ -LINE,COUNT +LINE,COUNT @@", lines[0])
	}
	count := func(s string) int {
		if s == "" {
			return 1
		}
		n, _ := strconv.Atoi(s)
		return n
	}
	at, _ := strconv.Atoi(m[1])
	h, before, after, i := hunk{at: at}, count(m[2]), count(m[3]), 1
	for ; i < len(lines) && (len(h.old) < before || len(h.now) < after); i++ {
		kind, text := byte(' '), ""
		if lines[i] != "" { // an editor may have stripped the blank of an empty line
			kind, text = lines[i][0], lines[i][1:]
		}
		switch kind {
		case ' ':
			h.old, h.now = append(h.old, text), append(h.now, text)
		case '-':
			h.old = append(h.old, text)
		case '+':
			h.now = append(h.now, text)
		case '\\':
		default:
			return h, 0, fmt.Errorf("%q inside a hunk: its @@ line promises more lines", lines[i])
		}
	}
	if len(h.old) != before || len(h.now) != after {
		return h, 0, fmt.Errorf("%q: the hunk has %d old and %d new lines", lines[0], len(h.old), len(h.now))
	}
	if slices.Equal(h.old, h.now) {
		return h, 0, fmt.Errorf("%q: the hunk changes nothing", lines[0])
	}
	return h, i, nil
}

var errMoved = errors.New("the lines it changes are not there any more: write the patch anew")

// Apply returns text with all hunks applied. A hunk may have moved by any number of lines, but every line of it must be there.
func (c Change) Apply(text string) (string, error) {
	lines := strings.Split(text, "\n")
	shift, from := 0, 0
	for _, h := range c.hunks {
		at, ok := nearest(lines, h.old, h.at-1+shift, from)
		if !ok {
			return "", fmt.Errorf("hunk at line %d: %w", h.at, errMoved)
		}
		lines = slices.Concat(lines[:at], h.now, lines[at+len(h.old):])
		shift = at - (h.at - 1) + len(h.now) - len(h.old)
		from = at + len(h.now)
	}
	return strings.Join(lines, "\n"), nil
}

// nearest finds want in lines at or after from, as near to the line at as possible.
func nearest(lines, want []string, at, from int) (int, bool) {
	best, found := 0, false
	for i := from; i+len(want) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(want)], want) && (!found || abs(i-at) < abs(best-at)) {
			best, found = i, true
		}
	}
	return best, found
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
