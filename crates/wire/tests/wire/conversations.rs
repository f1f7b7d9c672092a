//! Which conversation a request is part of.

use exfilter_wire::Conversation::{self, *};
use exfilter_wire::RequestHead;

fn of(method: &str, url: &str, fields: &[(&str, &str)]) -> Conversation {
    let (host, path) = url.split_once('/').unwrap();
    let mut all = vec![("Host", host)];
    all.extend(fields);
    RequestHead::new(method.as_bytes(), format!("/{path}").as_bytes(), all).unwrap().conversation()
}

#[test]
fn requests_are_recognised_by_their_heads() {
    let json = ("Content-Type", "application/json");
    let form = ("Content-Type", "multipart/form-data; boundary=x");
    let table: &[(&str, &str, &[(&str, &str)], Conversation)] = &[
        ("GET", "h/r.git/info/refs?service=git-receive-pack", &[], GitPushRefs),
        ("GET", "h/r.git/info/refs?service=git-upload-pack", &[], GitFetchRefs),
        ("GET", "h/r.git/info/refs", &[], GitFetchRefs),
        ("POST", "h/r.git/git-receive-pack", &[], GitReceivePack),
        ("POST", "h/r.git/git%2Dreceive-pack", &[], GitReceivePack),
        (
            "POST",
            "h/elsewhere",
            &[("Content-Type", "Application/X-Git-Receive-Pack-Request")],
            GitReceivePack,
        ),
        ("POST", "h/r.git/git-upload-pack", &[], GitUploadPack),
        (
            "POST",
            "h/r.git/info/lfs/objects/batch",
            &[("Content-Type", "application/vnd.git-lfs+json")],
            LfsBatch,
        ),
        (
            "PUT",
            "s3.example/o/abc",
            &[("User-Agent", "git-lfs/3.3.0 (GitHub; linux amd64; go 1.19)")],
            LfsObject,
        ),
        ("PROPFIND", "h/r.git/", &[("User-Agent", "git/2.47.3")], GitDumbPush),
        ("PUT", "h/r.git/objects/ab/cd", &[("User-Agent", "git/2.47.3")], GitDumbPush),
        ("PUT", "registry.npmjs.org/@acme%2fdemo", &[json, ("npm-command", "publish")], NpmPublish),
        ("PUT", "registry.npmjs.org/demo", &[json, ("User-Agent", "npm/? node/?")], NpmPublish),
        ("PUT", "registry.example/demo", &[json, ("User-Agent", "yarn/4.18.1")], NpmPublish),
        ("POST", "upload.pypi.org/legacy/", &[form], PypiUpload),
        ("POST", "pypi.example/simple/", &[form, ("User-Agent", "twine/7.0.0 CPython")], PypiUpload),
        ("PUT", "crates.io/api/v1/crates/new", &[], CargoPublish),
        ("POST", "r.example/v2/team/app/blobs/uploads/", &[], OciBlob),
        ("PATCH", "r.example/v2/team/app/blobs/uploads/uuid?state=x", &[], OciBlob),
        ("PUT", "r.example/v2/team/app/manifests/latest", &[], OciManifest),
        ("PUT", "m.example/repo/com/acme/app/1.0/app-1.0.jar", &[], MavenUpload),
        ("PUT", "m.example/x", &[("User-Agent", "Apache-Maven/3.9 (Java 21)")], MavenUpload),
        ("PUT", "www.nuget.org/api/v2/package/", &[("X-NuGet-ApiKey", "x"), form], NugetPush),
        ("POST", "rubygems.org/api/v1/gems", &[], GemPush),
        ("POST", "marketplace.visualstudio.com/_apis/gallery/publishers/a/extensions/b", &[], VsixPublish),
        ("POST", "open-vsx.org/api/-/publish?token=x", &[], VsixPublish),
        ("POST", "api.anthropic.com/v1/messages", &[json], Anthropic),
        ("POST", "gateway.example/v1/messages", &[json, ("anthropic-version", "2023-06-01")], Anthropic),
        ("POST", "api.openai.com/v1/responses", &[json], OpenAi),
        ("POST", "chatgpt.com/backend-api/codex/responses", &[json], OpenAi),
        ("POST", "localhost:11434/v1/chat/completions", &[json], OpenAi),
        (
            "POST",
            "generativelanguage.googleapis.com/v1beta/models/x:streamGenerateContent?alt=sse",
            &[json],
            GoogleAi,
        ),
        ("POST", "mcp.example/mcp", &[json, ("Accept", "application/json, text/event-stream")], Mcp),
        ("POST", "mcp.example/x", &[json, ("Mcp-Session-Id", "1")], Mcp),
        ("PUT", "api.github.com/repos/o/r/contents/a.txt", &[json], GitHub),
        ("POST", "ghe.example/api/v3/gists", &[json], GitHub),
        ("POST", "uploads.github.com/repos/o/r/releases/1/assets?name=a.zip", &[], GitHub),
        ("POST", "api.github.com/graphql", &[json], GitHubGraphql),
        ("POST", "h/svc/Method", &[("Content-Type", "application/grpc+proto")], Grpc),
        ("GET", "h/chat", &[("Upgrade", "websocket")], Plain),
        ("GET", "h/x", &[("Upgrade", "h2c")], Plain),
        ("GET", "h/x", &[("Upgrade", "tls/1.0")], Tunnel),
        ("POST", "h/anything", &[json], Plain),
        ("GET", "h/", &[], Plain),
    ];
    for (method, url, fields, expected) in table {
        assert_eq!(of(method, url, fields), *expected, "{method} {url}");
    }
    let connect = RequestHead::new(b"CONNECT", b"h:443", [("Host", "h:443")]).unwrap();
    assert_eq!(connect.conversation(), Tunnel);
}
