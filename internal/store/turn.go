package store

import "context"

type turnKey struct{}

// Turn returns a context whose writes take turns with those of other keys: an account, or a network of anonymous callers. Engines share the
// writer and the connections for writes among keys; a write without a key is the house's own. It travels in the context because it decides
// when a write runs and never what it does.
func Turn(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, turnKey{}, key)
}

// TurnOf is the key of the context; "" for none.
func TurnOf(ctx context.Context) string {
	key, _ := ctx.Value(turnKey{}).(string)
	return key
}
