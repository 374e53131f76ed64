package page

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/colour"
	"github.com/fastness-dev/fastness/internal/types"
)

func itoa(n int) string { return strconv.Itoa(n) }

// DefaultAccent is the house's own accent.
const DefaultAccent = "#0b5a6f"

// asset is a file that never changes under its name, which carries its digest.
type asset struct {
	kind   string
	body   []byte
	policy string // for a file that could be a document of its own
}

func (k *Kit) prepareAssets() error {
	style, err := assets.ReadFile("asset/style.css")
	if err != nil {
		return err
	}
	script, err := assets.ReadFile("asset/passkey.js")
	if err != nil {
		return err
	}
	colours, err := theme(k.cfg.Accent)
	if err != nil {
		return err
	}
	k.style = k.keep("style", ".css", asset{kind: "text/css; charset=utf-8", body: append([]byte(colours), style...)})
	k.script = k.keep("passkey", ".js", asset{kind: "text/javascript; charset=utf-8", body: script})
	if len(k.cfg.Logo) > 0 {
		k.logo = k.keep("logo", "", asset{kind: k.cfg.LogoType, body: k.cfg.Logo, policy: "default-src 'none'; style-src 'unsafe-inline'; sandbox"})
	}
	return nil
}

// keep names an asset by its digest, so that browsers may keep it for ever.
func (k *Kit) keep(name, ending string, a asset) string {
	sum := sha256.Sum256(a.body)
	name += "-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10])) + ending
	k.assets[name] = a
	return "/account/assets/" + name
}

// theme writes the colours of both schemes. The dark accent is the declared one, lightened until it can be read on the dark ground.
func theme(accent string) (string, error) {
	if accent == "" {
		accent = DefaultAccent
	}
	c, err := colour.Parse(accent)
	if err != nil {
		return "", err
	}
	if colour.Contrast(c, colour.Ground) < colour.LeastContrast {
		return "", fmt.Errorf("page: the accent %s cannot be read on the pages' ground", accent)
	}
	ground, white := colour.Colour{R: 0x1a, G: 0x21, B: 0x29}, colour.Colour{R: 255, G: 255, B: 255}
	dark := c
	for i := 0; i <= 40 && colour.Contrast(dark, ground) < 6; i++ {
		dark = c.Lighter(float64(i) / 40)
	}
	return fmt.Sprintf(":root{--accent:%s;--accent-soft:%s;--on-accent:#fff}\n@media (prefers-color-scheme:dark){:root{--accent:%s;--accent-soft:%s;--on-accent:#10161b}}\n",
		c, c.Mix(white, 0.9), dark, dark.Mix(ground, 0.84)), nil
}

// Routes are the assets and the switch of language.
func (k *Kit) Routes() []plan.Route {
	open := plan.Access{Public: "pages of people who are not signed in need it", Ignore: true}
	return []plan.Route{
		{Name: "page_asset", Method: "GET", Path: "/account/assets/{name}", Access: open, Page: true, Handle: k.asset, Problem: k.Problem},
		{Name: "page_language", Method: "POST", Path: "/account/language", Access: open, Page: true,
			MaxBody: 4 << 10, Handle: k.choose, Problem: k.Problem},
	}
}

func (k *Kit) asset(_ context.Context, r *plan.Request) (*plan.Answer, error) {
	a, ok := k.assets[r.Path("name")]
	if !ok {
		return nil, types.Refuse(types.NotFound, "not_found", "there is nothing here")
	}
	h := http.Header{"Cache-Control": {"public, max-age=31536000, immutable"}}
	if a.policy != "" {
		h["Content-Security-Policy"] = []string{a.policy}
	}
	return &plan.Answer{Status: http.StatusOK, ContentType: a.kind, Body: a.body, Header: h}, nil
}

func (k *Kit) choose(_ context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := Form(r)
	if err != nil {
		return nil, err
	}
	a := Redirect(Onward(form.Get("return"), "/account/"), "")
	if l, ok := languageOf(form.Get("language")); ok {
		a.Cookies = []plan.Cookie{{Name: languageCookie, Value: types.NewSecret(l.String()), MaxAge: 365 * 24 * time.Hour}}
	}
	return a, nil
}

// LogoType tells the media type of a logo by its bytes: SVG, PNG, JPEG or WebP; anything else is an error.
func LogoType(b []byte) (string, error) {
	if kind := http.DetectContentType(b); kind == "image/png" || kind == "image/jpeg" || kind == "image/webp" {
		return kind, nil
	}
	if text := strings.TrimSpace(string(b[:min(len(b), 512)])); strings.HasPrefix(text, "<svg") || strings.HasPrefix(text, "<?xml") {
		return "image/svg+xml", nil
	}
	return "", errors.New("page: the logo is not an SVG, PNG, JPEG or WebP image; name one in pages.logo")
}
