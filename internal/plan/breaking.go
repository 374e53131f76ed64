package plan

import (
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness/internal/types"
)

// Breaking lists what a client that was written against one plan can no longer rely on under another: names, types, bounds and
// verbs of its contract. What merely grew is not in it, and who may do what is not a matter of the contract but of rules.
// An empty list means that the old client's requests and readings still fit.
func Breaking(old, now *Plan) []string {
	var out []string
	for _, was := range old.Collections {
		is := now.Collection(was.Name)
		if is == nil {
			out = append(out, was.Name+" is gone")
			continue
		}
		for _, a := range []types.Action{types.Read, types.Create, types.Update, types.Delete} {
			if len(was.Rules(a)) > 0 && len(is.Rules(a)) == 0 {
				out = append(out, fmt.Sprintf("%s: nobody may %s any more", was.Name, a))
			}
		}
		if is.IfMatch && !was.IfMatch {
			out = append(out, was.Name+": writes now need If-Match")
		}
		for _, f := range was.Fields {
			out = append(out, brokenField(was.Name+"."+f.Name, f, is.Field(f.Name))...)
		}
		for _, f := range is.Fields {
			if was.Field(f.Name) == nil && !f.Optional && f.Default == nil && len(was.Creates) > 0 {
				out = append(out, fmt.Sprintf("%s.%s is new and must be sent; give it a default or make it optional", was.Name, f.Name))
			}
		}
	}
	return out
}

// brokenField compares one field.
func brokenField(name string, was, is *Field) []string {
	if is == nil {
		return []string{name + " is gone"}
	}
	if was.Type != is.Type || was.To != is.To || was.Digits != is.Digits {
		return []string{name + " has another type"}
	}
	var out []string
	say := func(broken bool, text string) {
		if broken {
			out = append(out, name+" "+text)
		}
	}
	say(was.Optional && !is.Optional, "must be sent and cannot be null any more")
	say(!was.Optional && is.Optional, "may be null now, which a reader does not expect")
	say(!was.Fixed && is.Fixed, "cannot be changed any more")
	say(was.Indexed && !is.Indexed, "cannot be filtered or sorted by any more")
	say(!was.Personal && is.Personal && was.Indexed, "cannot be in a query string any more")
	say(!was.Unique && is.Unique, "must be unique now")
	say(is.HasMin && (!was.HasMin || is.MinInt > was.MinInt || is.MinLen > was.MinLen || is.MinText > was.MinText), "takes less at its lower end")
	say(is.HasMax && (!was.HasMax && was.MaxLen == 0 || is.MaxInt < was.MaxInt || is.MaxLen < was.MaxLen || was.HasMax && is.MaxText < was.MaxText), "takes less at its upper end")
	say(is.Pattern != "" && is.Pattern != was.Pattern, "takes another pattern")
	for _, v := range was.Values {
		say(!slices.Contains(is.Values, v), fmt.Sprintf("does not know %q any more", v))
	}
	for from, to := range was.Steps {
		for _, v := range to {
			say(slices.Contains(is.Values, v) && !slices.Contains(is.Steps[from], v), fmt.Sprintf("cannot go from %s to %s any more", from, v))
		}
	}
	if was.Elem != nil && is.Elem != nil {
		out = append(out, brokenField(name+"[]", was.Elem, is.Elem)...)
	}
	slices.Sort(out)
	return out
}
