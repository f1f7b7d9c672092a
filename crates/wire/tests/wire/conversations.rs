//! Which conversation a request is part of.

use exfilter_wire::Conversation::{self, *};
use exfilter_wire::RequestHead;

/// Method, host and path, fields, what it is.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], Conversation);

fn of(method: &str, url: &str, fields: &[(&str, &str)]) -> Conversation {
    let (host, path) = url.split_once('/').unwrap();
    let mut all = vec![("Host", host)];
    all.extend(fields);
    RequestHead::new(method.as_bytes(), format!("/{path}").as_bytes(), all).unwrap().conversation()
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=x");

#[test]
fn requests_are_recognised_by_their_heads() {
    let table: &[Row] = &[
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
        ("PUT", "registry.npmjs.org/@acme%2fdemo", &[JSON, ("npm-command", "publish")], NpmPublish),
        ("PUT", "registry.npmjs.org/demo", &[JSON, ("User-Agent", "npm/? node/?")], NpmPublish),
        ("PUT", "registry.example/demo", &[JSON, ("User-Agent", "yarn/4.18.1")], NpmPublish),
        ("POST", "upload.pypi.org/legacy/", &[FORM], PypiUpload),
        ("POST", "pypi.example/simple/", &[FORM, ("User-Agent", "twine/7.0.0 CPython")], PypiUpload),
        ("PUT", "crates.io/api/v1/crates/new", &[], CargoPublish),
        ("POST", "r.example/v2/team/app/blobs/uploads/", &[], OciBlob),
        ("PATCH", "r.example/v2/team/app/blobs/uploads/uuid?state=x", &[], OciBlob),
        ("PUT", "r.example/v2/team/app/manifests/latest", &[], OciManifest),
        ("PUT", "m.example/repo/com/acme/app/1.0/app-1.0.jar", &[], MavenUpload),
        ("PUT", "m.example/x", &[("User-Agent", "Apache-Maven/3.9 (Java 21)")], MavenUpload),
        ("PUT", "www.nuget.org/api/v2/package/", &[("X-NuGet-ApiKey", "x"), FORM], NugetPush),
        ("POST", "rubygems.org/api/v1/gems", &[], GemPush),
        ("POST", "marketplace.visualstudio.com/_apis/gallery/publishers/a/extensions/b", &[], VsixPublish),
        ("POST", "open-vsx.org/api/-/publish?token=x", &[], VsixPublish),
        ("POST", "api.anthropic.com/v1/messages", &[JSON], Anthropic),
        ("POST", "gateway.example/v1/messages", &[JSON, ("anthropic-version", "2023-06-01")], Anthropic),
        ("POST", "api.openai.com/v1/responses", &[JSON], OpenAi),
        ("POST", "chatgpt.com/backend-api/codex/responses", &[JSON], OpenAi),
        ("POST", "localhost:11434/v1/chat/completions", &[JSON], OpenAi),
        (
            "POST",
            "generativelanguage.googleapis.com/v1beta/models/x:streamGenerateContent?alt=sse",
            &[JSON],
            GoogleAi,
        ),
        ("POST", "mcp.example/mcp", &[JSON, ("Accept", "application/JSON, text/event-stream")], Mcp),
        ("POST", "mcp.example/x", &[JSON, ("Mcp-Session-Id", "1")], Mcp),
        ("PUT", "api.github.com/repos/o/r/contents/a.txt", &[JSON], GitHub),
        ("POST", "ghe.example/api/v3/gists", &[JSON], GitHub),
        ("POST", "uploads.github.com/repos/o/r/releases/1/assets?name=a.zip", &[], GitHub),
        ("POST", "api.github.com/graphql", &[JSON], GitHubGraphql),
        ("PUT", "b.s3.eu-west-1.amazonaws.com/key", &[], S3),
        (
            "PUT",
            "objects.example/b/key",
            &[(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=A/20261130/auto/s3/aws4_request, SignedHeaders=host, Signature=0",
            )],
            S3,
        ),
        (
            "POST",
            "dynamodb.eu-west-1.amazonaws.com/",
            &[("X-Amz-Target", "DynamoDB_20120810.PutItem")],
            AwsJson,
        ),
        ("POST", "bedrock-runtime.eu-west-1.amazonaws.com/model/x/converse", &[JSON], AwsJson),
        (
            "POST",
            "sts.amazonaws.com/",
            &[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
            AwsQuery,
        ),
        ("PUT", "s3.amazonaws.com.example/key", &[], Plain),
        ("POST", "h/svc/Method", &[("Content-Type", "application/grpc+proto")], Grpc),
        ("GET", "h/chat", &[("Upgrade", "websocket")], Plain),
        ("GET", "h/x", &[("Upgrade", "h2c")], Plain),
        ("GET", "h/x", &[("Upgrade", "tls/1.0")], Tunnel),
        ("POST", "h/anything", &[JSON], Plain),
        ("GET", "h/", &[], Plain),
    ];
    for (method, url, fields, expected) in table {
        assert_eq!(of(method, url, fields), *expected, "{method} {url}");
    }
    let connect = RequestHead::new(b"CONNECT", b"h:443", [("Host", "h:443")]).unwrap();
    assert_eq!(connect.conversation(), Tunnel);
}
