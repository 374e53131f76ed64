package fastness

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
)

// TestBackgroundStandsUpAgain: what panics in the background takes nothing with it, is told, and is begun again until it ends by itself.
func TestBackgroundStandsUpAgain(t *testing.T) {
	var log bytes.Buffer
	a := &App{opt: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	runs := 0
	if !contained(func() {
		a.steady(t.Context(), "sweep", func(context.Context) {
			if runs++; runs == 1 {
				panic("the first time")
			}
		})
	}) {
		t.Fatal("a panic in the background came out")
	}
	if runs != 2 || !strings.Contains(log.String(), "what=sweep") {
		t.Errorf("ran %d times, and told %q", runs, log.String())
	}
	ctx, stop := context.WithCancel(t.Context())
	runs = 0
	a.steady(ctx, "sweep", func(context.Context) { runs++; stop(); panic("at the end") })
	if runs != 1 {
		t.Errorf("after the end it ran %d times", runs)
	}
}

func contained(f func()) (ok bool) {
	defer func() { recover() }()
	f()
	return true
}
