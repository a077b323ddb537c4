# shellcheck shell=bash
# Sourced by every script here: where things are, and how to speak to the user.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
tools=$root/.tools
venv=$tools/venv
toolchain=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$root/rust-toolchain.toml")

# What the demo and the tests are given by the environment; both may be set from outside.
export ENVOY=${ENVOY:-$tools/bin/envoy}
export SALLYPORT_WASM=${SALLYPORT_WASM:-$root/target/wasm/sallyport.wasm}

say() { printf '==> %s\n' "$*"; }

# Ends the script: what is missing, then how to get it, one line per argument.
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '       %s\n' "$line" >&2; done
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# May Debian packages be installed without asking anybody?
can_apt() { [ "$(id -u)" = 0 ] && have apt-get; }

# apt_install PACKAGE...: never removes a package that is already there.
apt_install() {
  say "installing Debian packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq </dev/null || say "apt-get update failed; trying with the lists at hand"
  apt-get install -y -qq --no-install-recommends --no-remove "$@" </dev/null >"$tools/apt.log" 2>&1 || {
    tail -n 5 "$tools/apt.log" >&2
    return 1
  }
}

# Binaryen optimises the module, and takes out the callbacks that do nothing.
have_binaryen() { have wasm-opt && have wasm-metadce; }
# shellcheck disable=SC2034 # said by those that look for it
binaryen_hint='Debian, Ubuntu: apt-get install binaryen; macOS: brew install binaryen'

# run_with_limit SECONDS COMMAND...: `timeout` where there is one (macOS has none).
run_with_limit() {
  local seconds=$1
  shift
  if have timeout; then timeout "$seconds" "$@"; else "$@"; fi
}

# version_at_least HAVE WANT: compares dotted numbers.
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

# The pinned toolchain and Python; both come before everything else.
need_rust() {
  have cargo || die 'cargo is missing' \
    'install rustup from https://rustup.rs, or your distribution'"'"'s package rustup'
  have cc || die 'a C compiler is missing, which Rust needs to link' \
    'Debian, Ubuntu: apt-get install build-essential; macOS: xcode-select --install'
  (cd "$root" && cargo --version >/dev/null 2>&1) && return
  have rustup || die "cargo does not start and there is no rustup to install Rust $toolchain" \
    'install rustup from https://rustup.rs'
  say "installing Rust $toolchain"
  rustup toolchain install "$toolchain" --profile minimal -c clippy -c rustfmt ||
    die "Rust $toolchain cannot be installed" "try: rustup toolchain install $toolchain"
}

need_node() {
  local version
  have node || die 'node is missing (version 20 or later)' \
    'Debian, Ubuntu: apt-get install nodejs; otherwise https://nodejs.org'
  version=$(node --version)
  version_at_least "${version#v}" 20 || die "node $version is too old" 'version 20 or later is needed'
}

# need_go VERSION: that one or a later one, also one that an older Go fetches when it is asked to.
need_go() {
  local version
  if ! have go && can_apt; then apt_install golang-go || true; fi
  have go || die "go is missing ($1 or later)" \
    'from Go 1.21 on, any version will do: it fetches the one that is needed' 'see https://go.dev/dl'
  version=$(cd "$root/e2e/istio/build/kubernetes" && GOWORK=off go env GOVERSION 2>/dev/null) || version=
  version_at_least "${version#go}" "$1" || die "go is too old or may not fetch Go $1" \
    "install Go $1, or allow it: GOTOOLCHAIN=auto"
}

# The project's Python environment, for programs that PyPI distributes.
need_venv() {
  [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 && return
  have python3 || die 'python3 is missing' 'Debian, Ubuntu: apt-get install python3 python3-venv'
  say 'creating the Python environment .tools/venv'
  mkdir -p "$tools"
  python3 -m venv --clear "$venv" >"$tools/venv.log" 2>&1 && return
  if can_apt && apt_install python3-venv && python3 -m venv --clear "$venv"; then return; fi
  cat "$tools/venv.log" >&2
  die 'python3 cannot make a virtual environment' 'Debian, Ubuntu: apt-get install python3-venv'
}

# pip_install NAME [OPTION...]: the version and the hashes are in scripts/requirements/NAME.txt.
pip_install() {
  local name=$1
  shift
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --only-binary :all: -r "$root/scripts/requirements/$name.txt" "$@"
}
