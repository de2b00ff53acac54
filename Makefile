# make demo and make test are all a newcomer needs; `make help` lists the rest.

BIN      := bin
# "./..." leaves out testdata, and the package of the sample mail stands there.
PACKAGES := ./... ./testdata/mail
LINT     := v2.15.0
FUZZTIME ?= 30s
BENCH    ?= .*
ROUNDS   ?= 5
CUTS     ?= all
KILLS    ?= 1000
SEEDS    ?= 2000
SCALEDIR ?= /tmp

# Where git can't be asked (an unpacked archive, a clone that another user owns) the build does without its revision.
ifneq ($(shell git rev-parse HEAD >/dev/null 2>&1 && echo yes),yes)
export GOFLAGS += -buildvcs=false
endif

.PHONY: build man demo test cuts scenes histories bench roombench scale bugs kills lint fuzz clean help

# Without cgo the file needs no C library of the machine it runs on, and starts in half the time.
build: ## build bin/mailhaul
	CGO_ENABLED=0 go build -trimpath -o $(BIN)/mailhaul ./cmd/mailhaul

man: build ## the manual pages, in bin/man
	$(BIN)/mailhaul man $(BIN)/man

demo: build ## a whole migration on this machine, in under a minute
	$(BIN)/mailhaul demo

test: ## everything, with the race detector; installs what the tests need where it can
	./.ci/deps
	go vet $(PACKAGES)
	go test -race -timeout 25m $(PACKAGES)

cuts: ## every fault at every APPEND, a cut at every octet of a session; CUTS=boundaries is shorter
	go test ./executor -run 'HardCase_(P0|P19|M05)' -every -cuts $(CUTS) -v -timeout 6h

scenes: ## thirty migrations, each of which dies at each of its writes to the ledger
	go test ./executor -run ScenesCrash -every -parallel 16 -timeout 2h

histories: ## migrations in which everything goes wrong at random; SEEDS=200 plays fewer
	go test ./executor -run RandomHistories -seeds $(SEEDS) -parallel 16 -timeout 6h

bench: ## mailhaul, mbsync and the bound of the protocol side by side; BENCH=small ROUNDS=5 choose
	go test ./cmd/mailhaul -run '^$$' -bench 'Peers/^($(BENCH))$$' -benchtime 1x -timeout 2h -rounds $(ROUNDS)

roombench: ## the benchmarks of single rooms
	go test -run '^$$' -bench . -skip Peers -benchmem $(PACKAGES)

bugs: ## switch each safety off in turn; some test must fail each time
	go test ./state/fault -run SeededBugs -count 1 -v

scale: ## whole commands over a ledger of 10,000 mailboxes and 10 million messages; needs 1 GB in SCALEDIR (/tmp), and time
	go test ./cmd/mailhaul -run '^$$' -bench Scale -benchtime 3x -timeout 1h -mailboxes 10000 -scaledir $(SCALEDIR)

kills: ## kill -9 at random moments, 1,000 times; KILLS=100 chooses how often
	go test ./cmd/mailhaul -run 'KillNine$$' -count 1 -timeout 2h -v -kills $(KILLS)

lint: $(BIN)/golangci-lint-$(LINT) ## gofmt, the linters at their pinned release, go.mod
	@unformatted=$$(gofmt -l cmd config executor plan state testdata); \
	  if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(BIN)/golangci-lint-$(LINT) run $(PACKAGES)
	go mod tidy -diff

$(BIN)/golangci-lint-$(LINT):
	GOBIN=$(CURDIR)/$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT)
	mv $(BIN)/golangci-lint $@

fuzz: ## each fuzz target for FUZZTIME (30s)
	@set -e; grep -rlE '^func Fuzz' --include='*_test.go' cmd config executor plan state testdata | while read -r file; do \
	  for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do \
	    echo "$$target in $$(dirname "$$file")"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 50x "./$$(dirname "$$file")" </dev/null; \
	  done; \
	done

clean: ## remove what the build made
	rm -rf $(BIN) mailhaul-demo*

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 18
