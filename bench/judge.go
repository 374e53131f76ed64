package main

import (
	"fmt"
	"strings"
)

// tolerance is how far over its budget a ratio may lie before it counts: a shared machine moves single runs by several per cent.
const tolerance = 1.20

// judged is how many runs in a row must miss before the program fails.
const judged = 3

// judge measures what lies too far over its budget again, and fails when it did in each of three runs. What was once within is
// noise; what never is has become slower, and a server that is slower than was promised is easier to overload.
func judge(pairs []*pair, measured func([]*pair) error) error {
	over := beyond(pairs)
	for range judged - 1 {
		if len(over) == 0 {
			return nil
		}
		for _, p := range over {
			fmt.Printf("over budget, measured again: %s %s, %.2f of %.4g\n", p.s.name, p.protocol, p.ratio(), p.s.budget)
			p.best = [2]outcome{}
		}
		if err := measured(over); err != nil {
			return err
		}
		over = beyond(over)
	}
	if len(over) == 0 {
		return nil
	}
	var names []string
	for _, p := range over {
		names = append(names, fmt.Sprintf("%s %s is %.2f of the bare server, budget %.4g", p.s.name, p.protocol, p.ratio(), p.s.budget))
	}
	return fmt.Errorf("over budget by more than %.0f %% in %d runs: %s", 100*(tolerance-1), judged, strings.Join(names, "; "))
}

// beyond are the pairs whose ratio is out of all tolerance.
func beyond(pairs []*pair) (out []*pair) {
	for _, p := range pairs {
		if p.s.budget > 0 && p.ratio() > tolerance*p.s.budget {
			out = append(out, p)
		}
	}
	return out
}
