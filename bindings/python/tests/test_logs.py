"""Logs: the standard library's, and structlog's."""

import io
import json
import logging

import structlog

import exfilter.logging
import exfilter.structlog
from exfilter import testing

TOKEN = testing.token("github-pat", seed=1)


def logged(call, formatter=None, **options):
    out = io.StringIO()
    logger = logging.Logger("test")
    handler = exfilter.logging.redacting(logging.StreamHandler(out), **options)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    call(logger)
    return out.getvalue()


def test_messages_and_arguments():
    assert logged(lambda log: log.error("token %s in %d places", TOKEN, 3)) == "token [redacted: github-pat] in 3 places\n"
    assert logged(lambda log: log.error(f"token {TOKEN}")) == "token [redacted: github-pat]\n"
    assert logged(lambda log: log.error("%(a)s and %(b)s", {"a": TOKEN, "b": 2})) == "[redacted: github-pat] and 2\n"
    assert logged(lambda log: log.error({"nested": [TOKEN]})) == "{'nested': ['[redacted: github-pat]']}\n"
    assert logged(lambda log: log.error("%s", {"nested": TOKEN})) == "{'nested': '[redacted: github-pat]'}\n"
    half = TOKEN[:20], TOKEN[20:]
    assert TOKEN not in logged(lambda log: log.error("%s%s", *half))
    assert logged(lambda log: log.error("100 % plain")) == "100 % plain\n"


def test_what_is_clean_stays_as_it_is():
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            records.append(record)

    logger = logging.Logger("test")
    logger.addHandler(exfilter.logging.redacting(Keep()))
    logger.warning("%s of %d", "one", 2)
    assert (records[0].msg, records[0].args) == ("%s of %d", ("one", 2))


def test_tracebacks_stacks_and_extra_fields():
    def fail(log):
        try:
            raise ValueError(f"bad token {TOKEN}")
        except ValueError:
            log.exception("failed", stack_info=True, extra={"auth": TOKEN, "count": 5})

    text = logged(fail, logging.Formatter("%(message)s %(auth)s %(count)d"))
    assert TOKEN not in text and "ValueError: bad token [redacted: github-pat]" in text
    assert text.startswith("failed [redacted: github-pat] 5\n") and "Stack (most recent call last)" in text


def test_a_record_that_cannot_be_examined_is_withheld():
    class Wicked:
        def __str__(self):
            raise RuntimeError(TOKEN)

    assert logged(lambda log: log.error("%s", Wicked())) == exfilter.logging.WITHHELD + "\n"
    assert logged(lambda log: log.error("%d", TOKEN)) == exfilter.logging.WITHHELD + "\n"


def test_structlog_events():
    out = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[structlog.processors.format_exc_info, exfilter.structlog.RedactingProcessor(), structlog.processors.JSONRenderer()],
    )
    try:
        raise ValueError(TOKEN)
    except ValueError:
        log.error("push", auth={"headers": [("authorization", f"Bearer {TOKEN}")], TOKEN: 1}, raw=TOKEN.encode().decode(), n=3, exc_info=True)
    text = out.getvalue()
    event = json.loads(text)
    assert TOKEN not in text and event["n"] == 3 and event["event"] == "push"
    assert event["auth"]["headers"] == [["authorization", "Bearer [redacted: github-pat]"]]
    assert "ValueError: [redacted: github-pat]" in event["exception"]


def test_structlog_values_of_any_kind():
    processor = exfilter.structlog.RedactingProcessor()

    class Thing:
        def __repr__(self):
            return f"Thing({TOKEN})"

    deep = TOKEN
    for _ in range(20):
        deep = [deep]
    event = processor(None, "info", {"thing": Thing(), "deep": deep, "set": {TOKEN}, "bytes": TOKEN.encode(), "none": None})
    assert TOKEN not in repr(event) and event["none"] is None and event["set"] == {"[redacted: github-pat]"}

    class Wicked:
        def __repr__(self):
            raise RuntimeError(TOKEN)

    assert processor(None, "info", {"event": Wicked()}) == {"event": exfilter.structlog.WITHHELD}
