//! [`RequestInput`]: requests as clients make them, around any [`content`], at times broken.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter::wire::{Headers, RequestHead};
use exfilter::{Authority, Engine, Inspection};
use exfilter_testing::{Rng, pack, wrap};

use crate::content::content;
use crate::damage::damage;
use crate::encode;
use crate::engines::{ENGINES, OBSERVER};
use crate::slices::Slices;
use crate::wire;

/// A request, how its body is cut, and who examines it.
pub struct RequestInput {
    /// Whose rules and secrets.
    pub engine: &'static Engine,
    /// How the body comes.
    pub slices: Slices,
    /// Where it is sent.
    pub to: Authority,
    /// The head.
    pub head: RequestHead,
    /// The body, as it is sent.
    pub body: Vec<u8>,
    /// What follows the body.
    pub trailers: Option<Headers>,
    /// Whether the embedder applies edits.
    pub editable: bool,
    /// Whether it asks for lines.
    pub lines: bool,
    /// Whether the embedder keeps the body.
    pub held: bool,
}

/// What a request is: its place, its fields, its body.
struct Made {
    to: &'static str,
    method: &'static str,
    target: String,
    fields: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl RequestInput {
    /// What an embedder says of it.
    pub fn inspection(&self) -> Inspection {
        let mut inspection = Inspection::new(self.to.clone());
        inspection.reference(7);
        if self.editable {
            inspection.editable();
        }
        if self.lines {
            inspection.lines();
        }
        if self.held {
            inspection.held();
        }
        inspection
    }
}

impl<'a> Arbitrary<'a> for RequestInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<RequestInput> {
        let engine = match u.choose_index(ENGINES.len())? {
            OBSERVER => &ENGINES[0],
            other => &ENGINES[other],
        };
        let slices = Slices::arbitrary(u)?;
        let (editable, lines, held) = (u.arbitrary()?, u.ratio(1, 8)?, u.arbitrary()?);
        let mut made = made(u)?;
        damage(u, &mut made.body)?;
        code(u, &mut made)?;
        if u.ratio(1, 6)? {
            // In the address or in a header.
            let value = content(u)?;
            match u.arbitrary()? {
                true => made.target.push_str(&format!("?{}", String::from_utf8_lossy(&percent(&value)))),
                false => made.fields.push((
                    "x-note",
                    value.into_iter().filter(|byte| (b' '..=b'~').contains(byte)).collect(),
                )),
            }
        }
        let length = match u.int_in_range(0..=7u8)? {
            0 => None,
            1 => Some(u.arbitrary::<u16>()?.into()),
            _ => Some(made.body.len()),
        };
        match length {
            Some(length) => made.fields.push(("content-length", length.to_string().into_bytes())),
            None => made.fields.push(("transfer-encoding", b"chunked".to_vec())),
        }
        let host = made.to.split_once("://").map_or("", |(_, host)| host);
        let fields = [("host", host.as_bytes().to_vec())].into_iter().chain(made.fields);
        let head = RequestHead::new(made.method.as_bytes(), made.target.as_bytes(), fields);
        let head = head.map_err(|_| arbitrary::Error::IncorrectFormat)?;
        let trailers = match u.ratio(1, 16)? {
            false => None,
            true => {
                let value: Vec<u8> =
                    content(u)?.into_iter().filter(|byte| (b'!'..=b'~').contains(byte)).collect();
                let mut trailers = Headers::new();
                trailers.add(b"x-sum", &value).map_err(|_| arbitrary::Error::IncorrectFormat)?;
                Some(trailers)
            }
        };
        let to = Authority::parse(made.to.as_bytes()).expect("the address is well formed");
        Ok(RequestInput { engine, slices, to, head, body: made.body, trailers, editable, lines, held })
    }
}

/// Says how much, not what.
impl fmt::Debug for RequestInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInput")
            .field("engine", &ENGINES.iter().position(|e| std::ptr::eq(e, self.engine)))
            .field("slices", &self.slices)
            .field("conversation", &self.head.conversation())
            .field("codings", &self.head.codings())
            .field("editable", &self.editable)
            .field("lines", &self.lines)
            .field("held", &self.held)
            .field("trailers", &self.trailers.is_some())
            .field("bytes", &self.body.len())
            .finish()
    }
}

fn made(u: &mut Unstructured<'_>) -> Result<Made> {
    let json = ("content-type", b"application/json".to_vec());
    Ok(match u.int_in_range(0..=11u8)? {
        0..=2 => Made {
            to: "https://registry.npmjs.org",
            method: "PUT",
            target: "/@acme%2fdemo".into(),
            fields: vec![json, ("npm-command", b"publish".to_vec())],
            body: npm(u)?,
        },
        3 => Made {
            to: "https://upload.pypi.org",
            method: "POST",
            target: "/legacy/".into(),
            fields: vec![("content-type", b"multipart/form-data; boundary=edge".to_vec())],
            body: form_data(u)?,
        },
        4 => Made {
            to: "https://crates.io",
            method: "PUT",
            target: "/api/v1/crates/new".into(),
            fields: Vec::new(),
            body: package(u)?,
        },
        5 => {
            let (to, target, field) = *u.choose(&[
                ("https://api.anthropic.com", "/v1/messages", "anthropic-version"),
                ("https://api.openai.com", "/v1/responses", "x-stainless-lang"),
                (
                    "https://generativelanguage.googleapis.com",
                    "/v1beta/models/m:generateContent",
                    "x-goog-api-client",
                ),
                ("https://mcp.example.com", "/mcp", "mcp-protocol-version"),
            ])?;
            Made {
                to,
                method: "POST",
                target: target.into(),
                fields: vec![json, (field, b"1".to_vec())],
                body: messages(u)?,
            }
        }
        6 => {
            let mut body = wire::push(u)?;
            if u.arbitrary()? {
                body.extend_from_slice(&pack::any(&mut Rng::new(u.arbitrary::<u16>()?.into()), &content(u)?));
            }
            let kind = ("content-type", b"application/x-git-receive-pack-request".to_vec());
            Made {
                to: "https://git.example.com",
                method: "POST",
                target: "/a/b.git/git-receive-pack".into(),
                fields: vec![kind],
                body,
            }
        }
        7 => Made {
            to: "https://objects.example.com",
            method: "PUT",
            target: "/o/1?partNumber=1&uploadId=u".into(),
            fields: Vec::new(),
            body: content(u)?,
        },
        8 => Made {
            to: "https://ghcr.io",
            method: "PATCH",
            target: "/v2/acme/demo/blobs/uploads/1".into(),
            fields: vec![
                ("content-range", b"0-9".to_vec()),
                ("content-type", b"application/octet-stream".to_vec()),
            ],
            body: content(u)?,
        },
        9 => Made {
            to: "https://api.example.com",
            method: "POST",
            target: "/token".into(),
            fields: vec![("content-type", b"application/x-www-form-urlencoded".to_vec())],
            body: [b"grant_type=refresh&token=".to_vec(), percent(&content(u)?)].concat(),
        },
        _ => Made {
            to: "https://other.example",
            method: "POST",
            target: "/in".into(),
            fields: Vec::new(),
            body: content(u)?,
        },
    })
}

/// What npm puts: a document with the package in base64 in it. Members come in any order, twice, or not at all.
fn npm(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut rng = Rng::new(u.arbitrary::<u16>()?.into());
    let mut out = b"{".to_vec();
    for _ in 0..u.int_in_range(1..=6u8)? {
        if out.len() > 1 {
            out.push(b',');
        }
        match u.int_in_range(0..=7u8)? {
            0 => out.extend_from_slice(b"\"_id\":\"@acme/demo\",\"name\":\"@acme/demo\""),
            1 => {
                out.extend_from_slice(b"\"readme\":\"");
                out.extend(wrap::json(&mut rng, &content(u)?));
                out.push(b'"');
            }
            2 => {
                out.extend_from_slice(b"\"versions\":{\"1.0.0\":{\"name\":\"demo\",\"scripts\":{\"a\":\"");
                out.extend(wrap::json(&mut rng, &content(u)?));
                out.extend_from_slice(b"\"}}}");
            }
            3 => out.extend_from_slice(b"\"dist-tags\":{\"latest\":\"1.0.0\"},\"access\":null"),
            4 => {
                let depth = u.int_in_range(1..=200usize)?;
                out.extend_from_slice(b"\"deep\":");
                out.extend(std::iter::repeat_n(b'[', depth));
                out.extend(std::iter::repeat_n(b']', depth));
            }
            _ => {
                let file = content(u)?;
                let tarball = match u.int_in_range(0..=3u8)? {
                    0 => file,
                    1 => wrap::gzip(&mut rng, &file),
                    _ => {
                        let members = [("package/package.json", b"{}".to_vec()), ("package/a.js", file)];
                        wrap::gzip(&mut rng, &wrap::tar(&members))
                    }
                };
                let length = if u.ratio(5, 6)? { tarball.len() } else { u.arbitrary::<u16>()?.into() };
                let (url, pad) = (u.ratio(1, 8)?, u.ratio(7, 8)?);
                out.extend_from_slice(b"\"_attachments\":{\"demo-1.0.0.tgz\":{\"content_type\":\"application/octet-stream\",\"data\":\"");
                let data = wrap::base64(&tarball, url, pad);
                match u.ratio(1, 6)? {
                    true => out.extend(wrap::json(&mut rng, &data)),
                    false => out.extend(data),
                }
                out.extend(format!("\",\"length\":{length}}}}}").into_bytes());
            }
        }
    }
    out.push(b'}');
    Ok(out)
}

/// What a client of a language model, or of its tools, sends.
fn messages(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut rng = Rng::new(u.arbitrary::<u16>()?.into());
    let mut out = b"{\"jsonrpc\":\"2.0\",\"id\":7,\"model\":\"m\",\"stream\":true,\"messages\":[".to_vec();
    if u.ratio(1, 6)? {
        // So much that it is compared with what was sent before.
        out.extend_from_slice(b"{\"role\":\"user\",\"content\":\"");
        while out.len() < 70 << 10 {
            let text = wrap::text(&mut rng);
            out.extend(wrap::json(&mut Rng::new(1), &text));
        }
        out.extend_from_slice(b"\"},");
    }
    for i in 0..u.int_in_range(1..=4u8)? {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"role\":\"user\",\"content\":\"");
        out.extend(wrap::json(&mut rng, &content(u)?));
        out.extend_from_slice(b"\"}");
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

/// What twine posts.
fn form_data(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..u.int_in_range(1..=4u8)? {
        out.extend_from_slice(b"--edge\r\nContent-Disposition: form-data; name=\"");
        match u.arbitrary()? {
            true => out.extend_from_slice(b"description\"\r\n\r\n"),
            false => out.extend_from_slice(
                b"content\"; filename=\"demo.whl\"\r\nContent-Type: application/zip\r\n\r\n",
            ),
        }
        out.extend(content(u)?);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--edge--\r\n");
    Ok(out)
}

/// What cargo puts: a description and a package, each behind its length.
fn package(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut rng = Rng::new(u.arbitrary::<u16>()?.into());
    let said =
        [b"{\"name\":\"demo\",\"readme\":\"".to_vec(), wrap::json(&mut rng, &content(u)?), b"\"}".to_vec()]
            .concat();
    let file = wrap::gzip(&mut rng, &wrap::tar(&[("demo-1.0.0/src/lib.rs", content(u)?)]));
    let mut out = Vec::new();
    for part in [said, file] {
        out.extend((part.len() as u32).to_le_bytes());
        out.extend(part);
    }
    Ok(out)
}

/// Codes the body as its head says, or says so and does not.
fn code(u: &mut Unstructured<'_>, made: &mut Made) -> Result<()> {
    if !u.ratio(1, 4)? {
        return Ok(());
    }
    let mut rng = Rng::new(u.arbitrary::<u8>()?.into());
    let (name, coded): (&str, Vec<u8>) = match u.int_in_range(0..=5u8)? {
        0 | 1 => ("gzip", wrap::gzip(&mut rng, &made.body)),
        2 => ("zstd", wrap::zstd(&mut rng, &made.body)),
        3 => ("br", encode::brotli(&mut rng, &made.body)),
        4 => ("deflate", encode::zlib(&mut rng, &made.body)),
        _ => (*u.choose(&["gzip", "br", "zstd, gzip", "dcz", "identity"])?, made.body.clone()),
    };
    made.fields.push(("content-encoding", name.as_bytes().to_vec()));
    made.body = coded;
    damage(u, &mut made.body)?;
    Ok(())
}

/// Each byte as an address has it.
fn percent(bytes: &[u8]) -> Vec<u8> {
    let spell = |byte: &u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
        true => vec![*byte],
        false => format!("%{byte:02X}").into_bytes(),
    };
    bytes.iter().flat_map(spell).collect()
}
