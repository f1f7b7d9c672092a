//! git and git-lfs.

use super::{Conversation, Seen};

/// WebDAV's verbs, with which git pushes where the server does not speak its protocol, and plain PUT.
const DUMB: [&str; 8] = ["PROPFIND", "PROPPATCH", "MKCOL", "LOCK", "UNLOCK", "MOVE", "COPY", "PUT"];

pub(super) fn recognise(seen: &Seen<'_>) -> Option<Conversation> {
    // The type counts as much as the path: a server may look at either.
    if seen.media_type == b"application/x-git-receive-pack-request"
        || seen.method == "POST" && seen.ends_with(&["git-receive-pack"])
    {
        return Some(Conversation::GitReceivePack);
    }
    if seen.media_type == b"application/x-git-upload-pack-request"
        || seen.method == "POST" && seen.ends_with(&["git-upload-pack"])
    {
        return Some(Conversation::GitUploadPack);
    }
    if seen.ends_with(&["info", "refs"]) && seen.method == "GET" {
        return match seen.head.target().parameter("service").as_deref() {
            Some(b"git-receive-pack") => Some(Conversation::GitPushRefs),
            Some(b"git-upload-pack") | None => Some(Conversation::GitFetchRefs),
            Some(_) => None,
        };
    }
    if seen.method == "POST" && seen.ends_with(&["objects", "batch"]) {
        return Some(Conversation::LfsBatch);
    }
    if seen.method == "PUT" && seen.agent("git-lfs/") {
        return Some(Conversation::LfsObject);
    }
    let in_repository = seen.path.iter().any(|s| s.ends_with(b".git")) || seen.ends_with(&["info", "refs"]);
    let dumb = seen.is(&DUMB) && (seen.method != "PUT" || seen.agent("git/"));
    (dumb && (seen.agent("git/") || in_repository)).then_some(Conversation::GitDumbPush)
}
