//! Framings: what was cut is whole again, in any slicing, and where it stands.

use std::io::{Read as _, Write as _};

use exfilter_codec::chunked::{self, Chunked};
use exfilter_codec::grpc::{self, Grpc};
use exfilter_codec::sse::{self, Sse};
use exfilter_codec::websocket::{self, WebSocket};
use exfilter_codec::{Decoder, Fault, Piece, Source, Step};
use proptest::collection::vec;
use proptest::prelude::*;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::support::{
    End, Rng, assert_can_be_sent, blind, bytewise, cap, cases, content, cut, every_truncation, lens, resets,
    whole,
};

/// Pieces of `content`, none of them empty.
fn pieces(content: &[u8], lens: &[usize]) -> Vec<Vec<u8>> {
    cut(content, lens).into_iter().map(<[u8]>::to_vec).collect()
}

/// As its writer has it: each write in chunks of at most so many bytes.
fn chunks(content: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = chunked_transfer::Encoder::with_chunks_size(&mut out, size);
    encoder.write_all(content).unwrap();
    drop(encoder);
    out
}

fn message(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut len = value.len();
    while len > 0x7f {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend(value);
    out
}

fn frame(opcode: OpCode, fin: bool, rsv1: bool, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader { is_final: fin, rsv1, rsv2: false, rsv3: false, opcode, mask: Some(mask) };
    let mut out = Vec::new();
    header.format(payload.len() as u64, &mut out).unwrap();
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// Messages as a client with permessage-deflate sends them, each in fragments; without its window if `fresh`.
fn compressed(messages: &[Vec<u8>], fresh: bool, fragment: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut packer = flate2::Compress::new(flate2::Compression::default(), false);
    for message in messages {
        if fresh {
            packer.reset();
        }
        let mut packed = Vec::with_capacity(2 * message.len() + 100);
        packer.compress_vec(message, &mut packed, flate2::FlushCompress::Sync).unwrap();
        assert!(packed.ends_with(&[0, 0, 0xff, 0xff]));
        packed.truncate(packed.len() - 4);
        let last = packed.chunks(fragment).count() - 1;
        for (i, piece) in packed.chunks(fragment).enumerate() {
            let opcode = if i == 0 { Data::Binary } else { Data::Continue };
            out.extend(frame(OpCode::Data(opcode), i == last, i == 0, [1, 2, 3, i as u8], piece));
            out.extend(frame(OpCode::Control(Control::Ping), true, false, [9; 4], b""));
        }
    }
    out
}

/// Checks that every byte of output comes from where `pieces` say, and returns whether `masked` bytes are the only ones that are not plain.
fn check_pieces(decoder: &mut dyn Decoder, input: &[u8]) {
    let mut out = Vec::new();
    let _ = decoder.decode(input, &mut out, usize::MAX >> 1);
    let pieces = std::mem::take(decoder.pieces().expect("a framing"));
    let ends = pieces.iter().skip(1).map(|piece| piece.at).chain([out.len() as u64]);
    let mut last = 0;
    for (Piece { at, source }, end) in pieces.iter().zip(ends) {
        assert!(*at < end);
        let made = &out[*at as usize..end as usize];
        match *source {
            Source::Plain(from) => {
                assert!(from >= last);
                last = from + made.len() as u64;
                assert_eq!(made, &input[from as usize..last as usize]);
            }
            Source::Changed(from) => {
                assert!(from >= last);
                last = from + made.len() as u64 - 1;
            }
            Source::Made => {}
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn chunks_are_joined(content in content(3000), size in 1..400usize, lens in lens(), cap in cap()) {
        let packed = chunks(&content, size);
        let run = blind(Chunked::new, &packed, &lens, cap);
        prop_assert!(run.out == content);
        // A body of nothing has no chunk that tells it from a text that begins with a zero.
        let end = if content.is_empty() { End::Bad(2, Fault::Corrupt) } else { End::At(packed.len() as u64) };
        prop_assert_eq!(run.end, end);
        prop_assert!(content.is_empty() != chunked::starts(&packed[..packed.len().min(33)]));
        check_pieces(&mut Chunked::new(), &packed);
    }

    /// What the other reader takes for a body is one, and the same.
    #[test]
    fn broken_chunks(content in content(300), size in 1..60usize, flips in vec((any::<u16>(), any::<u8>()), 0..4), lens in lens(), cap in cap()) {
        let mut packed = chunks(&content, size);
        let len = packed.len();
        flips.iter().for_each(|(at, byte)| packed[usize::from(*at) % len] = *byte);
        let run = blind(Chunked::new, &packed, &lens, cap);
        let mut theirs = Vec::new();
        if chunked_transfer::Decoder::new(&packed[..]).read_to_end(&mut theirs).is_ok() && run.end == End::At(len as u64) {
            prop_assert!(run.out == theirs);
        }
    }

    #[test]
    fn events_are_joined(content in content(2000), pieces_of in lens(), cr in 0..3usize, lens in lens(), cap in cap()) {
        let end: &[u8] = [&b"\n"[..], b"\r\n", b"\r"][cr];
        let content: Vec<u8> = content.into_iter().filter(|byte| *byte != b'\r').collect();
        let mut packed = b"\xef\xbb\xbf: comment".to_vec();
        packed.extend(end);
        for line in content.split(|byte| *byte == b'\n') {
            for piece in pieces(line, &pieces_of).into_iter().chain([vec![]]) {
                packed.extend([b"data: ", &piece[..], end, b"id: 7", end].concat());
            }
            packed.extend(end);
        }
        let run = blind(Sse::new, &packed, &lens, cap);
        prop_assert!(run.out == [&content[..], b"\n"].concat());
        prop_assert_eq!(run.end, End::Whole);
        prop_assert!(sse::starts(&packed[..packed.len().min(33)]));
        if cr == 0 {
            check_pieces(&mut Sse::new(), &packed);
        }
    }

    #[test]
    fn fields_of_messages_are_joined(content in content(3000), pieces_of in lens(), others in any::<bool>(), lens in lens(), cap in cap()) {
        let mut packed = Vec::new();
        for piece in pieces(&content, &pieces_of) {
            let mut fields = if others { vec![8, 0x96, 1, 0x15, 1, 2, 3, 4, 0x19, 1, 2, 3, 4, 5, 6, 7, 8] } else { vec![] };
            fields.extend(field(3, &piece));
            fields.extend(if others { &[0x20, 1][..] } else { &[] });
            packed.extend(message(0, &fields));
        }
        let run = blind(Grpc::new, &packed, &lens, cap);
        prop_assert!(run.out == content);
        prop_assert_eq!(run.end, End::Whole);
        prop_assert!(packed.is_empty() || grpc::starts(&packed[..packed.len().min(33)]));
        check_pieces(&mut Grpc::new(), &packed);
    }

    /// Whatever messages hold, text among it.
    #[test]
    fn messages_of_anything(contents in vec(content(200), 0..6), lens in lens(), cap in cap()) {
        let packed: Vec<u8> = contents.iter().flat_map(|content| message(0, content)).collect();
        blind(Grpc::new, &packed, &lens, cap);
        let texts: Vec<Vec<u8>> = contents.iter().map(|content| [b"{ ", &content[..]].concat()).collect();
        let text: Vec<u8> = texts.iter().flat_map(|text| message(0, text)).collect();
        let run = blind(Grpc::new, &text, &lens, cap);
        prop_assert!(run.out == texts.concat());
        check_pieces(&mut Grpc::new(), &text);
    }

    #[test]
    fn fragments_are_joined(content in content(3000), pieces_of in lens(), mask in any::<[u8; 4]>(), lens in lens(), cap in cap()) {
        let pieces = pieces(&content, &pieces_of);
        let mut packed = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            let opcode = if i == 0 { Data::Binary } else { Data::Continue };
            packed.extend(frame(OpCode::Data(opcode), i + 1 == pieces.len(), false, mask, piece));
            if i + 1 < pieces.len() {
                packed.extend(frame(OpCode::Control(Control::Ping), true, false, mask, b"between"));
            }
        }
        let run = blind(WebSocket::new, &packed, &lens, cap);
        prop_assert!(run.out == content);
        prop_assert_eq!(run.end, End::Whole);
        prop_assert!(packed.is_empty() || websocket::starts(&packed[..packed.len().min(33)]));
        check_pieces(&mut WebSocket::new(), &packed);
    }

    #[test]
    fn compressed_messages(contents in vec(content(2000), 1..6), fresh in any::<bool>(), fragment in 1..300usize, lens in lens(), cap in cap()) {
        let packed = compressed(&contents, fresh, fragment);
        let run = blind(WebSocket::new, &packed, &lens, cap);
        prop_assert!(run.out == contents.concat());
        prop_assert_eq!(run.end, End::Whole);
    }

    /// A header reads as it does elsewhere.
    #[test]
    fn headers(head in vec(any::<u8>(), 14), first in 0..16u8, lens in lens()) {
        let mut head = head;
        head[0] = head[0] & 0xf0 | first;
        let ours = bytewise(&mut WebSocket::new(), &head).end;
        let theirs = FrameHeader::parse(&mut std::io::Cursor::new(&head));
        match theirs {
            Ok(Some((header, len))) if header.mask.is_some() && ours != End::Bad(0, Fault::Corrupt) => {
                let at = header.len(len) as u64;
                prop_assert!(matches!(ours, End::Bad(1.., _) | End::Whole), "{ours:?} {at}");
            }
            Ok(_) => {}
            Err(_) => prop_assert!(matches!(ours, End::Bad(..))),
        }
        blind(WebSocket::new, &head, &lens, 3);
    }

    #[test]
    fn noise(seed in any::<u64>(), len in 0..600usize, first in 0..12usize, lens in lens(), cap in cap()) {
        let mut noise = Rng(seed).noise(len);
        if let [a, b, ..] = &mut noise[..] {
            (*a, *b) = [(0, 0), (1, 0), (0x81, 0x85), (0xc1, 0xff), (0x82, 0xfe), (0x42, 0x9a), (b'5', b'\r'), (b'a', b';'), (b':', b':'), (b'd', b'a'), (b'\n', b'\r'), (*a, *b)][first];
        }
        blind(Chunked::new, &noise, &lens, cap);
        blind(Sse::new, &noise, &lens, cap);
        blind(Grpc::new, &noise, &lens, cap);
        blind(WebSocket::new, &noise, &lens, cap);
        for starts in [chunked::starts, sse::starts, grpc::starts, websocket::starts] {
            // What cannot begin so does not with more of it either.
            let first_no = (1..noise.len().min(40)).find(|len| !starts(&noise[..*len]));
            prop_assert!(first_no.is_none_or(|from| (from..noise.len()).all(|len| !starts(&noise[..len]))));
        }
    }
}

#[test]
fn truncated() {
    let packed = chunks(b"some content, cut", 5);
    every_truncation(Chunked::new, &packed, b"some content, cut");
    resets(Chunked::new, Chunked::reset, &packed);
    let packed = [
        frame(OpCode::Data(Data::Text), false, false, [1, 2, 3, 4], b"some text"),
        frame(OpCode::Data(Data::Continue), true, false, [1, 2, 3, 4], b", cut"),
    ]
    .concat();
    let run = whole(&mut WebSocket::new(), &packed[..packed.len() - 1]);
    assert_eq!(
        (run.end, &run.out[..]),
        (End::Bad(packed.len() as u64 - 1, Fault::Truncated), &b"some text, cu"[..])
    );
    resets(WebSocket::new, WebSocket::reset, &packed);
    let packed = [message(0, &field(1, b"some content")), message(0, &field(1, b", cut"))].concat();
    let run = whole(&mut Grpc::new(), &packed[..packed.len() - 1]);
    assert_eq!(
        (run.end, &run.out[..]),
        (End::Bad(packed.len() as u64 - 1, Fault::Truncated), &b"some content, cu"[..])
    );
    // A tag whose length is cut off is handed out as it stands.
    let run = whole(&mut Grpc::new(), b"\0\0\0\0\x09\x0a");
    assert_eq!((run.end, &run.out[..]), (End::Bad(6, Fault::Truncated), &b"\x0a"[..]));
    resets(Grpc::new, Grpc::reset, &packed);
    resets(Sse::new, Sse::reset, b"data: some content\ndata:, cut\n\n");
}

#[test]
fn lines_of_chunks() {
    let bad = |body: &[u8]| matches!(whole(&mut Chunked::new(), body).end, End::Bad(_, Fault::Corrupt));
    for body in [
        &b"5\nhello\r\n0\r\n\r\n"[..],
        b"0\r\n\r\n",
        b"x\r\n",
        b"\r\n",
        b"5hello",
        b"5\r\nhello5\r\n",
        b"10000000000000000\r\n",
        b"5\r5\n",
    ] {
        assert!(bad(body), "{body:?}");
    }
    let long = [b"1;", &b"x".repeat(chunked::LINE_MAX as usize)[..], b"\r\n"].concat();
    assert!(bad(&long));
    assert!(bad(&[
        b"1\r\nx\r\n0\r\n",
        &b"a: b\r\n".repeat(chunked::TRAILERS_MAX as usize / 6 + 1)[..],
        b"\r\n"
    ]
    .concat()));
    let run = whole(&mut Chunked::new(), b"0005 ;a=\"b\"\r\nhello\r\n1\nx\n0\na: b\nc: d\r\n\r\nbehind");
    assert_eq!((&run.out[..], run.end), (&b"hellox"[..], End::At(39)));
    assert!(run.established);
}

#[test]
fn fields_of_events() {
    let joined = |stream: &[u8]| whole(&mut Sse::new(), stream).out;
    assert_eq!(joined(b"data\ndata:  x\nid\n\n\n\ndata:y\nother: z\ndatabase: w\ndata y\n\n"), b" x\ny\n");
    assert_eq!(joined(b"retry: 5\r\rdata:a\rdata:b\r\rdata:c"), b"ab\nc");
    for text in ["dat: x\n", "data : x\n", "x", "datab", "\u{feff}x", "data: x\nother: y\n\n"] {
        let end = whole(&mut Sse::new(), text.as_bytes()).end;
        assert!(matches!(end, End::Bad(_, Fault::Corrupt)), "{text:?}");
    }
}

#[test]
fn messages_with_several_fields_and_other_content() {
    let joined = |stream: &[u8]| whole(&mut Grpc::new(), stream);
    let several = message(0, &[field(1, b"name"), vec![0x10, 5], field(3, b"data")].concat());
    assert_eq!(joined(&several).out, b"name\ndata");
    // From the place on where it is none.
    let broken = message(0, &[field(1, b"name"), vec![0x0f, 5, 6]].concat());
    assert_eq!(joined(&broken).out, b"name\x0f\x05\x06");
    let longer = message(0, &[0x0a, 9, 1, 2]);
    assert_eq!(joined(&longer).out, [0x0a, 9, 1, 2]);
    let gzip = [message(1, &[0x1f, 0x8b, 8, 0]), message(1, &[0x28, 0xb5, 0x2f, 0xfd, 1])].concat();
    assert_eq!(joined(&gzip).out.len(), 9);
    assert!(joined(&gzip).established);
    assert_eq!(joined(&message(1, b"xyz")).end, End::Bad(6, Fault::Unsupported));
    assert_eq!(joined(&message(2, b"xyz")).end, End::Bad(0, Fault::Corrupt));
    assert!(!grpc::starts(&[0; 33]) && grpc::starts(&[0; 20]));
}

#[test]
fn frames_in_an_order_that_is_none() {
    let data = |data, fin, rsv1| frame(OpCode::Data(data), fin, rsv1, [5; 4], b"text");
    let control = frame(OpCode::Control(Control::Ping), true, false, [5; 4], b"ping");
    let join = |frames: &[&[u8]]| whole(&mut WebSocket::new(), &frames.concat());
    let text = data(Data::Text, true, false);
    assert_eq!(join(&[&text, &control, &text]).out, b"text\nping\ntext\n");
    let binary = data(Data::Binary, true, false);
    assert_eq!(join(&[&binary, &binary, &control, &binary]).out, b"texttext\nping\ntext");
    let bad = [
        vec![data(Data::Continue, true, false)],
        vec![data(Data::Text, false, false), text.clone()],
        vec![data(Data::Text, false, false), data(Data::Continue, true, true)],
        vec![text.clone(), b"\x81\x04text".to_vec()],
        vec![b"\x81\xfe\0\x7d".to_vec()],
        vec![b"\x89\xfe".to_vec()],
        vec![b"\x09".to_vec()],
        vec![b"\xa1".to_vec()],
        vec![b"\x83".to_vec()],
        vec![data(Data::Text, true, true)],
    ];
    for frames in bad {
        let run = whole(&mut WebSocket::new(), &frames.concat());
        assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)), "{frames:?}");
    }
}

#[test]
fn compressed_messages_whose_last_block_is_final() {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(b"some words, some words").unwrap();
    let payload = [&packer.finish().unwrap()[..], &[0]].concat();
    let one = frame(OpCode::Data(Data::Text), true, true, [1, 2, 3, 4], &payload);
    let run = blind(WebSocket::new, &[&one[..], &one, &one].concat(), &[3, 1], 5);
    assert_eq!(run.out, b"some words, some words\n".repeat(3));
}

#[test]
fn decoders_can_be_sent() {
    assert_can_be_sent::<(Chunked, Sse, Grpc, WebSocket)>();
    assert_eq!(Sse::new().finish(&mut Vec::new(), 1), Step::Done { consumed: 0 });
}
