//! Several findings at one place become one [`Row`].
//!
//! A token that is enrolled *and* has a well-known form is found twice, and one that stands in base64 is found there and,
//! by its base64 spelling, around it. People want one line for it, the surest; machines get the others under `also`.
//! Two different enrolled secrets are never one row: both have to be revoked.

use std::collections::{BTreeMap, HashMap, VecDeque};

use exfilter::{Confidence, Finding, Kind, PathId, Proof};

use super::report::{Place, Row, Seen};

/// Rows looked at for each finding. Real ones overlap two or three others; the bound keeps hostile files linear.
const NEIGHBOURS: usize = 16;

/// Merges the findings of one file and sorts the rows by place and offset.
pub(crate) fn rows(seen: Vec<Seen>) -> Vec<Row> {
    let mut lanes: HashMap<(Place, PathId), Vec<Seen>> = HashMap::new();
    for one in seen {
        lanes.entry((one.place, one.finding.path())).or_default().push(one);
    }
    let mut rows: Vec<Row> = lanes.into_values().flat_map(within_lane).collect();
    sort(&mut rows);
    let mut rows = across_lanes(rows);
    for row in &mut rows {
        row.also.sort_by(|a, b| key(a).cmp(&key(b)));
    }
    rows
}

/// In one lane ranges are exact: what overlaps is one secret.
fn within_lane(mut seen: Vec<Seen>) -> Vec<Row> {
    seen.sort_by(|a, b| strength(b).cmp(&strength(a)).then_with(|| key(a).cmp(&key(b))));
    let mut rows: Vec<Row> = Vec::new();
    let mut by_start: BTreeMap<(u64, usize), usize> = BTreeMap::new();
    for one in seen {
        let range = one.finding.inner();
        let host = by_start.range(..(range.end, 0)).rev().take(NEIGHBOURS).map(|(_, row)| *row).find(|row| {
            let lead = &rows[*row].lead;
            lead.finding.inner().end > range.start && may_join(&lead.finding, &one.finding)
        });
        match host {
            Some(row) => rows[row].also.push(one),
            None => {
                by_start.insert((range.start, rows.len()), rows.len());
                rows.push(Row { lead: one, also: Vec::new() });
            }
        }
    }
    rows
}

/// Between lanes on one way only outer ranges can be compared. Behind a compression they are coarse, so there only the
/// same enrolled secret is recognised as one.
fn across_lanes(rows: Vec<Row>) -> Vec<Row> {
    let mut done: Vec<Option<Row>> = Vec::with_capacity(rows.len());
    let mut open: VecDeque<usize> = VecDeque::new();
    for row in rows {
        let start = row.lead.finding.outer().start;
        open.retain(|i| done[*i].as_ref().is_some_and(|r| r.lead.finding.outer().end > start));
        let host =
            open.iter().copied().find(|i| done[*i].as_ref().is_some_and(|r| same_place(&r.lead, &row.lead)));
        match host {
            Some(i) => {
                let other = done[i].take().expect("open rows are there");
                let (mut winner, loser) =
                    if strength(&row.lead) > strength(&other.lead) { (row, other) } else { (other, row) };
                winner.also.push(loser.lead);
                winner.also.extend(loser.also);
                done[i] = Some(winner);
            }
            None => {
                open.push_back(done.len());
                if open.len() > NEIGHBOURS {
                    open.pop_front();
                }
                done.push(Some(row));
            }
        }
    }
    let mut rows: Vec<Row> = done.into_iter().flatten().collect();
    sort(&mut rows);
    rows
}

fn same_place(a: &Seen, b: &Seen) -> bool {
    let (x, y) = (a.finding.outer(), b.finding.outer());
    if a.place != b.place || x.start >= y.end || y.start >= x.end {
        return false;
    }
    if a.finding.path() == b.finding.path() || !a.lane.on_one_way(&b.lane) {
        return false;
    }
    let outer = if a.lane.depth() < b.lane.depth() { &a.lane } else { &b.lane };
    same_secret(&a.finding, &b.finding) || (outer.is_plain() && may_join(&a.finding, &b.finding))
}

fn same_secret(a: &Finding, b: &Finding) -> bool {
    matches!((a.kind(), b.kind()), (Kind::Known(a, _), Kind::Known(b, _)) if a == b)
}

fn may_join(a: &Finding, b: &Finding) -> bool {
    same_secret(a, b) || !matches!((a.kind(), b.kind()), (Kind::Known(..), Kind::Known(..)))
}

/// What makes a finding the one that is shown: no example, sure, verified, enrolled, long.
fn strength(seen: &Seen) -> (bool, Confidence, bool, bool, u64) {
    let finding = &seen.finding;
    let range = finding.inner();
    (
        !finding.documented(),
        finding.confidence(),
        finding.proof() == Proof::Verified,
        matches!(finding.kind(), Kind::Known(..)),
        range.end.saturating_sub(range.start),
    )
}

/// A total order that the bytes alone decide.
fn key(seen: &Seen) -> (Place, u64, u64, &str, u64, u64, Kind) {
    let (outer, inner) = (seen.finding.outer(), seen.finding.inner());
    (seen.place, outer.start, outer.end, seen.lane.text(), inner.start, inner.end, seen.finding.kind())
}

fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| key(&a.lead).cmp(&key(&b.lead)));
}
