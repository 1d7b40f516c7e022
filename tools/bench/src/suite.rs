//! Rounds: the floors, our measurement, the floors again; repeated and interleaved, so that a machine that becomes slower affects
//! all of them.

use anyhow::{Context as _, Result};

use crate::case::{Case, Floor};
use crate::measurement::Measurement;
use crate::report::{Line, Sample, Value, Verdict};
use crate::stats::{FLOORS_MAY_DIFFER, Summary, floors_agree};

/// A case is given up after this number of failures in a row.
const FAILURES: usize = 2;

/// The measurements of one round.
struct Round {
    ours: Vec<Measurement>,
    /// Per floor, before and after ours.
    floors: Vec<[Vec<Measurement>; 2]>,
}

/// Measures a case and judges it. Without `verdict` (a smoke test) the numbers are only shown.
pub fn measure(case: &mut Case<'_>, rounds: usize, verdict: bool) -> Vec<Line> {
    let mut taken = Vec::new();
    let mut failures = Vec::new();
    let mut in_a_row = 0;
    for number in 1..=rounds {
        eprintln!("{} {}: round {number} of {rounds}", case.row, case.name);
        match round(case) {
            Ok(round) => {
                taken.push(round);
                in_a_row = 0;
            }
            Err(error) => {
                eprintln!("{} {}: round {number} is void: {error:#}", case.row, case.name);
                failures.push(format!("{error:#}"));
                in_a_row += 1;
                if in_a_row == FAILURES {
                    break;
                }
            }
        }
    }
    lines(case, &taken, &failures, verdict)
}

fn round(case: &mut Case<'_>) -> Result<Round> {
    let run = |floor: &mut Floor<'_>| (floor.measure)().with_context(|| format!("the floor \"{}\"", floor.name));
    let before = case.floors.iter_mut().map(run).collect::<Result<Vec<_>>>()?;
    let ours = (case.ours)().context("ours")?;
    let mut after = case.floors.iter_mut().rev().map(run).collect::<Result<Vec<_>>>()?;
    after.reverse();
    Ok(Round { ours, floors: before.into_iter().zip(after).map(|(before, after)| [before, after]).collect() })
}

/// The floor's name in the lines of a case that has none: each value is compared with the limit of its metric alone.
const LIMIT_ALONE: &str = "limit";

/// A line for each metric and floor, or for each metric of a case without floors.
fn lines(case: &Case<'_>, rounds: &[Round], failures: &[String], verdict: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for (m, metric) in case.metrics.iter().enumerate() {
        if case.floors.is_empty() {
            lines.push(line_without_floor(case, m, rounds, failures, verdict));
        }
        for (f, floor) in case.floors.iter().enumerate() {
            let counted: Vec<&Round> = rounds.iter().filter(|round| !verdict || holds_still(case, round, f)).collect();
            // If no round counts, the numbers are shown nevertheless.
            let shown: Vec<&Round> = if counted.is_empty() { rounds.iter().collect() } else { counted.clone() };
            let of = |value: &dyn Fn(&Round) -> Option<f64>| {
                let values: Vec<f64> =
                    shown.iter().filter_map(|round| value(round)).filter(|value| value.is_finite()).collect();
                Summary::of(&values)
            };
            let floor_of = |round: &Round| f64::midpoint(round.floors[f][0][m].value, round.floors[f][1][m].value);
            let ours =
                Value { value: of(&|round| Some(round.ours[m].value)), cpu_ns: of(&|round| round.ours[m].cpu_ns) };
            let theirs =
                Value { value: of(&|round| Some(floor_of(round))), cpu_ns: of(&|round| round.floors[f][0][m].cpu_ns) };
            let ratio = of(&|round| Some(round.ours[m].value / floor_of(round)));
            let target = floor.targets[m];
            let ratio_reached = ratio.zip(target).map(|(ratio, target)| metric.unit.reaches(ratio.median, target));
            // The limit is shown in the line of the first floor.
            let limit = metric.limit.filter(|_| f == 0);
            let limit_reached = ours.value.zip(limit).map(|(ours, limit)| metric.unit.reaches(ours.median, limit));
            lines.push(Line {
                row: case.row.to_owned(),
                case: case.name.clone(),
                metric: metric.name.to_owned(),
                unit: metric.unit,
                floor_name: floor.name.to_owned(),
                verdict: judge(verdict, rounds.len(), counted.len(), target.or(limit), [ratio_reached, limit_reached]),
                ours,
                floor: theirs,
                ratio,
                target,
                limit,
                rounds: counted.len(),
                void: rounds.len() - counted.len() + failures.len(),
                failures: failures.to_vec(),
                samples: rounds.iter().map(|round| sample(round, m, f)).collect(),
            });
        }
    }
    lines
}

fn line_without_floor(case: &Case<'_>, m: usize, rounds: &[Round], failures: &[String], verdict: bool) -> Line {
    let metric = &case.metrics[m];
    let values: Vec<f64> = rounds.iter().map(|round| round.ours[m].value).collect();
    let value = Summary::of(&values);
    let reached = value.zip(metric.limit).map(|(value, limit)| metric.unit.reaches(value.median, limit));
    Line {
        row: case.row.to_owned(),
        case: case.name.clone(),
        metric: metric.name.to_owned(),
        unit: metric.unit,
        floor_name: LIMIT_ALONE.to_owned(),
        ours: Value { value, cpu_ns: None },
        floor: Value { value: None, cpu_ns: None },
        ratio: None,
        target: None,
        limit: metric.limit,
        verdict: judge(verdict, rounds.len(), rounds.len(), metric.limit, [reached, None]),
        rounds: rounds.len(),
        void: failures.len(),
        failures: failures.to_vec(),
        samples: values.into_iter().map(|ours| Sample { ours, floor: Vec::new() }).collect(),
    }
}

fn sample(round: &Round, metric: usize, floor: usize) -> Sample {
    let [before, after] = &round.floors[floor];
    Sample { ours: round.ours[metric].value, floor: vec![before[metric].value, after[metric].value] }
}

/// Whether the floor's two runs of the round agree in the case's first metric. A floor for orientation need not.
fn holds_still(case: &Case<'_>, round: &Round, floor: usize) -> bool {
    if case.floors[floor].targets.iter().all(Option::is_none) {
        return true;
    }
    let [before, after] = &round.floors[floor];
    floors_agree(before[0].value, after[0].value)
}

fn judge(verdict: bool, taken: usize, counted: usize, target: Option<f64>, reached: [Option<bool>; 2]) -> Verdict {
    match (taken, counted) {
        (0, _) => return Verdict::Failed,
        _ if !verdict => return Verdict::NotJudged,
        (_, 0) => return Verdict::Void,
        _ => {}
    }
    match (target, reached.contains(&Some(false))) {
        (None, _) => Verdict::NotJudged,
        (Some(_), false) => Verdict::Ok,
        (Some(_), true) => Verdict::Missed,
    }
}

/// The heading of the table.
pub fn rule() -> String {
    format!(
        "Ours against the floor of the same round; a round counts if the floor's two runs differ by at most {:.0} %. Median ± MAD.",
        FLOORS_MAY_DIFFER * 100.0
    )
}

/// A floor with a target for each metric.
pub fn floor<'l>(
    name: &'static str,
    targets: &[Option<f64>],
    measure: impl FnMut() -> Result<Vec<Measurement>> + 'l,
) -> Floor<'l> {
    Floor { name, targets: targets.to_vec(), measure: Box::new(measure) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Metric;
    use crate::measurement::Unit;

    /// Measures a case whose runs bring these values, one after the other.
    fn lines_of(ours: &[f64], floors: &[f64], target: f64) -> Vec<Line> {
        let rounds = ours.len();
        let run = |values: &[f64]| {
            let values: Vec<f64> = values.to_vec();
            let mut values = values.into_iter();
            move || Ok(vec![Measurement::of(values.next().expect("a value for each run"))])
        };
        let mut case = Case {
            row: "B0",
            name: "test".to_owned(),
            metrics: vec![Metric::new("rate", Unit::RecordsPerSecond)],
            floors: vec![floor("floor", &[Some(target)], run(floors))],
            ours: Box::new(run(ours)),
        };
        measure(&mut case, rounds, true)
    }

    #[test]
    fn a_round_whose_floors_differ_does_not_count() {
        let lines = lines_of(&[80.0, 10.0, 90.0], &[100.0, 100.0, 100.0, 150.0, 100.0, 100.0], 0.8);
        assert_eq!((lines[0].rounds, lines[0].void), (2, 1));
        assert!((lines[0].ratio.expect("two rounds").median - 0.85).abs() < 1e-9);
        assert_eq!(lines[0].verdict, Verdict::Ok);
    }

    #[test]
    fn ratio_below_the_target_is_missed() {
        assert_eq!(lines_of(&[79.0], &[100.0, 100.0], 0.8)[0].verdict, Verdict::Missed);
    }

    #[test]
    fn without_a_round_that_counts_there_is_no_verdict() {
        assert_eq!(lines_of(&[80.0], &[100.0, 150.0], 0.8)[0].verdict, Verdict::Void);
    }

    #[test]
    fn a_case_without_a_floor_is_judged_by_its_limit() {
        let verdict_of = |value: f64| {
            let mut case = Case {
                row: "B0",
                name: "test".to_owned(),
                metrics: vec![Metric::within("time", Unit::Microseconds, 100.0)],
                floors: Vec::new(),
                ours: Box::new(move || Ok(vec![Measurement::of(value)])),
            };
            let lines = measure(&mut case, 3, true);
            assert_eq!((lines.len(), lines[0].rounds, lines[0].void), (1, 3, 0));
            lines[0].verdict
        };
        assert_eq!((verdict_of(99.0), verdict_of(101.0)), (Verdict::Ok, Verdict::Missed));
    }

    #[test]
    fn failed_round_is_void_and_the_others_count() {
        let mut attempts = 0;
        let mut case = Case {
            row: "B0",
            name: "test".to_owned(),
            metrics: vec![Metric::new("rate", Unit::RecordsPerSecond)],
            floors: vec![floor("floor", &[Some(0.8)], || Ok(vec![Measurement::of(100.0)]))],
            ours: Box::new(move || {
                attempts += 1;
                if attempts == 2 {
                    anyhow::bail!("a gap")
                }
                Ok(vec![Measurement::of(90.0)])
            }),
        };
        let lines = measure(&mut case, 3, true);
        assert_eq!((lines[0].rounds, lines[0].void, lines[0].verdict), (2, 1, Verdict::Ok));
    }
}
