//! Times of found records, in local time or in UTC.

use js_sys::{Array, Intl, Object};
use leptos::prelude::*;

use crate::i18n::{Language, Words};
use crate::platform::browser;
use page_model::{SearchMoment, iso};

/// Where this browser keeps the choice.
const KEY: &str = "ponte.utc";
const DAY_MS: f64 = 24.0 * 3_600_000.0;

#[derive(Clone, Copy)]
pub struct TimeZone(RwSignal<bool>);

impl TimeZone {
    pub fn load() -> Self {
        Self(RwSignal::new(browser::stored(KEY) == "1"))
    }

    pub fn is_utc(self) -> bool {
        self.0.get()
    }

    pub fn is_utc_untracked(self) -> bool {
        self.0.get_untracked()
    }

    pub fn switch(self) {
        self.0.update(|is_utc| *is_utc = !*is_utc);
        browser::store(KEY, if self.is_utc_untracked() { "1" } else { "" });
    }

    /// `2025-11-22 11:04:31.207`; the number of a timestamp that has no date.
    pub fn date_time(self, ms: i64) -> String {
        let utc = self.is_utc().then(|| iso(ms)).flatten();
        match utc {
            Some(text) => text.trim_end_matches('Z').replacen('T', " ", 1),
            None => format!("{} {}", browser::date(ms), browser::time_of_day(ms)).trim_start().to_owned(),
        }
    }

    /// The date and time with the zone, and how long ago that is.
    pub fn long(self, ms: i64, language: Language) -> String {
        let zone = if self.is_utc() { "UTC".to_owned() } else { offset_name(ms) };
        format!("{} {zone} · {}", self.date_time(ms), ago(ms, language))
    }

    /// The date and time as exactly as buckets of this length need it.
    pub fn short(self, ms: i64, length_ms: i64) -> String {
        let shown = match length_ms {
            86_400_000.. => "2025-11-22",
            60_000.. => "2025-11-22 11:04",
            _ => "2025-11-22 11:04:31",
        };
        self.date_time(ms).chars().take(shown.len()).collect()
    }

    /// `UTC`, or `Local time (UTC+1)`.
    pub fn name(self, ms: i64, words: &Words) -> String {
        if self.is_utc() { "UTC".to_owned() } else { format!("{} ({})", words.zone_local, offset_name(ms)) }
    }

    /// By how many milliseconds local time is ahead of UTC.
    pub fn ahead_ms(self, ms: i64) -> i64 {
        if self.is_utc() { 0 } else { minutes_ahead(ms) * 60_000 }
    }

    /// The value of an `<input type="datetime-local">`, without milliseconds.
    pub fn to_field(self, ms: i64) -> String {
        self.date_time(ms).replacen(' ', "T", 1).chars().take("2025-11-22T11:04:31".len()).collect()
    }

    pub fn parse_field(self, text: &str) -> Option<i64> {
        let zone = if self.is_utc_untracked() && !text.is_empty() { "Z" } else { "" };
        browser::parse_local_date_time(&format!("{text}{zone}"))
    }

    /// The present time and the last two midnights.
    pub fn moment(self) -> SearchMoment {
        let now_ms = js_sys::Date::now();
        let midnight = |days_before: f64| {
            if self.is_utc_untracked() {
                return ((now_ms / DAY_MS).floor() - days_before) * DAY_MS;
            }
            let day = js_sys::Date::new(&now_ms.into());
            // A day may have 23 or 25 hours.
            day.set_date(day.get_date().wrapping_sub(days_before as u32));
            day.set_hours(0);
            day.set_minutes(0);
            day.set_seconds(0);
            day.set_milliseconds(0);
            day.get_time()
        };
        SearchMoment { now_ms: now_ms as i64, today_ms: midnight(0.0) as i64, yesterday_ms: midnight(1.0) as i64 }
    }
}

/// By how many minutes local time is ahead of UTC at this moment.
fn minutes_ahead(ms: i64) -> i64 {
    -js_sys::Date::new(&(ms as f64).into()).get_timezone_offset() as i64
}

/// `UTC+1`, `UTC-3:30`: the zone of local times at this moment.
fn offset_name(ms: i64) -> String {
    let minutes = minutes_ahead(ms);
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    match (hours, rest) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

/// `12 minutes ago`, in the page's language.
fn ago(ms: i64, language: Language) -> String {
    const UNITS: [(&str, f64); 5] =
        [("year", 365.25 * DAY_MS), ("day", DAY_MS), ("hour", 3_600_000.0), ("minute", 60_000.0), ("second", 1000.0)];
    let passed_ms = ms as f64 - js_sys::Date::now();
    let (unit, unit_ms) = UNITS.into_iter().find(|(_, unit)| passed_ms.abs() >= *unit).unwrap_or(UNITS[4]);
    let format = Intl::RelativeTimeFormat::new(&Array::of1(&language.code.into()), &Object::new());
    String::from(format.format((passed_ms / unit_ms).trunc(), unit))
}
