package version

import (
	"strings"
	"testing"
)

// orders are ascending chains, from the rules that each ecosystem publishes.
var orders = map[string][]string{
	// PEP 440, "Summary of permitted suffixes and relative ordering", with an epoch and local versions behind.
	"PyPI": {"1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456", "1.0b2.post345",
		"1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7", "1.0+5", "1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1", "1.10", "2013.10", "1!0.1"},
	// semver.org 2.0.0, rule 11.
	"npm": {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1", "2.10.0"},
	// go.dev/ref/mod: pseudo-versions stand before the release that they lead to, and after the one that they follow.
	"Go": {"v0.0.0-20191109021931-daa7c04131f5", "v0.0.0-20230101000000-abcdefabcdef", "v1.2.3-pre", "v1.2.3-pre.0.20191109021931-daa7c04131f5", "v1.2.3",
		"v1.2.4-0.20191109021931-daa7c04131f5", "v1.2.4", "1.10.0", "v2.0.0+incompatible", "v2.0.1+incompatible"},
}

func TestOrder(t *testing.T) {
	for ecosystem, chain := range orders {
		for i, a := range chain {
			for j, b := range chain {
				want := 0
				if i < j {
					want = -1
				} else if i > j {
					want = 1
				}
				if got, err := Compare(ecosystem, a, b); err != nil || got != want {
					t.Errorf("%s: Compare(%s, %s) = %d, %v; want %d", ecosystem, a, b, got, err, want)
				}
			}
		}
	}
}

func TestSpellings(t *testing.T) {
	same := map[string][][2]string{
		"PyPI": {{"1.0", "1.0.0"}, {"1.1.RC1", "1.1rc1"}, {"1.1.a1", "1.1alpha1"}, {"1.0-1", "1.0.post1"}, {"1.2a", "1.2a0"}, {"1.2.post", "1.2.post0"}, {"v1.0", "1.0"},
			{"1.0+ubuntu-1", "1.0+ubuntu.1"}, {"1.0-r4", "1.0.post4"}, {"1.0c1", "1.0rc1"}, {"01.0", "1"}},
		"npm": {{"1.0.0+20130313144700", "1.0.0"}, {"v1.2.3", "1.2.3"}},
		"Go":  {{"v1.2.3", "1.2.3"}, {"v2.0.0+incompatible", "v2.0.0"}, {"1.21", "1.21.0"}},
	}
	for ecosystem, pairs := range same {
		for _, p := range pairs {
			if got, err := Compare(ecosystem, p[0], p[1]); err != nil || got != 0 {
				t.Errorf("%s: Compare(%s, %s) = %d, %v; want 0", ecosystem, p[0], p[1], got, err)
			}
		}
	}
}

func TestWhatHasNoOrder(t *testing.T) {
	for ecosystem, texts := range map[string][]string{
		"PyPI":   {"", "latest", "1.0.x", "1..0", "1.0+", "1.0 2", strings.Repeat("1", 300)},
		"npm":    {"", "latest", "^1.0.0", "1.x", "01.0.0", "1.0.0-", "file:../x", "1.2.3.4"},
		"Go":     {"", "master", "v1.a", "(devel)"},
		"Docker": {"1.0"},
	} {
		for _, text := range texts {
			if Valid(ecosystem, text) {
				t.Errorf("%s: %q was given a place", ecosystem, text)
			}
		}
	}
}

// FuzzCompare: an order is antisymmetric, and equal to itself.
func FuzzCompare(f *testing.F) {
	for _, chain := range orders {
		for i := range chain[1:] {
			f.Add(chain[i], chain[i+1])
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for ecosystem := range orders {
			x, err1 := Compare(ecosystem, a, b)
			y, err2 := Compare(ecosystem, b, a)
			if (err1 == nil) != (err2 == nil) || x != -y {
				t.Errorf("%s: %q %q: %d %v, and the other way %d %v", ecosystem, a, b, x, err1, y, err2)
			}
		}
	})
}
