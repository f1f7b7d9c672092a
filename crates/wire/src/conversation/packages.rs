//! Registries: how each client uploads a package.

use super::{Conversation, Seen};

/// Programs that upload to PyPI.
const PYTHON: [&str; 6] = ["twine/", "poetry/", "flit/", "hatch/", "pdm/", "uv/"];

/// Programs that publish to npm's registry.
const NODE: [&str; 4] = ["npm/", "pnpm/", "yarn/", "bun/"];

/// What a Maven repository holds.
const MAVEN: [&[u8]; 12] = [
    b".jar",
    b".pom",
    b".war",
    b".ear",
    b".aar",
    b".module",
    b".asc",
    b".md5",
    b".sha1",
    b".sha256",
    b".sha512",
    b"maven-metadata.xml",
];

pub(super) fn recognise(seen: &Seen<'_>) -> Option<Conversation> {
    if seen.is(&["PUT", "POST"]) && seen.ends_with(&["api", "v1", "crates", "new"]) {
        return Some(Conversation::CargoPublish);
    }
    oci(seen).or_else(|| npm(seen)).or_else(|| pypi(seen)).or_else(|| others(seen))
}

fn oci(seen: &Seen<'_>) -> Option<Conversation> {
    if seen.path.first().is_none_or(|s| s != b"v2") {
        return None;
    }
    if seen.is(&["POST", "PATCH", "PUT"]) && seen.holds(&["blobs", "uploads"]) {
        return Some(Conversation::OciBlob);
    }
    (seen.method == "PUT" && seen.path.iter().rev().nth(1).is_some_and(|s| s == b"manifests"))
        .then_some(Conversation::OciManifest)
}

fn npm(seen: &Seen<'_>) -> Option<Conversation> {
    if seen.method != "PUT" || seen.media_type != b"application/json" {
        return None;
    }
    let by_header = seen.head.headers().mentions("npm-command", "publish");
    let scoped = seen.path.iter().any(|s| s.starts_with(b"@"));
    let by_agent = NODE.iter().any(|name| seen.agent(name));
    (by_header || scoped || by_agent).then_some(Conversation::NpmPublish)
}

fn pypi(seen: &Seen<'_>) -> Option<Conversation> {
    if seen.method != "POST" || seen.media_type != b"multipart/form-data" {
        return None;
    }
    let by_path = seen.ends_with(&["legacy", ""]) || seen.ends_with(&["legacy"]);
    (by_path || PYTHON.iter().any(|name| seen.agent(name))).then_some(Conversation::PypiUpload)
}

fn others(seen: &Seen<'_>) -> Option<Conversation> {
    if seen.is(&["PUT", "POST"]) {
        if seen.has("x-nuget-apikey") || seen.method == "PUT" && seen.holds(&["api", "v2", "package"]) {
            return Some(Conversation::NugetPush);
        }
        if seen.ends_with(&["api", "v1", "gems"]) {
            return Some(Conversation::GemPush);
        }
        if seen.holds(&["_apis", "gallery"]) || seen.ends_with(&["api", "-", "publish"]) {
            return Some(Conversation::VsixPublish);
        }
    }
    let maven = seen.agent("apache-maven") || seen.agent("gradle/") || seen.agent("sbt/");
    let named = MAVEN.iter().any(|end| seen.last().ends_with(end)) && seen.path.len() >= 4;
    (seen.method == "PUT" && (maven || named)).then_some(Conversation::MavenUpload)
}
