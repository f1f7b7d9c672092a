//! The bodies that are read: `cargo publish` in any chunking, and small documents.

use exfilter_testing::{Rng, split};
use exfilter_wire::places::Place;
use exfilter_wire::{CrateUpload, RequestHead, Section, fields};
use proptest::prelude::*;

fn parts(body: &[u8], chunks: &[usize]) -> ([Vec<u8>; 4], bool) {
    let mut upload = CrateUpload::new();
    let mut out = <[Vec<u8>; 4]>::default();
    let mut at = 0;
    for n in chunks {
        let mut rest = &body[at..at + n];
        at += n;
        while let Some((section, bytes)) = upload.next(&mut rest) {
            out[section as usize].extend(bytes);
        }
    }
    (out, upload.is_whole())
}

proptest! {
    #[test]
    fn parts_come_back_in_any_chunking(metadata in prop::collection::vec(any::<u8>(), 0..50), package in prop::collection::vec(any::<u8>(), 0..50), after in prop::collection::vec(any::<u8>(), 0..5), cut in 0..200usize, seed in any::<u64>()) {
        let len = |part: &[u8]| (part.len() as u32).to_le_bytes();
        let body = [&len(&metadata)[..], &metadata, &len(&package), &package, &after].concat();
        let body = &body[..cut.min(body.len())];
        let mut rng = Rng::new(seed);
        let whole = parts(body, &[body.len()]);
        for chunks in split::standard(&mut rng, body.len()) {
            prop_assert_eq!(&parts(body, &chunks), &whole);
        }
        prop_assert_eq!(whole.0.iter().map(Vec::len).sum::<usize>(), body.len());
        let is_whole = body.len() >= 8 + metadata.len() + package.len();
        prop_assert_eq!(whole.1, is_whole);
        if is_whole {
            prop_assert_eq!(&whole.0[Section::Metadata as usize], &metadata);
            prop_assert_eq!(&whole.0[Section::Package as usize], &package);
        }
    }
}

/// Every string of a document, as another reader has it: pointer and value.
fn strings(value: &serde_json::Value, pointer: &str, out: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::String(text) => out.push((pointer.into(), text.clone())),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| strings(item, &format!("{pointer}/{n}"), out));
        }
        serde_json::Value::Object(members) => members.iter().for_each(|(name, item)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            strings(item, &format!("{pointer}/{name}"), out);
        }),
        _ => {}
    }
}

fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<f32>().prop_map(|n| n.is_finite().then_some(n).into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Strings of a small body are those that another reader sees, and no bytes make the reader fail.
    #[test]
    fn strings_of_documents_are_those_of_another_reader(value in document(), pretty in any::<bool>(), junk in "[\\[\\]{}\":,a\\\\u0-9 ]{0,40}") {
        let head = RequestHead::new(b"POST", b"/", [("host", "h"), ("content-type", "application/json")]).unwrap();
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let found = fields::text(&head, text.as_bytes());
        let mut expected = Vec::new();
        strings(&value, "", &mut expected);
        let seen: Vec<(String, String)> = found.parts.iter().map(|part| {
            let Place::Json(pointer) = &part.place else { panic!("a string") };
            (pointer.clone(), String::from_utf8(part.value.clone()).unwrap())
        }).collect();
        prop_assert_eq!(seen, expected);
        for part in &found.parts {
            let quoted = [b"\"", &text.as_bytes()[part.range.clone()], b"\""].concat();
            let again: String = serde_json::from_slice(&quoted).unwrap();
            prop_assert_eq!(again.as_bytes(), &part.value[..]);
        }
        // Whatever this is, a reader that accepts it is asked too.
        let found = fields::text(&head, junk.as_bytes());
        if let Ok(value) = serde_json::from_str(&junk) {
            let mut expected = Vec::new();
            strings(&value, "", &mut expected);
            prop_assert!(found.parts.len() >= expected.len());
        }
    }
}
