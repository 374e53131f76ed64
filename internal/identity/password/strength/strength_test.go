package strength_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/frequency"

	"github.com/fastness-dev/fastness/internal/identity/password/strength"
)

// pieces are what drawn passwords are made of, besides words of the lists.
var pieces = []string{"qwerty", "zxcvbn", "asdfGHJ", "1qaz@WSX", "7410", "abcd", "FEDC", "4321", "aaaa", "Zzz", "!!!!",
	"1999", "24.12.1987", "1987-12-24", "31/12/99", "19871224", "24121987", "871224", "p4ssw0rd", "|1ll|", "(<4t", "7ru57",
	"ü", "ſ", "日本", "\xff", " ", "-", "#", "x", "Q", "9", "ann", "clinic"}

// TestScoresAreZxcvbns: on drawn passwords the score is the library's, for every score from 0 to 4.
func TestScoresAreZxcvbns(t *testing.T) {
	draw := rand.New(rand.NewPCG(4, 7))
	context := []string{"Ann", "clinic", "ann"}
	scores := map[int]int{}
	for range 3000 {
		var b strings.Builder
		for range 1 + draw.IntN(4) {
			switch draw.IntN(4) {
			case 0:
				b.WriteString(pieces[draw.IntN(len(pieces))])
			case 1:
				b.WriteString(strings.Repeat(pieces[draw.IntN(len(pieces))], 1+draw.IntN(3)))
			case 2:
				b.WriteByte(byte(33 + draw.IntN(94)))
				b.WriteByte(byte(33 + draw.IntN(94)))
			default:
				list := frequency.Lists[[]string{"MaleNames", "FemaleNames", "Surname", "English", "Passwords"}[draw.IntN(5)]].List
				word := list[draw.IntN(len(list))]
				b.WriteString([]string{word, strings.ToUpper(word), strings.ToTitle(word[:1]) + word[1:]}[draw.IntN(3)])
			}
		}
		password := b.String()
		got, want := strength.Score(password, context), zxcvbn.PasswordStrength(password, context).Score
		if got != want {
			t.Errorf("%q: %d, the library says %d", password, got, want)
		}
		scores[got]++
	}
	t.Log(scores)
	for score := range 5 {
		if scores[score] < 100 {
			t.Errorf("score %d came %d times only: %v", score, scores[score], scores)
		}
	}
}
