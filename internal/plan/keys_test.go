package plan_test

import (
	"strings"
	"testing"
)

// TestLongKeys: on PostgreSQL an index whose values may be longer than it holds is refused with the bound that would do; SQLite holds them.
func TestLongKeys(t *testing.T) {
	for field, want := range map[string]string{
		"n: {type: text, max: 1000, indexed: true}":                              "max: 661",
		"n: {type: text, max: 661, indexed: true}":                               "",
		"n: {type: text, max: 662, indexed: true}":                               "max: 661",
		"n: {type: text, max: 700, unique: true}":                                "max: 661",
		"n: {type: text, max: 5000}":                                             "",
		"n: {type: url, indexed: true}":                                          "",
		"n: {type: email, unique: true}":                                         "",
		"n: {type: enum, values: [a, b], indexed: true}":                         "",
		"n: {type: list, max: 5, of: {type: text, max: 2000}}":                   "max: 661",
		"n: {type: list, max: 5, of: {type: text, max: 90}}":                     "",
		"n: {type: text, max: 400}, m: {type: text, max: 400}}, index: [[n, -m]": "max: 259",
		"n: {type: text, max: 400}, m: {type: text, max: 400}}, unique: [[n, m]": "max: 268",
	} {
		collections := "  a: {fields: {" + field + "}}\n"
		if strings.Contains(field, "[[") {
			collections = "  a: {fields: {" + field + "]}\n"
		}
		_, err := compiled(t, "store: \"${env:DATABASE_URL}\"\n", collections)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", field, err, want)
		}
		if _, err := compiled(t, "", collections); err != nil {
			t.Errorf("%s on SQLite: %v", field, err)
		}
	}
}
