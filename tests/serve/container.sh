#!/bin/sh
# The steps of the Dockerfile in a clean folder, for machines without a builder; takes minutes, so CI does not run it.
#     sh tests/serve/container.sh [FOLDER]
# Builds the wheel, installs it with the extra serve into an environment of its own, starts what the container starts
# as a user without rights (where this one may become another), and asks whether it lives.
set -eu
repository=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$(mktemp -d)}
python=${PYTHON:-python3}
mkdir -p "$folder/src" "$folder/home"
chmod 755 "$folder"
for part in pyproject.toml README.md LICENSE src constraints.txt; do cp -r "$repository/$part" "$folder/src/"; done
"$python" -m venv "$folder/env"
pip="$folder/env/bin/pip --disable-pip-version-check -q"
(cd "$folder/src" && $pip wheel --no-deps --wheel-dir "$folder/wheels" .)
$pip install -c "$folder/src/constraints.txt" "$(echo "$folder"/wheels/*.whl)[serve]"
if "$folder/env/bin/python" -c 'import torch' 2>/dev/null; then echo "PyTorch was installed" >&2; exit 1; fi

# The last lines of the Dockerfile, word by word.
command=$(sed -n 's/^CMD \[\(.*\)\]$/\1/p' "$repository/Dockerfile" | tail -n 1 | tr -d '",')
if env -u GSANET_TOKEN "$folder/env/bin/gsanet" ${command#gsanet } 2>/dev/null; then
    echo "it must not start without a token" >&2; exit 1
fi
as=""
if [ "$(id -u)" = 0 ]; then chown 65534:65534 "$folder/home"; as="setpriv --reuid 65534 --regid 65534 --clear-groups"; fi
cd "$folder/home"
if [ -n "$as" ] && ! $as "$(readlink -f "$folder/env/bin/python")" -c ""; then
    echo "other users may not run this Python: choose another with PYTHON=..." >&2; exit 1
fi
HOME="$folder/home" GSANET_TOKEN=0123456789abcdef0123 $as "$folder/env/bin/gsanet" ${command#gsanet } --port 7899 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for i in $(seq 60); do
    "$folder/env/bin/python" -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:7899/v1/health', timeout=4).read().decode())" 2>/dev/null && break
    [ "$i" = 60 ] && { echo "it does not live" >&2; exit 1; }
    sleep 1
done
GSANET_TOKEN=0123456789abcdef0123 "$folder/env/bin/python" "$repository/examples/client.py" http://127.0.0.1:7899 \
    "$repository/src/gsanet/assets/bunny.mp4" "$folder/out" '{"end": 0.2, "save": ["overlay"]}'
test -s "$folder/out/overlay.mp4"
echo "it lives, as user $(ps -o uid= -p $server | tr -d ' '); $(du -sm "$folder/env" | cut -f1) MB"
