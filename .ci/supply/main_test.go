package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestLicencesAreRecognised(t *testing.T) {
	for text, want := range map[string]string{
		"Permission is hereby granted,\n free of charge ... The above copyright notice and this permission notice shall be included": "MIT",
		"GNU GENERAL PUBLIC LICENSE\nVersion 3":                                                                 "GPL",
		"Redistribution and use in source and binary forms ... Neither the name of":                             "BSD-3-Clause",
		"Redistribution and use in source and binary forms ... must retain the notice, this list of conditions": "BSD-2-Clause",
		"you may look but not touch":                                                                            "",
	} {
		if got := recognise(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if own, err := licence("../.."); own != "Apache-2.0" || err != nil {
		t.Errorf("our own licence: %q, %v", own, err)
	}
}

func TestForeignLicencesFail(t *testing.T) {
	if bad := list(io.Discard, []module{{Licence: "MIT"}, {Licence: ""}, {Licence: "GPL"}}); bad != 2 {
		t.Errorf("%d of MIT, unknown and GPL were refused, want 2", bad)
	}
}

func TestBillOfMaterialsIsReproducible(t *testing.T) {
	mods := []module{{Path: "example.org/a", Version: "v1.0.0", Licence: "MIT"}, {Path: "example.org/b", Version: "v0.1.0"}}
	var texts [2]string
	for i := range texts {
		file := filepath.Join(t.TempDir(), "bom.json")
		if err := writeSBOM(file, mods); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	if texts[0] != texts[1] {
		t.Error("two bills of the same modules differ")
	}
	var bom struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal([]byte(texts[0]), &bom); err != nil || bom.BOMFormat != "CycloneDX" || len(bom.Components) != 2 || bom.Components[0].PURL != "pkg:golang/example.org/a@v1.0.0" {
		t.Errorf("%v: %+v", err, bom)
	}
}
