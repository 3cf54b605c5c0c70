#!/usr/bin/env bash
# What an installation weighs, in a clean copy, and whether that is what README and CHANGELOG promise. Exits 1 if it is more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
heavy=0

# measure MEGABYTES ARGUMENT…: npm ci with these arguments, and node_modules is to have at most so many.
measure() {
  local max=$1 size
  shift
  rm -rf "$scratch/copy"
  mkdir "$scratch/copy"
  cp -r "$root"/{package.json,package-lock.json,.npmrc,runtime} "$scratch/copy"
  (cd "$scratch/copy" && npm ci --no-audit --no-fund --loglevel=error "$@" >/dev/null)
  size=$(du -sm "$scratch/copy/node_modules" | cut -f1)
  printf '%4s MB of at most %s: npm ci %s\n' "$size" "$max" "$*"
  [ "$size" -le "$max" ] || heavy=1
}

[ "$(node -p 'process.versions.node.split(".")[0]')" -lt 26 ] || echo 'This Node is new enough: npm brings no other.'
measure 415 --omit=dev
measure 145 --omit=dev --omit=optional
printf '%4s MB: fonts, which lie in the repository\n' "$(du -sm "$root/assets/fonts" | cut -f1)"
exit "$heavy"
