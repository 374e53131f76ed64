package page

import (
	"context"
	"slices"
	"strconv"

	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
)

// How a page is found. Every read rule is split into alternatives. Where indexes hold the rows of all of them in the order of the page,
// with everything that was asked for, the page is read from them at once.
//
// Everywhere else a page can be found in several ways: through the rows of one condition that an index knows, through those of each
// alternative of the rules, or along the order, testing rows until the page is full. Which one is cheap depends on the data, so the
// data are asked: each condition is counted up to a bound. The one with the fewest rows is taken if it stays below; else the order is
// walked for as many rows; else the bound grows fourfold. So what is touched is at most a small multiple of what the best of them takes.

// firstBound is how far conditions are counted and the order is walked at first; each round goes growth times as far.
const (
	firstBound = 128
	growth     = 4
)

// scan is one arm with what is left to be tested on its rows.
type scan struct {
	arm
	tests   []rule.Expr
	ordered bool
	bounded bool // the walk stops after a number of rows
}

// option is a way for the whole page: the scans whose rows together are those of the page.
type option []scan

// choice is what the page may be found by. Immutable.
type choice struct {
	direct option   // not nil: nothing need be counted
	walk   option   // along the order
	drives []option // through conditions that all rows of the page meet
	walks  bool     // one of drives is the walk: an end of its rows is an end of the page
	split  [][]option
	always []option // per alternative of the rules, beside split: what need not be counted
}

func (w way) option(conds []rule.Expr) option {
	var out option
	for _, a := range w.arms {
		out = append(out, scan{arm: a, tests: w.tests(conds), ordered: w.ordered})
	}
	return out
}

// choose works out what a page may be found by, from the declaration and the query alone.
func (p *Page) choose() *choice {
	common := guard(p.view, p.filter, p.sort)
	if p.filter != nil {
		common = append(common, rule.Conjuncts(p.filter)...)
	}
	branches := p.branches()
	if len(branches) == 1 {
		conds := plain(append(rule.Conjuncts(branches[0]), common...))
		return p.single(conds, 0).final(conds)
	}
	c := &choice{}
	whole, splits := true, true
	for _, b := range branches {
		always, counted := p.alternative(plain(append(rule.Conjuncts(b), common...)), len(rule.Conjuncts(b)))
		whole, splits = whole && always != nil, splits && (always != nil || len(counted) > 0)
		c.split, c.always = append(c.split, counted), append(c.always, always)
	}
	if whole {
		return &choice{direct: slices.Concat(c.always...)}
	}
	if p.view.Collection.PerOrg {
		common = append([]rule.Expr{rule.InOrganisation(rule.Path{Root: rule.RowRoot, From: p.view.Collection.Name})}, common...)
	}
	common = plain(common)
	conds := append(common, &rule.Or{Any: branches})
	one := p.single(conds, 1<<min(len(common), 63))
	if one.direct != nil || !splits {
		return one.final(conds)
	}
	c.walk, c.drives, c.walks = one.walk, one.drives, one.walks
	return c
}

// final takes the walk where there is nothing else.
func (c *choice) final(conds []rule.Expr) *choice {
	switch {
	case c.direct != nil || len(c.drives) > 1 || len(c.drives) == 1 && !c.walks:
	case c.walk == nil:
		c.direct = option{{tests: conds}} // all rows
	default:
		c.direct, c.drives = c.walk, nil
	}
	return c
}

// plain leaves out what always holds.
func plain(conds []rule.Expr) []rule.Expr {
	return slices.DeleteFunc(slices.Clone(conds), func(e rule.Expr) bool {
		f, ok := e.(*rule.Fixed)
		return ok && f.Truth == rule.Yes
	})
}

// single is the choice where one list of conditions says all. What takes the conditions apart and no other is left out.
func (p *Page) single(conds []rule.Expr, apart uint64) *choice {
	c := &choice{}
	var walk *way
	found := ways(p.view.Collection, conds, p.sort)
	for i, w := range found {
		if w.few || w.exact(conds) {
			o := w.option(conds)
			return &choice{direct: o, walk: o}
		}
		if w.ordered && (walk == nil || w.rank > walk.rank) {
			walk = &found[i]
		}
	}
	if walk != nil { // nil: who reads across organisations has no order that an index holds
		c.walk, c.walks = walk.option(conds), walk.takes != 0
	}
	for _, w := range found {
		if w.takes != 0 && w.takes != apart {
			c.drives = append(c.drives, w.option(conds))
		}
	}
	return c
}

// alternative is what the rows of one alternative of the rules may be found by; own is how many of the conditions are its own. What
// the others find is a way for the whole page.
func (p *Page) alternative(conds []rule.Expr, own int) (always option, counted []option) {
	for _, w := range ways(p.view.Collection, conds, p.sort) {
		switch {
		case w.few || w.exact(conds):
			return w.option(conds), nil
		case w.takes&(1<<min(own, 63)-1) != 0 && !w.onlyBorder(conds):
			counted = append(counted, w.option(conds))
		}
	}
	return nil, counted
}

// counted are the options that are counted.
func (c *choice) counted() []option {
	return slices.Concat(append([][]option{c.drives}, c.split...)...)
}

// count is how many they are.
func (c *choice) count() int {
	n := len(c.drives)
	for _, counted := range c.split {
		n += len(counted)
	}
	return n
}

// picked is a way that was chosen: the option and what names it among those of its choice.
type picked struct {
	option
	key string
}

// settle counts the conditions up to a bound, all at one moment, and gives the cheapest option that stays below; nil when none does.
func (s *shape) settle(ctx context.Context, r store.Reader, p *Page, b *rule.Bindings, bound int64) (picked, error) {
	counts, err := p.probe(ctx, r, s, b, bound)
	if err != nil {
		return picked{}, err
	}
	var best picked
	least := bound
	for i, n := range counts[:len(s.drives)] {
		if n < least {
			best, least = picked{s.drives[i], "drive " + strconv.Itoa(i)}, n
		}
	}
	if split, sum := s.cheapestSplit(counts[len(s.drives):], bound); split.option != nil && (best.option == nil || sum < least) {
		best = split
	}
	return best, nil
}

// cheapestSplit puts together the cheapest option of each alternative; nil when one of them reaches the bound in every way.
func (c *choice) cheapestSplit(counts []int64, bound int64) (out picked, sum int64) {
	out.key = "split"
	for i, counted := range c.split {
		best, which, least := c.always[i], -1, bound
		for j, n := range counts[:len(counted)] {
			if n < least {
				best, which, least = counted[j], j, n
			}
		}
		if best == nil {
			return picked{}, 0
		}
		if c.always[i] == nil {
			sum += least
		}
		out.option, counts = append(out.option, best...), counts[len(counted):]
		out.key += " " + strconv.Itoa(which)
	}
	return out, sum
}

// stopping is the walk along the order that stops after a number of rows.
func (c *choice) stopping() picked {
	out := slices.Clone(c.walk)
	for i := range out {
		out[i].bounded = true
	}
	return picked{out, "walk"}
}
