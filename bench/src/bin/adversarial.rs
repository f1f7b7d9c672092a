//! The doubling test: what an attacker may send costs time in proportion to its length.
//!
//! `adversarial [--mb 4] [--repeat 5] [--known 1000] [--only NAME]`: every input at n and 2n megabytes. Times are the least CPU
//! time of the repeats; a ratio is the median of the repeats' own, each of which runs n, 2n and n again, so that a machine that
//! changes speed meanwhile slows both alike. Goal: a ratio of 2.2 at most. The long line is measured at 25 and 50 MB.

use exfilter_bench::secrets::{Rng, alnum, values};
use exfilter_bench::timing::{cpu, option, speed};
use exfilter_bench::{CHUNK, corpus, engine, literals, scan};

const MB: usize = 1_000_000;

/// `unit` over and over, `n` bytes.
fn cycle(unit: &[u8], n: usize) -> Vec<u8> {
    unit.iter().copied().cycle().take(n).collect()
}

/// The text that base64 leaves in place, `n` bytes of it.
fn fixed_point(n: usize) -> Vec<u8> {
    let mut text = b"Vm0wd2QyUXlVWGxW".to_vec();
    while text.len() < n {
        text = corpus::base64(&text);
    }
    text.truncate(n);
    text
}

/// Small gzip members one after another, `n` bytes.
fn members(content: &[u8], n: usize) -> Vec<u8> {
    let member = corpus::gzip(content);
    member.iter().copied().cycle().take(n / member.len() * member.len()).collect()
}

/// Ustar headers of empty files, `n` bytes.
fn empty_members(n: usize) -> Vec<u8> {
    let mut header = [0u8; 512];
    header[..5].copy_from_slice(b"a.txt");
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(b"00000000000\0");
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    cycle(&header, n / 512 * 512)
}

/// All literals, each followed by a few token characters: every one starts a candidate.
fn prefix_dense(n: usize, tail: usize) -> Vec<u8> {
    let mut rng = Rng::new(11);
    let all = literals(&exfilter::rules::builtin());
    let mut out = Vec::with_capacity(n + 64);
    while out.len() < n {
        for (literal, _) in &all {
            out.extend_from_slice(literal.as_bytes());
            out.extend(alnum(&mut rng, tail));
        }
        out.push(b'\n');
    }
    out.truncate(n);
    out
}

/// Enrolled values with the last character left off: every anchor fires, no value matches.
fn near_secrets(known: usize, n: usize) -> Vec<u8> {
    let all: Vec<u8> = values(known.max(1)).iter().flat_map(|v| [&v[..v.len() - 1], b" "].concat()).collect();
    cycle(&all, n)
}

/// Gzip inside gzip inside gzip, as deep as `depth`, again and again.
fn nested(depth: usize, n: usize) -> Vec<u8> {
    let mut unit = b"nothing to see here".to_vec();
    for _ in 0..depth {
        unit = corpus::gzip(&unit);
    }
    members(&unit, n)
}

/// Lines of 76 base64 characters between `before` and `after`, `n` bytes of them.
fn folded(before: &str, after: &str, n: usize) -> Vec<u8> {
    let chars = corpus::base64(&alnum(&mut Rng::new(7), n / 2));
    let lines = chars.chunks(76).flat_map(|line| [before.as_bytes(), line, after.as_bytes()].concat());
    lines.take(n).collect()
}

type Make<'a> = Box<dyn Fn(usize) -> Vec<u8> + 'a>;

fn main() {
    let mb: usize = option("--mb", 4);
    let repeat: usize = option("--repeat", 5);
    let known: usize = option("--known", 1000);
    let only: String = option("--only", String::new());
    let engine = engine(known);
    let begin = format!("-----BEGIN {} PRIVATE KEY-----\n", "RSA");
    let gzip_head: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let zstd_head: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58];
    let unit = |unit: &'static [u8]| -> Make<'_> { Box::new(move |n| cycle(unit, n)) };

    let cases: Vec<(&str, usize, Make<'_>)> = vec![
        ("one line of letters", 25, unit(b"a")),
        ("one line of a-z0-9", 25, Box::new(|n| alnum(&mut Rng::new(3), n))),
        ("spaces", mb, unit(b" ")),
        ("NUL", mb, unit(b"\0")),
        (
            "random bytes",
            mb,
            Box::new(|n| {
                let mut r = Rng::new(5);
                (0..n / 8).flat_map(|_| r.next_u64().to_le_bytes()).collect()
            }),
        ),
        ("ghp_ghp_", mb, unit(b"ghp_")),
        ("sk-sk-sk-", mb, unit(b"sk-")),
        ("sk-ant-sk-ant-", mb, unit(b"sk-ant-api03-")),
        ("xoxb-xoxb-", mb, unit(b"xoxb-1")),
        ("AKIAAKIA", mb, unit(b"AKIA")),
        ("glpat-glpat-", mb, unit(b"glpat-")),
        ("pypi-AgEpypi-AgE", mb, unit(b"pypi-AgE")),
        (
            "ATATT3 with checksums that fail",
            mb,
            Box::new(|n| cycle(&[&b"ATATT3"[..], &[b'a'; 100], b"=0A1B2C3D"].concat(), n)),
        ),
        ("all literals, dense", mb, Box::new(|n| prefix_dense(n, 0))),
        ("all literals, 12 apart", mb, Box::new(|n| prefix_dense(n, 12))),
        ("all literals, 40 apart", mb, Box::new(|n| prefix_dense(n, 40))),
        ("enrolled values cut short", mb, Box::new(|n| near_secrets(known, n))),
        ("nested PEM headers", mb, Box::new(|n| cycle(begin.as_bytes(), n))),
        ("-----BEGIN ", mb, unit(b"-----BEGIN ")),
        ("://://", mb, unit(b"://")),
        ("a://b:c", mb, unit(b"postgres://user:pass")),
        ("eyJeyJ", mb, unit(b"eyJ")),
        ("eyJ.eyJ.", mb, unit(b"eyJhbGciOiJ.")),
        ("VVVV", mb, unit(b"V")),
        ("base64's fixed point", mb, Box::new(fixed_point)),
        ("base64 of zeros", mb, unit(b"A")),
        ("base64 in words", mb, unit(b"QUFBQUFBQUFBQUFBQUFBQUFBQUFB ")),
        ("backslashes", mb, unit(b"\\")),
        ("\\u005c", mb, unit(b"\\u005c")),
        ("%25%25", mb, unit(b"%25")),
        ("hex", mb, unit(b"0123456789abcdef")),
        ("gzip magic", mb, unit(b"\x1f\x8b\x08")),
        ("gzip heads", mb, Box::new(|n| cycle(gzip_head, n))),
        ("zstd heads", mb, Box::new(|n| cycle(zstd_head, n))),
        ("empty gzip members", mb, Box::new(|n| members(b"", n))),
        ("gzip members of 100 bytes", mb, Box::new(|n| members(&[b'x'; 100], n))),
        ("gzip in gzip, 6 deep", mb, Box::new(|n| nested(6, n))),
        ("gzip of ghp_ghp_", mb, Box::new(|n| corpus::gzip(&cycle(b"ghp_", n)))),
        (
            "base64 of gzip heads",
            mb,
            Box::new(|n| {
                let mut b = corpus::base64(&cycle(gzip_head, n));
                b.truncate(n);
                b
            }),
        ),
        ("zlib heads", mb, unit(b"x\x9c\x03")),
        ("zlib of nothing", mb, unit(b"x\x9c\x03\0\0\0\0\x01")),
        ("zlib that goes on", mb, unit(b"x\x01\0\xff\xff\0\0")),
        ("gzip that goes on", mb, unit(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\0\xff\xff\0\0")),
        ("strings over lines", mb, Box::new(|n| folded("\"", "\" +\n", n))),
        ("strings in a list", mb, Box::new(|n| folded("  \"", "\",\n", n))),
        ("lines of a comment", mb, Box::new(|n| folded("# ", "\n", n))),
        ("lines of a diff", mb, Box::new(|n| folded("+", "\n", n))),
        ("marks of comments", mb, unit(b"# ")),
        ("lines of marks", mb, unit(b"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\n# # # # # # # #\n")),
        ("heads of dumps", mb, unit(b"000000  a")),
        ("dumps of a character", mb, unit(b"000000   a\n")),
        ("dumps of words", mb, unit(b"00000000: 6768 705f 6162 6364\n")),
        ("digits and stars", mb, unit(b"10 11 12\n*\n")),
        ("numbers in columns", mb, unit(b"10  11  ")),
        (
            "columns of line breaks",
            mb,
            Box::new(|n| cycle(&[&b"10 11 12  "[..], &b"\\n".repeat(45)].concat(), n)),
        ),
        ("tar of empty files", mb, Box::new(empty_members)),
        ("ustar magic", mb, unit(b"ustar\x0000")),
    ];
    println!(
        "{known} known secrets and the built-in rules, chunks of 64 KiB, least thread CPU time of {repeat}, median ratio\n"
    );
    println!(
        "{:28} {:>6} {:>10} {:>10} {:>7} {:>9} {:>10} {:>9} {:>8}",
        "input", "MB", "n ms", "2n ms", "ratio", "MB/s", "decoded MB", "findings", "opaque"
    );
    let (mut worst, mut slowest) = (0f64, f64::INFINITY);
    for (name, size, make) in &cases {
        if !only.is_empty() && only != *name {
            continue;
        }
        let (one, two) = (make(size * MB), make(2 * size * MB));
        let mut best = [f64::INFINITY; 2];
        let mut ratios = Vec::with_capacity(repeat);
        let outcome = scan(&engine, &two, CHUNK);
        for _ in 0..repeat {
            let [before, double, after] =
                [&one, &two, &one].map(|body| cpu(|| scan(&engine, body, CHUNK)).0.as_secs_f64());
            best[0] = best[0].min(before).min(after);
            best[1] = best[1].min(double);
            ratios.push(2.0 * double / (before + after));
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let ratio = ratios[repeat / 2];
        let mbs = speed(two.len().max(outcome.decoded as usize), std::time::Duration::from_secs_f64(best[1]));
        worst = worst.max(ratio);
        slowest = slowest.min(mbs);
        println!(
            "{name:28} {:>6.2} {:>10.2} {:>10.2} {ratio:>7.2} {mbs:>9.1} {:>10.1} {:>9} {:>8}{}",
            two.len() as f64 / 1e6,
            best[0] * 1e3,
            best[1] * 1e3,
            outcome.decoded as f64 / 1e6,
            outcome.findings,
            outcome.opaque,
            if ratio > 2.2 { "  MORE THAN DOUBLE" } else { "" },
        );
    }
    println!(
        "\nworst ratio {worst:.2} (goal: 2.2 at most), slowest {slowest:.1} MB/s of what was pushed or decoded, the greater"
    );
}
