//! Packs of git, made by hand: whole objects, deltas on what came before or comes later, and deltas without a base.

use std::io::Write;

use sha1::{Digest as _, Sha1};

use crate::rng::Rng;
use crate::wrap;

/// Type of a blob in a pack.
pub const BLOB: u8 = 3;

/// One object of a pack.
#[derive(Clone, Debug)]
pub enum Object {
    /// Whole, with its type.
    Whole(u8, Vec<u8>),
    /// A delta on the object so many places before.
    Back(usize, Vec<u8>),
    /// A delta on the object with this id.
    On([u8; 20], Vec<u8>),
}

/// A pack of `objects`, sealed with SHA-1.
pub fn seal(objects: &[Object]) -> Vec<u8> {
    seal_and_locate(objects).0
}

/// A pack of `objects`, and where each of them stands in it.
pub fn seal_and_locate(objects: &[Object]) -> (Vec<u8>, Vec<usize>) {
    let mut out = [&b"PACK\0\0\0\x02"[..], &(objects.len() as u32).to_be_bytes()].concat();
    let mut starts = Vec::new();
    for object in objects {
        let at = out.len();
        let body = match object {
            Object::Whole(kind, content) => {
                header(&mut out, *kind, content.len());
                content
            }
            Object::Back(places, delta) => {
                header(&mut out, 6, delta.len());
                let base: usize = starts[starts.len() - places];
                offset(&mut out, at - base);
                delta
            }
            Object::On(id, delta) => {
                header(&mut out, 7, delta.len());
                out.extend_from_slice(id);
                delta
            }
        };
        let mut encoder = flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::default());
        encoder.write_all(body).expect("a vector takes all");
        encoder.finish().expect("a vector takes all");
        starts.push(at);
    }
    let sum = Sha1::digest(&out);
    out.extend_from_slice(&sum);
    (out, starts)
}

/// The id of a blob.
pub fn blob_id(content: &[u8]) -> [u8; 20] {
    Sha1::digest([format!("blob {}\0", content.len()).as_bytes(), content].concat()).into()
}

/// A delta that copies the first `split` bytes of a base of `len` bytes, inserts `new`, and copies the rest.
pub fn inserting(len: usize, split: usize, new: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    size(&mut out, len);
    size(&mut out, len + new.len());
    copy(&mut out, 0, split);
    for piece in new.chunks(127) {
        out.push(piece.len() as u8);
        out.extend_from_slice(piece);
    }
    copy(&mut out, split, len - split);
    out
}

/// A pack with a blob that holds `content`, stored in some way, among others.
pub fn any(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let other = Object::Whole(BLOB, wrap::text(rng));
    let base = [&wrap::text(rng)[..], b"\n", &wrap::text(rng)].concat();
    let split = base.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let new = [content, b"\n"].concat();
    let delta = inserting(base.len(), split, &new);
    let objects = match rng.below(4) {
        0 => vec![other, Object::On(blob_id(&base), delta), Object::Whole(BLOB, base)],
        1 => vec![Object::Whole(BLOB, base), other, Object::Back(2, delta)],
        2 => vec![Object::Whole(BLOB, content.to_vec()), other],
        _ => vec![other, Object::Whole(BLOB, content.to_vec())],
    };
    seal(&objects)
}

fn header(out: &mut Vec<u8>, kind: u8, size: usize) {
    let mut byte = kind << 4 | (size & 15) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

fn offset(out: &mut Vec<u8>, distance: usize) {
    let mut bytes = vec![(distance & 0x7f) as u8];
    let mut rest = distance >> 7;
    while rest > 0 {
        rest -= 1;
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.extend(bytes.iter().rev());
}

fn size(out: &mut Vec<u8>, mut n: usize) {
    while n > 0x7f {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn copy(out: &mut Vec<u8>, mut at: usize, mut len: usize) {
    while len > 0 {
        let n = len.min(0xffff);
        out.push(0xbf);
        out.extend_from_slice(&(at as u32).to_le_bytes());
        out.extend_from_slice(&(n as u16).to_le_bytes());
        at += n;
        len -= n;
    }
}
