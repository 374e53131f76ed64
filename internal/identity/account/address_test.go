package account_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fastness-dev/fastness/internal/identity/account"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"Ann@Example.ORG":           "ann@example.org",
		"ann+news@example.org":      "ann+news@example.org",
		"o'neil@example.org":        "o'neil@example.org",
		"jo\u0308rg@example.org":    "jörg@example.org", // NFD to NFC
		"JÖRG@example.org":          "jörg@example.org",
		"иван@пример.рф":            "иван@xn--e1afmkfd.xn--p1ai",
		"山田たろう@example.jp":          "山田たろう@example.jp",
		"ann@Bücher.example":        "ann@xn--bcher-kva.example",
		"a.b-c_d@sub.example.co.uk": "a.b-c_d@sub.example.co.uk",
	} {
		got, err := account.Canonical(in)
		if err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
		if again, err := account.Canonical(got); err != nil || again != got {
			t.Errorf("%q is not its own canonical form: %q %v", got, again, err)
		}
	}
}

func TestNotAnAddress(t *testing.T) {
	for _, in := range []string{"", "@", "a@", "@b.c", "a", "a b@example.org", "a@b c", "a@b\r\nBcc: x@y.z", "a\n@example.org",
		"\"quoted\"@example.org", "a..b@example.org", ".a@example.org", "a.@example.org", "a@.example.org", "a@example.org.",
		"ｍike@example.org",           // fullwidth: NFKC changes it
		"mіke@example.org",           // Cyrillic і among Latin letters
		"раypal@example.org",         // Cyrillic ра
		"mi\u200bke@example.org",     // zero width space
		"mike\u202e@example.org",     // right-to-left override
		"ﬁona@example.org",           // ligature
		"a\x00@example.org",          // NUL
		"a@exam\u200dple.org",        // joiner in the domain
		"a@-example.org", "a,b@c.de", // two recipients
		"a<b@example.org>", "a@[127.0.0.1]", strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("b.", 200) + "de", "a\xff@example.org"} {
		if got, err := account.Canonical(in); err == nil {
			t.Errorf("%q was taken as %q", in, got)
		}
	}
}

// TestLookAlikesStayApart: no address is folded onto one that it only looks like.
func TestLookAlikesStayApart(t *testing.T) {
	seen := map[string]string{}
	for _, in := range []string{"mike@example.org", "mıke@example.org", "mike@examp1e.org", "mike@exаmple.org", "míke@example.org", "мike@example.org"} {
		got, err := account.Canonical(in)
		if err != nil {
			continue
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%q and %q are one account", in, other)
		}
		seen[got] = in
	}
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"ann@example.org", "jörg@bücher.example", "ｍ@x.y", "a@b\r\nc", "i̇@x.de", "İ@x.de", "ß@x.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := account.Canonical(in)
		if err != nil {
			return
		}
		if len(got) > account.MaxAddress || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00 <>,\"") || strings.Count(got, "@") != 1 {
			t.Fatalf("%q became %q", in, got)
		}
		if again, err := account.Canonical(got); err != nil || again != got {
			t.Fatalf("%q became %q, which becomes %q (%v)", in, got, again, err)
		}
	})
}
