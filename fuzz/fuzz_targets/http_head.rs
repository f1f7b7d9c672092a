//! http_head: a head is read or refused, never differently for how much of it is there; what is written is read as the same head; every byte of it is in a text.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_fuzz::wire;
use exfilter_wire::http1::{self, Parsed};
use exfilter_wire::{Asked, Reply, Why, fields, places};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Input(Vec<u8>);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        wire::head(u).map(Input)
    }
}

fuzz_target!(|input: Input| {
    let bytes = &input.0;
    let (head, consumed) = match http1::parse(bytes) {
        Ok(Parsed::Complete { head, consumed }) => (head, consumed),
        Ok(Parsed::Incomplete) => return,
        Err(error) => {
            let _ = Reply::bad_request(error).to_http1();
            return;
        }
    };
    for cut in 0..consumed {
        assert!(matches!(http1::parse(&bytes[..cut]), Ok(Parsed::Incomplete)));
    }
    let written = http1::write(&head);
    let Ok(Parsed::Complete { head: again, .. }) = http1::parse(&written) else {
        panic!("what was written is a head")
    };
    assert!(again == head);
    let texts = places::texts(&head);
    assert!(texts.iter().any(|text| text.bytes == head.target().as_bytes()));
    for (_, value) in head.headers().iter() {
        assert!(texts.iter().any(|text| text.bytes == value));
    }
    for text in &texts {
        for part in &text.parts {
            assert!(part.range.start <= part.range.end && part.range.end <= text.bytes.len());
        }
    }
    let body = fields::text(&head, &bytes[consumed..]);
    for part in &body.parts {
        assert!(part.range.start <= part.range.end && part.range.end <= body.bytes.len());
    }
    let _ = head.part();
    let why = Why { text: "no", details: &[] };
    let _ = Reply::refuse(head.conversation(), Asked::default(), why).to_http1();
});
