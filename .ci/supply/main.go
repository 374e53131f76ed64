// Command supply lists every module that is linked into the product with its licence, writes the bill of materials as CycloneDX
// 1.6 JSON, and fails when a licence is missing, unknown or not compatible with Apache-2.0.
//
//	go run ./.ci/supply -sbom bin/fastness.cdx.json ./cmd/fastness
//
// The licence is told from the text of the module's licence file by phrases that only that licence has; what is not recognised
// is reported, never assumed.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	sbom := flag.String("sbom", "", "write the bill of materials to this `file`")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: supply [-sbom FILE] PACKAGE …")
		os.Exit(2)
	}
	mods, err := modules(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "supply:", err)
		os.Exit(1)
	}
	bad := list(os.Stdout, mods)
	if *sbom != "" {
		if err := writeSBOM(*sbom, mods); err != nil {
			fmt.Fprintln(os.Stderr, "supply:", err)
			os.Exit(1)
		}
		fmt.Println("bill of materials:", *sbom)
	}
	if bad > 0 {
		fmt.Printf("broken: %d modules with a licence that is unknown or not compatible with Apache-2.0\n", bad)
		os.Exit(1)
	}
	fmt.Printf("held: %d modules, all compatible with Apache-2.0\n", len(mods))
}

// module is one linked module.
type module struct {
	Path, Version, Dir string
	Licence            string // an SPDX identifier, or "" when not recognised
}

// modules are the modules that the packages link, without our own, sorted by path.
func modules(packages []string) ([]module, error) {
	args := append([]string{"list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}}|{{.Version}}|{{.Dir}}{{end}}{{end}}`}, packages...)
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	lines := strings.Fields(string(out))
	slices.Sort(lines)
	var mods []module
	for _, l := range slices.Compact(lines) {
		f := strings.Split(l, "|")
		m := module{Path: f[0], Version: f[1], Dir: f[2]}
		if m.Licence, err = licence(m.Dir); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		mods = append(mods, m)
	}
	if len(mods) == 0 {
		return nil, errors.New("no modules at all: nothing was looked at")
	}
	return mods, nil
}

// compatible are licences whose code may be linked into a work under Apache-2.0.
var compatible = []string{"Apache-2.0", "MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "CC0-1.0", "Unlicense", "Zlib"}

// phrases tell licences apart, in the order in which they are tried; every phrase must occur, in lower case and with single blanks.
var phrases = []struct {
	spdx string
	all  []string
}{
	{"AGPL-3.0", []string{"gnu affero general public license"}},
	{"LGPL", []string{"gnu lesser general public license"}},
	{"GPL", []string{"gnu general public license", "version"}},
	{"MPL-2.0", []string{"mozilla public license", "2.0"}},
	{"Apache-2.0", []string{"apache license", "version 2.0", "terms and conditions for use, reproduction, and distribution"}},
	{"Apache-2.0", []string{"licensed under the apache license, version 2.0"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither the name"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither name of copyright holders"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms", "this list of conditions"}},
	{"MIT", []string{"permission is hereby granted, free of charge", "the above copyright notice and this permission notice shall be included"}},
	{"MIT-0", []string{"mit no attribution", "permission is hereby granted, free of charge"}},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"}},
	{"ISC", []string{"permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"}},
	{"CC0-1.0", []string{"cc0 1.0 universal"}},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}},
	{"Zlib", []string{"this software is provided 'as-is', without any express or implied warranty", "altered source versions must be plainly marked"}},
}

// licence recognises the licence of a module by its files.
func licence(dir string) (string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		name := strings.ToUpper(f.Name())
		if f.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return "", err
		}
		if id := recognise(string(text)); id != "" {
			return id, nil
		}
	}
	return "", nil
}

func recognise(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, p := range phrases {
		if !slices.ContainsFunc(p.all, func(s string) bool { return !strings.Contains(text, s) }) {
			return p.spdx
		}
	}
	return ""
}

// list prints the modules and returns how many are not compatible.
func list(w io.Writer, mods []module) (bad int) {
	for _, m := range mods {
		id, mark := m.Licence, ""
		if id == "" {
			id = "unknown"
		}
		if !slices.Contains(compatible, m.Licence) {
			bad++
			mark = "   <- not compatible with Apache-2.0, or not recognised"
		}
		fmt.Fprintf(w, "%-14s %s %s%s\n", id, m.Path, m.Version, mark)
	}
	return bad
}

// component is a component in the words of CycloneDX 1.6.
type component struct {
	Type     string   `json:"type"`
	Ref      string   `json:"bom-ref"`
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	PURL     string   `json:"purl"`
	Licences []choice `json:"licenses,omitempty"`
}

type choice struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

func newComponent(kind, path, version, spdx string) component {
	purl := "pkg:golang/" + path
	if version != "" {
		purl += "@" + version
	}
	c := component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
	if spdx != "" {
		c.Licences = make([]choice, 1)
		c.Licences[0].Licence.ID = spdx
	}
	return c
}

// writeSBOM writes the modules as CycloneDX. It holds no time and no random number, so equal inputs give equal files; the serial
// number is made from the digest of the components.
func writeSBOM(file string, mods []module) error {
	comps := []component{}
	for _, m := range mods {
		comps = append(comps, newComponent("library", m.Path, m.Version, m.Licence))
	}
	body, err := json.Marshal(comps)
	if err != nil {
		return err
	}
	d := sha256.Sum256(body)
	d[6], d[8] = d[6]&0x0f|0x80, d[8]&0x3f|0x80 // RFC 9562, version 8
	bom := map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"serialNumber": fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", d[:4], d[4:6], d[6:8], d[8:10], d[10:16]),
		"metadata":     map[string]any{"component": newComponent("application", "github.com/fastness-dev/fastness", "", "Apache-2.0")},
		"components":   comps,
	}
	out, err := json.MarshalIndent(bom, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(out, '\n'), 0o644)
}
