//! Measures how long filters take for a record, on one thread: `cargo run --release -p filter --example filter_speed`.

use std::hint::black_box;
use std::time::Instant;

use filter::{CompiledFilter, Matcher, Record, Verdict};
use protocol::{Filter, HeaderView, RecordView, TimestampType, from_json};

fn main() {
    // The number changes, so that no two records are the same.
    let small = |n: u64| {
        format!(
            r#"{{"id":{n},"customer":"customer-{}","total":{}.5,"status":"shipped","city":"Bologna","n":1}}"#,
            n % 977,
            n % 5000
        )
    };
    let large = |n: u64| {
        let lines: Vec<_> = (0..9)
            .map(|line| format!(r#"{{"line":{line},"product":"product number {line}","quantity":{},"price":{line}.25,"options":["a","b"]}}"#, n % 9))
            .collect();
        format!(
            r#"{{"customer":{{"name":"Ada Lovelace","city":"London"}},"lines":[{}],"id":{n},"note":"{}"}}"#,
            lines.join(","),
            "x".repeat(110)
        )
    };
    let text = |n: u64| {
        format!(
            "2026-11-30T20:00:00Z INFO request {n} of customer-{} answered after 12 ms with status 200 by node 3",
            n % 977
        )
    };
    for (name, make) in [("text", &text as &dyn Fn(u64) -> String), ("small JSON", &small), ("large JSON", &large)] {
        let records: Vec<_> = (0..4096).map(|n| make(n).into_bytes()).collect();
        println!("{name}: {} bytes", records[1000].len());
        for filter in [
            r#"{"key":"a"}"#,
            r#"{"text":{"text":"TIMEOUT"}}"#,
            r#"{"text":{"text":"error","case_sensitive":true}}"#,
            r#"{"text":{"text":"error"}}"#,
            r#"{"text":{"text":"customer-99x"}}"#,
            r#"{"text":{"text":"größe"}}"#,
            r#"{"regex":{"regex":"status (4|5)\\d\\d"}}"#,
            r#"{"regex":{"regex":"\\d{4}-\\d{2}-\\d{3}"}}"#,
            r#"{"path":{"path":"value.id","equals":"4711"}}"#,
            r#"{"expression":"value.id == 4711"}"#,
            r#"{"expression":"value.customer == 'x' && value.total > 100 || value.status == 'lost'"}"#,
            r#"{"expression":"value.lines.exists(l, l.quantity > 8)"}"#,
            r#"{"expression":"value.contains('error')"}"#,
            r#"{"expression":"timestamp > timestamp('2026-01-01T00:00:00Z') && partition == 7"}"#,
        ] {
            measure(filter, &records);
        }
    }
}

fn measure(filter: &str, records: &[Vec<u8>]) {
    let source: Filter = from_json(filter).expect("a filter");
    let compiled = CompiledFilter::compile(&source).expect("a valid filter");
    let mut matcher = Matcher::new(&compiled);
    let headers: &[HeaderView<'_>] = &[];
    let (mut best, mut errors) = (f64::INFINITY, 0);
    for _ in 0..20 {
        let started = Instant::now();
        for (offset, value) in (0..).zip(records) {
            let view = RecordView {
                offset,
                timestamp: Some(1_767_225_600_000),
                timestamp_type: TimestampType::Create,
                key: None,
                value: Some(black_box(value)),
                headers: headers.iter().copied(),
            };
            let verdict = black_box(matcher.matches(&Record { topic: "orders", partition: 3, view }));
            errors += usize::from(verdict == Verdict::Error);
        }
        best = best.min(started.elapsed().as_secs_f64() / records.len() as f64);
    }
    println!("  {:7.1} ns  {filter}{}", best * 1e9, if errors > 0 { " (errors)" } else { "" });
}
