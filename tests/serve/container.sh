#!/bin/sh
# The steps of the Dockerfile in a clean folder, for machines without a builder; takes minutes, so CI does not run it.
#     sh tests/serve/container.sh [FOLDER]
# Builds the wheel, installs it with the extra serve into an environment of its own, starts what the container starts
# as a user without rights (where this one may become another), and asks whether it lives.
set -eu
repository=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$(mktemp -d)}
as=""
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid 65534 --regid 65534 --clear-groups"; fi
# One in /root is closed to others, and setpriv's first program is not yet held to that: let it start a second.
others_may_run() { $as "$(readlink -f "$1")" -c 'import subprocess, sys; subprocess.check_call([sys.executable, "-c", ""])' 2>/dev/null; }
python=""
for one in ${PYTHON:-$(command -v python3) /usr/local/bin/python3 /usr/bin/python3}; do
    if [ -x "$one" ] && others_may_run "$one"; then python=$one; break; fi
done
if [ -z "$python" ]; then echo "other users may not run this Python: choose another with PYTHON=..." >&2; exit 1; fi
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
if [ -n "$as" ]; then chown 65534:65534 "$folder/home"; fi
cd "$folder/home"
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
