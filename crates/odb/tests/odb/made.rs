//! Packs that git does not write: made by hand.

use std::io::Write as _;

use exfilter_odb::{Damage, Hash, Index, Plan, Source, Walker, Wanted};

use crate::repository::LARGEST;

/// A pack and its index; ids are made up, numbered in the order of entries.
struct Made {
    pack: Vec<u8>,
    offsets: Vec<u32>,
}

/// What an entry is based on: the entry of a number, before it by offset, anywhere by id.
#[derive(Clone, Copy)]
enum On {
    Nothing,
    Offset(usize),
    Id(usize),
}

impl Made {
    fn new(entries: &[(On, Vec<u8>)]) -> Made {
        let mut made = Made { pack: b"PACK\0\0\0\x02".to_vec(), offsets: Vec::new() };
        made.pack.extend((entries.len() as u32).to_be_bytes());
        for (on, body) in entries {
            let at = made.pack.len();
            made.offsets.push(at as u32);
            let kind = match on {
                On::Nothing => 3,
                On::Offset(_) => 6,
                On::Id(_) => 7,
            };
            let (mut size, mut byte) = (body.len() >> 4, kind << 4 | (body.len() & 15) as u8);
            while size > 0 {
                made.pack.push(byte | 0x80);
                byte = (size & 0x7f) as u8;
                size >>= 7;
            }
            made.pack.push(byte);
            match on {
                On::Nothing => {}
                On::Offset(base) => {
                    let mut distance = at - made.offsets[*base] as usize;
                    let mut bytes = vec![(distance & 0x7f) as u8];
                    while distance > 0x7f {
                        distance = (distance >> 7) - 1;
                        bytes.push(0x80 | (distance & 0x7f) as u8);
                    }
                    made.pack.extend(bytes.iter().rev());
                }
                On::Id(base) => made.pack.extend(id(*base)),
            }
            let mut encoder = flate2::write::ZlibEncoder::new(&mut made.pack, flate2::Compression::fast());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap();
        }
        made.pack.extend([7; 20]);
        made
    }

    fn index(&self) -> Index {
        let n = self.offsets.len();
        let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
        (0..256).for_each(|_| bytes.extend((n as u32).to_be_bytes()));
        (0..n).for_each(|number| bytes.extend(id(number)));
        bytes.resize(bytes.len() + 4 * n, 0);
        self.offsets.iter().for_each(|offset| bytes.extend(offset.to_be_bytes()));
        bytes.extend([7; 20]);
        bytes.extend([0; 20]);
        Index::parse(bytes, Hash::Sha1, self.pack.len() as u64).unwrap()
    }

    /// What comes of the entries of these numbers.
    fn read(&self, numbers: &[u32], largest: usize) -> Vec<(u32, Result<Vec<u8>, Damage>)> {
        let mut found = self.read_in_order(numbers, largest);
        found.sort_by_key(|(tag, _)| *tag);
        found
    }

    /// The same, in the order in which it comes.
    fn read_in_order(&self, numbers: &[u32], largest: usize) -> Vec<(u32, Result<Vec<u8>, Damage>)> {
        let wanted: Vec<Wanted> =
            numbers.iter().map(|number| Wanted { number: *number, tag: *number }).collect();
        let plan = Plan::new(&self.index(), &wanted, &self.pack[..], self.pack.len() as u64).unwrap();
        let mut found: Vec<_> = plan.missed().iter().map(|(tag, damage)| (*tag, Err(*damage))).collect();
        let mut walker = Walker::new(largest);
        for family in 0..plan.families() {
            walker.walk(&plan, family, &self.pack[..], &mut |tag, object| {
                found.push((tag, object.map(|(_, content)| content.to_vec())));
            });
        }
        found
    }
}

fn id(number: usize) -> [u8; 20] {
    let mut id = [0; 20];
    id[16..].copy_from_slice(&(number as u32).to_be_bytes());
    id
}

/// A delta that puts a byte behind a base of `len` bytes.
fn append(len: usize, byte: u8) -> Vec<u8> {
    let size = |n: usize| [0x80 | (n & 0x7f) as u8, 0x80 | (n >> 7 & 0x7f) as u8, (n >> 14) as u8];
    let mut delta = [size(len), size(len + 1)].concat();
    delta.extend([0xb0, (len & 0xff) as u8, (len >> 8) as u8, 1, byte]);
    delta
}

#[test]
fn a_chain_as_long_as_git_makes_them_is_walked() {
    const DEPTH: usize = 4095;
    let base = b"0123456789".to_vec();
    let mut entries = vec![(On::Nothing, base.clone())];
    entries.extend((0..DEPTH).map(|n| (On::Offset(n), append(10 + n, b'a' + (n % 26) as u8))));
    let made = Made::new(&entries);
    let found = made.read(&[DEPTH as u32], LARGEST);
    let content = found[0].1.as_ref().unwrap();
    assert_eq!((found.len(), content.len(), &content[..12]), (1, 10 + DEPTH, &b"0123456789ab"[..]));
    // And all of it, too.
    let all: Vec<u32> = (0..=DEPTH as u32).collect();
    let found = made.read(&all, LARGEST);
    assert!(
        found
            .iter()
            .zip(10..)
            .all(|((_, object), len)| object.as_ref().is_ok_and(|object| object.len() == len))
    );
}

#[test]
fn a_base_may_stand_behind_what_is_based_on_it_but_not_on_it() {
    let text = || b"0123456789".to_vec();
    let made = Made::new(&[
        (On::Id(1), append(11, b'b')),
        (On::Id(2), append(10, b'a')),
        (On::Nothing, text()),
        // On each other, on itself, on one that is not there, and on one of those.
        (On::Id(4), append(10, b'a')),
        (On::Id(3), append(10, b'a')),
        (On::Id(5), append(10, b'a')),
        (On::Id(99), append(10, b'a')),
        (On::Offset(6), append(11, b'a')),
    ]);
    let found = made.read(&[0, 1, 2, 3, 4, 5, 6, 7], LARGEST);
    let good: Vec<_> = found.iter().filter_map(|(tag, object)| Some((*tag, object.clone().ok()?))).collect();
    assert_eq!(good, [(0, b"0123456789ab".to_vec()), (1, b"0123456789a".to_vec()), (2, text())]);
    assert_eq!(found.len(), 8);
}

#[test]
fn what_is_too_long_is_told_with_all_that_is_based_on_it() {
    let made = Made::new(&[
        (On::Nothing, vec![b'a'; 100]),
        (On::Offset(0), append(100, b'b')),
        (On::Nothing, b"short".to_vec()),
    ]);
    let found = made.read(&[0, 1, 2], 99);
    assert_eq!(found, [(0, Err(Damage::Long)), (1, Err(Damage::Long)), (2, Ok(b"short".to_vec()))]);
    assert_eq!(made.read(&[0, 1], 100)[1].1, Err(Damage::Long));
    assert!(made.read(&[0, 1], 101)[1].1.is_ok());
}

/// Tells how much is read at once.
struct Counted<'a>(&'a [u8], std::cell::Cell<usize>);

impl Source for Counted<'_> {
    fn read(&self, at: u64, len: usize, into: &mut Vec<u8>) -> std::io::Result<()> {
        self.1.set(self.1.get().max(len));
        self.0.read(at, len, into)
    }
}

#[test]
fn a_gap_behind_an_entry_is_not_read() {
    let mut made = Made::new(&[(On::Nothing, b"short".to_vec()), (On::Nothing, b"other".to_vec())]);
    // A hundred megabytes that belong to nothing, as a sparse file has them.
    let second = made.offsets[1] as usize;
    made.pack.splice(second..second, vec![0; 100 << 20]);
    made.offsets[1] += 100 << 20;
    let pack = Counted(&made.pack, Default::default());
    let wanted = [Wanted { number: 0, tag: 0 }, Wanted { number: 1, tag: 1 }];
    let plan = Plan::new(&made.index(), &wanted, &pack, made.pack.len() as u64).unwrap();
    let mut walker = Walker::new(LARGEST);
    let mut read = 0;
    for family in 0..plan.families() {
        walker.walk(&plan, family, &pack, &mut |_, found| read += usize::from(found.is_ok()));
    }
    assert_eq!(read, 2);
    assert!(pack.1.get() <= 64 << 10, "{}", pack.1.get());
}

#[test]
fn of_a_family_that_is_a_comb_few_objects_are_kept() {
    // Each object has a leaf beside the next one. If the leaf comes first, nobody needs the object when the next one is made.
    let base: Vec<u8> = (0..16_000_u32).map(|n| ((n * n) >> 3) as u8).collect();
    let mut entries = vec![(On::Nothing, base)];
    for n in 0..1000 {
        let on = if n == 0 { 0 } else { 2 * n - 1 };
        entries.push((On::Offset(on), append(16_000 + n, b'n')));
        entries.push((On::Offset(on), append(16_000 + n, b'l')));
    }
    let made = Made::new(&entries);
    let all: Vec<u32> = (0..entries.len() as u32).collect();
    let found = made.read_in_order(&all, LARGEST);
    assert!(found.iter().all(|(_, object)| object.is_ok()));
    let order: Vec<u32> = found.iter().map(|(tag, _)| *tag).collect();
    let expected: Vec<u32> = [0].into_iter().chain((0..999).flat_map(|n| [2 * n + 2, 2 * n + 1])).collect();
    assert_eq!((order.len(), &order[..1999]), (2001, &expected[..]));
}

#[test]
fn a_pack_that_is_not_the_one_of_the_index_is_refused() {
    let made = Made::new(&[(On::Nothing, b"short".to_vec())]);
    let (index, len) = (made.index(), made.pack.len());
    let wanted = [Wanted { number: 0, tag: 0 }];
    let plan = |pack: &[u8]| Plan::new(&index, &wanted, pack, pack.len() as u64).map(|plan| plan.families());
    assert_eq!(plan(&made.pack), Ok(1));
    for at in [0, 7, 11, len - 1] {
        let mut pack = made.pack.clone();
        pack[at] ^= 8;
        assert_eq!(plan(&pack), Err(Damage::Pack), "{at}");
    }
    assert_eq!(plan(&made.pack[..30]), Err(Damage::Pack));
    assert_eq!(plan(b""), Err(Damage::Pack));
    // A pack of another index.
    let other = Made::new(&[(On::Nothing, b"short".to_vec()), (On::Nothing, b"other".to_vec())]);
    assert_eq!(plan(&other.pack), Err(Damage::Pack));
}

/// In a tree of deltas of large objects as many are kept as the tree is deep: a small pack could ask for gigabytes.
#[test]
fn bases_have_room_for_some_only() {
    let depth = |n: usize| (n + 1).ilog2() as usize;
    let mut entries = vec![(On::Nothing, b"0123456789".to_vec())];
    entries.extend((1..255).map(|n| (On::Offset((n - 1) / 2), append(10 + depth(n) - 1, b'a'))));
    let made = Made::new(&entries);
    let all: Vec<u32> = (0..255).collect();
    let is_whole = |(tag, object): &(u32, Result<Vec<u8>, Damage>)| {
        object.as_ref().is_ok_and(|object| object.len() == 10 + depth(*tag as usize))
    };
    assert!(made.read(&all, LARGEST).iter().all(is_whole));
    // Four times as many bytes are kept: fewer than eight bases.
    let found = made.read(&all, 18);
    assert_eq!(found.len(), 255);
    let whole = found.iter().filter(|found| is_whole(found)).count();
    let long = found.iter().filter(|(_, object)| *object == Err(Damage::Long)).count();
    assert!(whole > 100 && long > 0 && whole + long == 255, "{whole} whole, {long} too long");
}
