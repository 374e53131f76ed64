package secret

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// reader reads what git writes.
type reader struct{ *bufio.Reader }

func newReader(r io.Reader) *reader { return &reader{bufio.NewReaderSize(r, 256<<10)} }

// until gives what stands before the next delimiter; io.EOF only when nothing is left.
func (r *reader) until(delim byte) (string, error) {
	s, err := r.ReadString(delim)
	if err == io.EOF && s != "" {
		return "", io.ErrUnexpectedEOF
	}
	return strings.TrimSuffix(s, string(delim)), err
}

func feed(w io.Writer, input func(write func(string) bool)) {
	if input == nil {
		return
	}
	b := bufio.NewWriterSize(w, 64<<10)
	input(func(line string) bool {
		_, err := b.WriteString(line + "\n")
		return err == nil
	})
	b.Flush()
}

func lines(of []string) func(write func(string) bool) {
	return func(write func(string) bool) {
		for _, line := range of {
			if !write(line) {
				return
			}
		}
	}
}

// change is what one commit made of one path. Texts are numbers of blobs; -1 is none.
type change struct{ commit, path, was, is int32 }

// past is the history as numbers, so that its size in memory is some 16 bytes for each change.
type past struct {
	commits, blobs, paths []string
	blob, path            map[string]int32
	changes               []change
	absent                int
	last                  int32 // the commit that git named last
}

// objects searches every blob once, and then goes through the commits from the oldest on.
func (s *scan) objects(ctx context.Context, g *git) error {
	p := &past{blob: map[string]int32{}, path: map[string]int32{}}
	var tips []string
	err := g.run(ctx, nil, func(r *reader) error { return p.list(r, &tips) },
		"cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)", "--buffer", "--unordered")
	if err != nil {
		return err
	}
	err = g.run(ctx, lines(tips), p.order, "rev-list", "--topo-order", "--reverse", "--stdin")
	if err != nil {
		return err
	}
	all := len(p.blobs)
	broken := s.changes(ctx, g, p)
	hits := map[int32][]hit{}
	err = g.run(ctx, lines(p.blobs), func(r *reader) error { return s.contents(r, p, hits) }, "cat-file", "--batch", "--buffer")
	s.report.Commits, s.report.Blobs = len(p.commits), all
	if p.absent > 0 {
		s.unknown("", fmt.Sprintf("%d objects are missing from the clone; scan a full clone", p.absent))
	}
	s.attribute(p, hits)
	return errors.Join(broken, err)
}

// changes reads what the commits changed. Git stops at a commit that lacks a tree, such as one that was given up and
// half pruned; it is asked again for those behind it, maxRestarts times at most.
func (s *scan) changes(ctx context.Context, g *git, p *past) error {
	lost, next := 0, 0
	for restarts := 0; next < len(p.commits); restarts++ {
		p.last = int32(next) - 1
		err := g.run(ctx, lines(p.commits[next:]), func(r *reader) error { return p.walk(r, s.submodule) },
			"diff-tree", "--stdin", "-r", "--root", "-c", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--always")
		if err == nil {
			break
		}
		if restarts == maxRestarts || ctx.Err() != nil {
			return err
		}
		if int(p.last) < next {
			lost, p.last = lost+1, int32(next)
		}
		next = int(p.last) + 1
	}
	if lost > 0 {
		s.unknown("", fmt.Sprintf("%d commits cannot be read in full; scan a full clone", lost))
	}
	return nil
}

// maxRestarts bounds how often git is asked for changes again.
const maxRestarts = 400

// list reads the kinds and names of all objects.
func (p *past) list(r *reader, tips *[]string) error {
	for {
		line, err := r.until('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		switch kind, id, _ := strings.Cut(line, " "); kind {
		case "commit":
			*tips = append(*tips, id)
		case "blob":
			p.number(id)
		}
	}
}

func (p *past) order(r *reader) error {
	for {
		line, err := r.until('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		p.commits = append(p.commits, line)
	}
}

// number is the number of a blob, new or known; none for the name that stands for no object.
func (p *past) number(id string) int32 {
	if strings.Trim(id, "0") == "" {
		return -1
	}
	return intern(id, p.blob, &p.blobs)
}

func intern(s string, numbers map[string]int32, all *[]string) int32 {
	n, ok := numbers[s]
	if !ok {
		n = int32(len(*all))
		numbers[s], *all = n, append(*all, s)
	}
	return n
}

// walk reads the changes: the name of a commit, then for each path ":modes names status" and the path. A merge has a
// colon, a mode and a name for each parent, and shows only what differs from all of them.
func (p *past) walk(r *reader, submodule func(path string)) error {
	for {
		head, err := r.until(0)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if !strings.HasPrefix(head, ":") {
			at := p.last + 1
			for at < int32(len(p.commits)) && p.commits[at] != head {
				at++ // git may leave out a commit without changes
			}
			if int(at) == len(p.commits) {
				return errors.New("git names a commit that was not asked for")
			}
			p.last = at
			continue
		}
		name, err := r.until(0)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		bare := strings.TrimLeft(head, ":")
		parents, words := len(head)-len(bare), strings.Fields(bare)
		if len(words) != 2*parents+3 || p.last < 0 {
			return errors.New("git writes changes in another form")
		}
		if words[parents] == "160000" {
			submodule(name)
			continue
		}
		c := change{commit: p.last, path: intern(name, p.path, &p.paths), was: -1, is: -1}
		if words[0] != "160000" && words[0] != "120000" {
			c.was = p.number(words[parents+1])
		}
		if words[parents] != "120000" {
			c.is = p.number(words[2*parents+1])
		}
		p.changes = append(p.changes, c)
	}
}

func (s *scan) submodule(name string) {
	why := "a submodule belongs here; scan its repository by itself"
	for _, u := range s.report.Unknowns {
		if u == (Unknown{name, why}) {
			return
		}
	}
	s.unknown(name, why)
}

// contents searches the blobs in the order in which they were asked for.
func (s *scan) contents(r *reader, p *past, hits map[int32][]hit) error {
	large, buf := 0, make([]byte, maxBytes)
	for i := range p.blobs {
		head, err := r.until('\n')
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		if strings.HasSuffix(head, " missing") {
			p.absent++
			continue
		}
		size, err := strconv.ParseInt(head[strings.LastIndexByte(head, ' ')+1:], 10, 64)
		if err != nil {
			return err
		}
		body := buf[:min(size, maxBytes)]
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, size-int64(len(body))+1); err != nil {
			return err
		}
		if text, ok := readable(body); ok && size > maxBytes {
			large++
		} else if ok {
			if found := look(text); len(found) > 0 {
				hits[int32(i)] = found
			}
		}
		s.progress(i+1, len(p.blobs))
	}
	if large > 0 {
		s.unknown("", fmt.Sprintf("%d texts of the history are larger than 4 MiB; look at them by hand", large))
	}
	return nil
}

// attribute gives each hit its commits. On branches that lie side by side the order is that of git's topology.
func (s *scan) attribute(p *past, hits map[int32][]hit) {
	known := map[place]bool{} // without a path
	seen := map[int32]bool{}
	for _, c := range p.changes {
		seen[c.is] = true
		name, kept := p.paths[c.path], map[place]bool{}
		for _, h := range hits[c.is] {
			known[place{rule: h.rule, value: h.value}], kept[place{rule: h.rule, value: h.value}] = true, true
			f := s.note(h, name)
			if f == nil {
				continue
			}
			f.RemovedIn = ""
			if f.Commit == "" {
				f.Commit, f.Line = p.commits[c.commit], h.line
			}
		}
		for _, h := range hits[c.was] {
			if kept[place{rule: h.rule, value: h.value}] {
				continue
			}
			if f := s.found[place{h.rule, name, h.value}]; f != nil {
				f.RemovedIn = p.commits[c.commit]
			}
		}
	}
	for i, found := range hits {
		for _, h := range found {
			if !seen[i] && !known[place{rule: h.rule, value: h.value}] {
				s.note(h, "")
			}
		}
	}
}
