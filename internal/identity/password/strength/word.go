package strength

import (
	"fmt"
	"strings"
	"sync"

	"github.com/ccojocar/zxcvbn-go/data"
	"github.com/ccojocar/zxcvbn-go/entropy"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/go-json-experiment/json"
)

// ranks are words in lower case with their places in a list, from 1.
type ranks struct {
	of      map[string]int
	longest int // in code points
}

// lists are those of zxcvbn.
var lists = []string{"MaleNames", "FemaleNames", "Surnames", "English", "Passwords"}

// dictionary is all lists as one: a word has the best of its places.
var dictionary = sync.OnceValue(func() ranks {
	all := ranks{of: map[string]int{}}
	for _, name := range lists {
		text, err := data.Asset("data/" + name + ".json")
		var list struct{ List []string }
		if err == nil {
			err = json.Unmarshal(text, &list)
		}
		if err != nil || len(list.List) == 0 {
			panic(fmt.Sprintf("strength: the list %s cannot be read: %v", name, err)) // it is part of the program
		}
		one := ranked(list.List)
		all.longest = max(all.longest, one.longest)
		for word, rank := range one.of {
			if had, ok := all.of[word]; !ok || rank < had {
				all.of[word] = rank
			}
		}
	}
	return all
})

func ranked(list []string) ranks {
	r := ranks{of: make(map[string]int, len(list))}
	for i, word := range list {
		word = strings.ToLower(word)
		r.of[word] = i + 1
		r.longest = max(r.longest, len([]rune(word)))
	}
	return r
}

// words finds the words of a list in a password.
func words(password string, list ranks) []match.Match {
	var out []match.Match
	as, lower := []rune(password), []rune(strings.ToLower(password))
	for i := range lower {
		for j := i; j < len(lower) && j-i < list.longest; j++ {
			rank, ok := list.of[string(lower[i:j+1])]
			if !ok {
				continue
			}
			m := match.Match{Pattern: "dictionary", I: i, J: j, Token: string(as[i : j+1])}
			m.Entropy = entropy.DictionaryEntropy(m, float64(rank))
			out = append(out, m)
		}
	}
	return out
}
