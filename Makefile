SHELL := /bin/bash
.DEFAULT_GOAL := help

NODE := node_modules/.bin/node
RUN := $(NODE) --disable-warning=ExperimentalWarning

.PHONY: help demo test bench parity lint clean setup control-plane images compat

help: ## What can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

demo: setup ## Show the main job live (API=embedded or real, KEEP=1 leaves the lab up)
	@$(if $(filter real,$(API)),$(RUN) tools/envtest/build.ts,true)
	@API=$(or $(API),embedded) KEEP=$(KEEP) $(RUN) --conditions=development e2e/lab/src/demo/main.ts

test: setup ## Run every check (LANES=unit,sim for some)
	@LANES="$(LANES)" $(RUN) tools/test.ts

bench: setup ## Measure, side by side with what one would use instead
	@$(RUN) --conditions=development tools/bench.ts

parity: setup ## Write docs/parity.md and docs/rfc from the tests that passed
	@$(RUN) tools/parity.ts

lint: setup ## Format and lint
	@PATH=$(CURDIR)/node_modules/.bin:$$PATH prettier --check . && PATH=$(CURDIR)/node_modules/.bin:$$PATH nx run-many -t lint

control-plane: setup ## Build kube-apiserver and its companions, Helm among them, into the user's cache
	@$(RUN) tools/envtest/build.ts

images: setup ## Build the images of controller and speaker, and run them (BUILD_BASE, BASE, TAG)
	@tools/setup.sh images
	@$(RUN) tools/images/build.ts
	-@$(RUN) tools/envtest/build.ts
	@$(RUN) tools/images/try.ts

compat: setup ## Run the cluster suite on other releases of Kubernetes (RELEASES=1.29.6,1.37.2)
	@$(RUN) tools/envtest/build.ts
	@$(RUN) tools/compat/run.ts

setup:
	@tools/setup.sh

clean: ## Remove what was built and installed here
	@rm -rf node_modules .nx .cache packages/*/dist apps/*/dist
