//! The readers of formats: what they give, that they find their way back, and that nothing makes them fail or take long.

use proptest::prelude::*;

use super::*;

const ALL: [Format; 10] = [
    Format::Assign,
    Format::Json,
    Format::Yaml,
    Format::Toml,
    Format::Xml,
    Format::Netrc,
    Format::HashDump,
    Format::Urls,
    Format::Pgpass,
    Format::Commands,
];

/// `name = value` of every field, and a check that the value begins where it is said to.
fn fields(format: Format, text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    read(format, text.as_bytes(), &mut |name, value, at| {
        assert!(at <= text.len());
        out.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
    });
    out
}

#[track_caller]
fn check(format: Format, text: &str, expected: &[(&str, &str)]) {
    let found = fields(format, text);
    let found: Vec<(&str, &str)> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn assignments() {
    check(
        Format::Assign,
        "# comment\n[profile work]\naws_secret_access_key = abc\n\n[remote \"origin\"]\n\turl = https://u:p@h/r.git\n",
        &[("profile work.aws_secret_access_key", "abc"), ("remote \"origin\".url", "https://u:p@h/r.git")],
    );
    check(
        Format::Assign,
        "//registry.npmjs.org/:_authToken=abc\nexport A='x y' # why\nB=\"l1\nl2\\n\\\"\"\nC=1 # no\nif [ \"$a\" == b ]\nset D e\nE: f\n",
        &[
            ("//registry.npmjs.org/:_authToken", "abc"),
            ("A", "x y"),
            ("B", "l1\nl2\n\""),
            ("C", "1"),
            ("D", "e"),
            ("E", "f"),
        ],
    );
    check(Format::Assign, "A=\"open\nB=2\n", &[("A", "\"open"), ("B", "2")]);
}

#[test]
fn json() {
    check(
        Format::Json,
        r#"// settings
        {"a": {"b": ["x", {"c": "y\n\u00e9\ud83d\ude00"}], "d": 3,}, /* e */ "f": true} {"g": "h"}"#,
        &[("a.b.0", "x"), ("a.b.1.c", "y\né😀"), ("a.d", "3"), ("f", "true"), ("g", "h")],
    );
    check(Format::Json, r#"{"a": "broken off"#, &[("a", "broken off")]);
    check(Format::Json, r#"}}]{"a": {"b": 1}, "c": 2}"#, &[("a.b", "1"), ("c", "2")]);
}

#[test]
fn yaml() {
    check(
        Format::Yaml,
        "apiVersion: v1\nusers:\n- name: u\n  user:\n    token: abc # t\n    exec: {command: aws, args: [a, b]}\n- name: 'it''s'\ncontexts:\n  - context:\n      user: u\n",
        &[
            ("apiVersion", "v1"),
            ("users.0.name", "u"),
            ("users.0.user.token", "abc"),
            ("users.0.user.exec.command", "aws"),
            ("users.0.user.exec.args.0", "a"),
            ("users.0.user.exec.args.1", "b"),
            ("users.1.name", "it's"),
            ("contexts.0.context.user", "u"),
        ],
    );
    check(
        Format::Yaml,
        "services:\n  web:\n    environment:\n      - A=b\n      - C=d\n    key: |\n      line 1\n      line 2\n    last: \"x\\ny\"\n",
        &[
            ("services.web.environment.0", "A=b"),
            ("services.web.environment.1", "C=d"),
            ("services.web.key", "line 1\nline 2"),
            ("services.web.last", "x\ny"),
        ],
    );
    check(
        Format::Yaml,
        "github.com:\n    oauth_token: abc\n    user: u\n",
        &[("github.com.oauth_token", "abc"), ("github.com.user", "u")],
    );
}

#[test]
fn toml() {
    check(
        Format::Toml,
        "[registry]\ntoken = \"abc\"\n[mcp_servers.x]\nenv = { A = \"b\" }\nargs = [\"c\"]\n",
        &[("mcp_servers.x.args.0", "c"), ("mcp_servers.x.env.A", "b"), ("registry.token", "abc")],
    );
    // What does not parse is read line by line.
    check(Format::Toml, "[registry]\ntoken = \"abc\"\noops = \n<<<<<<<\n", &[("registry.token", "abc")]);
}

#[test]
fn xml() {
    check(
        Format::Xml,
        "<?xml version=\"1.0\"?><!-- <password>no</password> --><settings><servers><server><id>a</id><password>b&amp;c</password></server></servers>\
         <add key=\"ClearTextPassword\" value=\"d\" /><ds user=\"u\" password='e'>f</ds></settings>",
        &[
            ("settings.servers.server.id", "a"),
            ("settings.servers.server.password", "b&c"),
            ("settings.add.ClearTextPassword", "d"),
            ("settings.ds.user", "u"),
            ("settings.ds.password", "e"),
            ("settings.ds", "f"),
        ],
    );
}

#[test]
fn lines_and_words() {
    check(
        Format::Netrc,
        "machine h.example login me password s3cret\nmacdef init\npassword x\n\ndefault\n\tlogin a password \"b c\"\n",
        &[
            ("h.example.login", "me"),
            ("h.example.password", "s3cret"),
            ("default.login", "a"),
            ("default.password", "b c"),
        ],
    );
    check(
        Format::HashDump,
        "K 8\npasstype\nV 6\nsimple\nK 8\npassword\nV 5\na\n b!\nK 8\nusername\nV 2\nme\nEND\n",
        &[("passtype", "simple"), ("password", "a\n b!"), ("username", "me")],
    );
    for broken in ["", "K", "K 9\nshort\n", "K -1\nx\n", "K 99999999999999999999\nx\n", "V 1"] {
        check(Format::HashDump, broken, &[]);
    }
    check(
        Format::Urls,
        "https://me:a%2F@h.example\nhttps://h.example\nhttps://tok@h\n",
        &[("me@h.example", "a/"), ("h", "tok")],
    );
    check(Format::Pgpass, "# c\nh:5432:db:me:p\\:w\n", &[("me@h.password", "p:w")]);
    check(Format::Whole, "# c\n\n value \nmore\n", &[("", "value")]);
    check(
        Format::Commands,
        "A=b cmd --password=c --token d --flag --e\ncurl -u me:f -H 'Authorization: Bearer g' https://x\nmysql -ph -u me\n",
        &[
            ("A", "b"),
            ("--password", "c"),
            ("--token", "d"),
            ("--user.password", "f"),
            ("Authorization", "Bearer g"),
            ("", "https://x"),
            ("--password", "h"),
        ],
    );
}

#[test]
fn deep_nesting_is_left_again() {
    for (open, close) in [("{\"k\":", "}"), ("[", "]")] {
        let text = format!("{{\"a\": {}1{}, \"b\": 2}}", open.repeat(5000), close.repeat(5000));
        let mut last = Vec::new();
        read(Format::Json, text.as_bytes(), &mut |name, _, _| last = name.to_vec());
        assert!(last.len() <= MAX_NAME);
    }
    let text = format!("{{\"a\": {}1{}, \"b\": 2}}", "[".repeat(500), "]".repeat(500));
    assert_eq!(fields(Format::Json, &text).last(), Some(&("b".into(), "2".into())));
}

#[test]
fn deep_toml_takes_no_stack() {
    for dots in [15, 79, 100_000] {
        let key = vec!["a"; dots + 1].join(".");
        let text = format!("[{key}]\n{}{key} = 1{}\n", format!("{key} = {{\n").repeat(79), "}".repeat(79));
        read(Format::Toml, text.as_bytes(), &mut |name, _, _| assert!(name.len() <= MAX_NAME));
    }
}

/// Text made of the characters that matter to some format.
fn tangled() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&'static [u8]; 30] = [
        b"\n",
        b"\"",
        b"'",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b": ",
        b"=",
        b"- ",
        b"  ",
        b"\\",
        b"\\u12",
        b"<a ",
        b"<!--",
        b">",
        b"</",
        b"#",
        b"|",
        b"machine ",
        b"password ",
        b"https://u:p@h",
        b"key",
        b"value",
        b"--token ",
        b"curl -u ",
        b"\0",
        b"\xff",
        b"/*",
    ];
    let piece = proptest::sample::select(pieces.to_vec());
    proptest::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_makes_them_fail(text in tangled(), noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        for text in [&text, &noise] {
            for format in ALL {
                let mut total = 0;
                read(format, text, &mut |name, value, at| {
                    assert!(name.len() <= MAX_NAME && value.len() <= MAX_VALUE && at <= text.len());
                    total += value.len();
                });
                // Decoding never grows, and a byte belongs to at most two fields.
                assert!(total <= 3 * text.len(), "{format:?}");
            }
            arguments(text, &mut |_, _, at| assert!(at <= text.len()));
        }
    }

    #[test]
    fn json_gives_back_what_was_put_in(pairs in proptest::collection::vec(("[a-z]{1,8}", "[ -~]{1,40}"), 1..20)) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{}: {}", quoted(name), quoted(value))).collect();
        let text = format!("{{{}}}", body.join(", "));
        prop_assert_eq!(fields(Format::Json, &text), pairs);
    }
}

/// Nanoseconds that this thread has computed; whatever else the machine does counts nothing.
fn cpu_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_ascii_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Content that makes a reader go back over what it has read would show as four times the work for twice the bytes.
#[test]
fn work_is_linear() {
    let hostile: [(Format, &[u8]); 9] = [
        (Format::Assign, b"a=\"\\\n"),
        (Format::Assign, b"a='"),
        (Format::Json, b"{\"a\":["),
        (Format::Yaml, b"- - a:\n"),
        (Format::Xml, b"<a b=\""),
        (Format::Xml, b"<a><!--"),
        (Format::Netrc, b"macdef \" "),
        (Format::HashDump, b"V 0\n\n"),
        (Format::Commands, b"curl -u '"),
    ];
    for (format, piece) in hostile {
        let work = |n: usize| {
            let text = piece.repeat(n / piece.len());
            let once = || {
                let start = cpu_time();
                read(format, &text, &mut |_, _, _| {});
                cpu_time() - start
            };
            (0..3).map(|_| once()).min().expect("it was measured")
        };
        let (small, large) = (work(100_000), work(800_000));
        // Eight times the bytes: linear work is 8, quadratic 64, which is many seconds here. Short work may be counted as none.
        assert!(large < small * 32 + 2_000_000_000, "{format:?}: {small} {large} ns");
    }
}
