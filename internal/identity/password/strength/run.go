package strength

import (
	"strings"

	"github.com/ccojocar/zxcvbn-go/entropy"
	"github.com/ccojocar/zxcvbn-go/match"
)

// rows are what a sequence runs along.
var rows = []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"}

// sequences finds three and more signs that follow each other in a row, forwards or backwards.
func sequences(password string) []match.Match {
	var out []match.Match
	for i := 0; i < len(password); {
		row, direction := along(password, i)
		j := i + 1
		if row == "" {
			i = j
			continue
		}
		for j < len(password) && strings.IndexByte(row, password[j])-strings.IndexByte(row, password[j-1]) == direction {
			j++
		}
		if j-i > 2 {
			m := match.Match{Pattern: "sequence", I: i, J: j - 1, Token: password[i:j]}
			m.Entropy = entropy.SequenceEntropy(m, len(row), direction == 1)
			out = append(out, m)
		}
		i = j
	}
	return out
}

// along is the row in which the signs at i and behind it are neighbours; "" when there is none.
func along(password string, i int) (row string, direction int) {
	if i+1 >= len(password) {
		return "", 0
	}
	for _, row := range rows {
		a, b := strings.IndexByte(row, password[i]), strings.IndexByte(row, password[i+1])
		if a >= 0 && b >= 0 && (b-a == 1 || b-a == -1) {
			return row, b - a
		}
	}
	return "", 0
}

// repetitions finds a sign three and more times.
func repetitions(password string) []match.Match {
	var out []match.Match
	add := func(from, to int) {
		m := match.Match{Pattern: "repeat", I: from, J: to, Token: password[from : to+1]}
		m.Entropy = entropy.RepeatEntropy(m)
		out = append(out, m)
	}
	streak, last, at := 1, "", 0
	for i, r := range password {
		sign := string(r)
		at = i
		if i == 0 {
			last = sign
			continue
		}
		if strings.EqualFold(sign, last) {
			streak++
		} else {
			if streak > 2 {
				add(i-streak, i-1)
			}
			streak = 1
		}
		last = sign
	}
	if streak > 2 {
		add(at-streak+1, at)
	}
	return out
}
