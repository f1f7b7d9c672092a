//! `corpus seed TARGET FOLDER` writes the inputs that fuzzing of a target begins with; `corpus unarmour FILE` writes the bytes that a file
//! under `regressions/` stands for to standard output.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use exfilter_testing::Rng;
// All crates are instrumented; this one brings what that calls.
use libfuzzer_sys as _;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["seed", target, folder] => seed(target, Path::new(folder)),
        ["unarmour", file] => unarmour(Path::new(file)),
        _ => {
            eprintln!("usage: corpus seed TARGET FOLDER | corpus unarmour FILE");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corpus: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Inputs are choices: random ones make structures of every kind, and none of them has text in it.
fn seed(target: &str, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let write = |name: String, bytes: &[u8]| std::fs::write(folder.join(name), bytes);
    let mut rng = Rng::new(target.bytes().map(u64::from).sum());
    for i in 0..64 {
        let len = [24, 100, 300, 900][i % 4];
        let mut bytes = rng.bytes(len);
        if matches!(target, "rule_parse" | "rule_import") {
            bytes[0] = 0;
        }
        write(format!("seed-{i:02}"), &bytes)?;
    }
    if target == "rule_parse" {
        for (i, (_, text)) in exfilter_rules::builtin_files().iter().enumerate() {
            write(format!("seed-file-{i:02}"), text.as_bytes())?;
        }
    }
    Ok(())
}

/// Lines of hexadecimal digits; what stands behind a `#` is for people.
fn unarmour(file: &Path) -> std::io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let digits = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().chars());
    let digits: Option<Vec<u8>> =
        digits.filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0);
    let digits = digits.ok_or(std::io::Error::other("not pairs of hexadecimal digits"))?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    std::io::stdout().write_all(&bytes)
}
