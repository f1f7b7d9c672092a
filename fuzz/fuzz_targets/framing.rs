//! framing: output, end and latency of the decoders of frames do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::chunked::Chunked;
use exfilter_codec::grpc::Grpc;
use exfilter_codec::sse::Sse;
use exfilter_codec::websocket::WebSocket;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use exfilter_testing::framing::Framing;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct FramingInput(Framing, DecoderInput);

impl<'a> Arbitrary<'a> for FramingInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<FramingInput> {
        let (framing, magic, encode): (_, &[u8], encode::Encode) = match u.int_in_range(0..=3u8)? {
            0 => (Framing::Chunked, b"1\r\nx\r\n", encode::chunked),
            1 => (Framing::Events, b"data: ", encode::events),
            2 => (Framing::Grpc, b"\0\0\0", encode::grpc),
            _ => (Framing::WebSocket, b"\xc2\x89", encode::websocket),
        };
        let mut input = DecoderInput::new(u, magic, encode)?;
        // What comes back with a boundary behind it, or is no stream of the kind.
        input.content = input.content.filter(|content| match framing {
            Framing::Chunked => !content.is_empty(),
            Framing::Events => false,
            Framing::Grpc => true,
            Framing::WebSocket => str::from_utf8(content).is_err(),
        });
        if matches!(framing, Framing::Grpc) {
            // A field that the end cuts is shown as it stands.
            input.keep = input.bytes.len();
        }
        Ok(FramingInput(framing, input))
    }
}

fuzz_target!(|input: FramingInput| match input.0 {
    Framing::Chunked => input.1.check(Chunked::new, Chunked::reset),
    Framing::Events => input.1.check(Sse::new, Sse::reset),
    Framing::Grpc => input.1.check(Grpc::new, Grpc::reset),
    Framing::WebSocket => input.1.check(WebSocket::new, WebSocket::reset),
});
