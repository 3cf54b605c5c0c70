#!/usr/bin/env bash
# Makes assets/fonts/*.ttf.br again, byte for byte, out of what the README beside them names. Needs Debian 12 with
# fonttools 4.38 (package python3-fonttools), apt-get, npm and node; nothing of it is needed to install or run the service.
set -euo pipefail
fonts=$(cd "$(dirname "${BASH_SOURCE[0]}")/../assets/fonts" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

npm pack --silent @expo-google-fonts/noto-sans-sc@0.4.3 >/dev/null
tar xzf expo-google-fonts-noto-sans-sc-0.4.3.tgz
apt-get download -qq fonts-hanazono=20170904-2.1
dpkg-deb -x fonts-hanazono_*.deb hanazono
noto=package/400Regular/NotoSansSC_400Regular.ttf
hanazono=hanazono/usr/share/fonts/truetype/hanazono/HanaMinB.ttf
sha256sum --check --quiet <<CHECK
d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16  $noto
829543436cdf7b4c6730e2af5806fa406f8ddf0d4b656e0cd49c58d4db1c8d3c  $hanazono
CHECK

cp "$noto" NotoSansSC-Regular.ttf
# Files of 4,096 code points: a document with one rare name opens one of them, of two megabytes, and not thirty.
for block in 20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d 2e; do
  /usr/bin/python3 -m fontTools.subset "$hanazono" --unicodes="${block}000-${block}fff" --no-hinting --notdef-outline \
    --drop-tables+=vhea,vmtx,BASE,GDEF,FFTM,gasp --output-file="HanaMinB-$block.ttf"
done

node - "$fonts" *.ttf <<'NODE'
const { readFileSync, writeFileSync } = require('node:fs');
const { brotliCompressSync, constants } = require('node:zlib');
const [folder, ...names] = process.argv.slice(2);
const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
for (const name of names) writeFileSync(`${folder}/${name}.br`, brotliCompressSync(readFileSync(name), { params }));
NODE
ls -l "$fonts"
