package mail

import (
	"embed"
	"errors"
	"fmt"
	"html"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// Languages are those that letters are shipped in. The first is what an unknown one becomes.
var Languages = []string{"en", "de"}

//go:embed letter
var shipped embed.FS

// values are what letters may say, by name. All are single lines that have been made harmless.
type values struct {
	Service      string // the service's name
	Link         string // what the letter is about
	Valid        string // how long the link lasts, in words: "30 minutes"
	Lock         string // where the owner locks the account
	Recover      string // where anybody asks for a new password
	At           string // when it happened, in words
	Device       string // "Firefox on Linux"
	Factor       string // "a passkey"
	Organisation string
	By           string // who invites
}

// says is which values each letter may use, and has to if the name ends in "!".
var says = map[signup.Letter][]string{
	signup.LetterConfirm:       {"Service", "Link!", "Valid", "At"},
	signup.LetterExists:        {"Service", "Recover", "At"},
	signup.LetterInvite:        {"Service", "Link!", "Valid", "At"},
	signup.LetterRecover:       {"Service", "Link!", "Valid", "At"},
	signup.LetterPassword:      {"Service", "Lock!", "At"},
	signup.LetterEmailConfirm:  {"Service", "Link!", "Valid", "At"},
	signup.LetterEmailNotice:   {"Service", "Lock!", "At"},
	signup.LetterEmailMoved:    {"Service", "Lock!", "At"},
	signup.LetterSignIn:        {"Service", "Lock!", "At", "Device"},
	signup.LetterGuessed:       {"Service", "Recover!", "At"},
	signup.LetterFactorAdded:   {"Service", "Lock!", "At", "Factor"},
	signup.LetterFactorRemoved: {"Service", "Lock!", "At", "Factor"},
	signup.LetterLocked:        {"Service", "Recover!", "At"},
	signup.LetterOrgInvite:     {"Service", "Link!", "Valid", "At", "Organisation!", "By!"},
}

// frame is what the layout may say.
type frame struct {
	Service, Subject, Language string
	Body                       htmltemplate.HTML
}

var frameSays = []string{"Service", "Subject", "Language", "Body!"}

// layoutFile is the name of the HTML frame around letters that have no HTML of their own.
const layoutFile = "layout.html"

// Letters are the templates: the shipped ones, each replaced by a team's own where there is one.
type Letters struct {
	text   map[string]*template.Template     // by "confirm.de"
	html   map[string]*htmltemplate.Template // only where a team wrote one
	layout *htmltemplate.Template
}

// maxTemplate bounds a file of a team's own.
const maxTemplate = 64 << 10

// LoadLetters reads the shipped letters, then those in the folder, which may be missing: LETTER.LANGUAGE.txt (first line
// "Subject: …", an empty line, the text), LETTER.LANGUAGE.html (its HTML form, otherwise made from the text), layout.html.
// Any other name, an unknown value, a value left out that the letter is about, or a link out of the folder is an error with
// file and line.
func LoadLetters(folder string) (*Letters, error) {
	l := &Letters{text: map[string]*template.Template{}, html: map[string]*htmltemplate.Template{}}
	inside, err := fs.Sub(shipped, "letter")
	if err != nil {
		return nil, err
	}
	if err := l.load(inside); err != nil {
		return nil, err
	}
	if folder == "" {
		return l, nil
	}
	root, err := os.OpenRoot(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mail: letters: %w; make it a folder that the service can read", err)
	}
	defer root.Close()
	return l, l.load(root.FS())
}

// load reads every file of a folder.
func (l *Letters) load(folder fs.FS) error {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return fmt.Errorf("mail: letters: %w; make it a folder that the service can read", err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".eml") { // an editor's, and development's letters
			continue
		}
		if err := l.file(folder, name); err != nil {
			return err
		}
	}
	return nil
}

func (l *Letters) file(folder fs.FS, name string) error {
	key, kind, may := "", "", frameSays
	if name != layoutFile {
		part := strings.Split(name, ".")
		if len(part) != 3 || says[signup.Letter(part[0])] == nil || !slices.Contains(Languages, part[1]) || part[2] != "txt" && part[2] != "html" {
			return fmt.Errorf("mail/%s: not a letter; a file is called LETTER.LANGUAGE.txt or LETTER.LANGUAGE.html, like confirm.de.txt, or %s", name, layoutFile)
		}
		key, kind, may = part[0]+"."+part[1], part[2], says[signup.Letter(part[0])]
	}
	info, err := fs.Stat(folder, name)
	if err != nil {
		return fmt.Errorf("mail/%s: %w; put the file itself into the folder", name, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxTemplate {
		return fmt.Errorf("mail/%s: not a regular file of at most 64 KiB; a letter is a short text", name)
	}
	src, err := fs.ReadFile(folder, name)
	if err != nil {
		return fmt.Errorf("mail/%s: %w", name, err)
	}
	s := source{name, strings.ReplaceAll(string(src), "\r\n", "\n")}
	switch kind {
	case "txt":
		l.text[key], err = s.letter(may)
	case "html":
		l.html[key], err = s.page(may, sample)
	default:
		l.layout, err = s.page(may, frame{Service: "s", Subject: "s", Language: "en", Body: "<p>b</p>"})
	}
	return err
}

// sample stands for every value, so that each template runs once before any letter is sent.
var sample = values{"Clinic", "https://clinic.example/a?token=t", "30 minutes", "https://clinic.example/l?token=t",
	"https://clinic.example/account/recover", "1 May 2026 at 12:00 UTC", "Firefox on Linux", "a passkey", "Org", "Ann"}

// rendered is a letter as it is sent.
type rendered struct{ subject, text, html string }

// render writes a letter in a language.
func (l *Letters) render(letter signup.Letter, language string, v values) (rendered, error) {
	key := string(letter) + "." + language
	t := l.text[key]
	if t == nil {
		return rendered{}, fmt.Errorf("mail: no letter %s", types.Printable(key))
	}
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return rendered{}, err
	}
	subject, text, err := split(b.String())
	if err != nil {
		return rendered{}, err
	}
	out := rendered{subject: subject, text: text}
	b.Reset()
	if own := l.html[key]; own != nil {
		err = own.Execute(&b, v)
	} else {
		err = l.layout.Execute(&b, frame{v.Service, subject, language, asHTML(text, language, v)})
	}
	out.html = b.String()
	return out, err
}

var errForm = errors.New(`a letter begins with a line "Subject: …" and an empty line; write them`)

// split parts the subject from the text.
func split(s string) (subject, text string, err error) {
	head, text, ok := strings.Cut(s, "\n\n")
	subject, is := strings.CutPrefix(head, "Subject: ")
	subject, text = strings.TrimSpace(subject), strings.TrimSpace(text)
	if !ok || !is || subject == "" || text == "" || strings.Contains(subject, "\n") {
		return "", "", errForm
	}
	return subject, text + "\n", nil
}

const (
	paragraph = `<p style="margin:0 0 1rem">`
	button    = `<p style="margin:1.25rem 0"><a href="%s" style="display:inline-block;background:#1f5fbf;color:#ffffff;padding:.7rem 1.2rem;border-radius:8px;` +
		`text-decoration:none;font-weight:600">%s</a></p>` + "\n" + `<p style="margin:0 0 1rem;font-size:.8rem;color:#5a6675;word-break:break-all">%s</p>`
	plainLink = `<p style="margin:0 0 1rem;word-break:break-all"><a href="%s" style="color:#1f5fbf">%s</a></p>`
)

// asHTML makes paragraphs of a text. A paragraph that is nothing but one of our own links becomes one that can be pressed;
// everything else is escaped and never becomes a link.
func asHTML(text, language string, v values) htmltemplate.HTML {
	open := "Open the link"
	if language == "de" {
		open = "Link öffnen"
	}
	var b strings.Builder
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		p = strings.TrimSpace(p)
		safe := html.EscapeString(p)
		switch {
		case p == "":
		case p == v.Link:
			fmt.Fprintf(&b, button, safe, open, safe)
		case p == v.Lock || p == v.Recover:
			fmt.Fprintf(&b, plainLink, safe, safe)
		default:
			b.WriteString(paragraph + strings.ReplaceAll(safe, "\n", "<br>") + "</p>")
		}
		b.WriteString("\n")
	}
	return htmltemplate.HTML(b.String()) // #nosec G203 -- every part was escaped above
}
