//! Lists the rule files, so that a new file in `rules/` is in the built-in pack, and one in `rules/more/` among the further rules, without another line anywhere.
//!
//! `rules` beside this file is a symbolic link in the repository and a folder in the packaged crate; where links are not
//! supported the repository's folder is taken.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let folder = [here.join("rules"), here.join("../../rules")]
        .into_iter()
        .find(|folder| folder.is_dir())
        .ok_or_else(|| io::Error::other("no folder with rule files beside crates/rules"))?;
    let folder = fs::canonicalize(folder)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let public = folder.join("public.txt");
    println!("cargo::rerun-if-changed={}", public.display());
    fs::copy(&public, out.join("public.txt"))?;
    fs::write(out.join("files.rs"), list(&folder, "rules")?)?;
    fs::write(out.join("more.rs"), list(&folder.join("more"), "rules/more")?)
}

/// The files of a folder, as an expression: names under `name`, and texts.
fn list(folder: &Path, name: &str) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();

    let mut list = String::from("&[\n");
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let file_name = file.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidData)?;
        list.push_str(&format!("    (\"{name}/{file_name}\", include_str!({file:?})),\n"));
    }
    list.push_str("]\n");
    Ok(list)
}
