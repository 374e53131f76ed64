package decl_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

const published = "../../../docs/fastness.schema.json"

// TestGoldenSchema: the schema that is published is the one that the reader gives (FASTNESS_GOLDEN=write makes it anew).
func TestGoldenSchema(t *testing.T) {
	got := decl.Schema()
	if os.Getenv("FASTNESS_GOLDEN") == "write" {
		if err := os.WriteFile(published, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(published)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/fastness.schema.json is not what the reader gives: run make golden (%v)", err)
	}
	if !json.Valid(got) || bytes.Contains(got, []byte(`"break_glass"`)) || bytes.Contains(got, []byte(`"gateway"`)) {
		t.Error("the schema is no JSON, or offers words that are refused")
	}
}

// slips are mistakes that a schema can see, put into small. The reader must refuse each, and so must an independent validator by the schema.
var slips = map[string][2]string{
	"an unknown block": {"roles: {editor: {}}", "rolls: {editor: {}}"}, "an unknown word": {"max: 80}", "maxx: 80}"},
	"an unknown type": {"type: text, max: 80}", "type: strng, max: 80}"}, "no type": {"title: {type: text, max: 80}", "title: {max: 80}"},
	"a text without a bound": {"title: {type: text, max: 80}", "title: {type: text}"}, "a word of another type": {"title: {type: text, max: 80}", "title: {type: bool, max: 80}"},
	"a text for a flag": {"optional: true", `optional: "true"`}, "a number for a flag": {"optional: true", "optional: 1"},
	"a list for a block": {"roles: {editor: {}}", "roles: [editor]"}, "a text for a block": {"{name: small, host: small.example, level: 1}", "small"},
	"no version": {"version: 1\n", ""}, "another version": {"version: 1", "version: 2"}, "a text for the version": {"version: 1", `version: "1"`},
	"no service": {"service: {name: small, host: small.example, level: 1}\n", ""}, "a level that is none": {"level: 1", "level: 4"},
	"an unknown action": {"to: read", "to: look"}, "a rule for nothing": {"{to: read, when", "{when"}, "a rule that is a number": {`when: "has_role('editor')"`, "when: 5"},
	"a reserved word": {"roles:", "gateway: {}\nroles:"}, "a reserved word of a field": {"optional: true}", "optional: true, search: words}"},
	"a duration without a unit": {"roles:", "session: {idle: 15}\nroles:"}, "an odd duration": {"roles:", "session: {idle: 15 minutes}\nroles:"},
	"an odd size": {"roles:", "limits: {body: 1MB}\nroles:"}, "an odd rate": {"roles:", "limits: {per_account: 600}\nroles:"},
	"an unknown mode": {"roles:", "sign_up: {mode: free}\nroles:"}, "a literal secret": {"roles:", "mail: {from: a@b.example, smtp: \"smtp://u:p@h\"}\nroles:"},
	"a factor that is none": {"{editor: {}}", "{editor: {requires: sms}}"}, "rules in an environment": {"roles:", "env: {production: {collections: {}}}\nroles:"},
	"an unknown environment": {"roles:", "env: {staging: {}}\nroles:"}, "an enum without values": {"title: {type: text, max: 80}", "title: {type: enum}"},
	"a reference to nowhere": {"title: {type: text, max: 80}", "title: {type: ref}"}, "a list of nothing": {"title: {type: text, max: 80}", "title: {type: list, max: 3}"},
	"a state without steps": {"title: {type: text, max: 80}", "title: {type: state, start: a}"}, "digits beyond nine": {"title: {type: text, max: 80}", "title: {type: decimal, digits: 12}"},
	"an unknown profile":    {"title: {type: text, max: 80}", "title: {type: html, profile: all, max: 3}"},
	"a check without words": {"    allow:", "    check:\n      - {that: \"true\"}\n    allow:"}, "an odd on_delete": {"title: {type: text, max: 80}", "title: {type: ref, to: notes, on_delete: drop}"},
}

// TestSchemaAndReaderAgree: what the reader takes the schema takes, and of what a schema can see both refuse the same, by an independent
// validator (npm ajv).
func TestSchemaAndReaderAgree(t *testing.T) {
	texts := map[string]string{"small": small}
	for name, slip := range slips {
		if !strings.Contains(small, slip[0]) {
			t.Fatalf("%s: there is no %q to replace", name, slip[0])
		}
		texts[name] = strings.Replace(small, slip[0], slip[1], 1)
		if _, err := decl.Parse("fastness.yaml", []byte(texts[name]), "production"); err == nil {
			t.Errorf("%s: the reader takes it", name)
		}
	}
	hosttest.Tool(t, "node", "nodejs")
	hosttest.File(t, "../../../.ci/npm/node_modules/ajv", "run npm --prefix .ci/npm ci --ignore-scripts")
	files, err := filepath.Glob("../../../examples/*/fastness.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}
	for _, path := range append(files, "../../../cmd/fastness/starter.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts["good "+path] = string(text)
	}
	var names []string
	var in bytes.Buffer
	for name, text := range texts {
		var doc map[string]any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		line, err := json.Marshal(doc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		names = append(names, name)
		in.Write(append(line, '\n'))
	}
	schema, err := filepath.Abs(published)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "declaration.mjs", schema)
	cmd.Dir, cmd.Stdin, cmd.Stderr = "../../../.ci/npm", &in, os.Stderr
	out, err := cmd.Output()
	verdicts := strings.Fields(string(out))
	if err != nil || len(verdicts) != len(names) {
		t.Fatalf("%d verdicts on %d declarations: %v", len(verdicts), len(names), err)
	}
	for i, name := range names {
		if good := name == "small" || strings.HasPrefix(name, "good "); good != (verdicts[i] == "true") {
			t.Errorf("%s: by the schema it is %s", name, verdicts[i])
		}
	}
}
