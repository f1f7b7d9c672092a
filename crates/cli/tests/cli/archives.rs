//! Content behind decoders, and standard input in pieces.

use crate::harness::{Sandbox, base64, github_token, gzip, tar, zstd};

fn package(token: &str) -> Vec<u8> {
    let filler: String = (0..4000).map(|i| format!("line {i} of a file that is long enough\n")).collect();
    let code = format!("module.exports = {{\n  token: '{token}',\n}};\n");
    gzip(&tar(&[
        ("package/README.md", filler.as_bytes()),
        ("package/lib/x.js", code.as_bytes()),
        ("package/package.json", b"{}"),
    ]))
}

#[test]
fn a_token_in_a_package() {
    let s = Sandbox::new();
    s.file("x.tgz", package(&github_token()));
    s.run(&["scan", "tree"]).exits_with(1).prints("tree/x.tgz > gzip > package/lib/x.js:2:11");
    let json = s.run(&["scan", "tree", "--format", "json"]).exits_with(1).json();
    let finding = &json["findings"][0];
    assert_eq!(finding["path"], "tree/x.tgz");
    assert_eq!(finding["lane"], "gzip > package/lib/x.js");
    assert_eq!((&finding["line"], &finding["column"]), (&2.into(), &11.into()));
    assert_eq!(json["coverage"]["complete"], true);
    assert_eq!(json["coverage"]["members"], 3);
}

#[test]
fn what_a_second_thread_unpacks_comes_to_the_same() {
    let s = Sandbox::new();
    let token = github_token();
    // Of some 300 KB, which compress by half.
    let noise: String =
        (0_u64..20_000).map(|i| format!("{:08x}\n", i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32)).collect();
    let code = format!("// {noise}\nmodule.exports = {{ token: '{token}' }};\n");
    let inner = package(&token);
    let whole = tar(&[("a.txt", noise.as_bytes()), ("lib/x.js", code.as_bytes()), ("inner.tgz", &inner)]);
    let packed = gzip(&whole);
    assert!(packed.len() > 100_000, "{}", packed.len());
    let mut broken = packed.clone();
    broken[90_000..90_040].iter_mut().for_each(|byte| *byte = !*byte);
    let files: [(&str, Vec<u8>, usize); 6] = [
        ("whole.tgz", packed.clone(), 2),
        ("zstd.bin", zstd(&whole), 2),
        ("cut.tgz", packed[..packed.len() - 200].to_vec(), 1),
        ("broken.tgz", broken, 0),
        ("two.bin", [&packed[..], &packed[..], b"text behind it"].concat(), 4),
        ("bomb.gz", gzip(&vec![b' '; 200 << 20]), 0),
    ];
    for (name, content, least) in &files {
        let file = s.file(name, content);
        let scan = |jobs: &[&str]| {
            let mut args = vec!["scan", "--format", "json", file.to_str().expect("a plain name")];
            args.extend(jobs);
            s.run(&args).json()
        };
        let (one, more) = (scan(&["--jobs", "1"]), scan(&[]));
        assert_eq!(one, more, "{name}");
        let found = more["findings"].as_array().map_or(0, Vec::len);
        assert!(found >= *least, "{name}: {found} findings");
        let is_whole = more["coverage"]["complete"] == true;
        assert_eq!(is_whole, matches!(*name, "whole.tgz" | "zstd.bin" | "two.bin"), "{name}");
    }
}

#[test]
fn a_package_in_a_package_in_zstd() {
    let s = Sandbox::new();
    let inner = package(&github_token());
    s.file("outer.bin", zstd(&tar(&[("inner.tgz", &inner)])));
    let run = s.run(&["scan", "tree"]).exits_with(1);
    run.prints("tree/outer.bin > zstd > inner.tgz > gzip > package/lib/x.js:2:11");
}

#[test]
fn standard_input_in_any_pieces() {
    let s = Sandbox::new();
    let input = package(&github_token());
    let whole = s.run_piped(&["scan", "-", "--format", "json"], &input, 65536).exits_with(1).json();
    assert_eq!(whole["findings"][0]["path"], "<stdin>");
    assert_eq!(whole["findings"][0]["lane"], "gzip > package/lib/x.js");
    for piece in [1, 7] {
        let pieces = s.run_piped(&["scan", "-", "--format", "json"], &input, piece).exits_with(1).json();
        assert_eq!(pieces, whole, "pieces of {piece}");
    }
    s.file("x.tgz", &input);
    let file = s.run(&["scan", "tree/x.tgz", "--format", "json"]).json();
    for field in ["lane", "outer", "inner", "line", "column", "rule"] {
        assert_eq!(file["findings"][0][field], whole["findings"][0][field], "{field}");
    }
}

#[test]
fn a_token_in_base64() {
    let s = Sandbox::new();
    s.file("a.yaml", format!("data: {}\n", base64(format!("user:{}\n", github_token()).as_bytes())));
    s.run(&["scan", "tree"]).exits_with(1).prints("tree/a.yaml > base64");
}

#[test]
fn a_broken_gzip_is_not_clean() {
    let s = Sandbox::new();
    let mut broken = package(&github_token());
    let middle = broken.len() / 2;
    for byte in &mut broken[middle..middle + 40] {
        *byte = !*byte;
    }
    s.file("broken.tgz", broken);
    let run = s.run(&["scan", "tree", "--format", "json"]);
    assert!(matches!(run.code, Some(1 | 3)), "{run:?}");
    let json = run.json();
    assert_eq!(json["coverage"]["complete"], false);
    assert_eq!(json["coverage"]["not_examined"][0]["reason"], "corrupt");
    assert_eq!(json["coverage"]["not_examined"][0]["path"], "tree/broken.tgz");
}

#[test]
fn a_truncated_package_is_not_clean() {
    let s = Sandbox::new();
    let whole = package("none");
    s.file("cut.tgz", &whole[..whole.len() / 2]);
    let run = s.run(&["scan", "tree"]).exits_with(3);
    run.prints("not examined:").prints("tree/cut.tgz").prints("truncated").prints_not("clean");
    s.run(&["scan", "tree", "--incomplete", "ok"]).exits_with(0).prints("no findings").prints_not("clean");
}

#[test]
fn a_bomb_is_not_clean_and_ends() {
    let s = Sandbox::new();
    s.file("bomb.gz", gzip(&vec![0; 64 << 20]));
    let begun = std::time::Instant::now();
    let run = s.run(&["scan", "tree", "--format", "json"]).exits_with(3);
    assert_eq!(run.json()["coverage"]["not_examined"][0]["reason"], "ratio");
    assert!(begun.elapsed().as_secs() < 30);
}
