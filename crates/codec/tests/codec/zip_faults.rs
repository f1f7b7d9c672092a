//! Zip entries: what is broken, encrypted or not looked into.

use exfilter_codec::Fault;
use exfilter_codec::zip::ZipEntry;
use proptest::prelude::*;

use crate::support::{End, Rng, blind, bytewise, cap, cases, every_flipped_bit, lens, whole};
use crate::zip::{Entry, LIMIT, METHODS, Sizes, new};

fn end_of(entry: &Entry) -> End {
    whole(&mut new(), &entry.bytes()).end
}

#[test]
fn every_flipped_bit_is_noticed() {
    let text = Rng(90).text(300);
    for method in METHODS {
        for sizes in [Sizes::Header, Sizes::Both, Sizes::Descriptor { signature: true, wide: false }] {
            if method == 0 && sizes != Sizes::Header {
                continue;
            }
            let entry = Entry::new(method, &text, sizes);
            // Without the flag of a descriptor, an entry that has its sizes there is empty.
            every_flipped_bit(new, &entry.bytes(), &text, |bit| bit != 6 * 8 + 3);
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn flipped_bytes(
        seed: u64,
        method in prop::sample::select(&METHODS[..]),
        descriptor: bool,
        flips in 1..4usize,
        lens in lens(),
        cap in cap(),
    ) {
        let mut rng = Rng(seed);
        let text = rng.text(9000);
        let descriptor = descriptor && method != 0;
        let sizes = if descriptor { Sizes::Descriptor { signature: true, wide: false } } else { Sizes::Zip64 };
        let mut packed = Entry::new(method, &text, sizes).bytes();
        for _ in 0..flips {
            // Half of them in what is around the body.
            let at = if rng.below(2) == 0 { rng.below(packed.len()) } else { rng.below(packed.len().min(70)) };
            packed[at] = rng.next() as u8;
        }
        blind(new, &packed, &lens, cap);
    }

    #[test]
    fn noise_after_a_header(seed: u64, method: u8, flags: u16, len in 0..300usize, lens in lens(), cap in cap()) {
        let mut packed = b"PK\x03\x04\x14\0".to_vec();
        packed.extend(flags.to_le_bytes());
        packed.extend([method, 0]);
        packed.extend(Rng(seed).noise(len));
        if let Some(lens) = packed.get_mut(27..30) {
            (lens[0], lens[2]) = (0, 0);
        }
        blind(new, &packed, &lens, cap);
    }
}

#[test]
fn encrypted_entries_say_so() {
    for (method, flags) in [(8, 1), (0, 1), (8, 0x41), (8, 0x2000), (93, 1), (99, 0), (99, 1), (14, 1)] {
        for sizes in [Sizes::Header, Sizes::Descriptor { signature: true, wide: false }] {
            let entry = Entry { flags, ..Entry::new(method, b"content", sizes) };
            let mut decoder = new();
            let run = whole(&mut decoder, &entry.bytes());
            assert_eq!(run.end, End::Bad(entry.body_at() as u64, Fault::Encrypted), "{method}, {flags:#x}");
            assert_eq!(decoder.name(), Some(&b"dir/file.txt"[..]));
            assert!(run.out.is_empty());
        }
    }
}

#[test]
fn what_is_not_looked_into() {
    let unsupported = |entry: &Entry| {
        assert_eq!(end_of(entry), End::Bad(entry.body_at() as u64, Fault::Unsupported));
    };
    for method in [1, 6, 9, 14, 94, 98, 7, 500] {
        unsupported(&Entry::new(method, b"content", Sizes::Header));
    }
    unsupported(&Entry::new(0, b"content", Sizes::Descriptor { signature: true, wide: false }));
    unsupported(&Entry { flags: 0x20, ..Entry::new(8, b"content", Sizes::Header) });
}

#[test]
fn wrong_checksums_and_sizes_hide_nothing() {
    let text = Rng(91).text(500);
    for method in METHODS {
        // The checksum, the size of the content.
        for at in [14, 22] {
            let entry = Entry::new(method, &text, Sizes::Header);
            let mut packed = entry.bytes();
            packed[at] ^= 1;
            let run = whole(&mut new(), &packed);
            assert_eq!((run.out == text, run.end), (true, End::Bad(packed.len() as u64, Fault::Corrupt)));
        }
        if method == 0 {
            continue;
        }
        // In the descriptor.
        let mut packed =
            Entry::new(method, &text, Sizes::Descriptor { signature: true, wide: false }).bytes();
        for back in [1, 5, 9, 13] {
            let at = packed.len() - back;
            packed[at] ^= 1;
            let run = whole(&mut new(), &packed);
            assert_eq!((run.out == text, run.end), (true, End::Bad(at as u64, Fault::Corrupt)));
            assert!(run.established);
            packed[at] ^= 1;
        }
    }
}

#[test]
fn bodies_of_another_length_than_declared() {
    let text = Rng(92).text(900);
    for method in [8, 12, 93, 95] {
        let entry = Entry::new(method, &text, Sizes::Header);
        let mut longer = entry.clone();
        longer.body.extend(b"xyz");
        let run = bytewise(&mut new(), &longer.bytes());
        assert_eq!(run.out, text);
        assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)), "{:?}", run.end);
        let mut shorter = entry.clone();
        shorter.body.truncate(entry.body.len() - 2);
        let packed = [&shorter.bytes()[..], &entry.body[entry.body.len() - 2..]].concat();
        let run = bytewise(&mut new(), &packed);
        assert_eq!(run.end, End::Bad(packed.len() as u64 - 2, Fault::Corrupt), "not what follows");
    }
    let mut packed = Entry::new(8, b"", Sizes::Header).bytes();
    // No body, but content.
    packed.truncate(packed.len() - 2);
    (packed[18], packed[22]) = (0, 5);
    assert_eq!(whole(&mut new(), &packed).end, End::Bad(packed.len() as u64, Fault::Corrupt));
}

#[test]
fn faults_of_methods_are_passed_on() {
    let text = Rng(93).text(3_000_000);
    for method in [93, 95] {
        let packed = Entry::new(method, &text, Sizes::Header).bytes();
        let run = whole(&mut ZipEntry::new(1 << 20), &packed);
        assert!(matches!(run.end, End::Bad(_, Fault::WindowTooLarge)), "{:?}", run.end);
        assert!(text.starts_with(&run.out) && run.out.len() > 700_000);
        assert!(whole(&mut ZipEntry::new(LIMIT), &packed).out == text);
    }
}

#[test]
fn not_an_entry() {
    for (input, at) in [(&b"PL"[..], 1), (b"PK\x01\x02", 2), (b"PK\x03\x03", 3)] {
        for run in [whole(&mut new(), input), bytewise(&mut new(), input)] {
            assert_eq!((run.end, run.established), (End::Bad(at, Fault::Corrupt), false));
        }
    }
    let mut decoder = new();
    assert_eq!(whole(&mut decoder, b"PK\x03\x03").end, End::Bad(3, Fault::Corrupt));
    assert_eq!(decoder.name(), None);
    assert_eq!(whole(&mut new(), b"").end, End::Bad(0, Fault::Truncated));
}
