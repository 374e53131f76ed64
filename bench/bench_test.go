package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// TestMain lets the tests start this binary as the yardstick, as the program itself does.
func TestMain(m *testing.M) {
	if serve := childOf(os.Args); serve != nil {
		exit(serve(os.Args[2]))
	}
	os.Exit(m.Run())
}

func TestYardstickRepeatsTheSample(t *testing.T) {
	h := http.Header{"Content-Type": {"application/json"}, "X-One": {"1"}}
	get := &scenario{name: "get", method: "GET", pattern: "GET /a/{id}", paths: []string{"/a/1", "/a/2"}, status: 200}
	post := &scenario{name: "post", method: "POST", pattern: "POST /a", paths: []string{"/a"}, body: `{"n":{n}}`, status: 201}
	want := []yard.Answer{{Pattern: get.pattern, Status: 200, Header: h, Body: []byte("same bytes")}, {Pattern: post.pattern, Status: 201, Header: h, Body: []byte("made")}}
	target, stop, err := yard.StartBare(t.Context(), t.TempDir(), want)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for i, s := range []*scenario{get, post} {
		got, err := s.sample(t.Context(), target)
		if err != nil || string(got.Body) != string(want[i].Body) || got.Status != want[i].Status || got.Header.Get("X-One") != "1" {
			t.Errorf("%s: %v, %+v", s.name, err, got)
		}
		for _, p := range protocols {
			c := newClient(target.Roots, p, 2)
			o, err := c.load(t.Context(), target, s, 50)
			if err != nil || o.cpu <= 0 || o.p99 < o.p50 {
				t.Errorf("%s %s: %v, %+v", s.name, p, err, o)
			}
			c.close()
		}
	}
	get.status = 204
	c := newClient(target.Roots, "h2", 2)
	defer c.close()
	if _, err := c.load(t.Context(), target, get, 10); err == nil || !strings.Contains(err.Error(), "status 200, want 204") {
		t.Errorf("a run of wrong answers passed: %v", err)
	}
}

func TestCPUClockCountsWork(t *testing.T) {
	before, err := proc.CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	x := 0
	for begun := time.Now(); time.Since(begun) < 20*time.Millisecond; x++ {
	}
	after, err := proc.CPUTime(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("%v of CPU before, %v after %d steps: %v", before, after, x, err)
	}
}

// TestJudge: what is out of tolerance in three runs fails; what is once within does not, and is not measured again.
func TestJudge(t *testing.T) {
	over := func(ratio float64) *pair {
		p := &pair{s: &scenario{name: "get", budget: 2}, protocol: "h2"}
		p.best[0].cpu, p.best[1].cpu = time.Duration(ratio*1000), 1000
		return p
	}
	for _, c := range []struct {
		ratios []float64 // of the runs, in order
		runs   int       // measured again
		fails  bool
	}{{[]float64{2.3}, 0, false}, {[]float64{2.5, 2.39}, 1, false}, {[]float64{2.5, 2.5, 2.2}, 2, false}, {[]float64{2.5, 2.5, 2.5}, 2, true}} {
		runs := 0
		err := judge([]*pair{over(c.ratios[0]), over(1)}, func(again []*pair) error {
			runs++
			for _, p := range again {
				p.best = over(c.ratios[runs]).best
			}
			if len(again) != 1 {
				t.Errorf("%v: %d pairs measured again", c.ratios, len(again))
			}
			return nil
		})
		if (err != nil) != c.fails || runs != c.runs {
			t.Errorf("%v: %v after %d more runs", c.ratios, err, runs)
		}
	}
	if err := judge([]*pair{{s: &scenario{name: "refused"}}}, nil); err != nil {
		t.Errorf("what has no budget is judged: %v", err)
	}
}
