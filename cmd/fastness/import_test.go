package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/identity/account"
	desk "github.com/fastness-dev/fastness/internal/identity/operator"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

const foreignData = "../../internal/identity/foreign/testdata/"

// enters asks for a session with an address and a password.
func (p *press) enters(email, password string) int {
	p.Helper()
	body, _ := json.Marshal(map[string]string{"email": email, "password": password, "transport": "bearer"})
	status, _ := p.ask("", "POST", "/auth/sign-in", string(body))
	return status
}

// TestDjangoPeopleMoveIn: the dump that a real Django wrote is looked at, taken, and taken again, while the server runs; people sign in with
// the passwords that they had, those who were shut out stay out, and what is stored afterwards is ours.
func TestDjangoPeopleMoveIn(t *testing.T) { // one after the other: it opens the data itself, in this process's environment
	t.Run("sqlite", func(t *testing.T) { djangoPeopleMoveIn(startPress(t, "")) })
	if storetest.OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) { djangoPeopleMoveIn(startPress(t, scratchDatabase(t))) })
	}
}

func djangoPeopleMoveIn(p *press) {
	t := p.T
	dump, err := os.ReadFile(foreignData + "dump.json")
	if err != nil {
		t.Fatal(err)
	}
	file := p.file("dump.json", string(dump))
	words := []string{"users", "import", "django", file, "--map", "editors=editor"}
	look := p.fails(words...)
	for _, want := range []string{"10 people: 6 new, 0 already there and left as they are, 4 refused", "pk 7: there is no e-mail address",
		"pk 8: the address stands in the file more than once, first at pk 8", "pk 9: the address stands in the file more than once", "pk 10: unknown form of password hash",
		"1 of the new ones have no password", "1 were superusers there", `group "staff" (1 people) gives no role`, "nothing was written", "date_joined"} {
		if !strings.Contains(look, want) {
			t.Errorf("a dry run does not say %q:\n%s", want, look)
		}
	}
	if p.enters("mia@clinic.example", "old password of mia") != 401 {
		t.Fatal("a dry run lets people in")
	}
	if said := p.fails(append(words, "--yes")...); !strings.Contains(said, "6 new") || strings.Contains(said, "nothing was written") {
		t.Fatal(said)
	}
	if said := p.fails(append(words, "--yes")...); !strings.Contains(said, "0 new, 6 already there") {
		t.Fatal(said)
	}
	for who, status := range map[string]int{"mia": 200, "noor": 200, "root": 200, "dora@clinic.example": 200, "tom": 401, "sso": 401, "twin": 401, "old": 401} {
		if got := p.enters(strings.TrimSuffix(who, "@clinic.example")+"@clinic.example", "old password of "+who); got != status {
			t.Errorf("%s: %d, want %d", who, got, status)
		}
	}
	if p.enters("mia@clinic.example", "old password of noor") != 401 {
		t.Error("mia enters with noor's password")
	}
	if said := p.run("users", "explain", "noor@clinic.example"); !strings.Contains(said, "role editor: in force") {
		t.Error(said)
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	for _, v := range p.env[len(os.Environ()):] {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	app, err := fastness.Open(p.dir, fastness.Options{Environment: "development"})
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	for who, begins := range map[string]string{"mia": "$argon2id$", "noor": "$argon2id$", "root": "$argon2id$", "tom": "bcrypt_sha256$"} {
		var acc *account.Account
		if err := app.DB.View(t.Context(), func(r store.Reader) error {
			var err error
			acc, err = app.Identity.Accounts().Find(t.Context(), r, who+"@clinic.example")
			return err
		}); err != nil || !strings.HasPrefix(acc.PHC.Reveal(), begins) {
			t.Errorf("%s: stored is %.20s, %v", who, acc.PHC.Reveal(), err)
		}
	}
}

// TestEveryFormatMovesIn: hashes that the real programs made (testdata/make.py), without a server, then through the door.
func TestEveryFormatMovesIn(t *testing.T) {
	t.Parallel()
	p := startPress(t, "")
	p.cmd.Process.Kill()
	p.cmd.Wait()
	text, err := os.ReadFile(foreignData + "hashes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	files, passwords := map[string]string{}, map[string]string{}
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[:19] { // one password of each maker
		f := strings.Split(line, "\t")
		program, _, _ := strings.Cut(strings.TrimPrefix(f[0], "hashlib "), " ")
		email := fmt.Sprintf("n%d@clinic.example", n)
		passwords[email] = f[1]
		if program == "django" {
			files[program] += fmt.Sprintf("%s,\"%s\",n%d\n", email, f[2], n)
			continue
		}
		row, _ := json.Marshal(map[string]any{"email": email, "password_hash": f[2], "pen_name": fmt.Sprintf("N %d", n), "since": 2019})
		files[program] += string(row) + "\n"
	}
	files["django"] = "email,password,username\n" + files["django"]
	for program, text := range files {
		name := program + ".jsonl"
		if program == "django" {
			name = "django.csv"
		}
		said := p.run("users", "import", program, p.file(name, text), "--role", "author", "--set", "name=Somebody", "--verified", "--yes", "--env=development")
		if !strings.Contains(said, " 0 refused") || program != "django" && !strings.Contains(said, "no such fields: since") {
			t.Errorf("%s: %s", program, said)
		}
	}
	if said := p.fails("users", "import", "flask", p.file("wrong.jsonl", files["bcrypt"]), "--env=development"); !strings.Contains(said, "not of this format") {
		t.Error(said)
	}
	for _, args := range [][]string{{"users", "import", "phpass", "x"}, {"users", "import", "django", "missing.json"},
		{"users", "import", "bcrypt", p.file("b.jsonl", files["bcrypt"]), "--role", "wizard"}, {"users", "take", "{}"}} {
		p.fails(append(args, "--env=development")...)
	}
	p.serve()
	for email, password := range passwords {
		if got := p.enters(email, password); got != 200 {
			t.Errorf("%s: %d", email, got)
		}
		if got := p.enters(email, password); got != 200 {
			t.Errorf("%s, with the new hash: %d", email, got)
		}
	}
}

// TestImportBatches: what travels to the server at once is bounded in people and bytes, nobody is left out, and nobody is too large to travel.
func TestImportBatches(t *testing.T) {
	m := &moving{}
	for n := range 250 {
		size := 10
		if n >= 100 && n < 110 {
			size = 64 << 10
		}
		m.in = append(m.in, desk.Newcomer{Email: fmt.Sprintf("n%d@clinic.example", n), Profile: make([]byte, size)})
	}
	var ends []int
	for at := 0; at < len(m.in); {
		at = m.batch(at)
		ends = append(ends, at)
	}
	if fmt.Sprint(ends) != "[100 103 106 109 209 250]" {
		t.Errorf("batches end at %v", ends)
	}
}
