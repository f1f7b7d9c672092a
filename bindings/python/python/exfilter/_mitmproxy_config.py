"""What the mitmproxy add-on is told: its options, the policy file, and a file of its own in TOML.

The policy file (`~/.config/exfilter/policy.toml`, or what ``exfilter_policy`` says) is the one that the command reads too. Where there is one, the fields of the add-on's own file that say the same
are refused.

::

    mode = "enforce"                      # or "observe"
    rules = ["more", "acme.toml"]         # further rules of exfilter, and rule files beside this one
    provider_keys = "at-home"             # or "block": see Guard
    tunnels = "block"                     # or "allow": connections that nobody can look into (SSH, TLS that is not intercepted)
    strict_examples = false
    llm_hosts = ["api.anthropic.com"]
    env = ["*_TOKEN"]                     # environment variables of the proxy to enrol

    [actions]                             # low, medium, high, confirmed -> allow, report, redact, block
    medium = "block"

    [llm_actions]

    [opaque]                              # encrypted, corrupt, depth, ... -> allow, report, block
    encrypted = "report"

    [limits]                              # see exfilter.Limits

    [quarantine]                          # after so many refusals for enrolled secrets nothing of a client leaves; 0 for never
    hits = 5
    minutes = 10

    [[secret]]
    name = "GITHUB_TOKEN"
    env = "GITHUB_TOKEN"                  # or file = "/run/secrets/github"
    at = ["api.github.com header:authorization:bearer"]
    substitute = true                     # the sandbox holds a placeholder, which is exchanged there

    store = "usual"                       # (above the tables, as all of these) the command's store of known secrets, if there is one; a path; or "" for none
    seed = "exfilter.seed"                # (above the tables) what placeholders are made from: a file, made if there is none
"""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
from dataclasses import dataclass, field
from typing import Any

from ._errors import ExfilterError, PolicyError, RefusedError, StoreError
from ._http import Guard
from ._native import AnswerGate, Engine, KnownSecrets, Limits, Policy, PolicyFile, Rules, Session, Substitutes
from ._sources import load_rules, secrets_from_env

USUAL_STORE = "usual"
_WORDS = {"mode": "enforce", "provider_keys": "at-home", "tunnels": "block"}
_CHOICES = {"mode": ("enforce", "observe"), "provider_keys": ("at-home", "block"), "tunnels": ("block", "allow")}
_TABLES = ("actions", "llm_actions", "opaque", "limits", "quarantine")
OPAQUE = (
    "encrypted", "unknown-coding", "missing-dictionary", "window-too-large", "ratio", "total-output", "depth", "members", "corrupt", "truncated", "gap",
    "unresolved-base", "undelimited", "hold", "tunnel", "spool", "internal", "unsupported-format", "high-entropy",
)  # fmt: skip
"""Every reason why content is not examined."""
_QUARANTINE = {"hits": (0, 1000), "minutes": (1, 10080)}  # As in the policy file.
_LISTS = ("rules", "llm_hosts", "env", "secret")
_OF_THE_POLICY = ("mode", "provider_keys", "strict_examples", "llm_hosts", *_TABLES)
USUAL_POLICY = "usual"
_LONGEST_POLICY = 1 << 20


class ConfigError(ExfilterError, ValueError):
    """A configuration that cannot be used. The text names the place, never a value."""


@dataclass
class Config:
    """A configuration that was read and checked for its form."""

    words: dict[str, str] = field(default_factory=lambda: dict(_WORDS))
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    env: list[str] = field(default_factory=list)
    llm_hosts: list[str] | None = None
    strict_examples: bool = False
    secrets: list[dict[str, Any]] = field(default_factory=list)
    seed: str = ""
    store: str = USUAL_STORE
    """The store of known secrets that was asked for; empty for none."""
    policy: PolicyFile | None = None
    own: list[str] = field(default_factory=list)
    """Fields of the file that the policy has too."""
    files: list[str] = field(default_factory=list)
    """Every file that it depends on: what a reload watches."""


@dataclass
class Built:
    """An engine and what the add-on has to know beside it."""

    engine: Engine
    config: Config
    enrolled: list[str]
    refused: dict[str, str]
    substitutes: Substitutes
    scrubber: Engine | None
    """Finds real values in responses, if any was exchanged."""
    answers: AnswerGate | None
    """Tells of most responses that there are none."""


def read(path: str, overrides: dict[str, str], rules: list[str], env: list[str], policy: str = "", store: str = USUAL_STORE) -> Config:
    """Reads the files, if there are any, and lets options that are set win."""
    config = Config()
    if path:
        _read_file(os.path.expanduser(path), config)
    _read_policy(policy, config)
    for name, word in overrides.items():
        if word:
            config.words[name] = word
    for name, choices in _CHOICES.items():
        if config.words[name] not in choices:
            raise ConfigError(f"{name} is one of {', '.join(choices)}")
    if config.policy is not None and config.policy.mode != config.words["mode"]:
        config.policy = config.policy.with_mode(config.words["mode"])  # type: ignore[arg-type]
    if store != USUAL_STORE:
        config.store = os.path.expanduser(store)
    if config.store == USUAL_STORE:
        usual = KnownSecrets.usual_store()
        # One that is made later is read then.
        config.files += [str(usual)] if usual is not None else []
        config.store = str(usual) if usual is not None and os.path.lexists(usual) else ""
    elif config.store:
        config.files.append(config.store)
    config.rules += rules
    config.env += env
    config.files += [rule for rule in config.rules if rule != "more"]
    config.files += [secret["file"] for secret in config.secrets if "file" in secret]
    return config


def _read_policy(path: str, config: Config) -> None:
    if not path:
        return
    usual = path == USUAL_POLICY
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    path = os.path.join(folder, "exfilter", "policy.toml") if usual else os.path.expanduser(path)
    config.files.append(path)
    try:
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o002:
                raise ConfigError(f"{path}: others may write this policy; chmod o-w")
            text = file.read(_LONGEST_POLICY)
    except (FileNotFoundError, NotADirectoryError):
        if usual:
            return
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is no text") from None
    try:
        config.policy = PolicyFile.parse(path, text)
    except PolicyError as error:
        raise ConfigError(str(error)) from None
    if config.own:
        raise ConfigError(f"{config.own[0]} stands in the configuration, and there is a policy: move it to {path}")
    config.words["mode"] = config.policy.mode
    config.words["provider_keys"] = "block" if config.policy.foreign == "block" else "at-home"


def _read_file(path: str, config: Config) -> None:
    table = _toml(path)
    config.own = [name for name in _OF_THE_POLICY if name in table]
    known = {*_WORDS, *_TABLES, *_LISTS, "strict_examples", "seed", "store"}
    if unknown := sorted(set(table) - known):
        raise ConfigError(f"{path}: {unknown[0]} is not known; known are {', '.join(sorted(known))}")
    for name in _WORDS:
        config.words[name] = _of(str, table.get(name, _WORDS[name]), path, name)
    for name in _TABLES:
        config.tables[name] = _of(dict, table.get(name, {}), path, name)
    for name, number in config.tables["quarantine"].items():
        least, most = _QUARANTINE.get(name, (number, number))
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
            raise ConfigError(f"{path}: quarantine: {name} is a number from {least} to {most}")
    if unknown := sorted(set(config.tables["quarantine"]) - set(_QUARANTINE)):
        raise ConfigError(f"{path}: quarantine: {unknown[0]} is not known; known are {', '.join(_QUARANTINE)}")
    config.strict_examples = _of(bool, table.get("strict_examples", False), path, "strict_examples")
    here = os.path.dirname(os.path.abspath(path))
    config.seed = os.path.join(here, os.path.expanduser(_of(str, table.get("seed", "exfilter.seed"), path, "seed")))
    store = _of(str, table.get("store", USUAL_STORE), path, "store")
    config.store = store if store in ("", USUAL_STORE) else os.path.join(here, os.path.expanduser(store))
    for rule in _strings(table, "rules", path):
        config.rules.append(rule if rule == "more" else os.path.join(here, os.path.expanduser(rule)))
    config.env += _strings(table, "env", path)
    if "llm_hosts" in table:
        config.llm_hosts = _strings(table, "llm_hosts", path)
    for secret in _of(list, table.get("secret", []), path, "secret"):
        _of(dict, secret, path, "secret")
        if unknown := sorted(set(secret) - {"name", "env", "file", "at", "substitute"}):
            raise ConfigError(f"{path}: secret: {unknown[0]} is not known; known are name, env, file, at, substitute")
        _of(bool, secret.get("substitute", False), path, "substitute")
        if ("env" in secret) == ("file" in secret) or not all(isinstance(secret.get(key, ""), str) for key in ("name", "env", "file")):
            raise ConfigError(f"{path}: secret: write the name of a variable as env, or a path as file")
        if "file" in secret:
            secret["file"] = os.path.join(here, os.path.expanduser(secret["file"]))
        config.secrets.append(secret)
        for place in _strings(secret, "at", path):
            if len(place.split(" ")) != 2:
                raise ConfigError(f'{path}: secret: write each of at as "HOST SLOT"')
    config.files.append(path)


if sys.version_info >= (3, 11):
    import tomllib

    def _toml(path: str) -> dict[str, Any]:
        try:
            with open(path, "rb") as file:
                return tomllib.load(file)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from None

else:

    def _toml(path: str) -> dict[str, Any]:
        raise ConfigError(f"{path}: a configuration file needs Python 3.11 or newer")


def _of(kind: type, value: Any, path: str, name: str) -> Any:
    if not isinstance(value, kind):
        raise ConfigError(f"{path}: {name} is no {kind.__name__}")
    return value


def _strings(table: dict[str, Any], name: str, path: str) -> list[str]:
    values = _of(list, table.get(name, []), path, name)
    return [_of(str, value, path, name) for value in values]


def build(config: Config) -> Built:
    """Compiles the engine. A secret that the file names and that cannot be enrolled is an error: nobody would look for it."""
    rules = Rules.builtin()
    for rule in config.rules:
        try:
            rules = rules + (Rules.more() if rule == "more" else load_rules(rule))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{rule}: {getattr(error, 'strerror', None) or 'is no text'}") from None
    secrets, real = _stored(config.store), KnownSecrets()
    chosen = [secret for secret in config.secrets if secret.get("substitute")]
    substitutes = Substitutes(_seed(config.seed)) if chosen else Substitutes()
    for secret in config.secrets:
        bindings = [(host, slot) for host, slot in (place.split(" ") for place in secret.get("at", []))]
        sets: list[KnownSecrets | Substitutes] = [secrets, real, substitutes] if secret in chosen else [secrets]
        try:
            for each in sets:
                if "env" in secret:
                    each.add_env(secret["env"], name=secret.get("name"), bindings=bindings)
                else:
                    each.add_file(secret["file"], name=secret.get("name"), bindings=bindings)
        except RefusedError as error:
            raise ConfigError(f"secret {error}") from None
        except OSError as error:
            raise ConfigError(f"secret {secret['file']}: {error.strerror}") from None
    named = set(secrets.names)
    bound = {secret["env"] for secret in config.secrets if "env" in secret}
    patterns = [pattern for pattern in config.env if pattern not in bound]
    refused = secrets_from_env(secrets, patterns) if patterns else {}
    if config.policy is not None:
        policy, limits = config.policy.policy, config.policy.limits
    else:
        policy, limits = _own_policy(config)
    enrolled = secrets.names
    engine = Engine(rules=rules, known_secrets=secrets, policy=policy, limits=limits)
    scrubber = None
    if chosen:
        everything = dict.fromkeys(OPAQUE, "report")
        scrubber = Engine(rules=Rules(), known_secrets=real, policy=Policy(actions={"confirmed": "redact"}, opaque=everything), limits=limits)
    answers = AnswerGate(scrubber) if scrubber is not None else None
    return Built(engine, config, sorted(named | set(enrolled)), refused, substitutes, scrubber, answers)


def _stored(path: str) -> KnownSecrets:
    """What the store has. One that is there, or was asked for, and cannot be opened is an error: nobody would look for its secrets."""
    if not path:
        return KnownSecrets(fragments=True)
    try:
        usual = KnownSecrets.usual_store()
        return KnownSecrets.from_store(None if usual is not None and path == str(usual) else path, fragments=True)
    except StoreError as error:
        raise ConfigError(f"store {error}") from None


def _own_policy(config: Config) -> tuple[Policy, Limits]:
    """What the configuration itself says, where there is no policy file."""
    tables = config.tables
    try:
        policy = Policy(
            mode=config.words["mode"],
            actions=tables.get("actions"),
            llm_actions=tables.get("llm_actions"),
            llm_hosts=config.llm_hosts,
            strict_examples=config.strict_examples,
            opaque=tables.get("opaque"),
        )
        return policy, Limits(**tables.get("limits", {}))
    except (TypeError, OverflowError) as error:
        raise ConfigError(f"a table has a value of the wrong kind: {error}") from None


def _seed(path: str) -> bytes:
    """The seed of placeholders: the same as long as its file is, so that sandboxes outlive the proxy."""
    try:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(os.urandom(32))
        status = os.stat(path)
        if status.st_mode & 0o077:
            raise ConfigError(f"{path}: others may read it; chmod 600")
        with open(path, "rb") as file:
            seed = file.read(33)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if len(seed) != 32:
        raise ConfigError(f"{path}: is no seed of 32 bytes; remove it to have one made")
    return seed


def session_of(config: Config) -> Session:
    """What a client begins with."""
    if config.policy is not None:
        return Session(policy=config.policy)
    own = config.tables.get("quarantine", {})
    return Session(hits=0 if config.words["mode"] == "observe" else own.get("hits", 5), within=60.0 * own.get("minutes", 10))


def stamps(config: Config) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file that the configuration depends on does."""
    found = []
    for path in config.files:
        try:
            status = os.stat(path)
            found.append((path, status.st_mtime_ns, status.st_size))
        except OSError:
            found.append((path, -1, -1))
    return tuple(found)


def _action_for_high(config: Config) -> str:
    own: str = config.tables.get("actions", {}).get("high", "block")
    return config.policy.action("high") if config.policy is not None else own


def blocks(config: Config) -> bool:
    """Whether a key of which its rule is sure does not leave."""
    return config.words["mode"] != "observe" and _action_for_high(config) in ("block", "redact")


def self_test(guard: Guard, config: Config) -> None:
    """Runs requests with a made-up key and one without through the engine, as hooks do."""
    action = _action_for_high(config)
    observing = not blocks(config)
    token = Rules.builtin().examples("github-pat", 1)[0]
    to = "https://self-test.invalid"
    headers = [(b"host", b"self-test.invalid"), (b"x-test", b"nothing")]
    silent = Guard(guard.engine)
    clean = silent.head(b"GET", to, b"/?q=1", headers) is None and silent.body(to, b"nothing secret").refusal is None
    found = [
        silent.head(b"GET", to, b"/?q=" + token, headers),
        silent.head(b"GET", to, b"/", [*headers, (b"authorization", b"Bearer " + token)]),
        silent.body(to, b'{"text": "' + token + b'"}').refusal,
        silent.body(to, gzip.compress(token * 2), "gzip").refusal,
    ]
    seen = action == "allow" or bool(guard.engine.scan(token).findings)
    if not clean or not seen or (not observing and not all(found)):
        raise ExfilterError("the self-test failed: with this configuration a key is let out, or a clean request refused")
