"""A corpus on engines that people have: Ray Data and Spark, real ones on this machine. `test.sh --frameworks` installs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import exfilter
from exfilter import testing

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
DOCS = Path(__file__).parents[1] / "docs"


def run_page(name, tmp_path):
    """A page in a process of its own: both frameworks start others, and leave threads behind."""
    code = f"import doctest, sys; sys.exit(doctest.testfile({str(DOCS / name)!r}, module_relative=False).failed)"
    # Workers are started as the same interpreter.
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "RAY_USAGE_STATS_ENABLED": "0", "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_ray(tmp_path):
    pytest.importorskip("ray", reason="ray is not installed: test.sh --frameworks installs it")
    run_page("ray.md", tmp_path)


def test_spark(tmp_path):
    pytest.importorskip("pyspark", reason="pyspark is not installed: test.sh --frameworks installs it")
    if shutil.which("java") is None:
        pytest.skip("java is missing")
    run_page("spark.md", tmp_path)


def audit(batch):
    """What a worker says of itself beside what it finds."""
    engine = exfilter.load_engine(os.environ["ENGINE_FILE"], key_file=os.environ["KEY_FILE"])
    found = pa.table(engine.scan_arrow(batch))
    return pa.table({"secret": found["name"], "process": pa.array([f"{os.getpid()} {id(engine)}"] * found.num_rows)})


def test_each_worker_has_one_engine_and_no_secret(tmp_path):
    ray = pytest.importorskip("ray", reason="ray is not installed: test.sh --frameworks installs it")
    engine_file, key_file = str(tmp_path / "engine"), str(tmp_path / "key")
    value = testing.secret(seed=71)
    exfilter.save_engine(exfilter.Engine(rules=exfilter.Rules()), engine_file, key_file=key_file)
    secrets = exfilter.KnownSecrets(Path(key_file).read_bytes())
    secrets.add("DEPLOY", value)
    exfilter.save_engine(exfilter.Engine(known_secrets=secrets), engine_file, key_file=key_file)
    assert value.encode() not in Path(engine_file).read_bytes()
    variables = {"ENGINE_FILE": engine_file, "KEY_FILE": key_file, "PYTHONPATH": str(Path(__file__).parent)}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": variables})
    try:
        table = pa.table({"text": [f"row {n} {value}" for n in range(400)]})
        batches = ray.data.from_arrow(table).repartition(16).map_batches(audit, batch_format="pyarrow", batch_size=None)
        found = pa.concat_tables(ray.get(batches.to_arrow_refs()))
    finally:
        ray.shutdown()
    assert found.num_rows == 400 and set(found["secret"].to_pylist()) == {"DEPLOY"}
    engines = [text.split() for text in set(found["process"].to_pylist())]
    assert len({process for process, _ in engines}) == len(engines)
