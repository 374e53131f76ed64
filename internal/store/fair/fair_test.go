package fair_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/fastness-dev/fastness/internal/store/fair"
)

// TestTurns: whoever asks once waits behind one of each other key, however many those have asked for; a key keeps its own order.
func TestTurns(t *testing.T) {
	var q fair.Turns[string]
	for i := range 5 {
		q.Push("much", fmt.Sprint("m", i))
	}
	q.Push("once", "o0")
	q.Push("twice", "t0")
	q.Push("twice", "t1")
	var got []string
	for q.Len() > 0 {
		v, _, ok := q.Pop(nil)
		if !ok {
			t.Fatal("nothing comes out and something waits")
		}
		got = append(got, v)
	}
	if want := "[m0 o0 t0 m1 t1 m2 m3 m4]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	q.Push("a", "a0")
	q.Push("b", "b0")
	if v, key, ok := q.Pop(func(key string) bool { return key == "b" }); !ok || v != "b0" || key != "b" {
		t.Errorf("%s of %s, %v", v, key, ok)
	}
	if _, _, ok := q.Pop(func(string) bool { return false }); ok || q.Len() != 1 {
		t.Error("a key that may not has a turn")
	}
}

// TestGate: never more than its number are inside, and of one key never more than its part; who waits enters by turns, and who gave up
// takes no room.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := fair.NewGate(4, 2)
		var mu sync.Mutex
		inside, order := map[string]int{}, []string{}
		most, mostOfOne := 0, 0
		leave := make(chan struct{})
		enter := func(ctx context.Context, key string) {
			if err := g.Enter(ctx, key); err != nil {
				return
			}
			mu.Lock()
			order = append(order, key)
			inside[key]++
			most, mostOfOne = max(most, inside["a"]+inside["b"]+inside["c"]), max(mostOfOne, inside[key])
			mu.Unlock()
			<-leave
			mu.Lock()
			inside[key]--
			mu.Unlock()
			g.Leave(key)
		}
		for range 10 {
			go enter(context.Background(), "a")
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		go enter(ctx, "a")
		for _, key := range []string{"b", "b", "c"} {
			go enter(context.Background(), key)
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		for range 13 {
			leave <- struct{}{}
			synctest.Wait()
		}
		if len(order) != 13 || most != 4 || mostOfOne != 2 {
			t.Errorf("%d were inside, %d at once, %d of one key: %v", len(order), most, mostOfOne, order)
		}
		for i, key := range order[:5] {
			if i < 2 && key != "a" || i >= 2 && i < 4 && key == "a" {
				t.Errorf("in at %d: %s", i, key)
			}
		}
		if err := g.Enter(ctx, "a"); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
