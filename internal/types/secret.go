package types

import "log/slog"

const hidden = "[secret]"

// Secret is text that must not reach a log, an error, a template or JSON by accident: every way of printing it gives
// "[secret]". Only Reveal gives the content, so that a search for Reveal lists every use. The zero value is empty.
type Secret struct{ s string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{s} }

// Reveal returns the content.
func (s Secret) Reveal() string { return s.s }

// Empty reports whether there is no content.
func (s Secret) Empty() bool { return s.s == "" }

func (s Secret) String() string               { return hidden }
func (s Secret) GoString() string             { return hidden }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
