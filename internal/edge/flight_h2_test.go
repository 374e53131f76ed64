package edge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestTooLargeIsTold: a body over its cap is answered 413 with the words that say why, declared or not, over HTTP/1.1 and HTTP/2.
func TestTooLargeIsTold(t *testing.T) {
	g := open(t, nil)
	one := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure(), Protocols: http1()}}
	for version, client := range map[string]*http.Client{"HTTP/1.1": one, "HTTP/2": g.client} {
		for _, size := range []int{1<<20 + 1, 3 << 20, 40 << 20} {
			for _, declared := range []bool{true, false} {
				var body io.Reader = strings.NewReader(`{"name":"` + strings.Repeat("x", size) + `"}`)
				if !declared {
					body = io.MultiReader(body)
				}
				resp, err := client.Post("https://localhost:"+g.port()+"/post", "application/json", body)
				if err != nil {
					t.Errorf("%s, %d bytes, declared %v: %v", version, size, declared, err)
					continue
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 413 || err != nil || !strings.Contains(string(text), `"code":"too_large"`) {
					t.Errorf("%s, %d bytes, declared %v: %d %q %v", version, size, declared, resp.StatusCode, text, err)
				}
			}
		}
	}
}
