package mail

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"os"
	"regexp"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

//go:embed page
var pageFiles embed.FS

// sandbox is the policy of a letter's own HTML: no script, no form, nothing loaded, no access to our origin. Styles are
// written into the elements, as mail programs demand.
const sandbox = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Routes are the pages on which development's letters can be read. Outside development there are none.
func (m *Mailer) Routes() []plan.Route {
	if m.cfg.Folder == "" {
		return nil
	}
	pages := template.Must(template.ParseFS(pageFiles, "page/*.html"))
	show := func(name string) plan.Route {
		return plan.Route{Name: name, Method: "GET", Page: true, Status: http.StatusOK,
			Access: plan.Access{Public: "development shows its letters to this machine", Ignore: true}}
	}
	list, one, html, style := show("dev_mail"), show("dev_mail_letter"), show("dev_mail_html"), show("dev_mail_style")
	list.Path, one.Path, html.Path, style.Path = "/dev/mail", "/dev/mail/{id}", "/dev/mail/{id}/html", "/dev/mail/style.css"
	list.Handle = m.open(func(root *os.Root, _ *plan.Request) (*plan.Answer, error) {
		ids, err := letters(root)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		var all []*filed
		for _, id := range ids {
			if l, err := readFiled(root, id); err == nil { // one that somebody else put there is not shown
				all = append(all, l)
			}
		}
		return page(pages, "list.html", all)
	})
	one.Handle = m.open(func(root *os.Root, r *plan.Request) (*plan.Answer, error) {
		l, err := asked(root, r)
		if err != nil {
			return nil, err
		}
		return page(pages, "letter.html", struct {
			*filed
			Words []word
		}{l, linked(l.Text, m.cfg.Base)})
	})
	html.Handle = m.open(func(root *os.Root, r *plan.Request) (*plan.Answer, error) {
		l, err := asked(root, r)
		if err != nil {
			return nil, err
		}
		return &plan.Answer{ContentType: "text/html; charset=utf-8", Body: []byte(l.HTML),
			Header: http.Header{"Content-Security-Policy": {sandbox}}}, nil
	})
	style.Handle = m.open(func(*os.Root, *plan.Request) (*plan.Answer, error) {
		css, err := pageFiles.ReadFile("page/style.css")
		return &plan.Answer{ContentType: "text/css; charset=utf-8", Body: css}, err
	})
	return []plan.Route{list, one, html, style}
}

var errNoLetter = types.Refuse(types.NotFound, "not_found", "there is no such letter")

// open hands the folder to a page. Other machines see nothing, even where development listens to them: a letter holds links
// that open accounts.
func (m *Mailer) open(fn func(*os.Root, *plan.Request) (*plan.Answer, error)) func(context.Context, *plan.Request) (*plan.Answer, error) {
	return func(_ context.Context, r *plan.Request) (*plan.Answer, error) {
		if !r.Address.Unmap().IsLoopback() {
			return nil, errNoLetter
		}
		if err := os.MkdirAll(m.cfg.Folder, 0o700); err != nil {
			return nil, err
		}
		root, err := os.OpenRoot(m.cfg.Folder)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return fn(root, r)
	}
}

func asked(root *os.Root, r *plan.Request) (*filed, error) {
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return nil, errNoLetter
	}
	l, err := readFiled(root, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoLetter
	}
	return l, err
}

func page(t *template.Template, name string, data any) (*plan.Answer, error) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return nil, err
	}
	return &plan.Answer{ContentType: "text/html; charset=utf-8", Body: b.Bytes()}, nil
}

// word is a piece of text; Link is set when it is one of our own links.
type word struct{ Text, Link string }

// linked cuts a text at the links that lead to us.
func linked(text, base string) []word {
	ours := regexp.MustCompile(regexp.QuoteMeta(base) + `/[^\s]*`)
	var out []word
	at := 0
	for _, span := range ours.FindAllStringIndex(text, -1) {
		link := text[span[0]:span[1]]
		out = append(out, word{Text: text[at:span[0]]}, word{link, link})
		at = span[1]
	}
	return append(out, word{Text: text[at:]})
}
