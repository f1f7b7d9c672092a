//! [`Timeline`]: the last records, for the page.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::record::Record;

/// The most records that are kept.
const KEPT: usize = 1000;

/// The most findings and parts that were not examined that are kept of one; more are counted.
const LISTED: usize = 20;

/// The most records that are told at once.
const AT_ONCE: usize = 200;

/// The last records, once somebody wants to see them.
#[derive(Default)]
pub(crate) struct Timeline(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    wanted: bool,
    records: VecDeque<Value>,
    /// How many there have been.
    count: u64,
}

impl Timeline {
    /// Keeps records from now on.
    pub(crate) fn begin(&self) {
        self.lock().wanted = true;
    }

    pub(crate) fn add(&self, record: &Record) {
        let mut kept = self.lock();
        if !kept.wanted {
            return;
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let mut value = record.to_json(LISTED);
        value["time"] = time.into();
        if kept.records.len() >= KEPT {
            kept.records.pop_front();
        }
        kept.records.push_back(value);
        kept.count += 1;
    }

    /// Those behind the first `after`, and how many there are with them.
    pub(crate) fn tell(&self, after: u64) -> Value {
        let kept = self.lock();
        let first = kept.count - kept.records.len() as u64;
        let skipped = usize::try_from(after.saturating_sub(first)).unwrap_or(usize::MAX);
        let records: Vec<&Value> = kept.records.iter().skip(skipped).take(AT_ONCE).collect();
        let next = (after.max(first) + records.len() as u64).min(kept.count);
        json!({ "next": next, "records": records })
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;

    #[test]
    fn the_last_records_are_told_once_each() {
        let timeline = Timeline::default();
        let record = |bytes| {
            let mut record = Record::new(None, "plain", Outcome::Sent);
            record.bytes = bytes;
            record
        };
        timeline.add(&record(0));
        assert_eq!(timeline.tell(0), json!({ "next": 0, "records": [] }), "nobody wants them");
        timeline.begin();
        (0..1500).for_each(|n| timeline.add(&record(n)));
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let told = timeline.tell(after);
            after = told["next"].as_u64().expect("a number");
            let records = told["records"].as_array().expect("a list");
            if records.is_empty() {
                break;
            }
            seen.extend(records.iter().map(|record| record["bytes"].as_u64().expect("a number")));
        }
        assert_eq!(seen, (500..1500).collect::<Vec<u64>>());
        assert_eq!(timeline.tell(u64::MAX), json!({ "next": 1500, "records": [] }));
    }
}
