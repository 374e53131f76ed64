# The targets of the house; `make help` lists them. Tools are pinned in tools/go.mod and built into .tools on first use.
SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0

ALL      := ./... ./.ci/summary ./.ci/supply
ROUNDS   ?=
FUZZTIME ?= 30s
TALLY    ?=
SUMMARY  := go run ./.ci/summary $(if $(TALLY),-tally $(TALLY))
STATICCHECK := honnef.co/go/tools/cmd/staticcheck
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck
GOSEC       := github.com/securego/gosec/v2/cmd/gosec

.PHONY: help run build test check lint bench fuzz crash powercut sabotage timing golden docs vuln browser race cover

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 12

build: ## build bin/fastness
	go build -trimpath -ldflags="-s -w" -o bin/fastness ./cmd/fastness

run: build ## start examples/press in development on https://localhost:8443, seeded, one curl per role
	bin/fastness serve --env development --seed examples/press

test: ## everything: format, vet, staticcheck, unit and integration tests on both databases
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	go test -json -vet=off -timeout 20m $(ALL) | $(SUMMARY) || status=1; \
	[ $$status = 0 ] || echo "FAILED  make test"; exit $$status

check: ## the quick look before a commit: build, vet, the laws, saboteurs still apply
	go build ./...
	go vet $(ALL)
	go test ./internal ./sabotage -run 'Test[^R]'

lint: .tools/staticcheck ## format, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted, run gofmt -w:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet $(ALL)
	.tools/staticcheck $(ALL)

bench: build ## CPU per request against a bare server, and of a session check; fails when one is 20 % over its budget in three runs (FLAGS="-sections pipeline,rows"; PEERS=1: PocketBase beside)
	go test -run '^$$' -bench '^BenchmarkHit$$' -count 3 ./internal/identity/session | awk '{ print; for (i = 2; i <= NF; i++) if ($$i == "cpu-ns/op" && (!least || $$(i-1) < least)) least = $$(i-1) } \
		END { printf "session check on a hit: %.2f µs of CPU, budget 1\n", least / 1000; exit !least || least > 1200 }'
	go build -o bin/bench ./bench
	$(if $(PEERS),go -C bench/pocketbase build -o ../../bin/peer-pocketbase .)
	bin/bench -judge $(if $(PEERS),-peers) $(FLAGS)

fuzz: ## every fuzz target for FUZZTIME (30s), then the property tests with ROUNDS draws (1000000)
	.ci/fuzz.sh $(FUZZTIME)
	FASTNESS_ROUNDS=$(or $(ROUNDS),1000000) go test -json -count=1 -timeout=4h -run 'Property|Agree' ./... | $(SUMMARY)

crash: ## kill -9 under write load, ROUNDS times (200)
	FASTNESS_ROUNDS=$(or $(ROUNDS),200) go test -json -count=1 -timeout=2h -run 'Crash|Kill' ./... | $(SUMMARY)

powercut: ## cuts that drop, reorder and tear what was not synced, ROUNDS times (200)
	FASTNESS_ROUNDS=$(or $(ROUNDS),200) go test -json -count=1 -timeout=2h -run 'PowerCut' ./... | $(SUMMARY)

sabotage: ## remove each control and see its check, and no other, turn red (NAMES="…" for some; FLAGS=-quick: its check alone; FLAGS="-quick -share 3 -seed TEXT": a third)
	go run ./sabotage $(FLAGS) $(NAMES)

timing: ## by the clock: existing against absent addresses, forbidden against absent rows; ROUNDS pairs (2000); .ci/timing.sh with saboteurs
	FASTNESS_TIMING=1 FASTNESS_ROUNDS=$(or $(ROUNDS),2000) go test -v -count=1 -timeout=2h -run Timing ./internal/identity ./internal/keep

golden: ## write the golden files anew; read the difference before you commit it
	FASTNESS_GOLDEN=write go test -count=1 -run 'Golden' ./...
	git status --short

docs: ## check the papers: links, examples, generated pages
	go test -json -count=1 -run 'Paper|Readme|README|Schema|Guide' ./... | $(SUMMARY)

vuln: .tools/govulncheck .tools/gosec ## known holes, gosec, licences, SBOM in bin/
	.ci/vuln.sh

browser: ## the browser tests (Chromium), where there are any
	.ci/browser.sh

race: ## the tests under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race -json -vet=off $(or $(PKGS),./...) | $(SUMMARY)

cover: ## coverage per package
	go test -coverprofile=bin/cover.out ./... | grep -v 'no test files'
	@go tool cover -func=bin/cover.out | tail -1

.tools/staticcheck: tools/go.mod tools/go.sum
	go -C tools build -o ../$@ $(STATICCHECK)
.tools/govulncheck: tools/go.mod tools/go.sum
	go -C tools build -o ../$@ $(GOVULNCHECK)
.tools/gosec: tools/go.mod tools/go.sum
	go -C tools build -o ../$@ $(GOSEC)
