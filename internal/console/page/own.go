package page

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Own is what a team puts in place of the shipped pages: templates by file name, texts by language.
type Own struct {
	templates map[string]string
	texts     [languages]map[string]string
}

// maxOwn bounds a file of a team's own.
const maxOwn = 64 << 10

// LoadOwn reads a team's folder, which may be missing: NAME.html in place of the shipped template of that name, and en.txt and de.txt
// with texts in place of the shipped ones. pages and german are as in Config; logo names a file of the folder that is neither. Whatever
// does not fit what is shipped is an error with file and line, so that no page fails before somebody who wants to sign in.
func LoadOwn(folder string, pages fs.FS, german, logo string) (*Own, error) {
	root, err := os.OpenRoot(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return &Own{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pages: %w; make it a folder that the service can read", err)
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("pages: %w; make it a folder that the service can read", err)
	}
	o, said, texts := &Own{templates: map[string]string{}}, map[string]error{}, [languages]string{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || name == logo { // an editor's
			continue
		}
		l, isTexts := languageOf(strings.TrimSuffix(name, ".txt"))
		isTexts = isTexts && strings.HasSuffix(name, ".txt")
		shipped, known := shippedSource(name, pages)
		if !known && !isTexts {
			return nil, fmt.Errorf("pages/%s: no page of that name is shipped; a file is called like page-sign-in.html, shell.html, en.txt or de.txt", name)
		}
		own, err := readOwn(root.FS(), name)
		if err != nil {
			return nil, err
		}
		if isTexts {
			texts[l] = own.text
			continue
		}
		if err := own.judge(shipped, said); err != nil {
			return nil, err
		}
		o.templates[name] = own.text
	}
	if err := o.readTexts(texts, said, german); err != nil {
		return nil, err
	}
	return o, o.escape(pages)
}

// shippedSource is the shipped template that a file would replace. The parts that pages share carry what forms and the script need in
// every line, and stay.
func shippedSource(name string, pages fs.FS) (source, bool) {
	if name != "shell.html" && !strings.HasPrefix(name, "page-") {
		return source{}, false
	}
	for _, from := range []fs.FS{templates, pages} {
		if text, err := fs.ReadFile(from, "template/"+name); err == nil {
			return source{name, string(text)}, true
		}
	}
	return source{}, false
}

func readOwn(folder fs.FS, name string) (source, error) {
	info, err := fs.Stat(folder, name)
	if err != nil {
		return source{}, fmt.Errorf("pages/%s: %w; put the file itself into the folder", name, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxOwn {
		return source{}, fmt.Errorf("pages/%s: not a regular file of at most 64 KiB; make it one", name)
	}
	text, err := fs.ReadFile(folder, name)
	if err != nil {
		return source{}, fmt.Errorf("pages/%s: %w", name, err)
	}
	return source{name, strings.ReplaceAll(string(text), "\r\n", "\n")}, nil
}

var (
	blank   = regexp.MustCompile(`%[sd]`)
	percent = regexp.MustCompile(`%.?`)
)

// readTexts takes a team's texts in: only for what the shipped catalogue or one of its own templates says (said, with the error that is
// due where there is no German for it), and with the same blanks.
func (o *Own) readTexts(texts [languages]string, said map[string]error, german string) error {
	known := map[string]string{}
	for _, text := range []string{houseGerman, german} {
		if err := readCatalog("shipped", text, once(known)); err != nil {
			return err
		}
	}
	for l := range languages {
		o.texts[l] = map[string]string{}
		keep := once(o.texts[l])
		err := readCatalog("pages/"+l.String()+".txt", texts[l], func(english, other string) error {
			if known[english] == "" && said[english] == nil {
				return fmt.Errorf("no page says %q; take the English text as it is shipped", english)
			}
			want, have := blank.FindAllString(english, -1), percent.FindAllString(other, -1)
			if len(want) == 0 { // such a text is never filled in, so that a lone % is one
				have = blank.FindAllString(other, -1)
			}
			if !slices.Equal(want, have) {
				return fmt.Errorf("%q takes %q and %q takes %q; write the same ones in the same order", english, want, other, have)
			}
			return keep(english, other)
		})
		if err != nil {
			return err
		}
	}
	for _, text := range slices.Sorted(maps.Keys(said)) {
		if known[text] == "" && o.texts[German][text] == "" {
			return said[text]
		}
	}
	return nil
}

// escape lets html/template look at every page with a team's templates in it: it refuses those in which it cannot tell what a value
// would be read as. What else happens without the data of a page means nothing.
func (o *Own) escape(pages fs.FS) error {
	k := &Kit{cfg: Config{Name: "s", Templates: pages, Own: o}}
	sets, err := k.parse(English)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		for _, part := range []string{"content", "shell.html"} {
			var e *template.Error
			if err := sets[name].ExecuteTemplate(io.Discard, part, &sheet{kit: k, labels: map[string]string{}}); errors.As(err, &e) {
				at := "page-" + name + ".html"
				if o.templates[at] == "" {
					at = "shell.html"
				}
				return source{name: at}.wrap(err)
			}
		}
	}
	return nil
}
