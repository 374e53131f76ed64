package identity_test

import (
	"sync"
	"testing"
	"time"
)

// TestCodesFromOneAddress: ten wrong codes close the lane of second factors, say until when, and the owner at his own device is not
// held; beginning again with the password resets nothing.
func TestCodesFromOneAddress(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		p := w.app(b)
		w.do("POST", "/auth/recovery-codes", b, nil).want(200)
		for _, factor := range []string{"totp", "recovery-code"} {
			wrong := map[string]string{"totp": p.code(9), "recovery-code": "22222-22222"}[factor]
			judged := 0
			var last *reply
			for range 30 {
				eve := from("203.0.113.9")
				r := w.signIn(eve, "ann@example.org", goodPassword)
				if r.Status == 200 {
					r = w.prove(eve, factor, r.text("attempt"), wrong)
				}
				if r.Status == 401 {
					judged++
				} else if last = r.want(429); r.After <= 0 || r.After > 15*time.Minute {
					t.Fatalf("retry after %s", r.After)
				}
			}
			if judged != 10 {
				t.Fatalf("%s: %d guesses from one address were judged, want 10", factor, judged)
			}
			ann := &browser{device: b.device, address: "192.0.2.7"}
			w.prove(ann, "totp", w.attempt(ann, "ann@example.org"), p.code(0)).want(200)
			w.clock.Advance(last.After)
			late := from("203.0.113.9")
			w.prove(late, "totp", w.attempt(late, "ann@example.org"), p.code(0)).want(200) // waiting helps
			w.clock.Advance(time.Hour)
		}
	})
}

// TestOneStepAtOnce: of two who show the same code of an authenticator app at once, one gets in.
func TestOneStepAtOnce(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		p := w.app(w.in("ann@example.org"))
		for range 5 {
			w.clock.Advance(time.Minute)
			results := make([]int, 4)
			var wg sync.WaitGroup
			gate := make(chan struct{})
			for n := range results {
				b := from("198.51.%d.1", n)
				attempt := w.attempt(b, "ann@example.org")
				wg.Go(func() { <-gate; results[n] = w.prove(b, "totp", attempt, p.code(0)).Status })
			}
			close(gate)
			wg.Wait()
			in := 0
			for _, status := range results {
				if status == 200 {
					in++
				}
			}
			if in != 1 {
				t.Fatalf("one code let %d in: %v", in, results)
			}
		}
	})
}
