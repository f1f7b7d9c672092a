//! AWS's services, and those that speak like S3: told by the signature or the host.

use super::{Conversation, Seen};

pub(super) fn recognise(seen: &Seen<'_>) -> Option<Conversation> {
    let signature = seen.head.headers().get("authorization").unwrap_or_default();
    let is_signed = signature.starts_with(b"AWS4-");
    let is_host = [&b".amazonaws.com"[..], b".amazonaws.com.cn", b".api.aws"]
        .iter()
        .any(|suffix| seen.host.ends_with(suffix));
    if !is_signed && !is_host {
        return None;
    }
    if seen.has("x-amz-target") || seen.media_type.starts_with(b"application/x-amz-json") {
        return Some(Conversation::AwsJson);
    }
    if seen.method == "POST" && seen.media_type == b"application/x-www-form-urlencoded" {
        return Some(Conversation::AwsQuery);
    }
    let scope = b"/s3/aws4_request";
    let is_scoped = signature.windows(scope.len()).any(|window| window == scope);
    let mut labels = seen.host.split(|b| *b == b'.');
    let is_s3 = is_scoped || is_host && labels.any(|label| label == b"s3" || label.starts_with(b"s3-"));
    Some(if is_s3 { Conversation::S3 } else { Conversation::AwsJson })
}
