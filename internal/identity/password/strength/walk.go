package strength

import (
	"strings"

	"github.com/ccojocar/zxcvbn-go/adjacency"
	"github.com/ccojocar/zxcvbn-go/entropy"
	"github.com/ccojocar/zxcvbn-go/match"
)

// keyboards are the names of zxcvbn's.
var keyboards = []string{"qwerty", "dvorak", "keypad", "macKeypad"}

// walks finds three and more keys, each beside the one before.
func walks(password string) []match.Match {
	var out []match.Match
	for _, name := range keyboards {
		board := adjacency.GraphMap[name]
		for i := 0; i < len(password)-1; {
			w := step(password, i, board)
			if w.end-i > 2 {
				m := match.Match{Pattern: "spatial", I: i, J: w.end - 1, Token: password[i:w.end], DictionaryName: board.Name}
				m.Entropy = entropy.SpatialEntropy(m, w.turns, w.shifted)
				out = append(out, m)
			}
			i = w.end
		}
	}
	return out
}

// walk is how far keys lie side by side, and how often the way turns and a key is shifted.
type walk struct{ end, turns, shifted int }

// step walks from a place on as far as it goes.
func step(password string, from int, board adjacency.Graph) walk {
	w, last := walk{end: from + 1}, -1
	for w.end < len(password) {
		key, direction := password[w.end:w.end+1], -1
		for i, beside := range board.Graph[string(rune(password[w.end-1]))] {
			if at := strings.Index(beside, string(rune(key[0]))); at >= 0 {
				direction = i
				if at == 1 { // the second sign of a key is its shifted one
					w.shifted++
				}
				break
			}
		}
		if direction < 0 {
			return w
		}
		if direction != last {
			w.turns++
			last = direction
		}
		w.end++
	}
	return w
}
