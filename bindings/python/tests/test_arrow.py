"""Tables of Arrow: with pyarrow as a producer and a consumer, and with producers that lie."""

import ctypes
import gc
import random

import pytest
from hostile_arrow import Array, Batches, OneArray, Released, Schema, address, array, integers, keep, pointers, schema, strings, text

import exfilter
from exfilter import testing

TOKEN = testing.token("github-pat", seed=61)
OTHER = testing.token("npm-access-token", seed=62)
COLUMNS = ["row", "column", "kind", "name", "id", "confidence", "documented", "path", "start", "end", "count"]

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def found(table, **options):
    """Rows of what was found, without what tests do not ask for."""
    return [(row["row"], row["column"], row["name"], row["start"], row["end"]) for row in rows(exfilter.scan_arrow(table, **options))]


def rows(scan):
    return pa.table(scan).to_pylist()


def test_a_table_in_and_a_table_out():
    table = pa.table({"id": [1, 2, 3], "text": ["nothing", None, f"key = {TOKEN}"], "note": ["", f"{OTHER} {TOKEN}", "x"]})
    scan = exfilter.scan_arrow(table)
    assert (scan.rows, scan.columns, scan.left_out, len(scan)) == (3, ["text", "note"], ["id"], 3)
    assert scan.complete and not scan.clean() and scan.clean("confirmed")
    result = pa.table(scan)
    assert result.column_names == COLUMNS and result.schema == pa.schema(scan)
    result.validate(full=True)
    first, second, third = result.to_pylist()
    assert first == {
        "row": 1, "column": "note", "kind": "rule", "name": "npm-access-token", "id": first["id"], "confidence": "high", "documented": False, "path": "",
        "start": 0, "end": len(OTHER), "count": 1,
    }  # fmt: skip
    assert (second["name"], second["start"], second["id"]) == ("github-pat", len(OTHER) + 1, third["id"])
    assert third["row"] == 2 and third["column"] == "text" and third["start"] == 6 and third["id"].startswith("exf1-")
    assert TOKEN[4:] not in f"{scan!r} {result.to_pylist()}"
    # It can be taken more than once.
    assert pa.table(scan) == result
    clean = exfilter.scan_arrow(pa.table({"text": ["a"] * 10}))
    assert clean.clean("low") and len(clean) == 0 and pa.table(clean).num_rows == 0 and pa.table(clean).column_names == COLUMNS


def test_every_layout_of_texts():
    long = f"{'-' * 30} {TOKEN}"
    values = ["short", long, None, "", TOKEN, "x" * 200]
    at = [(1, 31), (4, 0)]
    kinds = {
        "string": pa.string(), "large": pa.large_string(), "binary": pa.binary(), "large binary": pa.large_binary(), "view": pa.string_view(),
        "binary view": pa.binary_view(),
    }  # fmt: skip
    for name, kind in kinds.items():
        column = pa.array([None if v is None else v.encode() if "binary" in name else v for v in values], kind)
        for whole, moved in ((column, 0), (column.slice(1), 1), (column.slice(1, 4), 1)):
            assert [(r, s) for r, _, _, s, _ in found(pa.table({name: whole}))] == [(r - moved, s) for r, s in at], name
    fixed = pa.array([TOKEN.encode(), b"x" * 40, None], pa.binary(40))
    assert [row for row, *_ in found(pa.table({"f": fixed}))] == [0]
    assert [row for row, *_ in found(pa.table({"f": fixed.slice(1)}))] == []
    for width in (pa.int8(), pa.uint16(), pa.int32(), pa.uint64()):
        coded = pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1, 2], width), pa.array(["clean", TOKEN, "also clean"]))
        assert [row for row, *_ in found(pa.table({"d": coded}))] == [0, 3]
    # An array alone, and one in chunks.
    assert found(pa.array(["a", TOKEN])) == [(1, "", "github-pat", 0, 40)]
    assert [row for row, *_ in found(pa.chunked_array([["a", TOKEN], [], [TOKEN]]))] == [1, 2]
    assert [row for row, *_ in found(pa.record_batch({"a": ["a", TOKEN]}))] == [1]


def test_texts_inside_others():
    messages = [
        [{"role": "user", "content": "hello"}, {"role": "tool", "content": TOKEN}],
        None,
        [],
        [{"role": "user", "content": None}, {"role": OTHER, "content": "x"}],
    ]
    table = pa.table({"messages": messages, "meta": [{"n": 1, "s": {"t": "a"}}, None, {"n": 2, "s": {"t": f"x {TOKEN}"}}, {"n": 3, "s": None}]})
    assert found(table) == [
        (0, "messages[].content", "github-pat", 0, 40), (2, "meta.s.t", "github-pat", 2, 42), (3, "messages[].role", "npm-access-token", 0, len(OTHER)),
    ]  # fmt: skip
    assert [row for row, *_ in found(table.slice(2))] == [0, 1]
    scan = exfilter.scan_arrow(table)
    assert scan.columns == ["messages[].role", "messages[].content", "meta.s.t"] and scan.left_out == ["meta.n"]
    pairs = pa.array([[("k", TOKEN)], [(TOKEN, "v")]], pa.map_(pa.string(), pa.string()))
    assert found(pa.table({"m": pairs})) == [(0, "m[].value", "github-pat", 0, 40), (1, "m[].key", "github-pat", 0, 40)]
    fixed = pa.array([["a", "b"], ["c", TOKEN], None], pa.list_(pa.string(), 2))
    assert [row for row, *_ in found(pa.table({"l": fixed}))] == [1]
    assert [row for row, *_ in found(pa.table({"l": fixed.slice(1)}))] == [0]
    deep = pa.array([[[["a"]], [[TOKEN], []]]], pa.list_(pa.large_list(pa.list_(pa.string()))))
    assert found(pa.table({"d": deep})) == [(0, "d[][][]", "github-pat", 0, 40)]
    # Columns without texts only.
    numbers = exfilter.scan_arrow(pa.table({"a": [1], "b": [[1.5]], "c": [{"d": True}], "e": [None]}))
    assert numbers.clean() and numbers.columns == [] and numbers.left_out == ["a", "b[]", "c.d", "e"] and numbers.rows == 1


def test_what_is_encoded_in_a_cell_and_what_is_not_examined():
    import base64
    import gzip

    packed = gzip.compress(TOKEN.encode() + b" and more")
    scan = exfilter.scan_arrow(pa.table({"b": [packed, base64.b64encode(packed), packed[:20]]}))
    assert [(row["row"], row["kind"], row["name"], row["path"]) for row in rows(scan)] == [
        (0, "rule", "github-pat", "gzip"), (1, "rule", "github-pat", "base64 > gzip"), (2, "opaque", "truncated", "gzip"),
    ]  # fmt: skip
    assert not scan.complete and not scan.clean("confirmed") and scan.coverage.opaque == {"truncated": 1}
    # A layout that is not read is told of, and nothing with one is complete.
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array(["a", "b"]), pa.array([1, 2])])
    scan = exfilter.scan_arrow(pa.table({"u": union, "t": ["a", "b"]}))
    assert [(row["row"], row["column"], row["name"]) for row in rows(scan)] == [(None, "u", "unsupported-format")]
    assert not scan.complete and not scan.clean() and scan.columns == ["t"] and scan.left_out == ["u"]


def test_columns_that_are_asked_for():
    table = pa.table({"a": [TOKEN], "b": [TOKEN], "n": [1]})
    scan = exfilter.scan_arrow(table, columns=["b"])
    assert [row["column"] for row in rows(scan)] == ["b"] and scan.columns == ["b"] and scan.left_out == ["a", "n"]
    with pytest.raises(ValueError, match="column 1 of those"):
        exfilter.scan_arrow(table, columns=["b", TOKEN])
    with pytest.raises(TypeError, match="no texts"):
        exfilter.scan_arrow(table, columns=["n"])


def test_names_of_columns_are_content():
    scan = exfilter.scan_arrow(pa.table({"a": ["x"], TOKEN: ["y"], "n": [1]}))
    (row,) = rows(scan)
    assert (row["row"], row["column"], row["name"]) == (None, "#1", "github-pat") and scan.columns == ["a", "#1"]
    assert TOKEN not in f"{scan.columns} {row}"


def test_enrolled_secrets_and_limits(armed, value):
    scan = armed.scan_arrow(pa.table({"text": [f"a {value}"]}))
    (row,) = rows(scan)
    assert (row["kind"], row["name"], row["confidence"], row["start"]) == ("secret", "DEPLOY", "confirmed", 2)
    engine = exfilter.Engine(limits=exfilter.Limits(findings=2))
    many = " ".join(testing.token("npm-access-token", seed=n) for n in range(5))
    told = rows(engine.scan_arrow(pa.table({"text": [many, TOKEN]})))
    assert [(row["row"], row["name"], row["count"], row["start"] is None) for row in told] == [
        (0, "npm-access-token", 1, False), (0, "npm-access-token", 1, False), (0, "npm-access-token", 3, True), (1, "github-pat", 1, False),
    ]  # fmt: skip


def test_many_batches_and_more_findings_than_one_batch_has():
    batch = pa.record_batch({"text": [TOKEN] * 1000})
    scan = exfilter.scan_arrow(pa.RecordBatchReader.from_batches(batch.schema, (batch for _ in range(70))))
    table = pa.table(scan)
    assert scan.rows == len(scan) == table.num_rows == 70_000 and table["row"].num_chunks == 2
    table.validate(full=True)
    assert table["row"].to_pylist() == list(range(70_000))


def test_tables_drawn_at_random_say_what_their_cells_say():
    """The same as scanning each cell by itself, whatever the layout, the slice and the chunks."""
    rng = random.Random(9)
    engine = exfilter.Engine()

    def cell():
        kind = rng.randrange(10)
        if kind < 2:
            return None
        text = "".join(rng.choices("abc \u00e4-/=", k=rng.randrange(40)))
        return text if kind < 8 else f"{text} {testing.token('github-pat', seed=rng.randrange(100))} {text}"

    for _ in range(60):
        values = [[cell() for _ in range(rng.randrange(4))] if rng.randrange(5) else None for _ in range(rng.randrange(30))]
        flat = [cell() for _ in values]
        strings_ = rng.choice([pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int16(), pa.string())])
        inner = pa.string() if strings_ == pa.dictionary(pa.int16(), pa.string()) else strings_
        table = pa.table({"flat": pa.array(flat, inner).cast(strings_) if inner is not strings_ else pa.array(flat, inner),
                          "lists": pa.array(values, rng.choice([pa.list_, pa.large_list])(inner))})  # fmt: skip
        start = rng.randrange(len(values) + 1)
        sliced = table.slice(start, rng.randrange(len(values) + 1))
        pieces = [sliced.slice(at, 7) for at in range(0, max(1, sliced.num_rows), 7)]
        expected = []
        for row, (one, several) in enumerate(zip(sliced["flat"].to_pylist(), sliced["lists"].to_pylist(), strict=True)):
            for name, texts in (("flat", [one]), ("lists[]", several or [])):
                for content in texts:
                    for f in engine.scan((content or "").encode()).findings:
                        expected.append((row, name, f.rule, f.start, f.end))
        assert found(pa.concat_tables(pieces), engine=engine) == expected


def test_producers_may_be_of_any_make():
    released = Released()
    root = schema(b"+s", below=[schema(b"u", b"text", released=released)], released=released)
    batches = [array(2, [0], [strings([b"a", TOKEN.encode()])], released=released) for _ in range(3)]
    scan = exfilter.scan_arrow(Batches(root, batches, released=released))
    assert [row["row"] for row in rows(scan)] == [1, 3, 5]
    assert (released.schemas, released.arrays, released.streams) == (1, 3, 1)
    one = OneArray(schema(b"z", b"b"), strings([b"a", TOKEN.encode()]))
    assert found(one) == [(1, "b", "github-pat", 0, 40)]
    # Its capsules are empty now.
    with pytest.raises(TypeError, match="consumed before"):
        exfilter.scan_arrow(one)


def i32(values):
    return integers(ctypes.c_int32, values)


DATA = b"some text of a column"


def good(**changed):
    return strings([b"ab", b"cd"], **changed)


LIES = {
    "negative length": (b"u", lambda: good(length=-1)),
    "negative offset": (b"u", lambda: good(offset=-1)),
    "a length beyond all memory": (b"u", lambda: good(length=2**63 - 1)),
    "length and offset together": (b"u", lambda: good(length=2**58, offset=2**58)),
    "no buffers": (b"u", lambda: good(buffers=None)),
    "too few buffers": (b"u", lambda: good(n_buffers=2)),
    "too many buffers": (b"u", lambda: good(n_buffers=4)),
    "a negative number of buffers": (b"u", lambda: good(n_buffers=-1)),
    "buffers at an odd address": (b"u", lambda: good(buffers=address((ctypes.c_char * 64)()) | 1)),
    "no offsets": (b"u", lambda: array(2, [0, 0, text(DATA)])),
    "no data": (b"u", lambda: array(2, [0, i32([0, 2, 4]), 0])),
    "offsets that run backwards": (b"u", lambda: array(2, [0, i32([0, 9, 4]), text(DATA)])),
    "negative offsets": (b"u", lambda: array(2, [0, i32([-9, 0, 4]), text(DATA)])),
    "a negative last offset": (b"u", lambda: array(2, [0, i32([0, 2, -4]), text(DATA)])),
    "long offsets that are negative": (b"U", lambda: array(1, [0, integers(ctypes.c_int64, [0, -(2**40)]), text(DATA)])),
    "nulls without a bitmap": (b"u", lambda: good(null_count=1)),
    "more nulls than elements": (b"u", lambda: good(null_count=3)),
    "fewer nulls than none": (b"u", lambda: good(null_count=-2)),
    "released": (b"u", lambda: good(release=ctypes.cast(None, type(Array().release)))),
    "no bytes of a fixed size": (b"w:8", lambda: array(2, [0, 0])),
    "bytes of a fixed size beyond all memory": (b"w:2147483647", lambda: array(2**57, [0, text(DATA)])),
    "views without their buffer": (b"vu", lambda: array(1, [0, view(20, DATA, 1, 0), text(DATA), sizes([21])])),
    "views of a negative buffer": (b"vu", lambda: array(1, [0, view(20, DATA, -1, 0), text(DATA), sizes([21])])),
    "views beyond their buffer": (b"vu", lambda: array(1, [0, view(20, DATA, 0, 2), text(DATA), sizes([21])])),
    "views of a negative length": (b"vu", lambda: array(1, [0, view(-20, DATA, 0, 0), text(DATA), sizes([21])])),
    "views of a negative place": (b"vu", lambda: array(1, [0, view(20, DATA, 0, -1), text(DATA), sizes([21])])),
    "views that begin otherwise": (b"vu", lambda: array(1, [0, view(20, b"otherwise", 0, 0), text(DATA), sizes([21])])),
    "views into a buffer of a negative size": (b"vu", lambda: array(1, [0, view(20, DATA, 0, 0), text(DATA), sizes([-1])])),
    "views without sizes": (b"vu", lambda: array(1, [0, view(20, DATA, 0, 0), text(DATA), 0])),
    "views into no buffer": (b"vu", lambda: array(1, [0, view(20, DATA, 0, 0), 0, sizes([21])])),
    "views without buffers": (b"vu", lambda: array(1, [0, view(20, DATA, 0, 0)])),
    "no views": (b"vu", lambda: array(1, [0, 0, sizes([])])),
}


def view(length, begins, buffer, at):
    return address(ctypes.create_string_buffer(ctypes.c_int32(length).value.to_bytes(4, "little", signed=True) + begins[:4]
        + buffer.to_bytes(4, "little", signed=True) + at.to_bytes(4, "little", signed=True)))  # fmt: skip


def sizes(values):
    return integers(ctypes.c_int64, values)


@pytest.mark.parametrize("lie", LIES)
def test_arrays_that_lie_are_errors(lie):
    format_, make = LIES[lie]
    # One that is released is none, whoever's capsule it is in.
    with pytest.raises(TypeError if lie == "released" else exfilter.ArrowError) as error:
        exfilter.scan_arrow(OneArray(schema(format_, b"text"), make()))
    assert "some text" not in str(error.value)
    # The same below a struct and a list, and in a stream.
    root = schema(b"+s", below=[schema(format_, b"text")])
    lying = make()
    with pytest.raises(exfilter.ArrowError):
        exfilter.scan_arrow(Batches(root, [array(1, [0], [lying])]))
    listed = array(1, [0, i32([0, 1])], [make()])
    with pytest.raises(exfilter.ArrowError):
        exfilter.scan_arrow(OneArray(schema(b"+l", b"list", [schema(format_, b"item")]), listed))


def test_arrays_whose_children_lie_are_errors():
    texts = schema(b"u", b"t")
    cases = [
        (schema(b"+s", below=[texts]), array(3, [0], [good()])),
        (schema(b"+s", below=[texts]), array(1, [0], [good()], offset=2)),
        (schema(b"+s", below=[texts]), array(1, [0], [])),
        (schema(b"+s", below=[texts]), array(1, [0], [good(), good()])),
        (schema(b"+s", below=[texts]), array(1, [0], [good()], children=None)),
        (schema(b"+s", below=[texts]), array(1, [0], [good()], children=pointers([0]))),
        (schema(b"+s", below=[texts]), array(1, [0], [good()], n_children=-1)),
        (schema(b"+s", below=[texts]), array(1, [0, 0], [good()])),
        (schema(b"+l", below=[texts]), array(1, [0, i32([0, 3])], [good()])),
        (schema(b"+l", below=[texts]), array(2, [0, i32([1, 0, 2])], [good()])),
        (schema(b"+L", below=[texts]), array(1, [0, integers(ctypes.c_int64, [0, 2**60])], [good()])),
        (schema(b"+w:2", below=[texts]), array(2, [0], [good()])),
        (schema(b"+w:2147483647", below=[texts]), array(2**57, [0], [good()])),
        (schema(b"c", dictionary=texts), array(2, [0, text(b"\0\2")], dictionary=good())),
        (schema(b"c", dictionary=texts), array(2, [0, text(b"\0\xff")], dictionary=good())),
        (schema(b"L", dictionary=texts), array(1, [0, integers(ctypes.c_int64, [-1])], dictionary=good())),
        (schema(b"c", dictionary=texts), array(2, [0, text(b"\0\1")])),
        (schema(b"c", dictionary=texts), array(2, [0, 0], dictionary=good())),
    ]
    for number, (root, lying) in enumerate(cases):
        with pytest.raises(exfilter.ArrowError):
            exfilter.scan_arrow(OneArray(root, lying))
            raise AssertionError(number)
    itself = array(1, [0], [good()])
    itself.children = pointers([ctypes.addressof(itself)])
    with pytest.raises(exfilter.ArrowError):
        exfilter.scan_arrow(OneArray(schema(b"+s", below=[texts]), itself))


def test_schemas_that_lie_are_errors():
    deep = schema(b"u", b"t")
    for _ in range(40):
        deep = schema(b"+l", b"l", [deep])
    endless = keep((ctypes.c_char * 10_000)(*(b"u" * 9_999)))
    itself = schema(b"+l", b"l", [schema(b"u")])
    itself.children = pointers([ctypes.addressof(itself)])
    cases = [
        deep,
        itself,
        schema(b"+l", b"l", []),
        schema(b"+l", b"l", [schema(b"u"), schema(b"u")]),
        schema(b"+s", b"s", [schema(b"u")], n_children=-1),
        schema(b"+s", b"s", [schema(b"u")], n_children=2**40),
        schema(b"+s", b"s", [schema(b"u")], children=None),
        schema(b"+s", b"s", [schema(b"u")], children=pointers([0])),
        schema(b"+s", b"s", [schema(b"u")], children=address((ctypes.c_char * 64)()) | 1),
        schema(b"+s", b"s", [schema(b"u", release=ctypes.cast(None, type(Schema().release)))]),
        schema(b"u", format=ctypes.addressof(endless)),
        schema(b"u", name=ctypes.addressof(endless)),
        schema(b"f", dictionary=schema(b"u")),
        schema(b"w:-1"),
        schema(b"w:x"),
        schema(b"+w:9999999999", below=[schema(b"u")]),
    ]
    for number, root in enumerate(cases):
        with pytest.raises(exfilter.ArrowError):
            exfilter.scan_arrow(OneArray(root, good()))
            raise AssertionError(number)
    # No format, and one that nobody knows yet, are columns that are not read.
    for format_ in (b"", b"+vl", b"+us:0", b"+r", b"new", b"\xff\xfe"):
        scan = exfilter.scan_arrow(OneArray(schema(format_, b"t"), good()))
        assert not scan.complete and scan.left_out == ["t"]
    assert not exfilter.scan_arrow(OneArray(schema(b"u", format=None), good())).complete
    # Of nothing there may be any number, which takes no time.
    for root, lying in (
        (schema(b"w:0"), array(2**57, [0, 0])),
        (schema(b"+w:0", below=[schema(b"u")]), array(2**57, [0], [good()])),
        (schema(b"+s"), array(2**57, [0])),
        (schema(b"i"), array(2**57, [0, 0])),
    ):
        assert exfilter.scan_arrow(OneArray(root, lying)).rows == 2**57


def test_streams_that_fail_are_errors():
    root = lambda: schema(b"u", b"t")  # noqa: E731
    released = Released()
    with pytest.raises(exfilter.ArrowError, match="its schema"):
        exfilter.scan_arrow(Batches(None, [], released=released))
    with pytest.raises(exfilter.ArrowError, match="before its last batch") as error:
        exfilter.scan_arrow(Batches(root(), [good(released=released), good()], fail=1, released=released))
    assert "what a producer says" not in str(error.value)
    assert (released.streams, released.arrays) == (2, 1)
    for missing in ("get_schema", "get_next"):
        lying = Batches(root(), [good()])
        setattr(lying.stream, missing, type(getattr(lying.stream, missing))())
        with pytest.raises(exfilter.ArrowError):
            exfilter.scan_arrow(lying)

    def faulty():
        yield pa.record_batch({"t": ["a"]})
        raise RuntimeError(TOKEN)

    with pytest.raises(exfilter.ArrowError) as error:
        exfilter.scan_arrow(pa.RecordBatchReader.from_batches(pa.schema({"t": pa.string()}), faulty()))
    assert TOKEN not in f"{error.value} {error.value.__context__} {error.value.__cause__}"


def test_what_is_no_table_is_a_type_error(engine):
    class Wrong:
        def __init__(self, given):
            self.given = given

        def __arrow_c_array__(self):
            return self.given

    class Raises:
        def __arrow_c_stream__(self):
            raise ZeroDivisionError

    capsules = pa.array(["a"]).__arrow_c_array__()
    for wrong in (None, 5, b"bytes", "text", ["a"], {"a": 1}, Wrong(None), Wrong(()), Wrong((1, 2)), Wrong(capsules[:1]), Wrong(capsules[::-1])):
        with pytest.raises(TypeError):
            engine.scan_arrow(wrong)
    with pytest.raises(TypeError):
        engine.scan_arrow(pa.table({"a": ["a"]}), columns="a" if False else 5)
    with pytest.raises(ZeroDivisionError):
        engine.scan_arrow(Raises())


@pytest.mark.skipif(not __import__("pathlib").Path("/proc/self/statm").exists(), reason="reads /proc")
def test_memory_of_tables_does_not_grow(engine):
    from test_threads import resident

    table = pa.table({"text": [TOKEN, "x" * 1000] * 200, "list": [[TOKEN]] * 400})

    def some(times):
        for _ in range(times):
            scan = engine.scan_arrow(table)
            pa.table(scan)
            scan.__arrow_c_stream__(), scan.__arrow_c_schema__()
            try:
                engine.scan_arrow(pa.RecordBatchReader.from_batches(table.schema, iter([pa.record_batch({"a": [1]})])))
            except (exfilter.ArrowError, pa.ArrowInvalid):
                pass
        gc.collect()

    some(20)
    before = resident()
    some(150)
    assert resident() - before < 8 << 20


def test_threads_scan_one_table(engine):
    from concurrent.futures import ThreadPoolExecutor

    table = pa.table({"text": ["x" * 5000, TOKEN] * 100})
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: len(engine.scan_arrow(table)), range(20)))
    assert results == [100] * 20
