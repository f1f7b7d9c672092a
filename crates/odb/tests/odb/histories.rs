//! Random histories, before and after they are packed in one way or another.

use exfilter_odb::Hash;
use exfilter_testing::Rng;

use crate::repository::Repository;

#[test]
fn forty_histories_are_read_as_git_reads_them() {
    let halves = std::thread::scope(|scope| {
        let halves = [0, 1].map(|first| scope.spawn(move || read_every_second(first)));
        halves.map(|half| half.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    // Without git there are none.
    if let [Some(one), Some(other)] = halves {
        let (loose, based_on_ids) = (one.0 + other.0, one.1 + other.1);
        assert!(loose > 5 && based_on_ids > 5, "{loose} {based_on_ids}");
    }
}

/// Of forty histories every second one, from the `first` on: how many of them had no pack, and how many deltas with ids.
fn read_every_second(first: u64) -> Option<(u32, u32)> {
    let (mut based_on_ids, mut loose) = (0, 0);
    for seed in (first..40).step_by(2) {
        let mut rng = Rng::new(seed);
        let hash = if seed % 8 == 7 { Hash::Sha256 } else { Hash::Sha1 };
        let repository = Repository::new(&mut rng, hash)?;
        repository.add_history(&mut rng);
        let expected = repository.expected();
        loose += u32::from(repository.packs().is_empty());
        assert!(repository.read() == expected, "history {seed}, as it was made");
        repository.git(&["gc", "--quiet"], b"");
        assert!(repository.read() == expected, "history {seed}, collected");
        // Deltas with ids, then long chains, then one pack on another one.
        repository
            .git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-adf", "--window=20"], b"");
        assert!(repository.read() == expected, "history {seed}, with ids");
        let packs = repository.packs();
        let pack = std::fs::read(&packs[0]).unwrap();
        based_on_ids += u32::from(
            packs.len() == 1
                && pack.len() < expected.values().map(|object| object.1.len()).sum::<usize>() / 3,
        );
        repository.git(&["repack", "-q", "-adf", "--depth=250", "--window=50"], b"");
        assert!(repository.read() == expected, "history {seed}, in long chains");
        repository.add_history(&mut rng);
        repository.git(&["repack", "-q", "-d"], b"");
        assert!(repository.read() == repository.expected(), "history {seed}, in two packs");
    }
    Some((loose, based_on_ids))
}
