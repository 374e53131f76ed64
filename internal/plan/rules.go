package plan

import (
	"errors"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// shapes describes the collections to the rule compiler.
func (c *compiler) shapes() {
	for _, col := range c.plan.Collections {
		s := &rule.Shape{Name: col.Name, Table: col.Table, PerOrg: col.PerOrg}
		for _, f := range append(append([]*Field{}, col.System...), col.Fields...) {
			s.Fields = append(s.Fields, rule.ShapeField{Name: f.Name, Column: f.Column, Type: f.Rule, Optional: f.Optional, Side: f.Side})
		}
		c.plan.Shapes[col.Name] = s
	}
}

// Scope is what rules of the collection may mention for an action.
func (p *Plan) Scope(c *Collection, a types.Action) *rule.Scope {
	s := &rule.Scope{Self: c.Name, Row: a != types.Create, New: a == types.Create || a == types.Update, Me: true,
		Shapes: p.Shapes, Roles: p.RoleNames(), Let: map[string]string{}}
	for _, l := range c.Decl.Let {
		s.Let[l.Name] = l.Is.Text
	}
	return s
}

// FilterScope is what a client's filter over the collection may mention.
func (p *Plan) FilterScope(c *Collection) *rule.Scope {
	return &rule.Scope{Self: c.Name, Row: true, Filter: true, Shapes: p.Shapes}
}

func (c *compiler) rules(col *Collection) {
	for i, a := range col.Decl.Allow {
		mask, whole := col.All, a.Only == nil
		if !whole {
			mask = 0
			for _, name := range a.Only {
				if f := col.byName[name]; f != nil && !f.System {
					mask |= 1 << f.Bit
				}
			}
		}
		for _, word := range a.To {
			action := types.ParseAction(word)
			r := &Rule{Action: action, Mask: mask, Whole: whole, Public: a.Public, Fresh: a.Fresh, Source: a.When.Text, Line: a.Pos.Line, Col: a.Pos.Col, Index: i}
			r.When = c.compile(c.plan.Scope(col, action), a.When, a.Pos)
			if col.PerOrg {
				r.When = inOrganisation(col, action, r.When)
			}
			c.add(col, r)
		}
	}
	for _, k := range col.Decl.Check {
		scope := c.plan.Scope(col, types.Update)
		scope.Sealed = true
		check := &Check{That: c.compile(scope, k.That, k.Pos), Else: k.Else, Source: k.That.Text}
		for _, u := range rule.Uses(check.That) {
			if u.Root == rule.NewRoot && u.Direct {
				check.Fields = append(check.Fields, u.Field)
			}
		}
		col.Checks = append(col.Checks, check)
	}
}

func (c *compiler) add(col *Collection, r *Rule) {
	switch r.Action {
	case types.Read:
		col.Reads = append(col.Reads, r)
	case types.Create:
		col.Creates = append(col.Creates, r)
	case types.Update:
		col.Updates = append(col.Updates, r)
	case types.Delete:
		col.Deletes = append(col.Deletes, r)
	}
}

// compile reads a rule; no text means always. Positions inside the text become positions in the declaration.
func (c *compiler) compile(scope *rule.Scope, e decl.Expr, at decl.Pos) rule.Expr {
	if !e.Set() {
		return &rule.Fixed{Truth: rule.Yes}
	}
	out, err := rule.Compile(scope, e.Text)
	if err == nil {
		return out
	}
	var re *rule.Error
	if errors.As(err, &re) {
		c.fail(e.At(re.Line, re.Col), "in the rule %q: %s", oneLine(e.Text), re.Message)
	} else {
		c.fail(at, "%v", err)
	}
	return &rule.Fixed{}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
