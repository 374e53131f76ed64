package browser

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// reading is the part of the page that renders markup, each text in a document of its own without any policy: written as the parser
// of a document reads it, and set as innerHTML, whose rules differ. It tells the numbers of those in which a script ran, or which hold
// a link that would run one.
const reading = `(async texts => {
	const acted = new Set(), frames = [];
	texts.forEach((text, i) => {
		for (const way of [0, 1]) {
			const frame = document.createElement("iframe");
			document.body.append(frame);
			const inside = frame.contentWindow, doc = frame.contentDocument;
			inside.alert = () => acted.add(i);
			if (way === 0) { doc.open(); inside.alert = () => acted.add(i); doc.write("<!doctype html><body>" + text); doc.close(); } else doc.body.innerHTML = text;
			frames.push([i, frame]);
		}
	});
	await new Promise(done => setTimeout(done, 250));
	for (const [i, frame] of frames) {
		for (const e of frame.contentDocument.querySelectorAll("a[href], area[href], form, [formaction]"))
			if (e.tagName === "FORM" || e.hasAttribute("formaction") || !["http:", "https:", "mailto:"].includes(e.protocol)) acted.add(i);
		for (const e of frame.contentDocument.querySelectorAll("body *"))
			for (const a of e.attributes) if (a.name.startsWith("on") || a.name === "style") acted.add(i);
		frame.remove();
	}
	return [...acted];
})`

// TestStoredMarkupDoesNotAct: rich text that was made to survive sanitisers is stored through the API, read back, and rendered; nothing of
// it acts. What does act, as it was written, the renderer sees.
func TestStoredMarkupDoesNotAct(t *testing.T) {
	var hostile struct{ Payloads, Wrappers []string }
	text, err := os.ReadFile("../internal/keep/value/testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &hostile); err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, w := range hostile.Wrappers {
		for _, p := range hostile.Payloads {
			written = append(written, strings.Replace(w, "%s", p, 1))
		}
	}
	if len(written) < 4000 {
		t.Fatalf("only %d texts", len(written))
	}
	w := open(t)
	w.quiet = true // what is written raw is meant to misbehave
	w.do(network.SetBlockedURLs([]string{"http://*", "https://*", "ws://*", "wss://*", "ftp://*"}), chromedp.Navigate("about:blank"))
	controls := []string{`<img src=x onerror=alert(1)>`, `<svg onload=alert(1)>`, `<p onclick=alert(1)>x</p>`, `<a href="javascript:alert(1)">x</a>`,
		`<p style="color:red">x</p>`, `<form action="/x"><button>x</button></form>`, `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`}
	if acting := w.acting(controls); len(acting) != len(controls) {
		t.Fatalf("of %d texts that act the renderer sees %v", len(controls), acting)
	}
	kept := map[string]string{} // and what it was
	store := newShelf(t)
	for from := 0; from < len(written); from += 50 {
		store.keep(t, written[from:min(from+50, len(written))], kept)
	}
	all := slices.Sorted(maps.Keys(kept))
	for from := 0; from < len(all); from += 200 {
		part := all[from:min(from+200, len(all))]
		for _, i := range w.acting(part) {
			t.Errorf("%q is kept as %q, which acts", kept[part[i]], part[i])
		}
	}
	t.Logf("%d texts under two profiles are kept as %d, none acts", len(written), len(all))
}

// acting are the indexes of the texts that act when they are rendered.
func (w *tab) acting(texts []string) []int {
	w.t.Helper()
	list, err := json.Marshal(texts)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []int
	w.eval(reading+"("+string(list)+")", &out)
	return out
}

// shelf stores rich text and gives back what was kept.
type shelf struct {
	client http.Client
	token  string
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	app.run(t, "users", "add", "shelf@clinic.example", "--role", "nurse")
	roots := x509.NewCertPool()
	found, _ := filepath.Glob(filepath.Join(app.authority(), "*", "tls", "ca*.pem"))
	for _, path := range found {
		pem, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(pem)
	}
	return &shelf{token: strings.TrimSpace(app.run(t, "users", "session", "shelf@clinic.example")),
		client: http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}}
}

// keep stores each text under both profiles, in one batch, and notes what is read back.
func (s *shelf) keep(t *testing.T, texts []string, kept map[string]string) {
	t.Helper()
	var do []map[string]any
	for _, text := range texts {
		do = append(do, map[string]any{"create": "papers", "new": map[string]string{"basic": text, "rich": text}})
	}
	body, err := json.Marshal(map[string]any{"do": do})
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.ReplaceAll(body, []byte(`\u0000`), []byte("?")) // text cannot hold NUL
	req, err := http.NewRequest(http.MethodPost, app.base+"/api/v1/batch", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", resp.StatusCode, answer, err)
	}
	var out struct {
		Done []struct{ Row struct{ Basic, Rich string } }
	}
	if err := json.Unmarshal(answer, &out); err != nil || len(out.Done) != len(texts) {
		t.Fatalf("%d of %d were stored: %v", len(out.Done), len(texts), err)
	}
	for i, d := range out.Done {
		kept[d.Row.Basic], kept[d.Row.Rich] = texts[i], texts[i]
	}
}
