//! Conversations as people and attackers have them: texts put together from what their parsers look for.

use arbitrary::{Result, Unstructured};

/// Pieces of a request head.
const HEAD: [&str; 28] = [
    "GET",
    "POST",
    " ",
    "/",
    "/a?b=c&d",
    "http://h/",
    " HTTP/1.1",
    " HTTP/1.0",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\0",
    "Host: h\r\n",
    "Content-Length: 5\r\n",
    "Content-Length:",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Cookie: a=b; c\r\n",
    "Content-Type: application/json\r\n",
    "Content-Range: bytes 0-9/99\r\n",
    "Authorization: Basic YTpi\r\n",
    "Authorization: Bearer x\r\n",
    ": ",
    "X",
    "\t",
    ";",
    "%41",
];

/// Pieces of a small body.
const BODY: [&str; 14] =
    ["{", "}", "[", "]", "\"", "\"a\":", "\"b\"", ",", ":", "\\u00e9", "\\ud83d\\ude00", "1", "a=b", "&"];

/// Pieces of a push.
const PUSH: [&str; 18] = [
    "0000",
    "0001",
    "0002",
    "0003",
    "0004",
    "fff0",
    "PACK",
    "\0",
    "\n",
    "shallow ",
    "push-cert\0a",
    "push-cert-end",
    "push-options",
    "report-status side-band-64k",
    "refs/heads/a",
    " ",
    "0000000000000000000000000000000000000000",
    "1111111111111111111111111111111111111111",
];

/// A head, or what is nearly one.
pub fn head(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if u.ratio(3, 4)? {
        out.extend_from_slice(b"PUT /x/y HTTP/1.1\r\nHost: h\r\n");
    }
    for _ in 0..u.int_in_range(0..=20u8)? {
        piece(u, &HEAD, &mut out)?;
    }
    if u.ratio(3, 4)? {
        out.extend_from_slice(b"\r\n\r\n");
    }
    for _ in 0..u.int_in_range(0..=12u8)? {
        piece(u, &BODY, &mut out)?;
    }
    Ok(out)
}

/// The body of a push, or what is nearly one.
pub fn push(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..u.int_in_range(0..=12u8)? {
        let mut data = Vec::new();
        for _ in 0..u.int_in_range(0..=6u8)? {
            piece(u, &PUSH, &mut data)?;
        }
        if u.ratio(1, 3)? {
            let (old, new) = ("1".repeat(40), if u.arbitrary()? { "0" } else { "2" }.repeat(40));
            data = [format!("{old} {new} refs/heads/b\0").as_bytes(), &data].concat();
        }
        if u.ratio(5, 6)? {
            out.extend(format!("{:04x}", data.len() + 4).into_bytes());
        }
        out.extend(data);
        if u.ratio(1, 3)? {
            out.extend_from_slice(b"0000");
        }
    }
    Ok(out)
}

fn piece(u: &mut Unstructured<'_>, pieces: &[&str], out: &mut Vec<u8>) -> Result<()> {
    if u.ratio(1, 8)? {
        let n = u.int_in_range(0..=12usize)?;
        out.extend(u.bytes(n.min(u.len()))?);
    } else {
        out.extend_from_slice(u.choose(pieces)?.as_bytes());
    }
    Ok(())
}
