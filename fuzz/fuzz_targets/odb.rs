//! Packs with an index, and loose objects: nothing panics, each object is told of once, and what is handed out is as long as it may be. Sound packs come back whole.
#![no_main]

use arbitrary::{Result, Unstructured};
use exfilter_fuzz::damage::damage;
use exfilter_odb::{Damage, Hash, Index, Plan, Walker, Wanted};
use exfilter_testing::pack::{self, Object};
use libfuzzer_sys::fuzz_target;

/// Objects of more bytes are not made.
const LARGEST: usize = 8 << 10;

fuzz_target!(|data: &[u8]| {
    let _ = Walker::new(LARGEST).loose(data);
    let _ = read(&mut Unstructured::new(data));
});

fn read(u: &mut Unstructured<'_>) -> Result<()> {
    // What each object is, and the length of what it should be, if it has one.
    let (mut objects, mut lens) = (Vec::new(), Vec::new());
    for n in 0..u.int_in_range(1..=24usize)? {
        let back = u.int_in_range(0..=3usize)?;
        let base: Option<usize> = lens.len().checked_sub(back).and_then(|at| *lens.get(at)?);
        let new = u.int_in_range(0..=40usize)?;
        let new = u.bytes(new.min(u.len()))?.to_vec();
        match (u.int_in_range(0..=5u8)?, base) {
            (0..=2, Some(len)) if back > 0 => {
                let split = u.int_in_range(0..=len)?;
                objects.push(Object::Back(back, pack::inserting(len, split, &new)));
                lens.push(Some(len + new.len()));
            }
            (3, _) if back > 0 && back <= n => {
                objects.push(Object::Back(back, new));
                lens.push(None);
            }
            (4, _) => {
                // Ids are numbers here: on itself, on each other, on what is not there.
                let on = u.int_in_range(0..=30usize)?;
                objects.push(Object::On(id(on), pack::inserting(u.int_in_range(0..=40usize)?, 0, &new)));
                lens.push(None);
            }
            _ => {
                let content = [&new[..], &vec![b'a'; u.int_in_range(0..=2000usize)?]].concat();
                lens.push(Some(content.len()));
                objects.push(Object::Whole(u.int_in_range(1..=4u8)?, content));
            }
        }
    }
    let (mut pack, offsets) = pack::seal_and_locate(&objects);
    let mut index = index(&pack, &offsets);
    let damaged = damage(u, &mut pack)? | damage(u, &mut index)?;
    let Ok(index) = Index::parse(index, Hash::Sha1, pack.len() as u64) else {
        assert!(damaged, "a sound index is read");
        return Ok(());
    };
    let wanted: Vec<Wanted> = (0..index.count()).map(|number| Wanted { number, tag: number }).collect();
    let wanted: Vec<Wanted> = wanted.into_iter().filter(|_| u.ratio(7, 8).unwrap_or(true)).collect();
    let plan = match Plan::new(&index, &wanted, &pack[..], pack.len() as u64) {
        Ok(plan) => plan,
        Err(damage) => {
            assert!(damaged && damage == Damage::Pack, "a sound pack is planned");
            return Ok(());
        }
    };
    let mut told = vec![0; index.count() as usize];
    plan.missed().iter().for_each(|(tag, _)| told[*tag as usize] += 1);
    let mut walker = Walker::new(LARGEST);
    for family in 0..plan.families() {
        walker.walk(&plan, family, &pack[..], &mut |tag, found| {
            told[tag as usize] += 1;
            if let Ok((_, content)) = found {
                assert!(content.len() <= LARGEST);
            }
            if let (false, Some(Some(len))) = (damaged, lens.get(tag as usize)) {
                assert!(
                    matches!(found, Ok((_, content)) if content.len() == *len) || found == Err(Damage::Long)
                );
            }
        });
    }
    for (number, told) in told.iter().enumerate() {
        assert_eq!(*told, i32::from(wanted.iter().any(|wanted| wanted.number as usize == number)));
    }
    Ok(())
}

fn id(number: usize) -> [u8; 20] {
    let mut id = [0; 20];
    id[19] = number as u8;
    id
}

/// The index of a sound pack in which objects are called by their numbers.
fn index(pack: &[u8], offsets: &[usize]) -> Vec<u8> {
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    (0..256).for_each(|_| bytes.extend((offsets.len() as u32).to_be_bytes()));
    (0..offsets.len()).for_each(|number| bytes.extend(id(number)));
    bytes.resize(bytes.len() + 4 * offsets.len(), 0);
    offsets.iter().for_each(|offset| bytes.extend((*offset as u32).to_be_bytes()));
    bytes.extend(&pack[pack.len() - 20..]);
    bytes.extend([0; 20]);
    bytes
}
