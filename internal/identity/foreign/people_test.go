package foreign

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, s Source, text string) []Person {
	t.Helper()
	people, err := Read(s, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return people
}

// TestDjangoDump: what Debian's Django wrote (testdata/dump.py) is read whole: names of groups, states, unusable passwords, and
// those who cannot be taken are named by their key.
func TestDjangoDump(t *testing.T) {
	for _, file := range []string{"dump.json", "dump.csv"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		s := Source{Format: "django", CSV: strings.HasSuffix(file, ".csv")}
		people := read(t, s, string(text))
		if len(people) != 10 {
			t.Fatalf("%s: %d people", file, len(people))
		}
		mia, noor, tom, root, sso, dora := people[0], people[1], people[2], people[3], people[4], people[5]
		if mia.Email != "Mia@Clinic.Example" || mia.Name != "Mia Øster" || !strings.HasPrefix(mia.Hash, "pbkdf2_sha256$") || mia.Inactive || mia.Superuser {
			t.Errorf("%s: %+v", file, mia)
		}
		if !s.CSV && (!slices.Equal(noor.Groups, []string{"editors", "staff"}) || mia.Where != "pk 1") || s.CSV && mia.Where != "line 2" {
			t.Errorf("%s: %+v %+v", file, noor, mia)
		}
		if !tom.Inactive || !root.Superuser || sso.Hash != "" || sso.Wrong != "" || dora.Email != "dora@clinic.example" || dora.Name != "" {
			t.Errorf("%s: %+v %+v %+v %+v", file, tom, root, sso, dora)
		}
		if people[6].Wrong == "" || people[9].Wrong == "" || !strings.Contains(people[9].Wrong, "new password by mail") {
			t.Errorf("%s: %+v %+v", file, people[6], people[9])
		}
	}
}

func TestTables(t *testing.T) {
	hash := "pbkdf2:sha256:1000$salt$" + strings.Repeat("ab", 32)
	lines := read(t, Source{Format: "flask"}, `{"email": "a@b.example", "password_hash": "`+hash+`", "is_active": false, "ward": 7, "groups": ["x", "y"]}

{"email": "a@b.example", "email": "c@b.example"}
{"email": 7}
{"email": "d@b.example", "password_hash": "$2b$10$`+strings.Repeat("a", 53)+`"}
{"email": "e@b.example", "is_active": "maybe"}
{"email": "f@b.example", "password_hash": null, "groups": "x; y;"}
`)
	if len(lines) != 6 || !lines[0].Inactive || string(lines[0].Fields["ward"]) != "7" || lines[0].Hash != hash {
		t.Fatalf("%+v", lines)
	}
	for i, where := range map[int]string{1: "line 3", 2: "line 4", 3: "line 5", 4: "line 6"} {
		if lines[i].Wrong == "" || lines[i].Where != where || lines[i].Email != "" {
			t.Errorf("%d: %+v", i, lines[i])
		}
	}
	if last := lines[5]; last.Wrong != "" || last.Hash != "" || !slices.Equal(last.Groups, []string{"x", "y"}) {
		t.Errorf("%+v", last)
	}
	csv := read(t, Source{Format: "werkzeug", CSV: true}, "\ufeffemail,password_hash,ward\na@b.example,"+hash+",\"seven\neight\"\nb@b.example,,\n")
	if len(csv) != 2 || string(csv[0].Fields["ward"]) != `"seven\neight"` || csv[1].Where != "line 4" || len(csv[1].Fields) != 0 {
		t.Errorf("%+v", csv)
	}
	for name, text := range map[string]string{"semicolons": "email;password_hash;ward\na@b.example;" + hash + ";seven\n", "CR": "email,password_hash,ward\ra@b.example," + hash + ",seven\r"} {
		if got := read(t, Source{Format: "werkzeug", CSV: true}, text); len(got) != 1 || got[0].Email != "a@b.example" || string(got[0].Fields["ward"]) != `"seven"` {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := Columns(csv); !slices.Equal(got, []string{"ward"}) {
		t.Errorf("%v", got)
	}
	if huge := read(t, Source{Format: "bcrypt"}, `{"email": "a@b.example", "bio": "`+strings.Repeat("x", 70<<10)+`"}`); huge[0].Wrong == "" {
		t.Error("a person of 70 KiB is taken")
	}
	endless := &bounded{strings.NewReader(strings.Repeat("x", 100)), 99}
	if _, err := io.ReadAll(endless); err == nil {
		t.Error("a file beyond its bound is read")
	}
	natural := read(t, Source{Format: "django", Model: "people.user"}, `[{"model": "people.user", "pk": "x-1", "fields": {"email": "a@b.example", "password": "!x", "groups": [["editors"], 9]}}]`)
	if p := natural[0]; p.Wrong != "" || p.Where != "pk x-1" || !slices.Equal(p.Groups, []string{"editors", "#9"}) {
		t.Errorf("%+v", p)
	}
}

// TestFilesThatAreNot: a file of another kind is refused whole and says what would be right.
func TestFilesThatAreNot(t *testing.T) {
	for text, s := range map[string]Source{
		"":                              {Format: "django"},
		`{"email": "x"}`:                {Format: "django"},
		`[{"model": "auth.user"`:        {Format: "django"},
		`[{"model": "people.user"}]`:    {Format: "django"},
		`[7]`:                           {Format: "django"},
		"email,name\na,b\n":             {Format: "werkzeug", CSV: true},
		"email,email,password_hash\n":   {Format: "werkzeug", CSV: true},
		"email,password_hash\na\n":      {Format: "werkzeug", CSV: true},
		"email,password_hash\n\"a,b\n":  {Format: "werkzeug", CSV: true},
		"email,password_hash\n\xff,b\n": {Format: "werkzeug", CSV: true},
		"email,password_hash\na,b":      {Format: "phpass", CSV: true},
	} {
		if people, err := Read(s, strings.NewReader(text)); err == nil {
			t.Errorf("%q is read as %+v", text, people)
		}
	}
}

// TestFormats: a hash is of its own format and of no other, but that passlib makes bcrypt too.
func TestFormats(t *testing.T) {
	for _, v := range vectors(t) {
		maker := strings.TrimPrefix(v[0], "hashlib ")
		for _, f := range Formats() {
			want := strings.HasPrefix(maker, f) || f == "flask" && strings.HasPrefix(maker, "werkzeug") ||
				f == "passlib" && strings.HasPrefix(maker, "bcrypt") || f == "bcrypt" && maker == "passlib bcrypt"
			if got := CheckFormat(f, v[2]) == nil; got != want {
				t.Errorf("%s as %s: %v", v[0], f, got)
			}
		}
	}
}

func FuzzPeople(f *testing.F) {
	for _, file := range []string{"dump.json", "dump.csv"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, strings.HasSuffix(file, ".csv"))
	}
	f.Add([]byte(`{"email": "a@b.example", "password_hash": "$2b$10$", "groups": [1]}`), false)
	f.Fuzz(func(t *testing.T, text []byte, table bool) {
		for _, format := range Formats() {
			people, err := Read(Source{Format: format, CSV: table}, strings.NewReader(string(text)))
			for _, p := range people {
				if err != nil || p.Where == "" || p.Wrong == "" && (p.Email == "" || p.Hash != "" && CheckFormat(format, p.Hash) != nil) {
					t.Fatalf("%+v, %v", p, err)
				}
			}
		}
	})
}
