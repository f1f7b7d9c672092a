//! Days, for what is allowed until one.

use std::time::{SystemTime, UNIX_EPOCH};

/// Days since 1970-01-01, in UTC.
pub(crate) fn today() -> i64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds / 86_400).unwrap_or(i64::MAX)
}

/// The day of a date of the Gregorian calendar.
pub(crate) fn day(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the day that some have more is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// The date of a day: `2026-11-29`.
pub(crate) fn date(of: i64) -> String {
    let mut year = 1970 + of.div_euclid(366);
    while day(year + 1, 1, 1) <= of {
        year += 1;
    }
    let month = (2..=12).take_while(|month| day(year, *month, 1) <= of).last().unwrap_or(1);
    format!("{year:04}-{month:02}-{:02}", of - day(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_other() {
        assert_eq!(day(1970, 1, 1), 0);
        assert_eq!(day(2000, 2, 29), 11_016);
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(day(2026, 11, 29)), "2026-11-29");
        for of in (0..40_000).step_by(13) {
            let text = date(of);
            let parts: Vec<i64> = text.split('-').map(|part| part.parse().expect("a number")).collect();
            assert_eq!(day(parts[0], parts[1], parts[2]), of);
        }
    }
}
