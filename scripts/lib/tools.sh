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
