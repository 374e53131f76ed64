package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// slip is a line that people who know other languages write; ^ stands before what the caret must point at.
type slip struct{ line, says string }

var fieldSlips = []slip{
	{`{type: text, max: 80, ^required: true}`, "optional: true"}, {`{type: text, max: 80, ^nullable: true}`, "optional: true"}, {`{type: text, ^max_length: 80}`, "max: 80"},
	{`{type: text, max: 80, ^index: true}`, "indexed: true"}, {`{type: text, max: 80, ^readonly: true}`, "fixed: true"}, {`{type: text, max: 80, ^enum: [a]}`, "values: [a, b]"},
}

var ruleSlips = []slip{
	{`{to: read, public: ^true}`, `public: "the reason"`}, {`{to: read, public: ^''}`, "the reason why"}, {`{to: ^list}`, "to: read"}, {`{to: ^write}`, "create, update, delete"},
	{`{to: ^"*"}`, "read, create, update, delete"}, {`{to: read, ^if: "true"}`, "when:"}, {`{to: read, ^roles: [editor]}`, "has_role('editor')"}, {`{to: read, only: [title, ^titel]}`, `did you mean "title"`},
	{`{to: read, when: "row.title ^= 'a'"}`, "write =="}, {`{to: read, when: "row.title ^=== 'a'"}`, "write =="}, {`{to: read, when: "row.title ^<> 'a'"}`, "write !="},
	{`{to: read, when: "row.title == 'a = b' && row.mood ^= 'a'"}`, "write =="}, {`{to: read, when: "row.title == 'a' ^and row.mood == 'b'"}`, "write &&"},
	{`{to: read, when: "row.title == 'a' ^OR row.mood == 'b'"}`, "write ||"}, {`{to: read, when: "^not fine"}`, "write !"}, {`{to: read, when: "row.title ^~ 'a'"}`, "startsWith"},
	{`{to: read, when: "me.id != ^null"}`, "leave the comparison of me.id with null out"}, {`{to: read, when: "^null != me.id"}`, "leave the comparison of me.id with null out"},
	{`{to: read, when: "row.mood == ^null"}`, "!has(row.mood)"}, {`{to: read, when: "row.mood != ^null"}`, "write has(row.mood)"}, {`{to: read, when: "row.parent.mood != ^null"}`, "write has(row.parent.mood)"},
	{`{to: read, when: "^new.title == 'a'"}`, "write row.field"}, {`{to: delete, when: "^new.title == 'a'"}`, "write row.field"}, {`{to: create, when: "^row.title == 'a'"}`, "write new.field"},
	{`{to: read, when: "^@request.auth.id != ''"}`, "write me.id"}, {`{to: read, when: "row.title == 'a' && ^@request.auth.id == row.parent"}`, "write me.id"},
	{`{to: create, when: "^@request.body.title = 'a'"}`, "write new.field"}, {`{to: read, when: "^@collection.notes.title ?= 'a'"}`, "exists("},
	{`{to: read, when: "^auth.uid() == row.parent"}`, "write me.id"}, {`{to: read, when: "^auth.uid() = row.parent"}`, "write me.id"}, {`{to: read, when: "^request.auth.uid == row.parent"}`, "write me.id"},
	{`{to: read, when: "^user.id == row.parent"}`, "write me.id"}, {`{to: read, when: "^resource.title == 'a'"}`, "write row.field"}, {`{to: read, when: "^title == 'a'"}`, "write row.title"},
	{`{to: create, when: "^title == 'a'"}`, "write new.title"}, {`{to: read, when: "^role == 'editor'"}`, "has_role('editor')"}, {`{to: read, when: "me.^role == 'editor'"}`, "me has id, org and mfa"},
	{`{to: read, when: "row.title == 'ä' && row.^titel == 'b'"}`, `did you mean "title"`},
	{"to: read\n        when: >\n          row.title == 'a' &&\n          row.^titel == 'b'", `did you mean "title"`},
	{"to: read\n        when: |\n          row.title == 'a' &&\n\n            row.^titel == 'b'", `did you mean "title"`},
	{"to: read\n        when: \"row.title == 'a' &&\n          row.^titel == 'b'\"", `did you mean "title"`},
}

var originSlips = []slip{{`[^"http://a.example"]`, "write https://a.example"}, {`[^"https://a.example/"]`, "leave out what follows"}, {`["https://a.example", ^"https://b.example/x"]`, "https://b.example"},
	{`[^"*"]`, "write each one out"}}

// TestSlipsNameWhatToWrite: what people bring along from other languages is refused with what to write instead, and the caret stands under it.
func TestSlipsNameWhatToWrite(t *testing.T) {
	check := func(form, put string, s slip) {
		t.Helper()
		text := strings.Replace(form, put, s.line, 1)
		before, after, marked := strings.Cut(text, "^")
		f, err := decl.Parse("fastness.yaml", []byte(before+after), "production")
		if err == nil {
			_, err = plan.Compile(f, "production")
		}
		if err == nil || !marked || text == form {
			t.Errorf("%s: %v", s.line, err)
			return
		}
		line, col := 1+strings.Count(before, "\n"), len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))+1
		if want := fmt.Sprintf("fastness.yaml:%d:%d: ", line, col); !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), s.says) {
			t.Errorf("%s: want %s and %q:\n%v", s.line, want, s.says, err)
		}
	}
	for _, s := range fieldSlips {
		check(strings.Replace(good, "RULE", "true", 1), "{type: text, max: 80, indexed: true}", s)
	}
	for _, s := range ruleSlips {
		check(good, `{to: read, when: "RULE"}`, s)
	}
	for _, s := range originSlips {
		s.line = "origins: " + s.line + "\nroles:"
		check(strings.Replace(good, "RULE", "true", 1), "roles:", s)
	}
}
