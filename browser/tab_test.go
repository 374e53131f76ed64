package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// tab is one person's window in a browser context of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
	app *service // whose pages it looks at

	mu    sync.Mutex
	wrong []string // violations of policy and uncaught exceptions
	quiet bool     // they are the point of the test
}

// open opens a window on the one server. What its pages violate is reported at the end.
func open(t *testing.T) *tab { t.Helper(); return openAt(t, app) }

func openAt(t *testing.T, app *service) *tab {
	t.Helper()
	jar, window := apart(t)
	ctx, cancel := chromedp.NewContext(chrome, chromedp.WithTargetID(window))
	w := &tab{t: t, ctx: ctx, app: app}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *audits.EventIssueAdded:
			if c := e.Issue.Details.ContentSecurityPolicyIssueDetails; c != nil {
				w.note(fmt.Sprintf("policy violated: %s %s", c.ViolatedDirective, c.BlockedURL))
			}
		case *runtime.EventExceptionThrown:
			w.note("exception: " + e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if e.Entry.Source == log.SourceSecurity {
				w.note("security: " + e.Entry.Text)
			}
		}
	})
	w.do(audits.Enable(), log.Enable(), network.Enable(), w.size(1280, 900))
	t.Cleanup(func() {
		cancel()
		target.DisposeBrowserContext(jar).Do(browser())
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.quiet && len(w.wrong) > 0 {
			t.Errorf("pages were reported: %s", strings.Join(w.wrong, "; "))
		}
	})
	return w
}

// browser is the context for what is asked of the browser as a whole.
func browser() context.Context {
	return cdp.WithExecutor(chrome, chromedp.FromContext(chrome).Browser)
}

// apart opens a window with cookies and storage of its own.
func apart(t *testing.T) (cdp.BrowserContextID, target.ID) {
	t.Helper()
	jar, err := target.CreateBrowserContext().Do(browser())
	if err != nil {
		t.Fatal(err)
	}
	window, err := target.CreateTarget("about:blank").WithBrowserContextID(jar).WithNewWindow(true).Do(browser())
	if err != nil {
		t.Fatal(err)
	}
	return jar, window
}

func (w *tab) note(s string) {
	w.mu.Lock()
	w.wrong = append(w.wrong, s)
	w.mu.Unlock()
}

func (w *tab) size(width, height int64) chromedp.Action {
	return emulation.SetDeviceMetricsOverride(width, height, 1, width < 600)
}

// scheme switches between "light" and "dark", and moves nothing, so that no picture shows colours on their way; language sets what the browser prefers to read.
func scheme(name string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}})
}

func language(tag string) chromedp.Action {
	return network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": tag})
}

// do runs actions; what does not come about within half a minute fails the test.
func (w *tab) do(actions ...chromedp.Action) {
	w.t.Helper()
	if err := w.try(actions...); err != nil {
		w.t.Fatalf("at %s: %v", w.where(), err)
	}
}

func (w *tab) try(actions ...chromedp.Action) error {
	if chromedp.FromContext(w.ctx).Target == nil {
		if err := chromedp.Run(w.ctx); err != nil { // the window lives as long as the context of its first run
			return err
		}
	}
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// where is the present path, and what the page says, for messages.
func (w *tab) where() string {
	var at, text string
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	chromedp.Run(ctx, chromedp.Location(&at), chromedp.Text("main", &text, chromedp.ByQuery, chromedp.AtLeast(0)))
	return at + "\n" + text
}

// visit goes to a path of the service, or to a whole address.
func (w *tab) visit(path string) {
	w.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = w.app.base + path
	}
	w.do(chromedp.Navigate(path))
}

// fill types into the input of a name, in place of what it held.
func (w *tab) fill(name, text string) {
	w.t.Helper()
	all := input.DispatchKeyEvent(input.KeyRawDown).WithCommands([]string{"selectAll"})
	w.do(chromedp.Focus("#"+name, chromedp.ByQuery), all, input.InsertText(text))
}

// press clicks a button or link by its visible text and waits for the page that follows.
func (w *tab) press(text string) {
	w.t.Helper()
	w.follow(w.named(text))
}

// named finds a button or link in the content by its visible text.
func (w *tab) named(text string) string {
	return fmt.Sprintf(`//main//*[self::button or self::a][normalize-space(.)=%q]`, text)
}

// follow clicks and waits until another document has come.
func (w *tab) follow(xpath string) {
	w.t.Helper()
	if _, err := w.response(chromedp.Click(xpath, chromedp.BySearch, chromedp.NodeVisible)); err != nil {
		w.t.Fatalf("%s at %s: %v", xpath, w.where(), err)
	}
}

func (w *tab) response(a chromedp.Action) (*network.Response, error) {
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	return chromedp.RunResponse(ctx, a)
}

// at demands the present path.
func (w *tab) at(path string) {
	w.t.Helper()
	var at string
	w.do(chromedp.Location(&at))
	if at != w.app.base+path {
		w.t.Fatalf("at %s, want %s", w.where(), path)
	}
}

// refusedFrame reports whether the page's one frame holds Chromium's own page of refusal instead of a path of ours.
func (w *tab) refusedFrame(path string) bool {
	w.t.Helper()
	refused := false
	w.do(chromedp.ActionFunc(func(ctx context.Context) error {
		tree, err := page.GetFrameTree().Do(ctx)
		if err != nil {
			return err
		}
		refused = true
		for _, f := range tree.ChildFrames {
			if strings.HasPrefix(f.Frame.URL, w.app.base) && f.Frame.UnreachableURL == "" {
				refused = false
			}
		}
		return nil
	}))
	return refused
}

// url is the present address.
func (w *tab) url() string {
	w.t.Helper()
	var at string
	w.do(chromedp.Location(&at))
	return at
}

func click(selector string) chromedp.Action { return chromedp.Click(selector, chromedp.ByQuery) }

// attribute reads an attribute, also where script is switched off.
func (w *tab) attribute(selector, name string) string {
	w.t.Helper()
	var out string
	w.do(chromedp.AttributeValue(selector, name, &out, nil, chromedp.ByQuery))
	return out
}

// says demands a text in the content of the page.
func (w *tab) says(text string) {
	w.t.Helper()
	if !strings.Contains(w.text("main"), text) {
		w.t.Fatalf("the page does not say %q: %s", text, w.where())
	}
}

func (w *tab) text(selector string) string {
	w.t.Helper()
	var out string
	w.do(chromedp.Text(selector, &out, chromedp.ByQuery))
	return out
}

// texts are those of all elements of a selector.
func (w *tab) texts(selector string) []string {
	w.t.Helper()
	var out []string
	w.eval(fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.textContent.trim().replace(/\s+/g, " "))`, selector), &out)
	return out
}

// eval runs script of ours in the page and waits for what it promises.
func (w *tab) eval(script string, into any) {
	w.t.Helper()
	w.do(chromedp.Evaluate(script, into, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// without switches script off in this window.
func (w *tab) without() { w.do(emulation.SetScriptExecutionDisabled(true)) }

// authenticator plugs in a device that verifies its user and keeps discoverable credentials.
func (w *tab) authenticator() {
	w.t.Helper()
	w.do(webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}).Do(ctx)
		return err
	}))
}
