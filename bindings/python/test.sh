#!/usr/bin/env bash
# Builds the wheel, installs it into a virtual environment of its own and runs every test of it. With --mitmproxy also those with a real mitmproxy, which is large
# and needs Python 3.12 or newer; with --frameworks those with Ray and Spark, which are larger still and want a Java. The build shares the workspace's target folder, and is
# of the profile `wheel` unless EXFILTER_WHEEL_PROFILE says another one (dev, or `trained` for the one that is published, see wheel.sh). With --built nothing is built: the wheel is
# the one that the last run has left, for whatever Python, which is all the same to it. With --or-skip what cannot be installed is skipped and says so; a test that fails fails.
set -euo pipefail
cd "$(dirname "$0")"

tests="" built="" optional=""
for option; do
    case $option in
        --mitmproxy | --frameworks) tests=${option#--} ;;
        --built) built=yes ;;
        --or-skip) optional=yes ;;
        *) echo "usage: test.sh [--mitmproxy | --frameworks] [--built] [--or-skip]" >&2; exit 2 ;;
    esac
done

oldest=10
[ "$tests" != mitmproxy ] || oldest=12
python=""
for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python3.10 ~/.pyenv/versions/3.1[0-9]*/bin/python3; do
    if command -v "$name" >/dev/null && "$name" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, $oldest))" 2>/dev/null; then
        python=$name
        break
    fi
done
[ -n "$python" ] || { echo "skipped: the Python bindings are tested with Python 3.$oldest or newer and its venv module, and there is none here"; exit 0; }

target=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}
mkdir -p "$target"
venv=$target/python-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
bin=$venv/bin
# Nothing that the tests leave stands in the tree, which the project scans.
export PYTHONDONTWRITEBYTECODE=1 MYPY_CACHE_DIR=$venv/mypy
# The package's own folder is its root, whatever stands in the folders above the checkout.
export MYPYPATH=$PWD/python
install() {
    ${optional:+timeout 300} "$bin/python" -m pip install --quiet --disable-pip-version-check "$@" && return
    [ -z "$optional" ] && exit 1
    echo "skipped: not installed: $*"
    exit 0
}
case $tests in
    mitmproxy) install pytest 'mitmproxy>=12,<13' ;;
    frameworks) install -r tests/requirements.txt 'ray[data]>=2.40,<3' 'pyspark>=4,<5' ;;
    *) install -r tests/requirements.txt ;;
esac

# Of all Pythons, for a wheel is of none.
wheels=$target/wheels
if [ -z "$built" ]; then
    install 'maturin>=1.9,<2'
    rm -rf "$wheels"
    profile=${EXFILTER_WHEEL_PROFILE:-wheel}
    if [ "$profile" = trained ]; then
        CARGO_TARGET_DIR=$target ./wheel.sh "$wheels" "$bin/python"
    else
        CARGO_TARGET_DIR=$target "$bin/maturin" build --profile "$profile" --quiet --interpreter "$bin/python" --out "$wheels"
    fi
fi
"$bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheels"/*.whl

export CARGO_TARGET_DIR=$target
case $tests in
    mitmproxy) "$bin/python" -m pytest -p no:cacheprovider tests/test_mitmproxy*.py tests/test_pages.py ;;
    frameworks) "$bin/python" -m pytest -p no:cacheprovider tests/test_frameworks.py ;;
    *)
        "$bin/python" -m pytest -p no:cacheprovider tests --ignore-glob "*/test_mitmproxy*.py" --ignore tests/test_pages.py --ignore tests/test_frameworks.py
        "$bin/python" -m mypy --no-error-summary --explicit-package-bases python/exfilter
        "$bin/python" -m mypy.stubtest exfilter._native
        ;;
esac
