//! [`Conversation`]: what a request is part of, told by its head.

mod ai;
mod aws;
mod git;
mod packages;

use crate::head::RequestHead;

/// What a client is doing with a request.
///
/// It decides how a refusal is written and which parts a body has. It never decides that less is examined: a request that is taken for something else is examined as what it is
/// taken for, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conversation {
    /// git asks for refs before a push (`info/refs?service=git-receive-pack`).
    GitPushRefs,
    /// git asks for refs before a fetch.
    GitFetchRefs,
    /// A push.
    GitReceivePack,
    /// A fetch.
    GitUploadPack,
    /// A push over plain HTTP (WebDAV), one file at a time.
    GitDumbPush,
    /// git-lfs asks where to put files.
    LfsBatch,
    /// git-lfs sends a file.
    LfsObject,
    /// `npm publish`, and pnpm's, yarn's and bun's.
    NpmPublish,
    /// An upload to PyPI or what speaks like it.
    PypiUpload,
    /// `cargo publish`.
    CargoPublish,
    /// A layer or configuration of an OCI image.
    OciBlob,
    /// A manifest of one.
    OciManifest,
    /// A file put into a Maven repository.
    MavenUpload,
    /// `dotnet nuget push`.
    NugetPush,
    /// `gem push`.
    GemPush,
    /// An extension for VS Code.
    VsixPublish,
    /// A call to Anthropic's API.
    Anthropic,
    /// A call to OpenAI's API, or one that speaks like it.
    OpenAi,
    /// A call to Google's API.
    GoogleAi,
    /// MCP over HTTP.
    Mcp,
    /// S3, or what speaks like it.
    S3,
    /// A service of AWS whose documents are JSON.
    AwsJson,
    /// One that is asked by forms, and answers in XML.
    AwsQuery,
    /// GitHub's REST API.
    GitHub,
    /// GitHub's GraphQL API.
    GitHubGraphql,
    /// gRPC.
    Grpc,
    /// A tunnel: CONNECT, or an upgrade to something else than WebSocket.
    Tunnel,
    /// Anything else.
    Plain,
}

impl Conversation {
    /// A stable word for reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Conversation::GitPushRefs => "git-push-refs",
            Conversation::GitFetchRefs => "git-fetch-refs",
            Conversation::GitReceivePack => "git-push",
            Conversation::GitUploadPack => "git-fetch",
            Conversation::GitDumbPush => "git-dumb-push",
            Conversation::LfsBatch => "lfs-batch",
            Conversation::LfsObject => "lfs-object",
            Conversation::NpmPublish => "npm-publish",
            Conversation::PypiUpload => "pypi-upload",
            Conversation::CargoPublish => "cargo-publish",
            Conversation::OciBlob => "oci-blob",
            Conversation::OciManifest => "oci-manifest",
            Conversation::MavenUpload => "maven-upload",
            Conversation::NugetPush => "nuget-push",
            Conversation::GemPush => "gem-push",
            Conversation::VsixPublish => "vsix-publish",
            Conversation::Anthropic => "anthropic",
            Conversation::OpenAi => "openai",
            Conversation::GoogleAi => "google-ai",
            Conversation::Mcp => "mcp",
            Conversation::S3 => "s3",
            Conversation::AwsJson => "aws-json",
            Conversation::AwsQuery => "aws-query",
            Conversation::GitHub => "github",
            Conversation::GitHubGraphql => "github-graphql",
            Conversation::Grpc => "grpc",
            Conversation::Tunnel => "tunnel",
            Conversation::Plain => "plain",
        }
    }
}

impl RequestHead {
    /// Which conversation the request is part of.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        let seen = Seen::of(self);
        git::recognise(&seen)
            .or_else(|| tunnel(&seen))
            .or_else(|| packages::recognise(&seen))
            .or_else(|| ai::recognise(&seen))
            .or_else(|| aws::recognise(&seen))
            .or_else(|| github(&seen))
            .unwrap_or(Conversation::Plain)
    }
}

/// What recognisers look at.
struct Seen<'a> {
    head: &'a RequestHead,
    method: &'a str,
    media_type: Vec<u8>,
    /// Decoded segments of the path, as receivers see them.
    path: Vec<Vec<u8>>,
    /// Lower case, without a port.
    host: Vec<u8>,
}

impl<'a> Seen<'a> {
    fn of(head: &'a RequestHead) -> Seen<'a> {
        let host = head.host().unwrap_or_default();
        let end = host.iter().rposition(|b| *b == b':').unwrap_or(host.len());
        Seen {
            head,
            method: head.method(),
            media_type: head.media_type(),
            path: head.target().decoded_segments(),
            host: host[..end].to_ascii_lowercase(),
        }
    }

    /// Whether the path ends with these segments.
    fn ends_with(&self, segments: &[&str]) -> bool {
        self.path.len() >= segments.len()
            && self.path[self.path.len() - segments.len()..]
                .iter()
                .zip(segments)
                .all(|(is, want)| is == want.as_bytes())
    }

    /// Whether the path holds these segments in a row.
    fn holds(&self, segments: &[&str]) -> bool {
        self.path
            .windows(segments.len())
            .any(|w| w.iter().zip(segments).all(|(is, want)| is == want.as_bytes()))
    }

    fn last(&self) -> &[u8] {
        self.path.last().map_or(&[], Vec::as_slice)
    }

    fn agent(&self, text: &str) -> bool {
        self.head.headers().mentions("user-agent", text)
    }

    fn is(&self, methods: &[&str]) -> bool {
        methods.contains(&self.method)
    }

    fn has(&self, header: &str) -> bool {
        self.head.headers().get(header).is_some()
    }
}

fn tunnel(seen: &Seen<'_>) -> Option<Conversation> {
    // curl offers h2c with every request; whoever passes a head on leaves that out.
    let is_known = |protocol: &[u8]| {
        [&b"websocket"[..], b"h2c"].iter().any(|known| protocol.eq_ignore_ascii_case(known))
    };
    let is_tunnel = seen.head.upgrades().any(|protocol| !is_known(protocol));
    (seen.method == "CONNECT" || is_tunnel).then_some(Conversation::Tunnel)
}

fn github(seen: &Seen<'_>) -> Option<Conversation> {
    let is_api = matches!(seen.host.as_slice(), b"api.github.com" | b"uploads.github.com")
        || seen.path.first().is_some_and(|s| s == b"api")
            && seen.path.get(1).is_some_and(|s| s == b"v3" || s == b"uploads");
    let is_graphql = seen.ends_with(&["graphql"])
        && (seen.host == b"api.github.com"
            || seen.ends_with(&["api", "graphql"]) && seen.host.starts_with(b"github."));
    match (is_graphql, is_api) {
        (true, _) => Some(Conversation::GitHubGraphql),
        (_, true) => Some(Conversation::GitHub),
        _ => None,
    }
}
