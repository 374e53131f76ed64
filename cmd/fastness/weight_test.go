package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// perByte is how much memory a byte of a body may cost, from the first that is read until it is answered.
const perByte = 20

// form is a service whose every write and search is open to anybody, with bodies as long as those of signed-in callers.
const form = `version: 1
service: {name: form, host: form.example, level: 1}
data: ./data
store: sqlite
sign_up: {mode: closed}
limits: {body: 1MiB, anonymous_body: 1MiB, per_address: 9999999/s}
collections:
  forms:
    fields:
      name: {type: text, max: 1000000}
      tags: {type: list, of: {type: text, max: 10}, max: 100000, optional: true}
      body: {type: json, max: 1000000, optional: true}
      page: {type: html, profile: basic, max: 200000, optional: true}
      side: {type: html, profile: rich, max: 200000, optional: true}
      foot: {type: html, profile: rich, max: 200000, optional: true}
      more: {type: html, profile: basic, max: 200000, optional: true}
      last: {type: html, profile: basic, max: 200000, optional: true}
    allow:
      - {to: [read, create], when: "true", public: "a form is for everybody"}
`

// repeat is a body of at most a megabyte: before, as many pieces as fit, each with a number, and after.
func repeat(before, piece, after string) string {
	var b strings.Builder
	b.WriteString(before)
	for i := 0; b.Len() < 1<<20-100; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.Contains(piece, "%d") {
			fmt.Fprintf(&b, piece, i)
		} else {
			b.WriteString(piece)
		}
	}
	return b.String() + after
}

// heavy are the bodies that cost most by their length.
var heavy = map[string]string{
	"unknown keys":        repeat("{", `"k%d":1`, "}"),
	"a list of errors":    repeat(`{"name":"x","tags":[`, `1`, "]}"),
	"a list that is long": repeat(`{"name":"x","tags":[`, `""`, "]}"),
	"deep nesting":        repeat(`{"name":"x","body":[`, strings.Repeat("[", 28)+strings.Repeat("]", 28), "]}"),
	"many objects":        repeat(`{"name":"x","body":[`, `{}`, "]}"),
	"markup":              `{"name":"x","page":"` + strings.Repeat("<p><b><i>", 22000) + `"}`,
	"much markup":         fmt.Sprintf(`{"name":"x","page":%[1]q,"more":%[1]q,"last":%[1]q,"side":%[1]q,"foot":%[1]q}`, strings.Repeat("<p><b><i>", 22000)),
	"rich tables":         fmt.Sprintf(`{"name":"x","side":%[1]q,"foot":%[1]q}`, strings.Repeat("<table><td>", 18000)),
	"attributes":          fmt.Sprintf(`{"name":"x","side":%[1]q,"foot":%[1]q}`, "<p "+strings.Repeat("a ", 99000)+">"),
	"operations":          repeat(`{"do":[`, `{}`, "]}"),
	"fields of a search":  repeat(`{"fields":[`, `""`, "]}"),
	"a long filter":       `{"filter":"` + strings.Repeat("!", 1<<20-100) + `"}`,
	"no end":              strings.Repeat("[", 1<<20),
}

// TestWeightOfBodies: whatever bodies of a megabyte hold, and whichever route that is open to anybody they are sent to, at most twenty
// bytes of memory are needed for each byte that is held.
func TestWeightOfBodies(t *testing.T) {
	p := newServer(t, form, "GOGC=25") // what is held counts, and a quarter of it as garbage; what else may lie about is bounded by itself
	p.serve()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 24}}
	memory := func(word string) int64 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			hosttest.Missing(t, fmt.Sprintf("the memory of a process is read from /proc: %v", err))
		}
		_, after, _ := strings.Cut(string(text), word+":")
		n, _ := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
		return n << 10
	}
	send := func(path, body string) (statuses map[int]int) {
		statuses = map[int]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				resp, err := client.Post(p.base+path, "application/json", strings.NewReader(body))
				if err != nil {
					return // refused in the middle of the body
				}
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				mu.Lock()
				defer mu.Unlock()
				if statuses[resp.StatusCode]++; resp.StatusCode != 201 && len(text) > 64<<10 {
					t.Errorf("%s answers %d bytes: %s", path, len(text), text[:200])
				}
			})
		}
		all.Wait()
		return statuses
	}
	for range 150 { // what a server that works holds for good is no body's weight
		send("/api/v1/forms", "{}")
	}
	before := memory("VmRSS")
	worst := int64(0)
	for _, path := range []string{"/api/v1/forms", "/api/v1/forms/search", "/api/v1/batch", "/api/v1/can", "/auth/sign-in"} {
		for name, body := range heavy {
			if path != "/api/v1/forms" && slices.Contains([]string{"markup", "much markup", "rich tables", "attributes", "deep nesting", "many objects", "a list of errors", "a list that is long"}, name) {
				continue // values of its fields
			}
			got := send(path, body)
			if got[500] > 0 {
				t.Errorf("%s to %s: %v", name, path, got)
			}
			if now := memory("VmHWM"); now > worst {
				worst = now
				t.Logf("%-20s %-22s %4d MiB %v", name, path, (now-before)>>20, got)
			}
		}
	}
	if held := int64(8 << 20); worst-before > perByte*held {
		t.Errorf("%d MiB of bodies need %d MiB of memory: %d for a byte, where %d are allowed", held>>20, (worst-before)>>20, (worst-before)/held, perByte)
	}
	if bytes.Contains(p.log.Bytes(), []byte("level=ERROR")) {
		t.Error("there were faults")
	}
}
