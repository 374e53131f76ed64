// Package page is what every server-rendered page of the house shares: the shell around it, the style, two languages, forms, the way
// back after a detour, and how a refusal looks to a person.
//
// Policy: pages work without script; what needs script (WebAuthn) is one embedded file from our own origin, and nothing is inline, so
// that the strictest policy for content holds. A form is answered with a redirect, or with itself, its errors and what was typed;
// passwords are never written back. A path to go on to is one of this site or is ignored. Texts are written in English in the
// templates and looked up in a catalogue for every other language; a text without a translation fails the tests.
//
// The map: page.go (the kit, rendering), view.go (what a template is given), field.go (inputs), form.go (reading forms, the way back), bring.go (links),
// language.go, problem.go (refusals in words), theme.go (accent and assets), qr.go, own.go (a team's own templates and texts) and judge.go
// (what those may hold); template/ and asset/ hold what is embedded.
package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

//go:embed template/*.html
var templates embed.FS

//go:embed asset/style.css asset/passkey.js
var assets embed.FS

//go:embed de.txt
var houseGerman string

// Link is an entry of the navigation. Label is English and looked up in the catalogue.
type Link struct{ Path, Label, Icon string }

// Config says what the pages look like.
type Config struct {
	Name      string      // what the service is called; required
	Accent    string      // "#rrggbb", see decl.Contrast; "" means the house's own
	Logo      []byte      // shown in place of the name's first letter; nil: none
	LogoType  string      // its media type, with Logo
	Clock     types.Clock // required
	Links     []Link      // the navigation of signed-in people, in order
	Templates fs.FS       // *.html over the shell, one page each; required
	German    string      // the catalogue of Templates and of whoever uses them
	Own       *Own        // what a team replaced; nil: nothing
}

// Kit renders pages. It is safe for concurrent use.
type Kit struct {
	cfg     Config
	sets    [languages]map[string]*template.Template // by language, by page
	catalog [languages]map[string]string             // by English text; in English only what a team replaced
	assets  map[string]asset                         // by name in the URL
	style   string                                   // URL paths
	script  string
	logo    string
}

// New parses the templates for every language.
func New(cfg Config) (*Kit, error) {
	if cfg.Name == "" || cfg.Templates == nil || cfg.Clock == nil {
		return nil, errors.New("page: new: a required part is missing")
	}
	if cfg.Own == nil {
		cfg.Own = &Own{}
	}
	k := &Kit{cfg: cfg, catalog: [languages]map[string]string{{}, {}}, assets: map[string]asset{}}
	for _, text := range []string{houseGerman, cfg.German} {
		if err := readCatalog("page: catalogue", text, once(k.catalog[German])); err != nil {
			return nil, err
		}
	}
	for l := range languages {
		maps.Copy(k.catalog[l], cfg.Own.texts[l])
	}
	if err := k.prepareAssets(); err != nil {
		return nil, err
	}
	for l := range languages {
		set, err := k.parse(l)
		if err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
		k.sets[l] = set
	}
	return k, nil
}

// parse gives each page a set of its own: the shell, the shared parts, the page. A team's own template stands in place of the shipped
// one of its name.
func (k *Kit) parse(l Language) (map[string]*template.Template, error) {
	shell, err := template.New("shell.html").Funcs(k.functions(l)).ParseFS(templates, "template/*.html")
	if err == nil && k.cfg.Own.templates["shell.html"] != "" {
		shell, err = shell.Parse(k.cfg.Own.templates["shell.html"])
	}
	if err != nil {
		return nil, err
	}
	out := map[string]*template.Template{}
	for _, from := range []fs.FS{templates, k.cfg.Templates} {
		names, err := fs.Glob(from, "template/page-*.html")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			set, err := shell.Clone()
			if own := k.cfg.Own.templates[path.Base(name)]; err == nil && own != "" {
				_, err = set.New(path.Base(name)).Parse(own)
			} else if err == nil {
				set, err = set.ParseFS(from, name)
			}
			if err != nil {
				return nil, err
			}
			out[name[len("template/page-"):len(name)-len(".html")]] = set
		}
	}
	return out, nil
}

// Render answers with a page.
func (k *Kit) Render(r *plan.Request, status int, name string, v View) (*plan.Answer, error) {
	l := k.Language(r)
	set := k.sets[l][name]
	if set == nil {
		return nil, fmt.Errorf("page: no page %q", name)
	}
	notice := ""
	if v.Notice == "" && r.Cookie != nil {
		notice = r.Cookie(noticeCookie)
		v.Notice = notices[notice]
	}
	s := &sheet{View: v, kit: k, language: l, now: k.cfg.Clock.Now(), labels: map[string]string{}}
	if len(v.Errors) > 0 { // once for the labels alone
		if err := set.ExecuteTemplate(io.Discard, "content", s); err != nil {
			return nil, fmt.Errorf("page: %s: %w", name, err)
		}
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, "shell.html", s); err != nil {
		return nil, fmt.Errorf("page: %s: %w", name, err)
	}
	a := &plan.Answer{Status: status, ContentType: "text/html; charset=utf-8", Body: b.Bytes(),
		Header: http.Header{"Content-Language": {l.String()}, "Vary": {"Accept-Language, Cookie"}}}
	if notice != "" {
		a.Cookies = append(a.Cookies, plan.Cookie{Name: noticeCookie})
	}
	return a, nil
}

// noticeCookie carries the word for what was done over a redirect; the page that follows says it once.
const noticeCookie = "notice"

// Redirect answers a form: see what follows with GET. notice is one of the words of Notices, "" for none.
func Redirect(path, notice string) *plan.Answer {
	a := &plan.Answer{Status: http.StatusSeeOther, ContentType: "text/plain; charset=utf-8", Header: http.Header{"Location": {path}}}
	if notice != "" {
		a.Cookies = []plan.Cookie{{Name: noticeCookie, Value: types.NewSecret(notice), MaxAge: time.Minute, Strict: true}}
	}
	return a
}

// notices are the words that may stand in the cookie and what they say. Anything else says nothing.
var notices = map[string]string{ // #nosec G101 -- sentences for people
	"signed_out":           "You are signed out.",
	"session_over":         "Your session has ended. Sign in to go on.",
	"confirmed":            "Your address is confirmed. You can sign in now.",
	"enrolled":             "Your account is ready. You can sign in now.",
	"confirmed_in":         "Your address is confirmed, and you are signed in.",
	"enrolled_in":          "Your account is ready, and you are signed in.",
	"password_new":         "Your password was changed and every session ended. Sign in with the new one.",
	"password_changed":     "Your password was changed. Every other session ended.",
	"passkey_added":        "The passkey was added. Every other session ended.",
	"passkey_renamed":      "The passkey has a new name.",
	"passkey_removed":      "The passkey was removed. Every other session ended.",
	"app_added":            "The authenticator app was added. Every other session ended.",
	"app_removed":          "The authenticator app was removed. Every other session ended.",
	"session_ended":        "The session was ended.",
	"others_ended":         "Every other session was ended.",
	"provider_unlinked":    "The provider was unlinked. Every other session ended.",
	"joined":               "You are a member now.",
	"organisation_made":    "The organisation was made and is active here.",
	"organisation_active":  "The organisation is active here now.",
	"invited":              "If the address can be used, the invitation is on its way.",
	"invitation_cancelled": "The invitation was cancelled.",
	"member_removed":       "The member was removed.",
	"organisation_renamed": "The organisation has a new name.",
	"role_changed":         "The role was changed.",
	"left":                 "You left the organisation.",
	"token_revoked":        "The token was revoked.",
	"profile_saved":        "Your profile was saved.",
	"email_changed":        "Your new address is in force.",
	"locked":               "Your account is locked and every session ended. To open it again, ask for a recovery link.",
}
