# Every target does its own set-up; downloads stay in .tools/. The work is done by scripts/.
MAKEFLAGS += --no-print-directory

help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9 -]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS="$$(printf '\t')" read -r target text; do printf '  %-18s %s\n' "$$target" "$$text"; done

setup: ## get the WebAssembly compiler and Envoy; all targets get what they need themselves
	@scripts/setup-wasm
	@scripts/setup-envoy

wasm: ## build the filter: target/wasm/sallyport.wasm
	@scripts/build-wasm

reproducible: ## build the filter twice, in two folders, and compare the bytes (2 to 5 minutes each)
	@scripts/reproducible

sbom: ## write the filter's bill of materials: target/wasm/sallyport.cdx.json
	@scripts/module-sbom

release: ## make the files of a release in target/dist/, signed (SIGNER_KEYS or SIGNER_COMMAND; 15 minutes)
	@scripts/release

demo: ## run the demo on real Envoys
	@scripts/demo

test: ## run all tests, natively, in WebAssembly and in Envoy
	@scripts/test

e2e-istio: ## run the scenarios in a real Istio mesh without containers (root, Linux; MESH=keep leaves it, PROFILE=full is for figures)
	@scripts/e2e-istio

e2e-istio-down: ## end a mesh that was kept
	@scripts/e2e-istio down

e2e-kind: ## run the same scenarios in a kind cluster with the official Istio (docker)
	@scripts/e2e-kind $(ARGS)

e2e-envoys: ## run the corpus and the main scenarios of a mesh with older Envoys (root, Linux)
	@scripts/e2e-envoys $(ARGS)

evaluate: ## write docs/evaluation.md: the trust score on attacks and on everyday life
	@scripts/evaluate $(ARGS)

fuzz-smoke: ## fuzz each target for some seconds
	@scripts/fuzz-smoke $(ARGS)

bench-counts: ## compare instruction counts, host calls and allocations with the committed ones
	@scripts/bench-counts $(ARGS)

bench-growth: ## measure how costs grow with flows, peers, headers; writes docs/performance.md
	@scripts/bench-growth

bench: ## measure what the filter costs in Envoy beside what people would use instead (25 minutes; needs Go)
	@scripts/bench core $(ARGS)

bench-full: ## measure that with more flows, peers, protocols and for long (hours; needs Go)
	@scripts/bench full $(ARGS)

bench-trust: ## measure what a decision costs with many peers, natively and in WebAssembly
	@scripts/bench-trust

bench-credentials: ## measure what verifying credentials costs, natively and in WebAssembly
	@scripts/bench-credentials

lint: ## check formatting, clippy, shell scripts, dependency reasons, generated docs
	@scripts/lint

fmt: ## format the Rust code
	@cargo fmt --all

deny: ## check licences, banned crates, sources, advisories
	@scripts/deny

check presubmit: lint deny test reproducible fuzz-smoke ## what CI checks, but for `make e2e-istio`

docs: ## generate the tables in docs/
	@scripts/generate-docs

clean: ## remove what was built
	@rm -rf target

distclean: clean ## also remove what was fetched
	@rm -rf .tools

.PHONY: help setup wasm reproducible sbom release demo e2e-istio e2e-istio-down e2e-kind e2e-envoys evaluate test fuzz-smoke bench bench-full bench-counts bench-growth bench-trust bench-credentials lint fmt deny check presubmit docs clean distclean
