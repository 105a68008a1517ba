# What the scripts need from the machine: checked, installed where that is possible, named where it is not.

# Installs Debian packages where we may, else says what to run.
install_packages() {
  if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
    sudo DEBIAN_FRONTEND=noninteractive apt-get update -qq
    sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  else
    printf 'missing: %s\nrun:     sudo apt-get install %s\n' "$*" "$*" >&2
    exit 1
  fi
}

# rustc links with the system's C compiler, and the allocator and the compression libraries are C.
need_c_compiler() {
  command -v cc >/dev/null || install_packages build-essential
}

# Real neighbours for tests/real.rs, as far as they can be had; what is missing there is said to be skipped. They go into
# the machine and into target/neighbours.
want_neighbours() {
  (for command in prometheus prometheus-node-exporter prometheus-alertmanager; do
    command -v "$command" >/dev/null || install_packages "$command"
  done) || printf 'without Prometheus and Alertmanager: tests beside them are skipped\n'
  local python=$PWD/target/neighbours/bin/python3
  if ! "$python" -c 'import opentelemetry.sdk' 2>/dev/null; then
    (
      python3 -m venv --help >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
      python3 -m venv target/neighbours
      "$python" -m pip install --quiet opentelemetry-sdk opentelemetry-exporter-otlp
    ) || printf 'without the OpenTelemetry SDK: tests with it are skipped\n'
  fi
  export BELLWETHER_PYTHON=${BELLWETHER_PYTHON:-$python}
}

# rust-toolchain.toml names the version; rustup fetches it at the first call of cargo.
need_rust() {
  if ! command -v cargo >/dev/null && [ -r "$HOME/.cargo/env" ]; then
    . "$HOME/.cargo/env"
  fi
  if command -v cargo >/dev/null; then
    return
  fi
  printf 'missing: Rust\nrun:     curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs | sh\n' >&2
  exit 1
}
