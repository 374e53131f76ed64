package plan

import "github.com/fastness-dev/fastness/internal/store"

func (f *Field) onDelete() store.OnDelete {
	d := f.Decl
	if d == nil {
		return store.Restrict
	}
	switch d.OnDelete {
	case "cascade":
		return store.Cascade
	case "clear":
		return store.SetNull
	}
	return store.Restrict
}
