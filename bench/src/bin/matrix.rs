//! The wrapping matrix: which wrappings of keys are seen through, in which carriers.
//!
//! `matrix [--all]`: prints the wrappings that are not, or all of them. A wrapping counts if it is seen through in four of the seven carriers
//! for every key: those of four providers by the rules alone, inline and in the thorough profile, those and any other value as known secrets.

use exfilter::{Flow, Profile};
use exfilter_bench::profiled;
use exfilter_bench::timing::flag;
use exfilter_testing::matrix::{CARRIERS, Keys, Row, false_alarms, look_alike_scans, rows};

fn main() {
    let keys = Keys::new(1);
    let flow = Flow::outbound_unknown();
    let [rules, thorough] = [Profile::Inline, Profile::Thorough].map(|profile| profiled(0, profile));
    let known = keys.known();
    let provider: Vec<&[u8]> = keys.provider.iter().map(Vec::as_slice).collect();
    let all: Vec<&[u8]> = keys.all().map(Vec::as_slice).collect();
    let by_rules = rows(&rules, &flow, &provider);
    let by_thorough = rows(&thorough, &flow, &provider);
    let by_value = rows(&known, &flow, &all);

    println!(
        "{:32} {:>9} {:>9} {:>9}   of {} carriers",
        "wrapping",
        "rules",
        "thorough",
        "known",
        CARRIERS.len()
    );
    let count = |row: &Row| row.seen.iter().filter(|seen| **seen).count();
    let mark = |row: &Row| format!("{}{}", count(row), if row.counts() { " " } else { "-" });
    let mut group = None;
    for ((by_rules, by_thorough), by_value) in by_rules.iter().zip(&by_thorough).zip(&by_value) {
        if by_rules.counts() && by_value.counts() && !flag("--all") {
            continue;
        }
        if group.replace(by_rules.wrapping.group) != Some(by_rules.wrapping.group) {
            println!("{:?}", by_rules.wrapping.group);
        }
        println!(
            "  {:30} {:>9} {:>9} {:>9}",
            by_rules.wrapping.name,
            mark(by_rules),
            mark(by_thorough),
            mark(by_value)
        );
    }
    for (name, rows) in [("rules alone", &by_rules), ("thorough", &by_thorough), ("known secrets", &by_value)]
    {
        let wrappings = rows.iter().filter(|row| row.counts()).count();
        let cells: usize = rows.iter().map(count).sum();
        println!(
            "{name}: {wrappings} of {} wrappings, {cells} of {} cells",
            rows.len(),
            rows.len() * CARRIERS.len()
        );
    }
    let engines = [&rules, &thorough, &known];
    let alarms: Vec<String> = engines.iter().flat_map(|engine| false_alarms(engine, &flow, &keys)).collect();
    for alarm in &alarms {
        println!("false alarm: {alarm}");
    }
    let scans = engines.len() * look_alike_scans(&keys);
    println!("look-alikes: {} false alarms in {scans} scans", alarms.len());
}
