package plan

import "github.com/fastness-dev/fastness/internal/plan/decl"

// unbuilt refuses by name what the declaration can say and this program cannot do yet: never ignored, never half done.
func (c *compiler) unbuilt() {
	d := c.plan.Decl
	refuse := func(present bool, at decl.Pos, word string) {
		if present {
			c.fail(at, "%s is part of the grammar and not built yet; remove it until it is", word)
		}
	}
	refuse(d.Keys.Rotate != 0 || d.Keys.EraseAfter != 0, d.Keys.Root.Pos, "keys: rotate and erase_after")
	refuse(d.Keys.Root.Value != "" && d.Keys.Root.Value != "file", d.Keys.Root.Pos, "keys: a root that is not a file")
	refuse(d.Ledger.Keep != 0, decl.Pos{Line: 1, Col: 1}, "ledger: keep")
}
